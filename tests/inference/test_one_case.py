"""One patient is answered as the same patient in a data set would be, and what is odd about the patient is said."""

import dataclasses
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic.series_files import AXIAL, planes, write_series
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.volume import Volume
from radiogen.inference import test_set
from radiogen.inference.engine import open_engine
from radiogen.inference.one_case import answer_text, case_mark, check_output, predict_case, record, upright
from radiogen.inference.prediction import predict_run
from radiogen.networks.backend import keras
from radiogen.networks.engines.choice import SWITCH
from radiogen.runs.explained import SliceView
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.records import read_facts
from radiogen.training.model import make_network
from radiogen.training.runs import fold_folder
from radiogen.training.workflow import begin_run


@pytest.fixture(scope="module")
def make(small_data, tmp_path_factory):
    """A function that makes a predicted run whose folds have networks of chance."""
    root = tmp_path_factory.mktemp("runs")

    def build(recipe):
        run = begin_run(small_data, recipe, root / "models" / f"run-{len(list(root.glob('models/*')))}",
                        root / "cache", workers=1)
        for fold in ("0", "1"):
            keras.utils.set_random_seed(int(fold))
            write_weights(fold_folder(run, fold), make_network(recipe.network, recipe.data).save_weights)
        return run, pd.read_csv(predict_run(run), dtype={"BraTS21ID": str, "fold": str}).set_index("BraTS21ID")
    return build


@pytest.fixture(scope="module")
def predicted(make, small_recipe):
    return make(small_recipe)


def _case_of(table, fold):
    return table.index[table["fold"] == fold][0]


def _split(run, case):
    return run.data / ("test" if int(case) >= 20 else "train") / case


@pytest.mark.parametrize("place", ["test", "holdout", "0", "1"])
def test_a_case_of_the_data_set_gets_the_probability_of_its_table(predicted, place):
    run, table = predicted
    case = _case_of(table, place)
    answer = predict_case(run, _split(run, case))
    assert abs(answer.probability - table["probability"][case]) < 1e-6
    assert list(answer.by_fold) == ([place] if place in "01" else ["0", "1"])


def test_keras_alone_gives_the_probability_of_the_engine_that_was_chosen_and_both_records_say_which(
        predicted, monkeypatch):
    run, table = predicted
    case = _case_of(table, "test")
    monkeypatch.setenv(SWITCH, "keras")
    answer = predict_case(run, _split(run, case))
    assert abs(answer.probability - table["probability"][case]) < 1e-5
    assert record(answer, run)["predicted_by"].startswith("Keras 3")
    assert record(answer, run)["predicted_by"].endswith(": named by the user")
    monkeypatch.delenv(SWITCH)
    chosen = open_engine(run.recipe, 1)[1]
    assert read_facts(run.folder)["predicted_by"] == chosen.text


@pytest.mark.slow  # imports half the package anew
def test_one_patient_needs_neither_keras_nor_tensorflow_where_openvino_is_installed():
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    program = ("import sys, radiogen.inference.one_case, radiogen.inference.prediction, radiogen.inference.explained\n"
               "from radiogen.inference.engine import open_engine\n"
               "from radiogen.training.recipe.recipes import DEMO_3D\n"
               "name = open_engine(DEMO_3D, 1)[1].name\n"
               "print(name, [one for one in ('keras', 'tensorflow') if one in sys.modules])")
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": ""}
    end = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert end.stdout == "openvino []\n", end.stderr


@pytest.mark.parametrize("changes", [
    {"outputs": 1, "flips": ("left-right",), "tta": True},
    pytest.param({"sequences_as_channels": False}, marks=pytest.mark.slow),
    pytest.param({"rank": 2, "slices_per_series": 3, "flips": ()}, marks=pytest.mark.slow),
    pytest.param({"rank": 2, "sequences_as_channels": False, "geometry": "stretch", "flips": ()},
                 marks=pytest.mark.slow),
    pytest.param({"rank": 2, "sequences_as_channels": False, "cube_slices": True, "flips": ()}, marks=pytest.mark.slow),
    pytest.param({"sequences_as_channels": False, "geometry": "slab", "depth": 4}, marks=pytest.mark.slow)],
    ids=["one logit with flips", "a cube a series", "slices of channels", "slices", "slices of cubes", "slabs"])
