"""A run meets another hospital as it is; who is in both is refused under every name and encoding; a look is kept."""

import dataclasses
import json
import shutil
import zlib

import nibabel
import numpy as np
import pandas as pd
import pytest
from pydicom import dcmread

from benchmarks.synthetic.series_files import write_series
from radiogen.arrays.stored_arrays import read_index
from radiogen.cli.runs import validate
from radiogen.core.errors import UserError
from radiogen.evaluation.ensembles import write_ensemble
from radiogen.evaluation.external.judge import judge_external
from radiogen.evaluation.external.overlap import Way, find_overlap
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume
from radiogen.inference import external
from radiogen.inference.external import prepare_cohorts
from radiogen.inference.prediction import predict_run, score_inputs
from radiogen.networks.backend import keras
from radiogen.runs.external.cohorts import external_cohorts, read_cohort, read_intensities
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.layout import WEIGHTS
from radiogen.runs.ledger.looks import read_looks
from radiogen.runs.predicted_run import open_predictions
from radiogen.training.model import make_network
from radiogen.training.runs import fold_folder, open_run
from radiogen.training.workflow import begin_run

TASK = {"name": "other", "id_column": "subject", "label_column": "idh", "classes": {"wildtype": 0, "mutant": 1},
        "sequences": ["FLAIR", "T1wCE", "T2w"]}
SEQUENCES = ("FLAIR", "T1wCE")


@pytest.fixture(scope="module")
def root(small_data, small_recipe, tmp_path_factory):
    """models/run, trained in name only and predicted, and input/other: eight strangers with columns of their own."""
    root = tmp_path_factory.mktemp("house")
    run = begin_run(small_data, small_recipe, root / "models" / "run", root / "input" / "cache", workers=1)
    for fold in ("0", "1"):
        keras.utils.set_random_seed(int(fold))
        write_weights(fold_folder(run, fold), make_network(run.recipe.network, run.recipe.data).save_weights)
    predict_run(run)
    other = root / "input" / "other"
    for number in range(8):
        for sequence in SEQUENCES:
            _write_stranger(other / "train" / f"S-{number}" / sequence, number)
    pd.DataFrame({"subject": [f"S-{number}" for number in range(8)], "idh": np.arange(8) % 2}).to_csv(
        other / "train_labels.csv", index=False)
    (other / "dataset.json").write_text(json.dumps(TASK))
    return root


@pytest.fixture
def house(root, tmp_path):
    """A copy of `root` to be changed."""
    return shutil.copytree(root, tmp_path / "house")


def _write_stranger(folder, number):
    voxels = np.random.default_rng([number, zlib.crc32(folder.name.encode())]).integers(20, 300, (8, 8, 8))
    write_series(folder, voxels.astype(np.uint16))


def _validate(house, **options):
    validate.main("run", data=house / "input" / "other", models=house / "models", workers=1, **options)


def _alone(house, run, cases, folds):
    """What networks of these folds of a run say of cases of the other data set, whose arrays are made."""
    cache, = (house / "input" / "cache").glob("other-*/cubes-*")
    moved = dataclasses.replace(open_run(run), cache=cache)
    cases = cases[["case", "label"]].assign(fold="test").astype({"label": "Int64"})
    return score_inputs(moved, read_index(cache), cases, folds).inputs["probability"].to_numpy()


def _overlap(house):
    prepared, = prepare_cohorts(house / "models" / "run", house / "input" / "other", workers=1)
    return find_overlap(prepared.own, prepared.marks).pairs


def _nifti(source, path, order):
    """The series as NIfTI whose axes are stored in this order; 2, 1, 0 is that of the usual converters."""
    volume = read_series(source)
    affine = (np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine)[:, [*order, 3]]
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.asarray(volume.voxels).transpose(order), affine), path)


