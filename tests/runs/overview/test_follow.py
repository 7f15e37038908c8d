"""Whoever follows a training sees what the folds write, until nobody trains."""

import pytest

from radiogen.core import progress
from radiogen.runs.fold_locks import hold_fold
from radiogen.runs.overview import follow

from .folders import write_run


@pytest.fixture
def shown(monkeypatch):
    """The states of bars, as the display gets them."""
    states = []
    monkeypatch.setattr(progress._SCREEN, "show", states.append)
    return states


def test_a_training_is_followed_to_its_end(tmp_path, shown, monkeypatch):
    folder = write_run(tmp_path, folds={"fold-0": 3, "fold-1": 1}, trained=("fold-0",))
    holding = hold_fold(folder, "1")
    holding.__enter__()

    def go_on(seconds):
        if not (folder / "fold-1" / "model.weights.h5").exists():
            (folder / "fold-1" / "history.csv").write_text("epoch,loss,val_loss,val_auc\n1,.9,.9,.5\n2,.8,.7,.625\n")
            (folder / "fold-1" / "model.weights.h5").write_bytes(b"")
        else:
            holding.__exit__(None, None, None)

    monkeypatch.setattr(follow.time, "sleep", go_on)
    monkeypatch.setattr(progress, "STATE_SECONDS", 0.0)
    follow.follow(folder)
    last = {state.description: state for state in shown}
    assert (last["fold 1"].done, last["fold 1"].total, last["fold 1"].open) == (2, 3, False)
    assert last["fold 1"].note == "epoch 2/3  loss 0.800/0.700  AUC 0.625  trained"
    assert last["fold 0"].note.endswith("trained")


def test_a_table_that_is_being_replaced_is_no_row(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n1,0.5\n2,half")
    assert follow.last_row(tmp_path / "history.csv") == {} and follow.last_row(tmp_path / "missing.csv") == {}
