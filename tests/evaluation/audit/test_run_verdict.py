"""A run is called better only where nothing forbids it; whatever was not looked at is named."""

import numpy as np
import pytest

from radiogen.evaluation.audit.confounds import Conclusion
from radiogen.evaluation.audit.finding_text import unseen_sentence
from radiogen.evaluation.audit.findings import POLICY, Check, Code, ReviewFinding, Severity
from radiogen.evaluation.audit.run_verdict import Tone, judge_run
from radiogen.evaluation.stats.label_permutation import permutation_test
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.evaluation.wording import run_verdict_sentence

ALARMS = [code for code, (severity, _) in POLICY.items() if severity is Severity.ALARM]
UNSEEN = "every patient was scored by networks that had not seen that patient"


def _judged(*codes, by_numbers=Outcome.BETTER, holdout=None, conclusions=(), permutations=()):
    return judge_run(by_numbers, holdout, conclusions, [ReviewFinding(code) for code in codes], permutations)


@pytest.mark.parametrize("code", ALARMS)
def test_no_alarm_leaves_a_run_better_than_chance(code):
    said = _judged(code)
    assert said.outcome is Outcome.NOT_ESTABLISHED and said.tone is Tone.POOR
    assert f"Alarm of the leakage review: {POLICY[code][1]}" in run_verdict_sentence(said)
    if POLICY[code][1] is not Check.LOOKS:  # how often one has looked says nothing of what a network has seen
        assert UNSEEN not in unseen_sentence([ReviewFinding(code)])


@pytest.mark.parametrize("outcome", [Outcome.UNCLEAR, Outcome.WORSE])
def test_an_alarm_makes_no_run_better_than_its_numbers(outcome):
    said = _judged(Code.PATIENT_TWICE, by_numbers=outcome)
    assert said.outcome is outcome and said.tone is not Tone.GOOD and "patients" in run_verdict_sentence(said)


@pytest.mark.parametrize(("draws", "reached"), [(19, 0), (19, 1), (99, 4), (99, 5), (9, 0)])
def test_a_p_of_the_trained_permutations_above_005_forbids_better(draws, reached):
    areas = np.where(np.arange(draws) < reached, 0.9, 0.5)
    said = _judged(permutations=[permutation_test("folds", areas, 0.8)])
    assert (said.tone is Tone.GOOD) == ((1 + reached) / (1 + draws) <= 0.05)
    assert ("labels permuted within folds" in run_verdict_sentence(said)) == (said.tone is not Tone.GOOD)


def test_permuted_labels_that_train_better_than_chance_forbid_better_however_much_better_the_run_is():
    base, draws = np.full(19, 0.6), np.random.default_rng(0).normal(0, 0.05, 19)
    said = _judged(permutations=[permutation_test("folds", base + draws - draws.mean(), 0.99)])
    assert said.tone is Tone.POOR and "labels of scored cases leak into training" in run_verdict_sentence(said)
    within_planes = _judged(permutations=[permutation_test("planes", base + draws - draws.mean(), 0.99)])
    assert within_planes.tone is Tone.GOOD  # labels that go with the plane keep doing so


def test_a_run_that_needs_cases_a_network_may_have_seen_is_not_called_better():
    for without, tone in ((None, Tone.GOOD), (Outcome.BETTER, Tone.GOOD), (Outcome.UNCLEAR, Tone.POOR)):
        said = judge_run(Outcome.BETTER, None, (), [ReviewFinding(Code.NEAR_PIXELS_ACROSS)], (), without)
        assert said.tone is tone
        assert ("Without the cases that a network may have seen" in run_verdict_sentence(said)) == (without is not None)


def test_a_holdout_that_is_worse_than_chance_forbids_better_and_an_unclear_one_does_not():
    assert _judged(holdout=Outcome.WORSE).outcome is Outcome.NOT_ESTABLISHED
    assert _judged(holdout=Outcome.UNCLEAR).tone is Tone.GOOD


def test_what_the_acquisition_explains_is_not_green():
    assert _judged(conclusions=(Conclusion.NOT_ABOVE_BASELINE, Conclusion.EXPLAINED)).tone is Tone.POOR
    assert _judged(conclusions=(Conclusion.NOT_ABOVE_BASELINE,)).tone is Tone.GOOD


def test_what_was_not_checked_is_named_and_forbids_nothing():
    said = judge_run(Outcome.BETTER, None, None, [ReviewFinding(Code.PIXELS_UNCHECKED)], ())
    assert said.unchecked == ("pixels", "models without images", "trained label permutations")
    assert said.tone is Tone.GOOD and run_verdict_sentence(said).endswith(", ".join(said.unchecked))


def test_networks_are_called_new_to_their_patients_only_as_far_as_that_was_checked():
    assert unseen_sentence([ReviewFinding(Code.PATIENTS_APART), ReviewFinding(Code.HOLDOUT_SCORED_AGAIN)]).startswith(
        f"By every check that was made (patients), {UNSEEN}")
    part = unseen_sentence([ReviewFinding(Code.PATIENTS_APART), ReviewFinding(Code.PIXELS_UNCHECKED)])
    assert part.startswith(f"As far as it was checked, {UNSEEN}") and part.endswith("not checked: pixels.")
    assert UNSEEN not in unseen_sentence([ReviewFinding(Code.NEAR_PIXELS_ACROSS)])
