"""Cases that a network may have seen are left out, and the verdict has to hold without them."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.audit.doubtful import doubtful_cases, finding_cases, verdict_without
from radiogen.evaluation.audit.findings import Code, ReviewFinding
from radiogen.evaluation.report.assess import assess_run
from radiogen.evaluation.report.report import write_run
from radiogen.evaluation.report.standing import reliability_summary
from radiogen.evaluation.report.summary import summarise
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions
from radiogen.task import RSNA_MICCAI

from ..acquisitions import drawn_hash

TWINS = 40


def _pair(one, other):
    return [{"case": one, "fold": "0"}, {"case": other, "fold": "1"}]


def _cases(number, separation, known=0):
    """Predictions in two folds; of `known` cases the probability is the label, of others it separates so far."""
    random, labels = np.random.default_rng(2), np.arange(number) % 2
    logits = separation * (labels - 0.5) + random.normal(size=number)
    logits[:known] = 8.0 * labels[:known] - 4
    return complete(pd.DataFrame({
        "case": [f"{row:05d}" for row in range(number)], "fold": np.where(np.arange(number) // 2 % 2, "1", "0"),
        "label": pd.array(labels, "Int64"), "probability": 1 / (1 + np.exp(-logits))}))


def test_the_cases_of_pairs_and_namesakes_are_doubtful_and_no_others():
    found = [ReviewFinding(Code.NEAR_PIXELS_ACROSS, {"pairs": [_pair("a", "b"), _pair("b", "c")], "limit": 1}),
             ReviewFinding(Code.NEAR_PIXELS_WITHIN, {"pairs": [_pair("d", "e")], "limit": 1}),
             ReviewFinding(Code.FIRST_WEIGHTS_SAW_NAMESAKES, {"patients": ["f"], "run": "r"}),
             ReviewFinding(Code.PATIENTS_APART, {"patients": 40})]
    assert doubtful_cases(found) == {"a", "b", "c", "f"}
    assert finding_cases(found[0]) == ("a", "b", "c") and finding_cases(found[3]) == ()


def test_without_doubtful_cases_there_is_no_second_verdict():
    cases = _cases(40, 2)
    assert verdict_without(cases, set()) is None and verdict_without(cases, {"elsewhere"}) is None
    assert verdict_without(cases, {"00000"}).cases == 39


def _run(models, separation, known):
    """A run of 120 cases, TWINS of them copies of one another over the folds, seen before by the networks."""
    place, random = models / "r", np.random.default_rng(4)
    table = _cases(120, separation, known)
    place.mkdir(parents=True)
    write_predictions(place / "predictions.csv", table)
    RSNA_MICCAI.to_file(table[["case", "label", "fold"]]).to_csv(place / "folds.csv", index=False)
    hashes = [drawn_hash(random) for _ in range(len(table))]
    for one in range(0, TWINS, 4):  # rows 0 and 1 are of fold 0, 2 and 3 of fold 1
        hashes[one + 2], hashes[one + 3] = hashes[one], hashes[one + 1]
    pd.DataFrame({"case": table["case"], "split": "train", "sha256": [f"{row:064x}" for row in range(len(table))],
                  "perceptual_hash": hashes}).rename(columns={"case": "BraTS21ID"}).to_csv(
        place / "arrays.csv", index=False)
    return assess_run(open_predictions(models, "r"))


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    """Better than chance by the copies alone."""
    return _run(tmp_path_factory.mktemp("leaking"), 0.0, TWINS)


def test_a_run_that_is_better_by_copies_alone_is_not_green(leaking):
    assert Code.NEAR_PIXELS_ACROSS in [one.code for one in leaking.findings]
    assert leaking.verdict.by_numbers is Outcome.BETTER and leaking.outcome is Outcome.NOT_ESTABLISHED
    assert leaking.without_doubtful.cases == 120 - TWINS
    said = summarise(leaking)
    assert "cases that a network may have seen, without which it is not better" in said.reason
    assert f"Without the {TWINS} cases in question: not distinguishable from chance" in dict(said.lines)[
        "How judged"]


def test_a_run_that_is_better_without_the_copies_is_green_and_says_so(tmp_path):
    assessed = _run(tmp_path, 2.0, 0)
    assert assessed.outcome is Outcome.BETTER and assessed.without_doubtful.outcome is Outcome.BETTER


def test_what_is_said_beside_one_more_patient_leaves_the_copies_out_too(leaking):
    write_run(leaking)
    line, = [line for line in reliability_summary(leaking.run.folder, 0.5) if line.startswith("verdict:")]
    assert line.startswith("verdict: not established")
    assert "Without the cases that a network may have seen: not distinguishable from chance" in line
