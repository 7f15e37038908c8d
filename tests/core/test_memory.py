"""Memory that runs out is reported in one line with the remedy, whoever ran out of it; the system says what is left."""

import errno
import pickle

import numpy as np
import pytest

from radiogen.core import memory
from radiogen.core.memory import OutOfMemory, available_memory, translate_memory_errors

OpenCvError = type("error", (Exception,), {"__module__": "cv2"})


@pytest.mark.parametrize("error", [
    MemoryError(), np._core._exceptions._ArrayMemoryError((9, 9), np.dtype("u2")), OSError(errno.ENOMEM, "no memory"),
    RuntimeError("can't start new thread"), OpenCvError("OpenCV: error: (-4:Insufficient memory) Failed to allocate")],
    ids=["Python", "NumPy", "system", "thread", "OpenCV"])
def test_whoever_runs_out_of_memory_the_line_names_what_was_at_work_and_the_remedy(error):
    with pytest.raises(OutOfMemory, match="^data/00001: did not fit into memory; run again with fewer workers"), \
            translate_memory_errors("data/00001"):
        raise error


@pytest.mark.parametrize("error", [ValueError("Insufficient memory"), OSError(errno.ENOSPC, "full"), KeyError("x")])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(type(error)) as caught, translate_memory_errors("data/00001"):
        raise error
    assert caught.value is error


def test_what_is_available_is_no_more_than_the_machine_has():
    total = memory._meminfo("MemTotal")
    assert 0 < available_memory() <= total


def test_a_control_group_limits_what_is_available_and_files_kept_in_memory_do_not_count(tmp_path, monkeypatch):
    group = tmp_path / "outer" / "inner"
    group.mkdir(parents=True)
    for folder, limit in ((group, "max"), (group.parent, "5000000")):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text("4000000\n")
        (folder / "memory.stat").write_text("anon 3000000\ninactive_file 700000\n")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    monkeypatch.setattr(memory, "_own_group", lambda: group)
    assert available_memory() == 1_700_000


@pytest.mark.parametrize(("limit", "used"), [("max", "4000"), ("x", "4000"), ("9000", ""), (None, "4000")])
def test_a_group_without_a_readable_limit_limits_nothing(tmp_path, monkeypatch, limit, used):
    for name, text in (("memory.max", limit), ("memory.current", used)):
        if text is not None:
            (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    monkeypatch.setattr(memory, "_own_group", lambda: tmp_path)
    monkeypatch.setattr(memory, "_meminfo", lambda name: 7)
    assert available_memory() == 7


def test_a_group_that_has_used_more_than_its_limit_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("10")
    (tmp_path / "memory.current").write_text("90")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    monkeypatch.setattr(memory, "_own_group", lambda: tmp_path)
    assert available_memory() == 0


@pytest.mark.parametrize(("text", "count"), [("inactive_file 5\nanon 7\n", 5), ("anon 7\n", 0), ("damaged\n", 0),
                                             ("", 0)])
def test_cached_files_are_counted_as_far_as_the_system_says(tmp_path, text, count):
    (tmp_path / "memory.stat").write_text(text)
    assert memory._inactive_files(tmp_path / "memory.stat") == count
    assert memory._inactive_files(tmp_path / "none") == 0


def test_a_figure_that_the_system_does_not_have_is_a_fault_with_its_name():
    with pytest.raises(RuntimeError, match="/proc/meminfo has no MemFree2"):
        memory._meminfo("MemFree2")


def test_the_remedy_is_one_that_the_caller_chose_where_there_is_one():
    assert str(OutOfMemory("a.dcm", remedy="close a program")) == "a.dcm: did not fit into memory; close a program"
    assert "--workers 1" in str(OutOfMemory("a.dcm")) and OutOfMemory("a.dcm").code == "OUT_OF_MEMORY"


def test_memory_that_runs_out_in_a_worker_arrives_with_its_code():
    error = pickle.loads(pickle.dumps(OutOfMemory("a.dcm")))
    assert (type(error), error.where, error.problem) == (OutOfMemory, "a.dcm", "did not fit into memory")
    assert error.remedy == OutOfMemory("a.dcm").remedy
