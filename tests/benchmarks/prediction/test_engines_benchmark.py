"""The table of engines: ratios are to the first contestant of the same round; who cannot start is named."""

import sys
from types import SimpleNamespace

import pytest

from benchmarks.prediction import engines as prediction
from benchmarks.prediction.contestant import Predictor
from benchmarks.processes import started
from radiogen.core.errors import UserError


def _predictor(name, engine="keras"):
    return Predictor(name, engine, "resnet10", 16, 1, 4, "average", "w.weights.h5")


def test_ratios_are_the_median_over_rounds_of_the_first_ones_seconds_over_the_others():
    first, other = _predictor("first"), _predictor("other")
    running = {each: SimpleNamespace(peak=1.5e9, facts={"start": 2.0, "processor": 3.0}) for each in (first, other)}
    rows = prediction._rows(running, {first: [1.0, 2.0, 4.0], other: [0.5, 0.5, 2.0]})
    assert rows[0].startswith("| first | 2 (1.5-3) | 1 | 1.50 | 2.0 | 3.0 |")
    assert rows[1].startswith("| other | 8 (5-8) | **2.00** (2-3) |")


@pytest.mark.slow
def test_a_contestant_that_does_not_start_is_named_with_its_last_words():
    with pytest.raises(UserError, match="nobody: did not start: .*Error"), \
            started(prediction.CONTESTANT, _predictor("nobody", "none such"), sys.executable):
        pass


def test_every_engine_predicts_the_same_network_and_size(tmp_path, monkeypatch):
    monkeypatch.setattr(prediction.subprocess, "run", lambda *_, **__: None)
    made = prediction.predictors("isotropic-3d", ("MONAI", "openvino"), tmp_path)
    assert [each.engine for each in made] == ["MONAI", "openvino"]
    assert {(each.architecture, each.size, each.channels, each.batch) for each in made} == {("resnet10", 96, 2, 8)}


@pytest.mark.slow
def test_the_benchmark_runs_and_names_the_peer_that_is_not_here(capsys):
    prediction.main(rounds=2, steps=1, cases=("isotropic-3d",), engines=("keras", "frozen"), small=True)
    text = capsys.readouterr().out
    assert "| Keras | " in text and "| TensorFlow, constant graph | " in text
