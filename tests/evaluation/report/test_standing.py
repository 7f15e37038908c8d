"""What a run is worth is said of cases that its networks had not seen, and where it is not known that is said."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.report.standing import reliability_summary
from radiogen.runs.predictions import complete, read_predictions, write_predictions


def _run(folder, probabilities, labels, folds):
    table = pd.DataFrame({"case": [f"{number:05d}" for number in range(len(labels))], "fold": folds,
                          "label": pd.array(labels, "Int64"), "probability": probabilities})
    write_predictions(folder / "predictions.csv", complete(table))
    return folder


@pytest.fixture
def separated(tmp_path):
    """80 cases of two folds whose classes are separated, 20 of a holdout that are not, 5 of a test set."""
    labels = [number % 2 for number in range(100)] + [pd.NA] * 5
    random = np.random.default_rng(3)
    scores = [0.75 if label == 1 else 0.25 for label in labels[:80]]
    scores += list(random.permutation(np.linspace(0.3, 0.7, 20)))
    folds = ["0", "0", "1", "1"] * 20 + ["holdout"] * 20 + ["test"] * 5
    return _run(tmp_path / "run", [*scores, *[0.75] * 5], labels, folds)


def test_out_of_fold_and_holdout_are_distinguished(separated):
    lines = reliability_summary(separated, 0.75)
    assert lines[0].startswith("out-of-fold, 80 cases, each scored by one network")
    assert ": better than chance: AUC 1.000" in lines[0]
    assert lines[1].startswith("holdout, 20 cases, scored by the mean")
    assert "not distinguishable from chance" in lines[1]


def test_answers_like_this_one_are_counted_apart_for_single_networks_and_for_their_mean(separated):
    table = read_predictions(separated / "predictions.csv")
    near = table[(table["probability"] - 0.6).abs() <= 0.1]
    near = near[near["fold"] == "holdout"]
    lines = reliability_summary(separated, 0.6)
    assert lines[-2] == "out-of-fold: no known patient has a probability within 0.1 of this one"
    assert lines[-1].startswith(f"holdout: of the {len(near)} known patients with a probability within 0.1 of this one "
                                f"{int(near['label'].sum())} are methylated")


def test_an_alarm_of_the_last_review_stands_beside_an_answer(separated):
    assert any(line.startswith("not yet reviewed for leakage") for line in reliability_summary(separated, 0.5))
    pd.DataFrame({"code": ["patient_in_other_fold", "auc_below_limit"]}).to_csv(separated / "leakage.csv", index=False)
    line, = [line for line in reliability_summary(separated, 0.5) if line.startswith("verdict:")]
    assert line.startswith("verdict: not established: better than chance by its numbers alone")
    assert "Alarm of the leakage review: patients" in line


def test_a_run_that_was_never_predicted_is_worth_nobody_knows_what(tmp_path):
    (tmp_path / "run").mkdir()
    line, = reliability_summary(tmp_path / "run", 0.5)
    assert line.startswith("how good it is, is not known") and "scripts/predict.py" in line


def test_the_best_model_without_images_stands_beside_the_run(separated):
    pd.DataFrame({"model": ["planes", "sizes"], "set": "out-of-fold", "baseline_auc": [0.55, 0.61], "gain": [0.4, 0.39],
                  "low": [0.3, 0.29], "high": [0.5, 0.49], "words": ["better", "better"]}).to_csv(
        separated / "image_free_gain.csv", index=False)
    line, = [line for line in reliability_summary(separated, 0.5) if "no image" in line]
    assert "(sizes) reaches 0.610" in line and line.endswith(": better")