def test_every_kind_of_recipe_gives_the_probability_of_its_table(make, small_recipe, changes):
    run, table = make(small_recipe.replace(**changes))
    for case in (_case_of(table, "test"), _case_of(table, "1")):
        answer = predict_case(run, _split(run, case))
        assert abs(answer.probability - table["probability"][case]) < 1e-6
        assert [view.title.split(",")[0] for view in answer.views] == list(run.recipe.data.sequences)
        assert all(view.image.shape == view.heat.shape and view.heat.min() >= 0 and view.heat.max() <= 1
                   for view in answer.views)


def test_the_kernel_would_say_the_same_of_a_case_without_one_of_its_series(predicted, tmp_path):
    run, _ = predicted
    shutil.copytree(run.data / "test" / "00020" / "FLAIR", tmp_path / "data" / "test" / "00020" / "FLAIR")
    shutil.copytree(run.data / "test" / "00021", tmp_path / "data" / "test" / "00021")
    test_set.prepare_test([run], tmp_path / "data", tmp_path / "cache", workers=1)
    expected = test_set.predict_test(run, tmp_path / "data", tmp_path / "cache").set_index("case")["probability"]
    answer = predict_case(run, tmp_path / "data" / "test" / "00020")
    assert abs(answer.probability - expected["00020"]) < 1e-6
    assert "T1wCE is missing: its channel is black, as in no training case" in answer.notes
    assert [view.title.split(",")[0] for view in answer.views] == ["FLAIR"]


def test_the_files_may_lie_flat_and_under_other_names(predicted, tmp_path):
    run, table = predicted
    for number, name in enumerate(("FLAIR", "T1wCE")):
        for file in (run.data / "test" / "00020" / name).iterdir():
            shutil.copyfile(file, tmp_path / f"IM{number}{file.stem[6:]:0>4}")
    flat = _described(tmp_path)
    answer = predict_case(run, flat)
    assert abs(answer.probability - table["probability"]["00020"]) < 1e-6
    assert answer.name == tmp_path.name and answer.known.case == "00020" and answer.known.by == "the same voxels"


def _described(folder):
    """Give the files of each series the description that a hospital would."""
    import pydicom

    for file in folder.iterdir():
        dataset = pydicom.dcmread(file)
        dataset.SeriesDescription = "t2_flair_tra" if file.name.startswith("IM0") else "t1_se_gd"
        dataset.save_as(file)
    return folder


def test_a_training_case_is_found_out_under_any_name_and_only_the_network_that_did_not_see_it_answers(
        predicted, tmp_path):
    run, table = predicted
    case = _case_of(table, "1")
    shutil.copytree(_split(run, case), tmp_path / "Jane Doe")
    answer = predict_case(run, tmp_path / "Jane Doe")
    assert answer.notes[0] == (f"this case trained the model: it is {case} of fold 1 (the same files); only the "
                               "network of that fold is used, which did not see it")
    assert abs(answer.probability - table["probability"][case]) < 1e-6
    assert "by one network, that of fold 1" in answer_text(answer)


def test_a_training_case_is_found_out_with_one_series_alone_and_without_the_cache(predicted, tmp_path):
    run, table = predicted
    case = _case_of(table, "0")
    shutil.copytree(_split(run, case) / "FLAIR", tmp_path / "p" / "FLAIR")
    assert predict_case(run, tmp_path / "p").known.by == "the same files"
    moved = dataclasses.replace(run, cache=tmp_path / "gone")
    known = predict_case(moved, tmp_path / "p").known
    assert (known.case, known.place, known.by) == (case, "0", "the same pictures")


def test_where_every_network_has_seen_the_case_that_is_said(predicted, tmp_path):
    run, table = predicted
    shutil.copytree(run.folder, tmp_path / "half")
    shutil.rmtree(tmp_path / "half" / "fold-1")
    answer = predict_case(dataclasses.replace(run, folder=tmp_path / "half"), _split(run, _case_of(table, "1")))
    assert "every network here has seen it" in answer.notes[0] and list(answer.by_fold) == ["0"]


