"""A forecast names time, memory and disk before a run begins, changes nothing of it, and is held against it after."""

import dataclasses
import itertools
import json

import h5py
import numpy as np
import pytest

from radiogen.arrays.stored_arrays import read_index
from radiogen.core.wording import duration, size
from radiogen.training import forecast, runs, workflow
from radiogen.training.execution.devices import Devices
from radiogen.training.forecast import Cost, compared_text, forecast_run, forecast_text


@pytest.fixture(scope="module")
def run(small_data, small_recipe, tmp_path_factory):
    """A run with its tables written and nothing trained."""
    root = tmp_path_factory.mktemp("forecast")
    return workflow.begin_run(small_data, small_recipe, root / "models" / "a", root / "cache", workers=1)


def _weights(run):
    found = {}
    with h5py.File(runs.fold_folder(run, "0") / runs.layout.WEIGHTS) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.slow
def test_a_run_with_a_forecast_has_the_weights_of_one_without(run, capsys):
    twin = dataclasses.replace(run, folder=run.folder.parent / "b")
    runs.prepare_run(twin, read_index(run.cache))
    workflow.train(run, ["0"], forecast=True)
    output = capsys.readouterr().out
    workflow.train(twin, ["0"])
    here, there = _weights(run), _weights(twin)
    assert here.keys() == there.keys() and all(np.array_equal(here[name], there[name]) for name in here)
    assert "forecast for 1 fold of 4 epochs" in output
    assert [line.split()[0] for line in output.splitlines()[-5:]] == ["forecast", "time", "memory", "disk", "while"]
    assert not list(run.folder.rglob(".*.part"))
    assert forecast_run(run, ["0"]) is None  # nothing is left to train


@pytest.mark.slow
def test_a_clock_that_jumps_while_a_fold_is_measured_does_not_reach_the_forecast(run, monkeypatch):
    hours = itertools.count(0, 3600)
    monkeypatch.setattr(forecast.time, "time", lambda: 1e9 - next(hours))
    pace = forecast.measure_fold(run, "0", Devices(), forecast.time.monotonic())
    assert 0 < pace.start < 600 and 0 < pace.epoch < 600


@pytest.mark.slow
def test_weights_and_checkpoint_take_the_disk_that_was_forecast(run):
    cost = forecast_run(run, ["1"])
    assert cost.seconds > 0 and cost.memory > 50e6
    workflow.train(run, ["1"])
    assert cost.disk == pytest.approx((runs.fold_folder(run, "1") / runs.layout.WEIGHTS).stat().st_size, rel=0.02)
    kept = json.loads((runs.fold_folder(run, "1") / "timings.json").read_text())["checkpoint_bytes"]
    assert cost.checkpoints == pytest.approx(kept, rel=0.05)


def test_what_is_too_much_for_this_machine_is_said(run):
    few = forecast_text(Cost(90, 10**6, 10**3, 10**3), run, 2).splitlines()
    assert len(few) == 2 and few[0] == "forecast for 2 folds of 4 epochs: 1 min 30 s"
    large = forecast_text(Cost(90, 10**15, 10**17, 10**3), run, 2)
    assert "take a smaller micro-batch or fewer parallel folds" in large and "has room for" in large


def test_early_stopping_is_forecast_as_the_most_it_can_take(run):
    early = dataclasses.replace(run, recipe=run.recipe.replace(early_stopping_fraction=0.2))
    assert "at most 1 min 30 s" in forecast_text(Cost(90, 1, 1, 1), early, 1)


def test_forecast_and_actual_stand_side_by_side():
    lines = compared_text(Cost(100, 10**9, 10**6, 10**6), Cost(120, 9 * 10**8, 10**6, 0)).splitlines()
    assert lines[1].split() == ["time", "1", "min", "40", "s", "2", "min", "0", "s", "+20%"]
    assert lines[2].split() == ["memory", "1.0", "GB", "900", "MB", "-10%"]


@pytest.mark.parametrize(("seconds", "words"), [
    (3.24, "3.2 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"),
    (3599.9, "1 h 0 min"), (273600, "3 d 4 h")])
def test_seconds_are_reported_in_words(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(("count", "words"), [
    (12, "12 bytes"), (310_000, "310 kB"), (5_240_000, "5.2 MB"), (999_700, "1.0 MB"), (12e9, "12 GB"),
    (3e15, "3000 TB")])
def test_bytes_are_reported_in_words(count, words):
    assert size(count) == words
