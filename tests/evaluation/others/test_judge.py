"""Predictions of another program become a folder that the report reads: its words claim nothing that nobody checked."""

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.audit.findings import Code, Severity
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.judge import judge_predictions, run_names, write_prediction_runs
from radiogen.evaluation.others.origin import origin_of
from radiogen.evaluation.report.assess import assess
from radiogen.evaluation.report.text import report_text
from radiogen.evaluation.stats.verdicts import Change
from radiogen.runs.predicted_run import open_predictions
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
    models = root / "models"
    names, lines = write_prediction_runs(paths, models, Naming(), patients=patients)
    assessment = assess([open_predictions(models, name) for name in names])
    return models, f"{lines}\n{report_text(assessment)}", assessment


def _findings(judged, name):
    return {one.code: one for run in judged[2].runs if run.name == name for one in run.findings}


def test_training_weights_and_images_are_said_to_be_unchecked(judged):
    found = _findings(judged, "good")
    assert found[Code.TRAINING_UNSEEN].severity is found[Code.PIXELS_UNSEEN].severity is Severity.NOT_CHECKED
    assert Code.WEIGHTS_RECORDED not in found and Code.FOLDS_UNKNOWN not in found
    assert Code.FOLDS_UNKNOWN in _findings(judged, "flat")


def test_a_patient_whom_the_table_of_patients_has_in_two_folds_is_an_alarm(judged):
    assert _findings(judged, "good")[Code.PATIENT_SPLIT].values["splits"].keys() == {"same"}


def test_tables_are_compared_on_the_cases_that_both_have_folds_or_not(judged):
    differences = judged[2].differences
    assert [(one.other, one.comparison.cases) for one in differences] == [("good", 50), ("flat", 50)]
    assert differences[0].comparison.outcome is Change.WORSE


def test_the_figures_are_those_of_the_file(judged):
    good, flat, _ = judged[2].runs
    assert good.patients.in_folds == 60 and good.patients.folds == 5 and good.main.measures["auc"] > 0.9
    assert flat.patients.held_out == 60


def test_the_text_has_what_was_read_and_no_empty_tables(judged):
    assert "case from 'PatientID'" in judged[1] and "cases that all files have: 50" in judged[1]
    assert "nan" not in judged[1]


def test_judging_again_replaces_the_tables_and_leaves_no_patients_of_before(judged):
    models, root = judged[0], judged[0].parent
    write_prediction_runs([_table(root / "again.csv")], models, Naming(), patients=root / "who.csv")
    assert (models / "again" / "patients.csv").is_file()
    write_prediction_runs([_table(root / "again.csv", folds=False)], models, Naming())
    assert not (models / "again" / "patients.csv").exists() and not (models / "again" / "folds.csv").exists()
    assert origin_of(read_facts(models / "again")).patients is False


def test_a_run_that_was_trained_here_is_not_overwritten(tmp_path):
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="trained here"):
        judge_predictions([_table(tmp_path / "mine.csv")], tmp_path / "models", Naming())
    assert [path.name for path in folder.iterdir()] == ["recipe.json"]


def test_the_page_of_a_single_table_does_not_claim_that_no_network_had_seen_a_patient(tmp_path):
    path = _table(tmp_path / "one.csv", cases=20, folds=False)
    text, written = judge_predictions([path], tmp_path / "models", Naming())
    assert {"report.html", "assessment.json", "roc.png"} <= {path.name for path in written}
    assert "taken on" in text
    page = (tmp_path / "models" / "one" / "report.html").read_text(encoding="utf-8")
    assert "had not seen that patient" not in page and "redictions of another program, from one.csv" in page
    assert "deep learning" not in page


def test_files_of_one_name_get_the_names_of_their_folders(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert run_names([tmp_path / "a" / "p.csv", tmp_path / "b" / "p.csv"]) == ["a-p", "b-p"]
    with pytest.raises(UserError, match="named twice"):
        run_names([tmp_path / "a" / "p.csv", tmp_path / "a" / "p.csv"])
