"""Memory that runs out is reported in one line with the remedy, whoever ran out of it; the system says what is left."""

import errno

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
