"""The recipe itself is kept unless a trial is better by more than chance."""

import numpy as np
import pandas as pd
import pytest

from radiogen.tuning.choice import is_better, paired_difference
from radiogen.tuning.nested import search_fold
from radiogen.tuning.search import best_of
from tests.tuning.toy import Learner, inner_halves, made_cases, made_plan

LABELS = np.arange(80) % 2


def table(scores, labels=LABELS):
    return pd.DataFrame({"label": labels, "probability": scores})


def test_a_trial_that_knows_the_label_is_better_than_noise_and_noise_not_than_noise():
    random = np.random.default_rng(0)
    noise, other = (table(random.normal(size=80)) for _ in range(2))
    knowing = table(LABELS + 0.5 * random.normal(size=80))
    assert is_better([noise], [knowing]) and not is_better([knowing], [noise])
    assert not is_better([noise], [other]) and not is_better([noise], [noise])


def test_noise_is_called_better_than_noise_in_a_fortieth():
    random = np.random.default_rng(1)
    called = [is_better(*([table(random.normal(size=80)) for _ in range(3)] for _ in range(2))) for _ in range(400)]
    assert 0.005 < np.mean(called) < 0.06


def test_the_variance_is_that_of_many_data_sets():
    random = np.random.default_rng(2)

    def drawn():
        common = random.normal(size=80)
        return [table(effect * LABELS + common + random.normal(size=80)) for effect in (0.5, 1.0)]

    gaps, variances = zip(*[paired_difference(*drawn()) for _ in range(400)], strict=True)
    assert np.mean(variances) == pytest.approx(np.var(gaps), rel=0.25)


def test_the_difference_is_that_of_the_aucs_and_ties_count_half():
    itself, other = table([0.2, 0.2, 0.1, 0.9], [0, 1, 0, 1]), table([0.9, 0.2, 0.1, 0.9], [0, 1, 0, 1])
    assert paired_difference(itself, other)[0] == pytest.approx((0.5 + 1 + 0 + 1) / 4 - (0.5 + 1 + 1 + 1) / 4)


def test_where_a_fold_has_one_case_of_a_class_nothing_is_better():
    labels = np.array([1, 0, 0, 0])
    assert not is_better([table([0.1, 0.2, 0.3, 0.4], labels)], [table([0.9, 0.2, 0.3, 0.4], labels)])


def test_a_search_keeps_what_it_began_with_where_the_best_is_ahead_by_luck(tmp_path):
    cases, features = made_cases(count=120)
    plan, study = made_plan(trials=12, first={"column": 7, "slope": 0.7}), tmp_path / "study.db"
    learner = Learner(features)
    found = search_fold(cases, "0", plan, learner, inner_halves, study=study)
    assert best_of(found.trials).score > found.trials[0].score and found.chosen is found.trials[0]
    assert learner.asked[-1].parameters == plan.first, "the outer fold is scored by what was kept"
    again = search_fold(cases, "0", plan, Learner(features), inner_halves, study=study)
    assert again.chosen == found.chosen, "also where the trials were kept, and not made again"


def test_a_search_leaves_what_it_began_with_where_a_trial_is_better():
    cases, features = made_cases(count=120, effect=4.0)
    found = search_fold(cases, "0", made_plan(trials=20, first={"column": 5, "slope": 0.7}), Learner(features),
                        inner_halves)
    assert found.chosen == best_of(found.trials) and found.chosen.parameters["column"] == 3 and found.auc > 0.95
