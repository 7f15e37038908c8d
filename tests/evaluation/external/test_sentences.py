"""What is said of a run on another cohort: each sentence by its numbers, and what is not known said to be so."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.external.assessment import CohortFigures, ExternalAssessment, Looks
from radiogen.evaluation.external.sentences import (
    claim_sentence,
    external_lines,
    looks_sentence,
    measures_table,
    stale_sentence,
)
from radiogen.evaluation.stats.calibration import Calibration
from radiogen.evaluation.stats.intervals import Estimate
from radiogen.evaluation.stats.shares import share_of
from radiogen.evaluation.stats.verdicts import Change, Comparison, Outcome, Verdict
from radiogen.runs.external.cohorts import CohortFacts

NONE = Estimate(np.nan, np.nan, np.nan, np.nan)
SHIFT = pd.DataFrame({"sequence": ["T1w", "", "FLAIR", "T1w"], "field": ["slice_spacing_mm", "age", "noise", "rows"],
                      "p": [0.01, 0.5, 0.9, np.nan], "psi": [0.1, 3.0, 2.0, 1.0]})


def _figures(area, **changes):
    verdict = Verdict(Outcome.BETTER, Estimate(area, area - 0.1, area + 0.1, 0.01), 40, 20, 0.73)
    fitted = Calibration(Estimate(0.8, 0.5, 1.1, 0.2), Estimate(0.1, -0.2, 0.4, 0.5), Estimate(0.2, 0.0, 0.4, 0.05))
    figures = CohortFigures(verdict, share_of(np.array([True, True, False, True])), share_of(np.array([True, False])),
                            fitted, {"brier": 0.21})
    return dataclasses.replace(figures, **changes)


def _looks(**changes):
    return dataclasses.replace(Looks(pd.DataFrame(index=range(3)), 3, 2, 3, True), **changes)


@pytest.fixture
def judged():
    """Makes an assessment of the cohort `b`; fields of it and of its facts are changed by name."""
    def make(facts=None, **changes):
        known = CohortFacts("2026-11-28 10:00:00", "input/b", "f", "l", "n", "r", 5, (), (),
                            {"checked": ["files", "array"], "unchecked": [], "same_ids": 0, "limit": 8})
        gap = Comparison(Change.WORSE, Estimate(-0.15, -0.3, -0.01, 0.04), 80, (-0.29, -0.02), 0.2)
        whole = ExternalAssessment("b", dataclasses.replace(known, **facts or {}), ("wildtype", "mutant"),
                                   pd.DataFrame(), _figures(0.8), _figures(0.65), 0.4321, gap,
                                   pd.DataFrame(columns=["cohort"]), SHIFT, 2, 1, True,
                                   pd.DataFrame(columns=["model"]), _looks())
        return dataclasses.replace(whole, **changes)
    return make


def _line(judged, heading):
    return dict(external_lines(judged))[heading]


def test_every_heading_stands_once_and_no_sentence_ends_with_a_full_stop(judged):
    lines = external_lines(judged())
    headings = [heading for heading, _ in lines]
    assert len(headings) == len(set(headings)) == 10 and not [text for _, text in lines if text.endswith(".")]


def test_outside_are_the_cohorts_cases_by_its_own_name_of_the_positive_class(judged):
    text = _line(judged(), "outside")
    assert text.startswith("40 cases of b, 20 mutant: better than chance: AUC 0.650 (")
    assert "label" not in text and "Left out" not in text and "phantom" not in text


@pytest.mark.parametrize(("cases", "text"), [
    (("a",), ". 1 case without a label is predicted and not judged (unlabelled.csv)"),
    (("a", "b"), ". 2 cases without a label are predicted and not judged (unlabelled.csv)")])
def test_cases_without_a_label_are_counted(judged, cases, text):
    assert text in _line(judged({"without_label": cases}), "outside")


def test_left_out_cases_are_named_and_a_phantom_says_what_is_possible(judged):
    text = _line(judged({"leave_out": ("a", "b"), "ceiling": 0.91234}), "outside")
    assert "Left out by hand: a, b" in text and text.endswith("no method does better than 0.912")


def test_the_threshold_has_its_shares_outside_first(judged):
    few = _figures(0.65, sensitivity=share_of(np.zeros(0, bool)))
    text = _line(judged(outside=few), "threshold")
    assert text.startswith("frozen at 0.432, from the run's own folds: sensitivity not known, specificity 0.500 (")
    assert "inside, at those of the other folds: sensitivity 0.750 (" in text and "3 of 4)" in text
    assert text.endswith("outside their mean, which is less extreme: a part of the difference may be that")


def test_a_calibration_that_cannot_be_fitted_says_so(judged):
    broken = _figures(0.65, calibration=Calibration(NONE, NONE, Estimate(0.2, 0.0, 0.4, 0.05)))
    text = _line(judged(outside=broken), "calibration")
    assert text.startswith("slope cannot be fitted, intercept cannot be fitted, in the large 0.200 (0.000 to 0.400); ")
    assert "inside: slope 0.800 (0.500 to 1.100), intercept 0.100 (-0.200 to 0.400)" in text


def test_groups_are_those_of_the_other_cohort_and_small_ones_have_no_area(judged):
    groups = pd.DataFrame([
        {"cohort": "inside", "by": "sex", "group": "F", "cases": 9, "too_small": False, "auc": 0.9, "low": 0.8,
         "high": 1.0},
        {"cohort": "b", "by": "sex", "group": "F", "cases": 30, "too_small": False, "auc": 0.7, "low": 0.5,
         "high": 0.9},
        {"cohort": "b", "by": "sex", "group": "M", "cases": 5, "too_small": True, "auc": np.nan, "low": np.nan,
         "high": np.nan}])
    assert _line(judged(groups=groups), "groups") == (
        "sex F, 30 cases: AUC 0.700 (0.500 to 0.900); sex M, 5 cases: too few")


@pytest.mark.parametrize("cohort", ["inside", None])
def test_a_cohort_without_patients_has_no_groups_whatever_is_known_inside(judged, cohort):
    groups = pd.DataFrame({"cohort": [cohort] if cohort else []})
    assert _line(judged(groups=groups), "groups") == (
        "site, sex and age are not known: the data set has no patients.csv")


def test_the_three_largest_shifts_are_named_in_words_and_only_numbers_are_tested(judged):
    text = _line(judged(), "shift")
    assert text.startswith("2 of 3 numbers of geometry, intensity and patients differ")
    assert text.endswith("1 of 4 fields have a stability index that is by 0.25 or more above chance, the largest "
                         "age (3.00), FLAIR noise (2.00), T1w rows (1.00)")


def test_intensities_that_nobody_compared_are_said_and_no_field_is_the_largest_of_none(judged):
    text = _line(judged(shift=SHIFT.iloc[:0], intensities=False, changed=0, large=0), "shift")
    assert text.startswith("0 of 0 numbers") and text.endswith("above chance. Raw intensities were not compared")


def test_models_without_images_have_their_areas_on_both_sides(judged):
    table = pd.DataFrame([{"model": "planes", "inside_auc": 0.61, "outside_auc": 0.5}])
    assert _line(judged(image_free=table), "no image") == (
        "models without images, trained inside: planes AUC 0.610 inside, 0.500 outside")
    assert _line(judged(), "no image").startswith("not checked: ")


def test_ways_that_were_not_compared_and_equal_ids_are_said_of_an_overlap(judged):
    assert _line(judged(), "overlap") == (
        "nobody is in both cohorts by hashes of files, hashes of arrays (up to 8 bits of 256)")
    facts = {"overlap": {"checked": ["files"], "unchecked": ["patient", "weights"], "same_ids": 3, "limit": 8}}
    assert _line(judged(facts), "overlap").endswith(
        "; not checked: names (patients.csv), what the initial weights have seen (saw.csv); 3 case ids are in both, "
        "which alone means nothing")


@pytest.mark.parametrize(("changes", "text"), [
    ({}, "look 3 of 3 at this cohort, by 2 runs"), ({"runs": 1}, "look 3 of 3 at this cohort, by 1 run"),
    ({"number": 0}, "this look is not on record at this cohort, by 2 runs"),
    ({"judged": 1, "number": 1}, "look 1 of 1 at this cohort, by 2 runs; 2 refused for an overlap"),
    ({"intact": False}, "look 3 of 3 at this cohort, by 2 runs; the record was changed after it was written")])
def test_a_look_has_its_number_and_a_record_that_was_changed_is_not_believed(changes, text):
    assert looks_sentence(_looks(**changes)) == text


def test_the_sentence_for_claim_has_both_intervals_with_the_sign_of_the_gap(judged):
    assert claim_sentence(judged()) == (
        "b: 40 cases, AUC 0.650 (0.550 to 0.750), outside less inside -0.150 (-0.300 to -0.010); "
        "look 3 of 3 at this cohort, by 2 runs")


def test_a_cohort_that_other_networks_predicted_names_the_command(judged):
    assert stale_sentence("a", "b").endswith("validate again: python scripts/validate.py a --data FOLDER")


def test_the_table_of_measures_has_both_sides_and_an_interval_where_there_is_one(judged):
    table = measures_table(judged()).set_index("measure")
    assert list(table.columns) == ["inside", "inside_low", "inside_high", "outside", "outside_low", "outside_high"]
    assert table.loc["AUC"].tolist() == pytest.approx([0.8, 0.7, 0.9, 0.65, 0.55, 0.75])
    assert table.loc["sensitivity", "inside"] == 0.75 and table.loc["specificity", "outside"] == 0.5
    assert table.loc["Brier score", ["inside", "outside"]].tolist() == [0.21, 0.21]
    assert table.loc["Brier score"].isna().sum() == 4
