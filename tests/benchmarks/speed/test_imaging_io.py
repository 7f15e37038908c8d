"""Every way to read that the benchmark times brings the pixels of the files into memory, or the system forbids it."""


import numpy as np
import pytest

from radiogen.imaging import read_series

INTO_KEPT_MEMORY = ("into used memory", "and copy", "to the slots", "past the cache", "two threads", "registered")


@pytest.fixture(scope="module")
def benchmark():
    from benchmarks.speed import imaging_io

    return imaging_io


@pytest.fixture(scope="module")
def files(benchmark, tmp_path_factory):
    shape = (4, 256, 256)
    return benchmark.Files(benchmark.make_series(tmp_path_factory.mktemp("io") / "series", shape, 1), shape)


def test_the_pixels_of_a_series_are_the_last_bytes_of_its_files(benchmark, files):
    stored = {tuple(slot.tolist()) for slot in files.read_into(np.zeros_like(files.kept)).view(np.uint16)}
    assert stored == {tuple(pixels.reshape(-1).tolist()) for pixels in read_series(files.folder).voxels}


def test_all_ways_that_read_into_kept_memory_leave_the_pixels_there(benchmark, files):
    expected, ways = files.read_into(np.zeros_like(files.kept)), 0
    for name, experiment in benchmark.EXPERIMENTS.items():
        if any(part in name for part in INTO_KEPT_MEMORY) and "O_DIRECT" not in name:
            files.kept[:] = 0
            try:
                experiment(files)()
            except OSError:  # forbidden here, which the table would tell
                continue
            assert np.array_equal(files.kept, expected), name
            ways += 1
    assert ways >= 6


def test_a_way_that_the_system_forbids_is_reported_in_its_cell(benchmark, files, monkeypatch):
    def forbidden(files):
        raise PermissionError(1, "Operation not permitted")
    monkeypatch.setattr(benchmark, "EXPERIMENTS", {"forbidden": forbidden})
    monkeypatch.setattr(benchmark, "_WHOLE_CALLS", {})
    assert "not possible here" in benchmark._measured(files, 1, "cpu", 0)["forbidden"]
