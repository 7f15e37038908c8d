"""Predictions of another program become a folder that the report reads: its words claim nothing that nobody checked."""

import json

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.judge import judge_predictions, run_names
from radiogen.runs.origin import origin_of
from radiogen.runs.records import read_facts


def _table(path, cases=60, effect=2.0, seed=0, folds=True):
    random = np.random.default_rng(seed)
    rows = ["PatientID,cv_fold,truth,y_prob" if folds else "PatientID,truth,y_prob"]
    for number in range(cases):
        label = number % 2
        probability = 1 / (1 + np.exp(-(effect * (label - 0.5) + random.normal())))
        fold = f"{number // 2 % 5 + 1}," if folds else ""
        rows.append(f"P {number},{fold}{('wild', 'mutant')[label]},{probability:.5f}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Three tables: folds, no folds, and ten cases fewer; with patients, of whom one is in two folds."""
    root = tmp_path_factory.mktemp("others")
    paths = [_table(root / "good.csv", effect=4.0), _table(root / "flat.csv", seed=1, folds=False),
             _table(root / "few.csv", cases=50, effect=0.0, seed=2)]
    patients = root / "who.csv"
    patients.write_text("case,patient,age,sex\n" + "".join(
        f"P {number},{'same' if number in (0, 2) else number},{40 + number},F\n" for number in range(60)),
        encoding="utf-8")
    text, written = judge_predictions(paths, root / "models", Naming(), patients=patients)
    return root / "models", text, written


def _findings(models, name):
    rows = json.loads((models / "few" / "assessment.json").read_text(encoding="utf-8"))["runs"]
    return {one["code"]: one for one in next(run for run in rows if run["name"] == name)["findings"]}


def test_training_weights_and_images_are_said_to_be_unchecked(judged):
    found = _findings(judged[0], "good")
    assert found["training_unseen"]["severity"] == found["pixels_unseen"]["severity"] == "not_checked"
    assert "weights_recorded" not in found and "folds_unknown" not in found
    assert "folds_unknown" in _findings(judged[0], "flat")


def test_a_patient_whom_the_table_of_patients_has_in_two_folds_is_an_alarm(judged):
    assert _findings(judged[0], "good")["patient_split"]["values"]["splits"].keys() == {"same"}


def test_the_page_does_not_claim_that_no_network_had_seen_a_patient(judged):
    page = (judged[0] / "few" / "report.html").read_text(encoding="utf-8")
    assert "had not seen that patient" not in page and "predictions of another program, from few.csv" in page.lower()
    assert "deep learning" not in page


def test_tables_are_compared_on_the_cases_that_both_have_folds_or_not(judged):
    record = json.loads((judged[0] / "few" / "assessment.json").read_text(encoding="utf-8"))
    assert [(one["other"], one["comparison"]["cases"]) for one in record["comparison"]["differences"]] == [
        ("good", 50), ("flat", 50)]
    assert record["comparison"]["differences"][0]["comparison"]["outcome"] == "worse"


def test_the_figures_are_those_of_the_file(judged):
    record = json.loads((judged[0] / "few" / "assessment.json").read_text(encoding="utf-8"))
    good = record["runs"][0]
    assert good["patients"]["in_folds"] == 60 and good["patients"]["folds"] == 5
    assert good["sets"]["out_of_fold"]["auc"]["value"] > 0.9
    assert record["runs"][1]["patients"]["held_out"] == 60


def test_the_text_has_what_was_read_and_no_empty_tables(judged):
    assert "case from 'PatientID'" in judged[1] and "cases that all files have: 50" in judged[1]
    assert "nan" not in judged[1]


def test_judging_again_replaces_the_tables_and_leaves_no_patients_of_before(judged):
    models, root = judged[0], judged[0].parent
    judge_predictions([_table(root / "again.csv")], models, Naming(), patients=root / "who.csv")
    assert (models / "again" / "patients.csv").is_file()
    judge_predictions([_table(root / "again.csv", folds=False)], models, Naming())
    assert not (models / "again" / "patients.csv").exists() and not (models / "again" / "folds.csv").exists()
    assert origin_of(read_facts(models / "again")).patients is False


def test_a_run_that_was_trained_here_is_not_overwritten(tmp_path):
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="trained here"):
        judge_predictions([_table(tmp_path / "mine.csv")], tmp_path / "models", Naming())
    assert [path.name for path in folder.iterdir()] == ["recipe.json"]


def test_files_of_one_name_get_the_names_of_their_folders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert run_names([tmp_path / "a" / "p.csv", tmp_path / "b" / "p.csv"]) == ["a-p", "b-p"]
    with pytest.raises(UserError, match="named twice"):
        run_names([tmp_path / "a" / "p.csv", tmp_path / "a" / "p.csv"])
