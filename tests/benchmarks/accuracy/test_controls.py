"""The three controls fail where the judge would: a control that cannot fail proves nothing."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import controls
from benchmarks.accuracy.control_figures import Bar, controls_png
from radiogen.evaluation.audit.confounds import Conclusion
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.phantom.data_set import PhantomSettings, phantom_cases

LABELS = np.arange(160) % 2 == 1
FOLDS = np.arange(160) // 32
SETTINGS = PhantomSettings(cases=40, test_cases=0, effect=0.0, seed=5)


def judged(shift: float, words: tuple[str, ...], within_p: float = 0.5, ceiling: float | None = 0.95):
    """A phantom whose scores differ by `shift` deviations, and a judge that says `words`."""
    scores = np.random.default_rng(1).normal(size=160) + shift * LABELS
    within = pd.DataFrame([{"auc": 0.5, "low": 0.4, "high": 0.6, "p": within_p}])
    return controls.Judged("x", LABELS, scores, SimpleNamespace(outcomes=words, within_planes=within), ceiling)


def holds(facts) -> list[bool]:
    return [bool(fact.holds) for fact in facts]


def test_a_signal_has_to_be_called_better_be_nearly_all_and_not_be_explained():
    assert holds(controls.signal_facts(judged(3, (Outcome.BETTER, Conclusion.ABOVE_BASELINE)))) == [True, True, True]
    assert holds(controls.signal_facts(judged(3, (Outcome.UNCLEAR, Conclusion.ABOVE_BASELINE)))) == [False, True, True]
    assert holds(controls.signal_facts(judged(1, (Outcome.BETTER, Conclusion.ABOVE_BASELINE)))) == [True, False, True]
    explained = (Outcome.BETTER, Conclusion.NOT_ABOVE_BASELINE, Conclusion.EXPLAINED)
    assert holds(controls.signal_facts(judged(3, explained))) == [True, True, False]


def test_a_judge_that_finds_something_in_nothing_five_times_or_looks_too_seldom_fails(monkeypatch):
    monkeypatch.setattr(controls, "DRAWS", 8)
    random = np.random.default_rng(2)
    nothing = [(LABELS, random.normal(size=160), FOLDS) for _ in range(8)]
    found = [(LABELS, random.normal(size=160) + 2 * LABELS, FOLDS) for _ in range(5)]
    assert holds(controls.nothing_facts(nothing)) == [True]
    assert holds(controls.nothing_facts(nothing[:3] + found)) == [False]
    assert holds(controls.nothing_facts(nothing[:7])) == [False]


def test_random_labels_are_judged_within_folds_as_a_run_is():
    apart = np.where(FOLDS < 3, LABELS, ~LABELS) + 0.0  # the label goes with the fold's level alone
    level = np.repeat([0.9, 0.1], 80)
    labels = np.random.default_rng(4).random(160) < level
    assert controls.called_better([(labels, level + 1e-3 * apart, np.arange(160) // 80)]) == [False]


def test_a_confound_has_to_be_high_explained_and_at_chance_within_planes():
    words = (Outcome.BETTER, Conclusion.NOT_ABOVE_BASELINE, Conclusion.EXPLAINED)
    assert holds(controls.confound_facts(judged(2, words))) == [True, True, True]
    assert holds(controls.confound_facts(judged(0, words))) == [False, True, True]
    assert holds(controls.confound_facts(judged(2, (Outcome.BETTER, Conclusion.ABOVE_BASELINE)))) == [True, False, True]
    assert holds(controls.confound_facts(judged(2, words, within_p=0.01))) == [True, True, False]


def test_labels_drawn_again_are_those_of_a_phantom_of_another_seed():
    drawn = controls.drawn_labels(SETTINGS, 3)
    own = phantom_cases(SETTINGS).set_index("case")["label"]
    assert set(drawn["case"]) == set(own.index) and drawn["label"].sum() == 20
    other = phantom_cases(PhantomSettings(cases=40, test_cases=0, effect=0.0, seed=SETTINGS.seed + 1003))
    assert sorted(drawn["label"]) == sorted(other["label"])
    assert not drawn.equals(controls.drawn_labels(SETTINGS, 4))


def test_a_fact_that_fails_ends_the_command_with_1_and_no_next_step(tmp_path, monkeypatch, capsys):
    nothing = [(LABELS, np.random.default_rng(number).normal(size=160), FOLDS) for number in range(3)]
    monkeypatch.setattr(controls, "judge_phantom",
                        lambda folder, name, *_: judged(3, (Outcome.UNCLEAR, Conclusion.ABOVE_BASELINE)))
    monkeypatch.setattr(controls, "judge_nothing", lambda *_: nothing)
    monkeypatch.setattr(controls, "draw", lambda path, *_: path)
    with pytest.raises(SystemExit) as end:
        controls.main(folder=tmp_path, output=tmp_path / "table.md")
    assert end.value.code == 1
    message = capsys.readouterr()
    assert "a fact does not hold" in message.err and "next:" not in message.out
    assert "| **no** |" in (tmp_path / "table.md").read_text()


def test_the_picture_is_drawn(tmp_path):
    bars = [Bar("one", 0.9, 0.8, 0.95), Bar("two", 0.6, 0.5, 0.7, True)]
    path = controls_png(tmp_path / "controls.png", (LABELS, np.linspace(0, 1, 160)), 3.0, bars * 20, bars)
    assert path.read_bytes().startswith(b"\x89PNG")
