"""What is known beside the geometry, as numbers; and what it explains of a run."""

import numpy as np
import pandas as pd
import pytest

from radiogen.core.auc import auc
from radiogen.dataset.scanner import COLUMNS
from radiogen.evaluation.audit.confounds import Conclusion, judge_confounds
from radiogen.evaluation.audit.image_free import image_free_predictions, left_over, within_fold
from radiogen.evaluation.audit.known_inputs import (
    FURTHER,
    PERSON,
    SCANNER,
    SITE_MODEL,
    Known,
    known_inputs,
)
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.evaluation.wording import confound_sentences, group_sentences

from ..acquisitions import made, run_from


def scanners(cases, second: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """A FLAIR series a case, of the second maker where `second` says so: twice the noise, at any gain."""
    random = np.random.default_rng(seed)
    gain, noise = np.exp(random.uniform(5, 8, len(cases))), np.where(second, 0.06, 0.03)
    noise = noise * np.exp(random.normal(0, 0.05, len(cases)))
    table = pd.DataFrame({"case": cases, "split": "train", "sequence": "FLAIR", "air_mean": gain * noise * 1.25,
                          "air_deviation": gain * noise * 0.65, "air_q90": gain * noise * 2.1,
                          "air_q99": gain * noise * 3, "air_zeros": 0.0, "signal": gain})
    table["manufacturer"] = np.where(second, "Beta", "Alpha")
    return table.assign(model="", software="", field_strength_t=3.0, repetition_ms=1900.0, echo_ms=2.6,
                        inversion_ms=np.nan, flip_angle_degrees=9.0)[list(COLUMNS)]


def people(cases, **columns) -> pd.DataFrame:
    return pd.DataFrame({"case": cases, "patient": cases, "site": "", "age": np.nan, "sex": "", **columns})


def _near_label(folds, seed: int = 4) -> np.ndarray:
    label = folds["label"].to_numpy() == 1
    return np.where(np.random.default_rng(seed).random(len(folds)) < 0.85, label, ~label)


@pytest.fixture(scope="module")
def hidden_maker():
    folds, geometry = made(120)
    second = _near_label(folds)
    return folds, geometry, second, Known(scanners(folds["case"], second))


@pytest.mark.slow
def test_a_run_that_sees_the_maker_is_explained_by_acquisition_and_was_not_by_the_geometry(hidden_maker):
    folds, geometry, second, known = hidden_maker
    run = run_from(folds, 2.0 * second - 1, noise=0.7)
    found = judge_confounds(run, folds, geometry, known=known)
    assert found.outcomes == (Outcome.BETTER, Conclusion.NOT_ABOVE_BASELINE, Conclusion.EXPLAINED)
    assert found.explained and not judge_confounds(run, folds, geometry).explained


@pytest.mark.slow
def test_a_run_that_sees_the_label_is_better_than_the_maker(hidden_maker):
    folds, geometry, _, known = hidden_maker
    found = judge_confounds(run_from(folds, 5.0 * folds["label"] - 2.5, noise=0.8), folds, geometry, known=known)
    assert found.outcomes == (Outcome.BETTER, Conclusion.ABOVE_BASELINE)


def test_the_air_alone_knows_the_maker_at_any_gain(hidden_maker):
    folds, geometry, _, known = hidden_maker
    nameless = Known(known.scanner.assign(manufacturer=""))
    found = image_free_predictions(folds, geometry, models=(), known=nameless)
    assert within_fold(found[SCANNER]).value > 0.75


@pytest.mark.slow
def test_a_run_that_sees_the_age_is_explained_by_the_patients():
    folds, geometry = made(120)
    old = _near_label(folds)
    known = Known(patients=people(folds["case"], age=50 + 15.0 * old))
    found = judge_confounds(run_from(folds, 2.0 * old - 1, noise=0.7), folds, geometry, known=known)
    assert found.conclusions == (Conclusion.NOT_ABOVE_BASELINE, Conclusion.EXPLAINED_BY_PATIENT)
    assert found.best == PERSON and any("age, sex" in one for one in confound_sentences(found))


@pytest.mark.slow
def test_a_run_that_sees_the_site_is_at_chance_within_sites():
    folds, geometry = made(120)
    north = _near_label(folds)
    known = Known(patients=people(folds["case"], site=np.where(north, "north", "south")))
    found = judge_confounds(run_from(folds, 2.0 * north - 1, noise=0.7), folds, geometry, known=known)
    assert found.best == SITE_MODEL and Conclusion.EXPLAINED in found.conclusions
    assert found.same_sites.low < 0.5 < found.same_sites.high
    assert set(found.groups["group"]) == {"north", "south"} and len(group_sentences(found.groups)) == 1


def test_a_column_of_names_an_uncertain_label_and_a_constant_are_no_inputs():
    cases = pd.Series([f"{number:05d}" for number in range(60)])
    table = people(cases, site="one", note=[f"note {number % 30}" for number in range(60)],
                   label_uncertain=["1", "0"] * 30, aliases="a")
    assert known_inputs(Known(patients=table.assign(note=np.repeat([f"n{n}" for n in range(30)], 2))), cases).keys() \
        <= {FURTHER}
    assert SITE_MODEL not in known_inputs(Known(patients=table), cases)
    assert PERSON not in known_inputs(Known(patients=table), cases)


def test_levels_become_columns_numbers_stay_and_what_is_not_known_is_nan():
    cases = pd.Series([f"{number:05d}" for number in range(20)])
    table = people(cases, grade=["3", "4"] * 9 + ["", ""], surgery=["total"] * 10 + ["partial"] * 7 + ["biopsy"] * 3)
    inputs = known_inputs(Known(patients=table), cases)[FURTHER]
    assert inputs[:18, 0].tolist() == [3.0, 4.0] * 9 and np.isnan(inputs[18:, 0]).all()
    assert inputs[:, 1:].sum(axis=0).tolist() == [7, 10, 3]
    assert (inputs[:, 1:].sum(axis=1) == 1).all()


def test_cases_without_a_row_are_not_known():
    cases = pd.Series(["00001", "00002", "00003", "00004"])
    table = scanners(cases[:3], np.array([True, False, True]))
    inputs = known_inputs(Known(table), cases)[SCANNER]
    assert len(inputs) == 4 and np.isnan(inputs[3]).any() and not np.isnan(inputs[:3, -2]).any()


def test_what_the_maker_predicts_of_a_run_is_taken_off(hidden_maker):
    folds, geometry, second, known = hidden_maker
    run = run_from(folds, 3.0 * second - 1.5, noise=0.1)
    labels = run["label"].to_numpy() == 1
    assert auc(labels, run["probability"].to_numpy()) > 0.75
    assert abs(auc(labels, left_over(run, geometry, known=known)) - 0.5) < 0.15
    assert auc(labels, left_over(run, geometry)) > 0.7
