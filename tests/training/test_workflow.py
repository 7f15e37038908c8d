"""Beginning and going on with a run: what must be the same, and what is said when it is not."""

import json
import re
import shutil
import threading

import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.dataset.patients import read_patients
from radiogen.inference.workflow import predict
from radiogen.training import runs, workflow

from .changed_data import change_data


@pytest.fixture
def begin(small_data, small_recipe, tmp_path):
    """Begin a run of a private copy of the small data set; options change recipe fields."""
    data = tmp_path / "data"
    shutil.copytree(small_data, data)

    def call(leave_out=(), **change):
        recipe = small_recipe.replace(**change)
        return workflow.begin_run(data, recipe, tmp_path / "models" / "a", tmp_path / "cache", leave_out=leave_out,
                                  workers=1)
    return call


def test_a_run_is_opened_again_as_it_was_begun(begin):
    run = begin()
    again = runs.open_run(run.folder)
    assert again.recipe == run.recipe and again.cache == run.cache and again.data == run.data
    assert again.folds.to_numpy().tolist() == run.folds.to_numpy().tolist()
    assert begin().folds.equals(run.folds)


def test_another_recipe_under_the_same_name_is_refused(begin):
    begin()
    with pytest.raises(UserError, match="was made with --epochs 4, not 5; choose another --run name"):
        begin(epochs=5)


def test_changed_labels_are_noticed(begin):
    run = begin()
    path = run.data / "train_labels.csv"
    path.write_text(path.read_text().replace("00000,0", "00000,1").replace("00001,1", "00001,0"))
    with pytest.raises(UserError, match="labels, the cases or their patients have changed"):
        begin()


def _write_patients(data, rows):
    lines = [f"{case},{patient},{site}\n" for case, patient, site in rows]
    (data / "patients.csv").write_text("BraTS21ID,patient,site\n" + "".join(lines))


def test_cases_of_one_patient_are_trained_and_judged_together_and_the_run_keeps_the_table(begin, tmp_path):
    cases = sorted(path.name for path in (tmp_path / "data" / "train").iterdir())
    _write_patients(tmp_path / "data", [(case, f"P{number // 2}", "") for number, case in enumerate(cases)])
    run = begin()
    patient = run.folds["case"].map(dict(zip(run.patients["case"], run.patients["patient"], strict=True)))
    assert (run.folds.groupby(patient)["fold"].nunique() == 1).all()
    assert read_patients(run.folder).equals(run.patients)


def test_patients_that_join_cases_of_two_folds_end_a_run(begin, tmp_path):
    folds = begin().folds.set_index("case")["fold"]
    two = [folds.index[folds == fold][0] for fold in ("0", "1")]
    _write_patients(tmp_path / "data", [(case, "A", "") for case in two])
    with pytest.raises(UserError, match="labels, the cases or their patients have changed"):
        begin()


def test_folds_by_site_leave_a_site_out_and_need_a_table_of_sites(begin, tmp_path, caplog):
    with pytest.raises(UserError, match="patients.csv: is missing, and with it the sites.*--folds-by site"):
        begin(folds_by="site", folds=2)
    cases = sorted(path.name for path in (tmp_path / "data" / "train").iterdir())
    sites = {case: "north" if number % 3 else "south" for number, case in enumerate(cases)}
    _write_patients(tmp_path / "data", [(case, "", site) for case, site in sites.items()])
    with caplog.at_level("INFO"):
        run = begin(folds_by="site", folds=2)
    for fold in ("0", "1"):
        assert len({sites[case] for case in run.folds.loc[run.folds["fold"] == fold, "case"]}) == 1
    assert re.search(r"fold 0 is judged without north \(\d+\)", caplog.text)
    _write_patients(tmp_path / "data", [(case, "", "") for case in cases])
    with pytest.raises(UserError, match="patients.csv: names no site"):
        begin(folds_by="site", folds=2)


def _kept(run):
    return json.loads((run.folder / "run.json").read_text())


def test_a_data_set_is_not_read_while_it_is_still_being_made(small_data, small_recipe, tmp_path):
    data = shutil.copytree(small_data, tmp_path / "data")
    late = shutil.move(data / "test" / "00021", tmp_path / "late")
    ended = threading.Event()

    def preprocess():
        workflow.preprocess(data, [small_recipe], tmp_path / "cache", workers=1)
        ended.set()

    with files.working_folder(data):  # as a download does
        reader = threading.Thread(target=preprocess)
        reader.start()
        assert not ended.wait(2)
        shutil.move(late, data / "test" / "00021")
    assert ended.wait(60)
    index, = (tmp_path / "cache").glob("data-*/*/index.csv")
    assert "00021" in index.read_text()


def test_a_data_set_that_was_renamed_or_copied_is_the_same_and_its_place_is_noted(begin, tmp_path):
    run = begin()
    run.data.rename(tmp_path / "renamed")
    shutil.copytree(tmp_path / "renamed", tmp_path / "disk" / "copy")
    for place in (tmp_path / "renamed", tmp_path / "disk" / "copy"):
        again = workflow._locate_data(runs.open_run(run.folder), place, workers=1)
        assert again.folds.equals(run.folds) and runs.open_run(run.folder).data == place
        assert (runs.open_run(run.folder).cache / "index.csv").is_file()
    assert _kept(run)["moved_from"] == ["data", "renamed"]


