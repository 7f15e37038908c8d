"""A plan's runs are train.py's; its cost is measured by sessions, and assumed before there is one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from radiogen.core.errors import UserError
from radiogen.kaggle.kernel_sessions import Quota, log_text, reason_in_log
from radiogen.kaggle.training import estimate
from radiogen.kaggle.training.plan import TrainingPlan, default_title, planned_runs
from radiogen.kaggle.training.record import Record, Session

from ..small_run import RECIPE

QUOTA = Quota(30.0, 10.0, 2.0, datetime(2026, 12, 5, tzinfo=UTC))
RUNS = {"run": RECIPE.replace(epochs=36, folds=5)}


def _plan(**fields):
    return TrainingPlan("somebody", "Radiogen train small", **{"recipes": ("isotropic-3d",), **fields})


def test_runs_have_the_names_and_recipes_that_training_here_would_have():
    runs = planned_runs(_plan(seeds=3, options=("--epochs", "7"), data=Path("input/nowhere")))
    assert list(runs) == ["nowhere-isotropic-3d", "nowhere-isotropic-3d-seed-43", "nowhere-isotropic-3d-seed-44"]
    assert {recipe.optimisation.epochs for recipe in runs.values()} == {7}
    assert {recipe.seed_of_split for recipe in runs.values()} == {42}


@pytest.mark.parametrize(("fields", "message"), [
    ({"hours": 13.0}, "--hours 13.0: is no length of a session at Kaggle; give 0.5 to 12"),
    ({"options": ("--weights", "imagenet.h5")}, "a file of weights is not carried to Kaggle"),
    ({"recipes": ("nix",)}, "nix"),
])
def test_what_cannot_be_trained_there_is_refused_before_anything_is_pushed(fields, message):
    with pytest.raises(UserError) as error:
        planned_runs(_plan(**fields))
    assert message in str(error.value)


def test_a_title_that_kaggle_would_not_take_is_refused():
    with pytest.raises(UserError, match="give one of 5 to 44"):
        planned_runs(TrainingPlan("somebody", "M" * 45, ("isotropic-3d",)))
    assert len(default_title(("isotropic-3d",) * 9)) <= 44


def test_before_any_session_the_estimate_says_that_nothing_is_measured(monkeypatch):
    monkeypatch.setattr(estimate, "assumed_epoch", lambda recipe, cases: 100.0)
    cost = estimate.estimate(RUNS, Record({}), QUOTA, 9.0)
    assert (cost.folds, cost.gpu_hours, cost.sessions, cost.measured) == (5, 2.5, 2, False)
    text = estimate.estimate_text(cost, QUOTA, Record({}))
    assert "18.0 of 30 hours left this week, renewed on 2026-12-05" in text and "not measured on one" in text


def test_after_a_session_its_epochs_count_and_weeks_where_the_quota_is_too_small():
    result = {"done": False, "folds": {"run": {"trained": ["0"], "left": ["1", "2", "3", "4"]}},
              "seconds": {"epoch": 3600.0}}
    record = Record({}, sessions=(Session(1, "train", "a/b", 9.0, 0, 1, "complete", result=result),))
    cost = estimate.estimate(RUNS, record, QUOTA, 9.0)
    assert (cost.folds, cost.gpu_hours, cost.measured, cost.days) == (4, 72.0, True, 14)


def test_the_arithmetic_of_a_network_is_that_of_its_layers():
    from radiogen.networks.arithmetic import multiply_adds
    from radiogen.networks.backend import keras

    layers = [keras.Input((4, 4, 4, 2)), keras.layers.Conv3D(3, 3, strides=2, padding="same"),
              keras.layers.GlobalAveragePooling3D(), keras.layers.Dense(2)]
    assert multiply_adds(keras.Sequential(layers)) == 2**3 * 3**3 * 2 * 3 + 3 * 2


@pytest.mark.parametrize(("log", "reason"), [
    ("", ""), ("one\ntwo\n", "two"),
    ("Traceback\nValueError: no\nconverted\n", "ValueError: no"),
    ("error: a: b; c\nrest", "error: a: b; c"),
])
def test_the_reason_is_the_last_line_that_names_an_error(log, reason):
    assert reason_in_log(log) == reason


def test_kaggles_log_of_pieces_becomes_text_without_colours():
    assert log_text('[{"data": "\\u001b[31ma"}, {"data": "b\\n"}]') == "ab\n" and log_text("plain") == "plain"
