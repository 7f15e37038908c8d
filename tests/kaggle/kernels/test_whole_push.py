"""A submission that an earlier command began is gone on with where it is of the same networks, and of no others."""

import pytest

from radiogen.core import files
from radiogen.kaggle.kernels import push, whole_push
from radiogen.kaggle.kernels.kernel import Names
from radiogen.kaggle.kernels.session import MANIFEST

NAMES = Names("somebody", "Radiogen inference")
WEIGHTS = "fold-0/model.weights.h5"


@pytest.fixture
def begun(tmp_path, monkeypatch):
    """A push of one run, and what would be submitted of it; networks count as checked."""
    files.write_text(tmp_path / "models" / "a" / WEIGHTS, "numbers")
    digest = files.sha256(tmp_path / "models" / "a" / WEIGHTS)
    bundle = tmp_path / "out" / "dataset"
    files.write_json(bundle / MANIFEST, {"runs": {"a": {WEIGHTS: {"sha256": digest}, "run.json": {"sha256": "0"}}}})
    files.write_json(tmp_path / "out" / whole_push.PUSHES, {
        "kernel": NAMES.kernel, "version": 7, "runs": whole_push._runs_hash(bundle)})
    monkeypatch.setattr(whole_push, "check_runs", lambda models, runs: None)
    monkeypatch.setattr(push, "submit", lambda api, names, version, note, output: (names.kernel, version, note))
    return tmp_path


def _resumed(place, runs=("a",), names=NAMES):
    return whole_push.resume_submission(None, place / "models", runs, names, "note", place / "out")


def test_the_version_that_was_pushed_is_submitted_and_nothing_is_built(begun):
    assert _resumed(begun) == (NAMES.kernel, 7, "note")


def test_a_network_that_was_trained_again_since_is_a_new_push(begun):
    files.write_text(begun / "models" / "a" / WEIGHTS, "other numbers")
    assert _resumed(begun) is None


def test_other_runs_another_kernel_or_another_bundle_are_a_new_push(begun):
    assert _resumed(begun, runs=("a", "b")) is None
    assert _resumed(begun, names=Names("somebody", "Another title")) is None
    files.write_json(begun / "out" / "dataset" / MANIFEST, {"runs": {"a": {}}})
    assert _resumed(begun) is None


@pytest.mark.parametrize(("version", "status", "again"), [(7, "complete", False), (6, "complete", True),
                                                          (7, "pending", True)])
def test_a_push_that_was_scored_is_not_gone_on_with(begun, version, status, again):
    files.write_json(begun / "out" / push.PUSHED, {"version": version, "status": status})
    assert (_resumed(begun) is not None) == again


def test_where_nothing_was_pushed_nothing_is_gone_on_with(tmp_path):
    assert _resumed(tmp_path) is None
