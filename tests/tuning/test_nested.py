"""What scores a fold was chosen and trained without it, and a search that was killed goes on as if it had not been."""

import json

import numpy as np
import pandas as pd
import pytest

from radiogen.tuning.nested import ALL, inner_split, outer_folds, search_fold
from radiogen.tuning.search import best_of, kept_trials, run_search
from radiogen.tuning.space import Choices
from tests.tuning.toy import Learner, inner_halves, made_cases, made_plan
from tests.warm_commands import ROOT, run_python

pytest.importorskip("optuna", reason='tuning needs Optuna: pip install "radiogen[tune]"')


def test_no_training_of_a_search_sees_a_case_of_its_outer_fold_or_of_the_holdout():
    cases, features = made_cases()
    for outer in outer_folds(cases):
        learner = Learner(features)
        found = search_fold(cases, outer, made_plan(), learner, inner_halves)
        away = set(cases.loc[cases["fold"].isin([outer, "holdout"]), "case"])
        for training in learner.asked:
            trained, scored = set(training.training["case"]), set(training.scored["case"])
            assert not trained & away and not trained & scored
            if training.place[-1].startswith("inner"):
                assert not scored & away
        assert found.cases == len(cases) - len(away)


def test_the_outer_fold_is_scored_once_by_the_best_trial_trained_on_all_cases_of_the_search():
    cases, features = made_cases()
    learner = Learner(features)
    found = search_fold(cases, "1", made_plan(), learner, inner_halves)
    last = learner.asked[-1]
    assert last.parameters == best_of(found.trials).parameters and len(last.training) == found.cases
    assert set(found.scored["case"]) == set(cases.loc[cases["fold"] == "1", "case"])
    assert sum(len(one.training) == found.cases for one in learner.asked) == 1


def test_the_last_search_has_the_cases_of_all_folds_and_scores_none_of_them():
    cases, features = made_cases()
    found = search_fold(cases, ALL, made_plan(), Learner(features), inner_halves)
    assert found.scored is None and found.auc is None and found.cases == (cases["fold"] != "holdout").sum()


def test_a_signal_in_one_column_is_found_and_holds_in_the_outer_fold():
    cases, features = made_cases(effect=4.0)
    found = search_fold(cases, "0", made_plan(trials=20), Learner(features), inner_halves)
    assert found.chosen.parameters["column"] == 3 and found.chosen.score > 0.95 and found.auc > 0.95


def _trials(found):
    return [(one.number, one.parameters, one.scores, one.pruned) for one in found.trials]


@pytest.mark.parametrize("killed_at", [1, 14])
def test_a_killed_search_that_is_run_again_makes_the_trials_of_one_that_was_not(tmp_path, killed_at):
    cases, features = made_cases()
    whole = search_fold(cases, "0", made_plan(trials=9), Learner(features), inner_halves)
    with pytest.raises(KeyboardInterrupt):
        search_fold(cases, "0", made_plan(trials=9), Learner(features, killed_at), inner_halves,
                    study=tmp_path / "study.db")
    again = search_fold(cases, "0", made_plan(trials=9), Learner(features), inner_halves, study=tmp_path / "study.db")
    assert _trials(again) == _trials(whole)
    pd.testing.assert_frame_equal(again.scored, whole.scored)


KILLED = """
import os, signal, sys
from radiogen.tuning.nested import search_fold
from tests.tuning.toy import Learner, inner_halves, made_cases, made_plan

class Killed(Learner):
    def __call__(self, training):
        if len(self.asked) == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(training)

cases, features = made_cases()
search_fold(cases, "0", made_plan(), Killed(features), inner_halves, study=__import__("pathlib").Path(sys.argv[1]))
"""


def test_a_process_that_the_system_kills_leaves_whole_trials_alone(tmp_path):
    cases, features = made_cases()
    end = run_python("-c", KILLED, tmp_path / "study.db", cwd=ROOT)
    assert end.returncode == -9 and 3 <= kept_trials(tmp_path / "study.db") < 8
    again = search_fold(cases, "0", made_plan(), Learner(features), inner_halves, study=tmp_path / "study.db")
    assert _trials(again) == _trials(search_fold(cases, "0", made_plan(), Learner(features), inner_halves))