def test_another_patient_with_the_id_of_a_training_case_is_another_patient(predicted, tmp_path):
    run, table = predicted
    case = _case_of(table, "0")
    shutil.copytree(run.data / "test" / "00021", tmp_path / case)
    for file in (tmp_path / case / "FLAIR").glob("*1.dcm"):
        file.unlink()
    voxels = np.random.default_rng(99).integers(50, 150, (8, 8, 8)).astype(np.uint16)
    for name in ("FLAIR", "T1wCE"):
        shutil.rmtree(tmp_path / case / name)
        write_series(tmp_path / case / name, voxels + len(name))
    answer = predict_case(run, tmp_path / case)
    assert answer.known is None and len(answer.by_fold) == 2
    assert answer.notes[0] == f"the run has a case {case}, too, but not these images: it is taken for another patient"


def test_a_plane_and_a_spacing_that_the_training_never_saw_are_reported(predicted, tmp_path):
    run, _ = predicted
    coronal = dict(planes())["coronal"].copy()
    coronal[:3, 0] *= 4
    voxels = np.random.default_rng(5).integers(50, 150, (8, 8, 8)).astype(np.uint16)
    write_series(tmp_path / "p" / "FLAIR", voxels, coronal)
    write_series(tmp_path / "p" / "T1wCE", voxels, AXIAL)
    notes = predict_case(run, tmp_path / "p").notes
    assert [note for note in notes if note.startswith("FLAIR")] == [
        "FLAIR is coronal: 0 of the 20 training series were",
        "FLAIR has slices 10 mm apart: 3 to 3 mm in training"]
    assert not [note for note in notes if note.startswith("T1wCE")]


def test_series_that_do_not_report_where_they_lie_are_refused_by_a_recipe_of_millimetres(predicted, tmp_path):
    run, _ = predicted
    write_series(tmp_path / "p" / "FLAIR", np.arange(64, dtype=np.uint16).reshape(4, 4, 4), None)
    reason = Finding(FindingCode.PLACE_UNKNOWN).reason
    with pytest.raises(UserError, match=rf"p: has no series that can be used \(FLAIR: {reason}\)"):
        predict_case(run, tmp_path / "p")


def test_a_series_that_cannot_be_read_is_reported_and_left_out(predicted, tmp_path):
    run, _ = predicted
    shutil.copytree(run.data / "test" / "00020", tmp_path / "p")
    write_series(tmp_path / "p" / "T1wCE", np.zeros((4, 4, 4), np.uint16), first=1)
    for file in (tmp_path / "p" / "T1wCE").iterdir():
        if int(file.stem[6:]) > 4:
            file.unlink()
    answer = predict_case(run, tmp_path / "p")
    assert any(note.startswith("T1wCE is not used: ") for note in answer.notes)


def test_two_patients_whose_folders_have_one_name_do_not_share_a_file(small_data, tmp_path):
    here, there = (shutil.copytree(small_data / "train" / case, tmp_path / site / "P 1")
                   for case, site in (("00000", "siteA"), ("00001", "siteC")))
    name, images = case_mark(here)
    assert name == "P-1" and case_mark(there)[0] == name
    check_output(tmp_path / "cases", name, images)
    files.write_json(tmp_path / "cases" / f"{name}.json", {"images": images})
    check_output(tmp_path / "cases", name, images)
    with pytest.raises(UserError, match=r"P-1\.json: is not the answer on these images .* --output"):
        check_output(tmp_path / "cases", *case_mark(there))