def _copy_in(house, data, case, how):
    """Patient `case` of the run joins the other data set as S-9, by files or in another encoding."""
    target = house / "input" / "other" / "train" / "S-9"
    for sequence in SEQUENCES:
        source = data / "train" / case / sequence
        if how.startswith("nifti"):
            _nifti(source, target / f"{sequence}.nii.gz", tuple(map(int, how.split()[1])))
            continue
        (target / sequence).mkdir(parents=True)
        for number, path in enumerate(sorted(source.iterdir())):
            dataset = dcmread(path)
            if how == "anonymised":
                dataset.PatientID, dataset.SeriesDescription = "unknown", "anonymised"
                dataset.SOPInstanceUID = f"1.2.3.{number}"
                dataset.save_as(target / sequence / f"x{number:03d}.dcm")
            else:
                shutil.copyfile(path, target / sequence / f"x{number:03d}.dcm")
    labels = house / "input" / "other" / "train_labels.csv"
    labels.write_text(labels.read_text() + "S-9,1\n")


ENCODINGS = {"files": Way.FILES, "anonymised": Way.ARRAY, "nifti 210": Way.PICTURE, "nifti 012": Way.SERIES,
             "nifti 021": Way.SERIES, "nifti 120": Way.SERIES}


@pytest.mark.parametrize("how", ENCODINGS)
def test_one_patient_of_the_run_under_another_name_is_refused_in_every_encoding(house, small_data, how):
    _copy_in(house, small_data, "00004", how)
    found = _overlap(house)
    assert found[ENCODINGS[how]] == (("00004", "S-9"),)
    assert {pair for pairs in found.values() for pair in pairs} == {("00004", "S-9")}


@pytest.mark.slow
@pytest.mark.parametrize("how", ENCODINGS)
def test_every_patient_is_refused_in_every_encoding(root, small_data, how, tmp_path):
    for number in range(0, 20, 2):
        house = shutil.copytree(root, tmp_path / str(number))
        _copy_in(house, small_data, f"{number:05d}", how)
        assert (f"{number:05d}", "S-9") in _overlap(house)[ENCODINGS[how]]


def test_a_patient_whom_both_tables_name_is_refused_whatever_the_images(house, capsys):
    (house / "models" / "run" / "patients.csv").write_text("BraTS21ID,patient\n00003,Anna\n00004,\n")
    (house / "input" / "other" / "patients.csv").write_text("subject,patient\nS-5,Anna\n")
    with pytest.raises(UserError, match=r"1 of its 8 cases is in the run run.*S-5 = 00003.*--leave-out S-5"):
        _validate(house)
    assert not (house / "models" / "run" / "external").exists() and "AUC" not in capsys.readouterr().out
    assert read_looks(house / "models")["outcome"].tolist() == ["refused"]
    _validate(house, leave_out=("S-5",))
    cohort = read_cohort(house / "models" / "run", "other")
    assert "S-5" not in set(cohort.predictions["case"]) and cohort.facts.leave_out == ("S-5",)
    assert read_looks(house / "models")["outcome"].tolist() == ["refused", "judged"]


def test_an_alias_of_a_patient_in_the_other_hospitals_table_is_refused(house):
    (house / "input" / "other" / "patients.csv").write_text("subject,patient,aliases\nS-2,Berta,X-1 00006\n")
    assert _overlap(house) == {Way.PATIENT: (("00006", "S-2"),)}


def test_the_cases_are_scored_by_the_mean_of_all_networks_and_written_in_the_cohorts_own_words(house, capsys):
    _validate(house)
    folder = house / "models" / "run" / "external" / "other"
    table = pd.read_csv(folder / "predictions.csv")
    assert list(table) == ["subject", "fold", "idh", "probability", "predicted"] and set(table["fold"]) == {"other"}
    cases = table.rename(columns={"subject": "case", "idh": "label"})
    alone = [_alone(house, house / "models" / "run", cases, [fold]) for fold in ("0", "1")]
    assert table["probability"].to_numpy() == pytest.approx(np.mean(alone, axis=0), abs=1e-6)
    assert read_cohort(house / "models" / "run", "other").facts.predicted_by.startswith(("OpenVINO", "Keras"))
    printed = capsys.readouterr().out
    assert "8 cases of other, 4 mutant" in printed and "look 1 of 1 at this cohort" in printed
    assert {path.name for path in folder.iterdir()} >= {
        "cohort.json", "external.json", "measures.csv", "groups.csv", "shift.csv", "image_free.csv", "geometry.csv",
        "intensities.csv", "dataset.json", "roc.png", "calibration.png", "shift.png"}
    assert len(read_intensities(house / "models" / "run")) == 40  # twenty cases, two sequences


