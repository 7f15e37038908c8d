"""A fold is held, not the run; whoever waits says at once for which fold and which process."""

import multiprocessing
import os
import threading
import time

import pytest

from radiogen.core import files
from radiogen.runs import fold_locks

FORK = multiprocessing.get_context("fork")


def _hold(how, run, fold, begun, may_end):
    with how(run, fold):
        begun.set()
        may_end.wait(60)


@pytest.fixture
def train(tmp_path):
    """Have another process hold a fold of the run `a`; returns its number and what lets it end."""
    begun = []

    def call(fold, how=fold_locks.hold_fold):
        ready, may_end = FORK.Event(), FORK.Event()
        process = FORK.Process(target=_hold, args=(how, tmp_path / "a", fold, ready, may_end))
        process.start()
        assert ready.wait(20)

        def end():
            may_end.set()
            process.join()

        begun.append(process)
        return process, end

    yield call
    for process in begun:
        process.kill()
        process.join()


def test_two_processes_hold_two_folds_and_the_run_is_free(tmp_path, train, capsys):
    train("1")
    began = time.monotonic()
    with fold_locks.hold_fold(tmp_path / "a", "0"), files.working_folder(tmp_path / "a"):
        assert sorted(fold_locks.fold_holders(tmp_path / "a")) == ["0", "1"]
    assert time.monotonic() - began < 20 and capsys.readouterr().out == ""


@pytest.mark.parametrize("how", [fold_locks.hold_fold, fold_locks.order_fold, fold_locks.worker_fold])
def test_a_fold_in_training_is_left_out_of_those_that_are_free_and_reported(tmp_path, train, capsys, how):
    process, _ = train("1", how)
    with fold_locks.hold_free_folds(tmp_path / "a", ["0", "1", "2"]) as free:
        assert free == ["0", "2"]
    said = capsys.readouterr().out
    assert said.startswith(f"fold 1 of run a is being trained by process {process.pid} (")
    assert said.endswith("waiting for it to finish once the others are trained\n")
    assert not [fold for fold in ("0", "2") if fold_locks.fold_holders(tmp_path / "a", [fold])]


def test_the_folds_of_one_process_are_reported_in_one_line(tmp_path):
    with fold_locks.hold_free_folds(tmp_path / "a", ["0", "10", "2"]):
        line, = fold_locks.training_text(tmp_path / "a", fold_locks.fold_holders(tmp_path / "a"))
    assert line.startswith(f"fold 0, 2, 10 of run a are being trained by process {os.getpid()} (")


def test_a_killed_trainer_leaves_its_fold_free(tmp_path, train):
    process, _ = train("0")
    process.kill()
    process.join()
    assert fold_locks.fold_holders(tmp_path / "a") == {}
    with fold_locks.hold_free_folds(tmp_path / "a", ["0"]) as free:
        assert free == ["0"]


@pytest.mark.parametrize("how", [fold_locks.hold_fold, fold_locks.order_fold, fold_locks.worker_fold])
def test_work_on_a_run_waits_for_its_folds_and_says_so(tmp_path, train, capsys, how):
    process, end = train("1", how)
    began = time.monotonic()
    timer = threading.Timer(0.5, end)
    timer.start()
    with fold_locks.working_run(tmp_path / "a"):
        assert time.monotonic() - began > 0.4
    timer.join()
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and said.endswith("waiting for it to finish\n")
    assert said.startswith(f"fold 1 of run a is being trained by process {process.pid} (")


def test_a_run_that_nobody_trains_is_not_waited_for(tmp_path, capsys):
    with fold_locks.working_run(tmp_path / "a"):
        fold_locks.note_training(tmp_path / "b")
    assert capsys.readouterr().out == ""


def test_half_files_of_a_fold_in_training_are_not_swept_and_those_of_a_killed_one_are(tmp_path, train):
    process, _ = train("1")
    half = tmp_path / "a" / "fold-1" / f".model.weights.h5.0123{files.PART}" / "model.weights.h5"
    half.parent.mkdir()
    half.write_bytes(b"half")
    with files.working_folder(tmp_path / "a"):
        assert half.is_file()
    process.kill()
    process.join()
    with files.working_folder(tmp_path / "a"):
        assert not half.parent.exists()


def test_who_does_not_wait_says_that_older_files_are_used(tmp_path, capsys):
    with fold_locks.hold_fold(tmp_path / "a", "0"):
        fold_locks.note_training(tmp_path / "a")
    said = capsys.readouterr().out
    assert said.startswith(f"note: fold 0 of run a is being trained by process {os.getpid()} (")
    assert said.endswith(": what was there before is used\n") and said.count("\n") == 1
