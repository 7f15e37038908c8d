"""Two checkouts are timed in the same rounds, by the same calls, and one that cannot be timed is refused in a line."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.speed import checkouts
from benchmarks.synthetic.series_files import pattern, write_series
from radiogen.core.errors import UserError


def test_each_round_measures_both_once_and_the_ratio_is_this_over_the_other():
    order, seconds = [], {"this": iter((3.0, 8.0, 1.0)), "other": iter((2.0, 4.0, 1.0))}

    def measured(name):
        order.append(name)
        return next(seconds[name])
    ratios, others = checkouts.race({name: lambda name=name: measured(name) for name in seconds}, rounds=3, seed=1)
    assert ratios == [1.5, 2.0, 1.0] and others == [2.0, 4.0, 1.0]
    assert all({*order[number:number + 2]} == {"this", "other"} for number in (0, 2, 4))


@pytest.mark.parametrize("task", checkouts.TASKS)
def test_a_reader_answers_with_the_seconds_of_a_call_of_its_own_checkout(tmp_path, task):
    write_series(tmp_path / "a series", pattern((5, 12, 10)))
    with checkouts._reader(checkouts.HERE) as read:
        assert 0 < read(task, tmp_path / "a series", 2) < 60


def test_a_reader_refuses_a_folder_that_holds_no_package(tmp_path):
    with pytest.raises(UserError, match="its reader ended with"), checkouts._reader(tmp_path) as read:
        read("volume", tmp_path, 1)


@pytest.mark.parametrize(("arguments", "remedy"), [
    (["--other", "nowhere"], "git worktree add"), (["--other", ".", "--folder", "nowhere"], "hold the files of one"),
    (["--other", ".", "--epochs", "1"], "two epochs"), (["--other", ".", "--rounds", "0"], "one round")])
def test_what_cannot_be_timed_is_refused_in_a_line(arguments, remedy):
    root = Path(checkouts.__file__).resolve().parents[2]
    end = subprocess.run([sys.executable, checkouts.__file__, *arguments], cwd=root, capture_output=True, text=True)
    assert end.returncode == 2 and remedy in end.stderr and "Traceback" not in end.stderr