def test_a_picture_of_the_users_is_not_replaced_by_a_case(small_data, tmp_path):
    (tmp_path / "00000.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"00000\.png: lies there without a record"):
        check_output(tmp_path, *case_mark(small_data / "train" / "00000"))


def test_an_untrained_run_names_the_command_that_trains_it(predicted, tmp_path):
    run, _ = predicted
    with pytest.raises(UserError, match="is not trained; python scripts/train.py --run empty"):
        predict_case(dataclasses.replace(run, folder=tmp_path / "empty"), run.data / "test" / "00020")


def test_the_text_tells_probability_spread_series_and_what_they_were_recognised_by(predicted):
    run, _ = predicted
    answer = predict_case(run, run.data / "test" / "00020")
    lines = answer_text(answer).splitlines()
    assert lines[0].startswith("case 00020: probability of methylation 0.") and "mean of 2 networks" in lines[1]
    assert lines[-2].split("; ")[:2] == ["  FLAIR  8 slices of 8 x 8, axial, 3 mm apart", "by its folder's name"]
    assert record(answer, run)["by_fold"] == dict(answer.by_fold)


@pytest.mark.parametrize(("name", "affine"), list(planes()), ids=[name for name, _ in planes()])
@pytest.mark.parametrize("turned", range(8))
def test_a_slice_is_hung_as_in_radiology_whatever_way_it_was_stored(name, affine, turned):
    steps = affine[:3, 1:3] * [(-1) ** (turned & 1), (-1) ** (turned >> 1 & 1)]
    steps = steps[:, ::-1] if turned & 4 else steps
    x_y_z = np.einsum("ij,jrc->irc", steps, np.indices((8, 8)))  # mm to the patient's left, back and head
    across, down = sorted(np.abs(steps).argmax(axis=0))
    shown = upright(SliceView("", x_y_z[across], x_y_z[down], "", "", None), steps)
    assert (np.diff(shown.image, axis=1) > 0).all()  # to the patient's left; in sagittal slices to the back
    assert ((1 if down == 1 else -1) * np.diff(shown.heat, axis=0) > 0).all()  # to the back, else to the feet
    assert shown.left + shown.top == {(0, 1): "RA", (0, 2): "RH", (1, 2): "AH"}[across, down]
    assert sorted(shown.mm) == pytest.approx([0.5, 0.75])


@pytest.fixture(scope="module")
def masked(small_data, small_recipe, tmp_path_factory):
    """A run on crops around a mask, whose folds have networks of chance."""
    root = tmp_path_factory.mktemp("masked")
    data = shutil.copytree(small_data, root / "data")
    voxels = np.zeros((8, 8, 8), np.uint8)
    voxels[2:5, 2:6, 2:7] = 1
    for case in (*(data / "train").iterdir(), *(data / "test").iterdir()):
        write_nifti(case / "mask.nii.gz", Volume(voxels, AXIAL))
    recipe = small_recipe.replace(region="tumour-only", margin_mm=1.0, mask_channel=True)
    run = begin_run(data, recipe, root / "models" / "masked", root / "cache", workers=1)
    for fold in ("0", "1"):
        keras.utils.set_random_seed(int(fold))
        write_weights(fold_folder(run, fold), make_network(recipe.network, recipe.data).save_weights)
    return run, pd.read_csv(predict_run(run), dtype={"BraTS21ID": str, "fold": str}).set_index("BraTS21ID")


def test_one_patient_is_cropped_by_the_mask_in_the_folder_as_in_the_data_set(masked):
    run, table = masked
    case = _case_of(table, "test")
    answer = predict_case(run, _split(run, case))
    assert abs(answer.probability - table["probability"][case]) < 1e-6
    assert [view.title.split(",")[0] for view in answer.views] == ["FLAIR", "T1wCE"]
    box_mm = (3 * 3.0, 4 * 0.75, 5 * 0.5)  # of the mask, in slices, rows and columns
    assert np.allclose(answer.views[0].mm, (max(box_mm) + 2 * 1.0) / 8, atol=1e-3)


def test_one_patient_without_the_mask_that_the_recipe_needs_is_refused_in_a_line(masked, tmp_path):
    run, table = masked
    folder = shutil.copytree(_split(run, _case_of(table, "test")), tmp_path / "patient")
    (folder / "mask.nii.gz").unlink()
    with pytest.raises(UserError, match=r"needs the tumour's mask.*mask\.nii\.gz"):
        predict_case(run, folder)
    write_nifti(folder / "mask.nii.gz", Volume(np.zeros((8, 8, 8), np.uint8), AXIAL))
    with pytest.raises(UserError, match="marks no voxel"):
        predict_case(run, folder)


def test_two_masks_in_a_patients_folder_are_not_chosen_between(masked, tmp_path):
    run, table = masked
    folder = shutil.copytree(_split(run, _case_of(table, "test")), tmp_path / "patient")
    (folder / "more").mkdir()
    shutil.copy(folder / "mask.nii.gz", folder / "more")
    with pytest.raises(UserError, match="2 masks"):
        predict_case(run, folder)