def test_a_second_look_is_a_second_row_and_trained_networks_that_changed_another_look(house):
    _validate(house)
    _validate(house)
    run = open_run(house / "models" / "run")
    keras.utils.set_random_seed(9)
    (fold_folder(run, "0") / WEIGHTS).unlink()
    write_weights(fold_folder(run, "0"), make_network(run.recipe.network, run.recipe.data).save_weights)
    _validate(house)
    looks = read_looks(house / "models")
    assert looks["intact"].all() and looks["networks_sha256"].nunique() == 2 and len(looks) == 3
    assert looks["auc"].iloc[0] == looks["auc"].iloc[1]


def test_cases_without_a_label_are_predicted_and_not_judged(house, capsys):
    for sequence in SEQUENCES:  # the same images as S-3, so the same probability
        _write_stranger(house / "input" / "other" / "train" / "S-8" / sequence, 3)
        _write_stranger(house / "input" / "other" / "test" / "S-9" / sequence, 9)
    _validate(house)
    cohort = read_cohort(house / "models" / "run", "other")
    assert cohort.facts.without_label == ("S-8", "S-9") and len(cohort.predictions) == 8
    table = pd.read_csv(cohort.folder / "unlabelled.csv").set_index("subject")
    assert list(table.index) == ["S-8", "S-9"] and table["idh"].isna().all()
    judged = cohort.predictions.set_index("case")["probability"]
    assert table["probability"]["S-8"] == pytest.approx(judged["S-3"], abs=1e-6) != table["probability"]["S-9"]
    printed = " ".join(capsys.readouterr().out.split())
    assert "8 cases of other" in printed and "external/other/unlabelled.csv" in printed


def test_a_run_that_reads_masks_is_compared_by_its_series_too(small_data, small_recipe, tmp_path):
    data = shutil.copytree(small_data, tmp_path / "masked")
    for case in (data / "train").iterdir():
        series = read_series(case / "T1wCE")
        mask = np.zeros(series.voxels.shape, np.uint8)
        mask[2:5, 2:5, 2:5] = 1
        write_nifti(case / "mask.nii.gz", Volume(mask, series.affine))
    run = begin_run(data, small_recipe.replace(region="tumour"), tmp_path / "models" / "run", tmp_path / "cache",
                    workers=1)
    found = external._own_intensities(run, 1)
    assert found is not None and len(found) == 40 and found["perceptual_hash"].str.len().gt(0).all()
    (data / "train" / "00000" / "mask.nii.gz").unlink()
    assert external._own_intensities(run, 1) is None


def test_a_case_without_a_label_that_cannot_be_read_stops_nothing(house):
    (house / "input" / "other" / "train" / "S-8" / "FLAIR").mkdir(parents=True)
    _validate(house)
    folder = house / "models" / "run" / "external" / "other"
    assert len(pd.read_csv(folder / "predictions.csv")) == 8 and not (folder / "unlabelled.csv").exists()


def test_an_ensemble_is_validated_by_the_mean_of_its_members(house):
    models = house / "models"
    shutil.copytree(models / "run", models / "twin")
    twin = open_run(models / "twin")
    keras.utils.set_random_seed(7)
    write_weights(fold_folder(twin, "0"), make_network(twin.recipe.network, twin.recipe.data).save_weights)
    predict_run(twin)
    write_ensemble(models, ["run", "twin"], "both")
    validate.main("both", data=house / "input" / "other", models=models, workers=1)
    table = read_cohort(models / "both", "other").predictions
    one, two = (_alone(house, models / name, table, ["0", "1"]) for name in ("run", "twin"))
    assert table["probability"].to_numpy() == pytest.approx((one + two) / 2, abs=1e-6) and abs(one - two).max() > 1e-4
    judged, = judge_external(open_predictions(models, "both")).cohorts
    assert judged.facts.networks == 4 and len(judged.image_free) and judged.intensities
    assert judged.looks.number == 1 and judged.looks.judged == 1
    write_weights(fold_folder(twin, "1"), make_network(twin.recipe.network, twin.recipe.data).save_weights)
    assert judge_external(open_predictions(models, "both")).stale == ("other",)


