"""The check of two commands at once: an order passes, a mixture does not, a refusal has to be whole."""

import pytest

from benchmarks.robustness.pairs import states, trials
from benchmarks.robustness.pairs.server import Ended
from radiogen.core import files

DONE, REFUSED = Ended(0, 0.1, 0.1, "", -1), Ended(2, 0.1, 0.1, "error: x: is gone; bring it back\n", -1)
CALLS = (("a", 0), ("b", 0))


class Writers:
    """Stands in for the server: command `a` writes A and what it finds of B, `b` the other way round."""

    def call(self, steps, folder):
        name, = steps
        other = folder / ("b" if name == "a" else "a")
        files.write_text(folder / name, f"{name} after {other.read_text()[0] if other.is_file() else 'nothing'}")
        return DONE


class Refusing:
    """Stands in for the server once all is refused."""

    def call(self, steps, folder):
        return REFUSED


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "template" / "input" / "phantom").mkdir(parents=True)
    return trials.Bench(Writers(), tmp_path / "template", {"a": (("a",),), "b": (("b",),)}, tmp_path / "orders")


def _trial(bench, tmp_path, **content):
    trial = trials.copy_project(bench.template, tmp_path / "trial")
    for name, text in content.items():
        files.write_text(trial / name, text)
    return trial


@pytest.mark.parametrize(("first", "second", "wrong"), [
    ("a after nothing", "b after a", False), ("a after b", "b after nothing", False), ("a after b", "b after a", True),
    ("a after nothing", "b after nothing", True)])
def test_an_end_passes_only_if_one_after_the_other_gives_it(bench, tmp_path, first, second, wrong):
    faults, _ = trials.judge(bench, CALLS, (DONE, DONE), _trial(bench, tmp_path, a=first, b=second))
    assert bool(faults) == wrong and (not wrong or "no order gives this" in faults[0])


def test_a_command_that_was_refused_passes_if_the_same_again_gives_an_order(bench, tmp_path):
    faults, note = trials.judge(bench, CALLS, (DONE, REFUSED), _trial(bench, tmp_path, a="a after nothing"))
    assert faults == [] and note == "b was refused: error: x: is gone; bring it back"


def test_a_command_that_was_refused_and_left_something_that_no_order_makes_does_not_pass(bench, tmp_path):
    faults, _ = trials.judge(bench, CALLS, (DONE, REFUSED), _trial(bench, tmp_path, a="a after nothing", b="b aft"))
    assert faults == ["refused, and b is in no order"]


def test_a_command_that_stays_refused_may_keep_what_it_had_finished_but_not_change_another_file(bench, tmp_path):
    bench.order(*CALLS), bench.order(*CALLS[::-1])  # what is finished is one of its files
    for more in ("b", "a"):
        bench.order(CALLS[0], CALLS[1], CALLS[0]), bench.order(CALLS[1], CALLS[0], CALLS[1])
        bench.server = Refusing()
        content = {"a": "a after nothing", "b": "b after a"} if more == "b" else {"a": "a after b"}
        faults, _ = trials.judge(bench, CALLS, (DONE, REFUSED), _trial(bench, tmp_path / more, **content))
        assert bool(faults) == (more == "a")


@pytest.mark.parametrize(("content", "index", "fault"), [
    ("whole", False, None), ("half", False, "is in no order"), ("whole", True, "the same again gives no order")])
def test_a_refused_command_may_keep_finished_arrays_in_a_cache_without_an_index(bench, tmp_path, content, index, fault):
    cache = "input/cache/phantom-{}/cubes-1"
    for name in ("0.npy", "1.npy", "index.csv"):
        files.write_text(bench.template / cache.format("a" * 12) / name, "whole")
    trial = _trial(bench, tmp_path, a="a after nothing")
    files.write_text(trial / cache.format("b" * 12) / "0.npy", content)
    if index:
        files.write_text(trial / cache.format("b" * 12) / "index.csv", "whole")
    faults, _ = trials.judge(bench, CALLS, (DONE, REFUSED), trial)
    assert faults == [] if fault is None else fault in faults[0]