def test_a_search_that_is_done_trains_nothing_but_the_chosen_parameters(tmp_path):
    cases, features = made_cases()
    search_fold(cases, "0", made_plan(), Learner(features), inner_halves, study=tmp_path / "study.db")
    learner = Learner(features)
    search_fold(cases, "0", made_plan(), learner, inner_halves, study=tmp_path / "study.db")
    assert len(learner.asked) == 1 and kept_trials(tmp_path / "study.db") == 8


def test_a_trial_does_not_depend_on_how_many_follow_it(tmp_path):
    cases, features = made_cases()
    few = search_fold(cases, "0", made_plan(trials=4), Learner(features), inner_halves, study=tmp_path / "study.db")
    more = search_fold(cases, "0", made_plan(trials=9), Learner(features), inner_halves, study=tmp_path / "study.db")
    assert _trials(more)[:4] == _trials(few) and len(more.trials) == 9


def test_parameters_that_are_drawn_again_are_not_trained_again():
    cases, features = made_cases()
    learner = Learner(features)
    space = {"column": Choices((1, 2)), "slope": Choices((1.0,))}
    found = search_fold(cases, "0", made_plan(space=space, prune=False), learner, inner_halves)
    assert len(found.trials) == 8 and len(learner.asked) == 2 * 2 + 1


def test_outer_folds_draw_other_trials():
    cases, features = made_cases()
    one, other = (search_fold(cases, fold, made_plan(), Learner(features), inner_halves) for fold in ("0", "1"))
    assert [each.parameters for each in one.trials] != [each.parameters for each in other.trials]


def test_every_trial_has_the_same_inner_folds_and_seeds():
    cases, features = made_cases()
    learner = Learner(features)
    search_fold(cases, "0", made_plan(prune=False), learner, inner_halves)
    inner = [one for one in learner.asked if one.place[-1].startswith("inner")]
    for fold in (0, 1):
        own = [one for one in inner if one.place[-1] == f"inner-{fold}"]
        assert len(own) == 8 and len({(tuple(one.scored["case"]), one.seed) for one in own}) == 1
    assert len({one.place for one in learner.asked}) == len(learner.asked)


def test_inner_folds_differ_from_one_outer_fold_to_another():
    cases, _ = made_cases()
    first, second = (inner_split(cases, fold, (42,), inner_halves).set_index("case")["fold"] for fold in ("0", "1"))
    both = first.index.intersection(second.index)
    assert (first[both] != second[both]).any()


def test_the_first_trial_has_the_parameters_that_one_begins_with():
    cases, features = made_cases()
    first = {"column": 5, "slope": 0.7}
    found = search_fold(cases, "0", made_plan(first=first), Learner(features), inner_halves)
    assert found.trials[0].parameters == first and found.trials[1].parameters != first


def test_a_trial_that_is_worse_than_the_median_is_stopped_and_never_chosen(tmp_path):
    scores = {number: 0.9 - 0.1 * number for number in range(8)}
    asked = []

    def score(number, parameters, fold):
        asked.append((number, fold))
        return scores[number]

    trials = run_search(tmp_path / "study.db", made_plan(), score)
    assert [one.pruned for one in trials] == [False] * 5 + [True] * 3
    assert (7, 0) in asked and (7, 1) not in asked and len(trials[7].scores) == 1
    assert best_of(trials).number == 0
    assert run_search(tmp_path / "study.db", made_plan(), score) == trials


def test_without_pruning_every_trial_is_scored_in_every_inner_fold():
    trials = run_search(None, made_plan(prune=False), lambda number, parameters, fold: 1.0 - number / 10)
    assert all(len(one.scores) == 2 for one in trials)


def test_of_equal_trials_the_first_is_chosen():
    trials = run_search(None, made_plan(), lambda number, parameters, fold: 0.5)
    assert best_of(trials).number == 0


def test_values_that_are_lists_come_back_as_they_were_given(tmp_path):
    plan = made_plan(trials=3, space={"flips": Choices(((), ("left-right",), None, 2, True))})
    trials = run_search(tmp_path / "study.db", plan, lambda number, parameters, fold: 0.5)
    again = run_search(tmp_path / "study.db", plan, lambda number, parameters, fold: 0.5)
    assert trials == again and all(one.parameters["flips"] in ((), ("left-right",), None, 2, True) for one in trials)
    json.dumps([one.parameters for one in trials])


def test_the_mean_of_the_inner_folds_is_the_score_of_a_trial():
    trial = run_search(None, made_plan(trials=1), lambda number, parameters, fold: (0.4, 0.8)[fold])[0]
    assert trial.scores == (0.4, 0.8) and np.isclose(trial.score, 0.6)