def test_an_ensemble_of_ranks_is_not_validated(house):
    run = house / "models" / "ranks" / "run.json"
    run.parent.mkdir()
    run.write_text(json.dumps({"members": ["run", "run"], "method": "rank-mean"}))
    with pytest.raises(UserError, match="ranks: joins ranks"):
        validate.main("ranks", data=house / "input" / "other", models=house / "models", workers=1)


def test_a_patient_whom_the_initial_weights_have_seen_is_refused(house):
    folder = house / "models" / "run"
    facts = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(facts | {"first_weights": {"file": "x.pth", "sha256": "0" * 64}}))
    (folder / "saw.csv").write_text("BraTS21ID,cohort\nS-4,Other\nS-5,a third\n")
    with pytest.raises(UserError, match=r"initial weights have seen \(saw.csv\) \(S-4 = saw.csv\).*--leave-out S-4"):
        _validate(house)
    (folder / "saw.csv").unlink()
    prepared, = prepare_cohorts(folder, house / "input" / "other", workers=1)
    assert Way.WEIGHTS in find_overlap(prepared.own, prepared.marks).unchecked


def test_a_data_set_without_the_recipes_sequences_is_one_line(house):
    (house / "input" / "other" / "dataset.json").write_text(json.dumps(TASK | {"sequences": ["FLAIR", "T2w"]}))
    with pytest.raises(UserError, match=r"dataset.json: has the sequences FLAIR, T2w, and run needs T1wCE; "):
        _validate(house)


def test_a_cohort_of_one_class_is_not_judged(house):
    labels = house / "input" / "other" / "train_labels.csv"
    labels.write_text(labels.read_text().replace(",1\n", ",0\n"))
    with pytest.raises(UserError, match=r"none of its 8 cases with images has label 1 \(mutant\)"):
        _validate(house)


@pytest.mark.parametrize("name", ["0", "holdout", "test", "../x"])
def test_a_cohort_cannot_be_called_as_a_fold_is(house, name):
    with pytest.raises(UserError, match="give a"):
        _validate(house, cohort=name)


def test_two_data_sets_of_one_name_are_two_cohorts(house):
    _validate(house)
    (house / "more").mkdir()
    shutil.copytree(house / "input" / "other", house / "more" / "other")
    _write_stranger(house / "more" / "other" / "train" / "S-0" / "FLAIR", 77)
    with pytest.raises(UserError, match="is another cohort, of .*; give this one another name with --cohort"):
        validate.main("run", data=house / "more" / "other", models=house / "models", workers=1)
    validate.main("run", data=house / "more" / "other", models=house / "models", workers=1, cohort="more")
    assert list(external_cohorts(house / "models" / "run")) == ["other", "more"]


def test_a_run_with_a_fold_that_is_not_trained_or_not_predicted_is_not_validated(house):
    run = open_run(house / "models" / "run")
    predictions = run.folder / "predictions.csv"
    lines = predictions.read_text().splitlines(True)
    predictions.write_text("".join(line for line in lines if line.split(",")[1] != "1"))
    with pytest.raises(UserError, match="was written before all folds were trained; write it again: .*predict"):
        _validate(house)
    (fold_folder(run, "1") / WEIGHTS).unlink()
    with pytest.raises(UserError, match="fold 1 is not trained"):
        _validate(house)


def test_a_run_whose_data_set_is_elsewhere_is_validated_and_what_could_not_be_compared_is_said(
        house, capsys, monkeypatch):
    monkeypatch.chdir(house)
    facts = house / "models" / "run" / "run.json"
    content = json.loads(facts.read_text())
    facts.write_text(json.dumps(content | {"data": "/nowhere", "cache": "input/cache/x-0/y"}))
    _validate(house)
    printed = " ".join(capsys.readouterr().out.split())
    assert "not checked: names (patients.csv), hashes of files, perceptual hashes along the patient's axes" in printed
    assert "Raw intensities were not compared" in printed


def test_the_command_asks_for_a_run_and_a_data_set():
    with pytest.raises(UserError, match="^RUN: is missing"):
        validate.main(data="x")
    with pytest.raises(UserError, match="^--data: is missing"):
        validate.main("run")
