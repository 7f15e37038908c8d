"""A run as whoever judges it sees it; where there is nothing to judge, one line says how to get something."""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.records import write_facts
from radiogen.task import RSNA_MICCAI, Task, write_task

HEADING = "BraTS21ID,fold,MGMT_value,probability,predicted\n"


def _write(models, rows, name="a"):
    (models / name).mkdir(parents=True, exist_ok=True)
    (models / name / "predictions.csv").write_text(HEADING + rows)
    return models / name


def test_a_run_has_its_name_its_folder_its_facts_and_its_predictions(tmp_path):
    folder = _write(tmp_path, "00000,0,1,0.75,1\n00001,test,,0.25,0\n")
    write_facts(folder, {"recipe": "demo-3d"})
    run = open_predictions(tmp_path, "a")
    assert (run.name, run.folder, run.facts, run.task) == ("a", folder, {"recipe": "demo-3d"}, RSNA_MICCAI)
    assert run.predictions["case"].tolist() == ["00000", "00001"]


def test_a_run_without_run_json_says_nothing_of_itself_and_is_judged(tmp_path):
    _write(tmp_path, "00000,0,1,0.75,1\n")
    assert open_predictions(tmp_path, "a").facts == {}


def test_a_run_of_another_task_is_read_by_its_own_description(tmp_path):
    task = Task("other", id_column="patient", label_column="grade")
    folder = _write(tmp_path, "")
    write_task(folder, task)
    (folder / "predictions.csv").write_text("patient,fold,grade,probability,predicted\nA-1,0,1,0.75,1\n")
    run = open_predictions(tmp_path, "a")
    assert run.task == task and run.predictions["case"].tolist() == ["A-1"]


def test_test_cases_alone_are_nothing_to_judge(tmp_path):
    _write(tmp_path, "00001,test,,0.25,0\n")
    with pytest.raises(UserError, match=r"predictions\.csv: holds no labelled case: .*; train a fold and predict: "
                                        r"python scripts/predict\.py --run a "):
        open_predictions(tmp_path, "a")


def test_damaged_facts_are_named_before_anything_is_judged(tmp_path):
    folder = _write(tmp_path, "00000,0,1,0.75,1\n")
    (folder / "run.json").write_text("[]")
    with pytest.raises(UserError, match=r"run\.json: is no table of names, so it is damaged; restore it"):
        open_predictions(tmp_path, "a")
