"""One patient: recalibrated by cases that are others, classes ruled out or not, in words."""

import numpy as np
import pytest

from radiogen.evaluation.clinical.one_patient import judge_patient, judge_patient_of, patient_lines
from radiogen.runs.predictions import write_predictions
from radiogen.task import RSNA_MICCAI

from ..acquisitions import made, run_from


@pytest.fixture(scope="module")
def predictions():
    folds, _ = made(300)
    return run_from(folds, 2.0 * (2.0 * folds["label"].to_numpy() - 1), 2.5)


def test_extreme_answers_rule_a_class_out_and_middling_ones_none(predictions):
    named = {value: judge_patient(predictions, dict.fromkeys("01234", value)) for value in (0.001, 0.5, 0.999)}
    assert [named[value].classes for value in named] == [(0,), (0, 1), (1,)]
    assert named[0.001].probability < 0.1 < 0.4 < named[0.5].probability < 0.6 < 0.9 < named[0.999].probability
    classes = RSNA_MICCAI.classes
    assert f"{classes[1]} is ruled out, {classes[0]} is left" in patient_lines(named[0.001], RSNA_MICCAI)[1]
    assert "neither" in patient_lines(named[0.5], RSNA_MICCAI)[1]


def test_a_case_of_the_run_has_no_part_in_its_own_judgement(predictions):
    case = predictions.iloc[0]
    turned = predictions.assign(label=np.where(predictions["case"] == case["case"], 1 - case["label"],
                                               predictions["label"]))
    by_fold = {case["fold"]: case["probability"]}
    first, second = (judge_patient(table, by_fold, case["case"]) for table in (predictions, turned))
    assert first == second != judge_patient(turned, by_fold)


def test_each_networks_word_is_recalibrated_by_itself(predictions):
    one, other = (judge_patient(predictions, {"0": value}).probability for value in (0.02, 0.97))
    assert judge_patient(predictions, {"0": 0.02, "1": 0.97}).probability == pytest.approx((one + other) / 2)


def test_a_run_without_predictions_judges_nobody(tmp_path, predictions):
    assert judge_patient_of(tmp_path, {"0": 0.5}) is None
    write_predictions(tmp_path / "predictions.csv", predictions)
    assert judge_patient_of(tmp_path, {"0": 0.5}) == judge_patient(predictions, {"0": 0.5})