@pytest.mark.parametrize("changed", ["labels", "images"])
def test_another_data_set_is_refused_and_the_run_is_left_as_it_was(begin, tmp_path, changed):
    run, other = begin(), tmp_path / "other"
    shutil.copytree(run.data, other)
    change_data(other, changed)
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="it was made from .*data, and this is no copy of that; give that data "):
        workflow._locate_data(runs.open_run(run.folder), other, workers=1)
    assert before == {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}


def test_a_run_from_another_machine_makes_its_arrays_here(begin, tmp_path, monkeypatch):
    run = begin()
    facts = {**_kept(run), "data": "/nowhere/input/data", "cache": "/nowhere/input/cache/data/cubes-0123"}
    (run.folder / "run.json").write_text(json.dumps(facts))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="/nowhere/input/data: there is no such data set; .*--data"):
        workflow._locate_data(runs.open_run(run.folder), workers=1)
    workflow._locate_data(runs.open_run(run.folder), tmp_path / "data", workers=1)
    assert runs.open_run(run.folder).cache.is_relative_to("input/cache")
    assert _kept(run)["moved_from"] == ["/nowhere/input/data"]


def test_a_run_trains_on_from_a_copy(begin, small_recipe, tmp_path):
    run = begin()
    shutil.move(run.data, tmp_path / "b")
    again = workflow.begin_run(tmp_path / "b", small_recipe, run.folder, tmp_path / "cache", workers=1)
    assert again.folds.equals(run.folds) and runs.open_run(run.folder).data == tmp_path / "b"


def test_changed_images_are_noticed(begin):
    run = begin()
    shutil.rmtree(run.data / "train" / "00000" / "T1wCE")
    shutil.copytree(run.data / "train" / "00001" / "T1wCE", run.data / "train" / "00000" / "T1wCE")
    with pytest.raises(UserError, match="was made from other images"):
        begin()


def test_a_labelled_case_without_a_folder_is_named_and_can_be_left_out(begin, tmp_path):
    shutil.rmtree(tmp_path / "data" / "train" / "00004")
    with pytest.raises(UserError, match="train/00004: is missing.*--leave-out 00004"):
        begin()


def _rename_to_00109(data):
    for split in ("train/00005", "train/00006"):
        (data / split).rename(data / "train" / {"5": "00109", "6": "00123"}[split[-1]])
    path = data / "train_labels.csv"
    path.write_text(path.read_text().replace("00005,", "00109,").replace("00006,", "00123,"))


def test_a_users_own_case_of_an_id_that_is_bad_in_the_competition_is_trained_on(begin, tmp_path, capsys):
    _rename_to_00109(tmp_path / "data")
    run = begin()
    assert {"00109", "00123"} <= set(run.folds["case"]) and len(run.folds) == 20
    assert "left out" not in capsys.readouterr().out


def test_a_known_bad_case_of_the_competition_is_left_out_where_its_blank_sequence_is_read(begin, tmp_path, capsys,
                                                                                         as_competition):
    _rename_to_00109(tmp_path / "data")
    as_competition(tmp_path / "data")
    run = begin()
    assert "00123" in set(run.folds["case"]) and "00109" not in set(run.folds["case"])
    assert capsys.readouterr().out.count("left out") == 1
    assert runs.open_run(run.folder).known_bad == ("00109",)
    shutil.rmtree(run.folder)
    enhanced = begin(sequences=("T1wCE",))
    assert {"00109", "00123"} <= set(enhanced.folds["case"]) and enhanced.known_bad == ()
    kept = enhanced.folds[enhanced.folds["case"] != "00109"].reset_index(drop=True)
    assert kept.equals(run.folds)


def test_a_known_bad_case_may_be_taken_away(begin, tmp_path, as_competition):
    _rename_to_00109(tmp_path / "data")
    as_competition(tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "train" / "00109")
    assert "00109" not in set(begin(sequences=("T1wCE",)).folds["case"])


def test_a_damaged_training_case_stops_the_run_and_names_the_way_out(begin, tmp_path, capsys):
    for path in (tmp_path / "data" / "train" / "00004" / "FLAIR").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError, match="1 training cases failed.*--leave-out 00004"):
        begin()
    assert "00004" in capsys.readouterr().out
    run = begin(leave_out=("00004",))
    assert "00004" not in run.folds["case"].tolist()
    assert runs.open_run(run.folder).leave_out == ("00004",)


def test_a_fold_that_does_not_exist_is_refused(small_recipe):
    assert runs.choose_folds(2, "all") == ["0", "1"]
    assert runs.choose_folds(2, "1") == ["1"]
    with pytest.raises(UserError, match="--fold 7: there is no such fold; choose one of 0, 1, or all"):
        runs.choose_folds(2, "7")


def test_a_run_that_is_not_trained_cannot_predict(begin):
    run = begin()
    command = f"python scripts/train.py --run a --models {re.escape(str(run.folder.parent))} --fold all"
    with pytest.raises(UserError, match=f"is not trained; {command}"):
        predict(run, workers=1)
    assert not (run.folder / "predictions.csv").exists()


def test_a_run_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="models/b: there is no such run"):
        runs.open_run(tmp_path / "models" / "b")
