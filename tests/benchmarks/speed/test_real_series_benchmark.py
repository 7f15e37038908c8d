"""What the table of benchmarks/speed/real_series.py says of a series, and which series its summary counts."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from benchmarks.synthetic.series_files import AXIAL, pattern, write_enhanced, write_series

SPEED = Path(__file__).resolve().parents[3] / "benchmarks" / "speed"


@pytest.fixture(scope="module")
def benchmark():
    from benchmarks.speed import real_series

    return real_series


def _run(*arguments):
    return subprocess.run([sys.executable, str(SPEED / "real_series.py"), *map(str, arguments)],
                          capture_output=True, text=True)


def test_the_table_has_a_row_a_series_found_below_the_folder_and_is_written_as_printed(tmp_path):
    write_series(tmp_path / "in" / "deep" / "classic", pattern((5, 6, 8)))
    write_enhanced(tmp_path / "in" / "enhanced" / "1.dcm", pattern((4, 6, 8)))
    end = _run("--folder", tmp_path / "in", "--rounds", 2, "--output", tmp_path / "table.md")
    assert end.returncode == 0, end.stderr
    assert (tmp_path / "table.md").read_text() == end.stdout
    lines = [line.strip("|").split("|") for line in end.stdout.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line] for line in lines]
    assert head[:5] == ["series", "transfer syntax", "files", "frames", "read by"]
    assert [row[:4] for row in rows] == [["deep/classic", "Explicit VR Little Endian", "5", "5"],
                                         ["enhanced", "Explicit VR Little Endian", "1", "4"]]
    assert all(row[5] and row[6] for row in rows)
    assert "Of 2 uncompressed series that are one volume with an affine, " in end.stdout


def test_a_folder_without_dicom_files_is_one_line_and_exit_code_2(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    end = _run("--folder", tmp_path)
    assert (end.returncode, end.stdout) == (2, "")
    assert end.stderr == f"error: {tmp_path}: holds no DICOM file; give folders that hold series\n"


def test_pydicoms_frames_are_sorted_by_position_in_classic_and_in_enhanced_files(tmp_path, benchmark):
    voxels = pattern((5, 6, 8))
    write_series(tmp_path / "classic", voxels, numbers=[3, 5, 1, 2, 4])
    write_enhanced(tmp_path / "enhanced" / "1.dcm", voxels, order=[4, 0, 3, 1, 2])
    (tmp_path / "enhanced" / "notes.txt").write_text("hello")
    for name in ("classic", "enhanced"):
        assert np.array_equal(np.stack(benchmark.read_by_pydicom(tmp_path / name)), voxels)


def test_a_series_that_is_refused_or_that_pydicom_cannot_read_has_no_times(tmp_path, benchmark):
    paths = write_series(tmp_path / "cut", pattern((5, 6, 8)))
    paths[0].write_bytes(paths[0].read_bytes()[:-40])
    write_series(tmp_path / "blank", np.full((3, 6, 8), 7, np.uint16))
    cut, blank = (benchmark.measure(name, tmp_path / name, 1, 0) for name in ("cut", "blank"))
    assert (cut.seconds, blank.seconds, blank.reader) == (None, None, "refused")
    assert "pydicom fails: ValueError" in cut.reader


@pytest.mark.slow
def test_the_summary_counts_series_that_are_uncompressed_one_volume_and_tell_an_affine(tmp_path, benchmark):
    write_series(tmp_path / "one", pattern((5, 6, 8)))
    write_series(tmp_path / "compressed", pattern((5, 32, 32)), syntax=pydicom.uid.RLELossless)
    write_series(tmp_path / "bare", pattern((5, 6, 8)), None)
    for number in (1, 2):
        write_series(tmp_path / "several", pattern((5, 6, 8)) * number, AXIAL, first=10 * number,
                     AcquisitionNumber=number, SeriesInstanceUID="1.2")
    rows = {path.name: benchmark.measure(path.name, path, 1, 0) for path in sorted(tmp_path.iterdir())}
    assert [name for name, row in rows.items() if row.eligible] == ["one"]
    assert benchmark.summary(list(rows.values())).startswith("Of 1 uncompressed series that are one volume")
    assert "Of 3 others" in benchmark.summary(list(rows.values()))


def test_the_made_series_are_one_of_each_kind_and_of_the_sizes_asked_for(tmp_path, benchmark):
    from benchmarks.speed.series_kinds import LEFT_TO_PYDICOM, make_kinds
    from benchmarks.synthetic.transcoding import VARIANTS

    made = make_kinds(tmp_path, 3, head=(6, 16, 24), time_points=(2, 4, 8, 6))
    assert list(made) == ["explicit", *VARIANTS, *LEFT_TO_PYDICOM, "time points", "time points, enhanced"]
    frames = {name: len(benchmark.read_by_pydicom(folder)) for name, folder in made.items()}
    assert frames.pop("copies") == 8
    assert frames.pop("time points") == frames.pop("time points, enhanced") == 8
    assert set(frames.values()) == {6}