def test_what_a_user_does_by_hand_and_the_command_that_follows_are_two(tmp_path):
    (tmp_path / "template" / "input" / "phantom").mkdir(parents=True)

    class Steps:
        """Stands in for the server: each step adds its name to a list."""

        def call(self, steps, folder):
            for name in steps:
                text = (folder / "list").read_text() if (folder / "list").is_file() else ""
                files.write_text(folder / "list", text + name)
            return DONE

    bench = trials.Bench(Steps(), tmp_path / "template", {"a": (("m", "p"),), "b": (("e",),)}, tmp_path / "orders")
    for number, (text, wrong) in enumerate((("mpe", False), ("emp", False), ("mep", False), ("pme", True))):
        faults, _ = trials.judge(bench, CALLS, (DONE, DONE), _trial(bench, tmp_path / str(number), list=text))
        assert bool(faults) == wrong, text


class Movers:
    """Stands in for the server: `moved` renames the data set and counts its files, a download brings two."""

    def call(self, steps, folder):
        if steps == ("download",):
            for name in ("second", "third"):
                files.write_text(folder / "input" / "phantom" / name, name)
            return DONE
        (folder / "input" / "phantom").rename(folder / "input" / "moved")
        files.write_text(folder / "seen", str(len(list((folder / "input" / "moved").iterdir()))))
        return DONE


@pytest.mark.parametrize(("seen", "late", "passes"), [
    ("2", None, True), ("3", None, False), ("2", "third", True), ("2", "half", False)])
def test_after_a_download_that_is_moved_away_the_other_command_has_read_what_was_fetched(tmp_path, seen, late, passes):
    files.write_text(tmp_path / "template" / "input" / "phantom" / "first", "1")
    bench = trials.Bench(Movers(), tmp_path / "template", {"download": (("download",),), "moved": (("moved",),)},
                         tmp_path / "orders")
    trial = trials.copy_project(bench.template, tmp_path / "trial")
    files.write_text(trial / "input" / "phantom" / "second", "second")  # of two that it lacks
    (trial / "input" / "phantom").rename(trial / "input" / "moved")
    files.write_text(trial / "seen", seen)
    if late:  # written in the old place in the moment in which the folder was moved
        files.write_text(trial / "input" / "phantom" / "third", late)
    assert trials._after_part_of_the_download(bench, (("download", 0), ("moved", 0)), (2, 0), trial) == passes


def test_both_refused_leftovers_a_held_lock_and_a_traceback_do_not_pass(bench, tmp_path):
    assert "both were refused" in trials.judge(bench, CALLS, (REFUSED, REFUSED), _trial(bench, tmp_path))[0][0]
    trial = tmp_path / "trial"
    (trial / f".a{files.PART}").write_text("half")
    with files.working_folder(tmp_path / "trial" / "models"):
        assert states.leftovers(trial) == [f".a{files.PART} is left over", "models/.lock is held"]
    for end in (Ended(1, 0, 0, "Traceback\nKeyError: 3\n", -1), Ended(2, 0, 0, "error: a\nerror: b\n", -1)):
        assert trials.end_faults(("a", 0), end)


def test_caches_are_named_after_what_is_in_them_and_files_that_name_them_follow(tmp_path):
    for folder, mark, array in (("one", "0123456789ab", "x"), ("two", "ba9876543210", "x"), ("three", "ba9876543210",
                                                                                          "y")):
        files.write_text(tmp_path / folder / f"input/cache/set-{mark}/cubes/00000.npy", array)
        files.write_json(tmp_path / folder / "run.json", {"cache": f"input/cache/set-{mark}/cubes"})
    one, two, three = (states.pair_state(tmp_path / folder) for folder in ("one", "two", "three"))
    assert one == two and one.keys() != three.keys() and one["run.json"] != three["run.json"]
