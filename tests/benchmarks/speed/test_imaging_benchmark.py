"""What the table of benchmarks/speed/imaging.py may be trusted with: who is compared, with what, and on which files."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from benchmarks.speed import imaging_conditions as conditions
from benchmarks.speed import imaging_peers as peers
from benchmarks.synthetic.series_files import pattern, write_series
from radiogen.imaging import read_series

SPEED = Path(__file__).resolve().parents[3] / "benchmarks" / "speed"


def _run(*arguments):
    return subprocess.run([sys.executable, str(SPEED / "imaging.py"), *map(str, arguments)],
                          capture_output=True, text=True)


def _rows(text):
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line] for line in lines]
    return head, {row[0]: row[1:] for row in rows}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series") / "axial"
    write_series(folder, pattern((5, 6, 8)), numbers=[3, 5, 1, 2, 4])
    return folder


def test_the_table_has_a_row_a_reader_a_column_a_series_and_is_written_as_printed(series, tmp_path):
    end = _run("--folder", series, "--rounds", 2, "--only", "radiogen,", "pydicom: chosen",
               "--output", tmp_path / "table.md")
    assert end.returncode == 0, end.stderr
    assert (tmp_path / "table.md").read_text() == end.stdout
    head, rows = _rows(end.stdout)
    assert head == ["reader", "axial: 6 x 8, 5 slices", "voxels as ours"]
    assert list(rows) == ["only the bytes: open().read()", "radiogen, sorted volume", "radiogen, 64-cube",
                          "radiogen, slices 224 x 224", "pydicom: chosen tags, frombuffer, sorted"]
    assert rows["only the bytes: open().read()"][0] == "1"
    assert rows["pydicom: chosen tags, frombuffer, sorted"][1] == "yes"
    assert f"pydicom {pydicom.__version__}" in end.stdout


def test_a_reader_that_cannot_read_a_series_is_reported_and_the_others_go_on(tmp_path):
    write_series(tmp_path / "bare", pattern((3, 4, 4)), None)
    end = _run("--folder", tmp_path / "bare", "--rounds", 1, "--only", "sorted volume", "dcmread")
    assert end.returncode == 0, end.stderr
    _, rows = _rows(end.stdout)
    assert rows["pydicom: dcmread, pixel_array, sorted"][0] == "failed"
    assert rows["radiogen, sorted volume"][1] == "yes"
    assert "pydicom: dcmread, pixel_array, sorted failed: AttributeError" in end.stdout


def test_a_folder_that_is_not_there_is_one_line_and_exit_code_2(tmp_path):
    end = _run("--folder", tmp_path / "nothing")
    assert (end.returncode, end.stdout) == (2, "")
    assert end.stderr == (f"error: {tmp_path / 'nothing'}: is not a folder; "
                          "give folders that each hold the files of one series\n")


def test_a_reader_whose_package_is_not_installed_is_known_before_it_runs():
    contender = peers.Contender("nobody", "volume", ("numpy", "no_such_package_here"), lambda folder: None)
    assert contender.missing == ["no_such_package_here"]


def test_every_reader_of_volumes_that_is_installed_finds_the_same_voxels(tmp_path):
    folder = conditions.make_series(tmp_path / "made", (12, 32, 24), 3)
    ours = read_series(folder).voxels
    able = [one for one in peers.contenders() if one.result == "volume" and not one.missing]
    made = {one.name: one.read(folder) for one in able}
    message = {name: voxels for name, voxels in made.items() if voxels is not None}  # a whole process tells none
    assert len(message) >= 4
    assert [name for name, voxels in message.items() if not peers.same_voxels(voxels, ours)] == []


def test_volumes_are_the_same_turned_and_flipped_but_not_with_slices_exchanged():
    ours = pattern((3, 4, 5))
    assert peers.same_voxels(ours.transpose(2, 1, 0)[::-1, :, ::-1].astype(float), ours)
    assert not peers.same_voxels(ours[[0, 2, 1]], ours)
    assert not peers.same_voxels(ours[:2], ours)


def test_a_made_series_is_as_the_competitions_files_are(tmp_path):
    folder = conditions.make_series(tmp_path / "made", (6, 16, 24), 1)
    assert read_series(folder).voxels.shape == (6, 16, 24)
    datasets = [pydicom.dcmread(folder / f"Image-{number}.dcm") for number in range(1, 7)]
    heights = [dataset.ImagePositionPatient[2] for dataset in datasets]
    assert heights == sorted(heights, reverse=True) and len(set(heights)) == 6
    first = datasets[0]
    assert first.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert (first.BitsAllocated, first.SpacingBetweenSlices) == (16, 1.0)
    assert 90 <= len(first) + len(first.file_meta) <= 110
    assert 2500 < (folder / "Image-1.dcm").stat().st_size - 16 * 24 * 2 < 2900


def test_a_made_series_is_the_same_for_the_same_seed_only(tmp_path):
    same, again, other = (read_series(conditions.make_series(tmp_path / name, (4, 16, 16), seed)).voxels
                          for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    np.testing.assert_array_equal(same, again)
    assert (same != other).any()


def test_files_are_in_memory_after_a_read_and_not_after_they_were_let_go(tmp_path):
    folder = conditions.make_series(tmp_path / "made", (4, 64, 64), 1)
    peers.read_bytes(folder)
    assert conditions.resident_share(folder) == 1
    if conditions.evict(folder) > 0:
        pytest.skip("this file system keeps its files in memory")
    peers.read_bytes(folder)
    assert conditions.resident_share(folder) > 0


def test_the_rate_of_a_warm_pool_leaves_out_what_a_worker_did_alone():
    alone = [conditions.Span(1, at, at + 1) for at in range(10)]
    assert conditions.warm_rate(alone) == pytest.approx(1)
    late = [conditions.Span(2, at + 3.5, at + 4.5) for at in range(4)]  # begins later, ends earlier than the first
    assert conditions.warm_rate(alone + late) == pytest.approx(2)
    assert np.isnan(conditions.warm_rate([conditions.Span(1, 0, 1)]))


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
def test_cold_files_and_cases_side_by_side_have_tables_of_their_own(series):
    end = _run("--folder", series, "--rounds", 1, "--only", "nobody", "--workers", 2, "--cold")
    assert end.returncode == 0, end.stderr
    assert "Cold files:" in end.stdout
    assert "- 2 processes at work read " in end.stdout


@pytest.mark.slow
def test_a_process_says_that_it_compiles_unless_kernels_are_kept(series, tmp_path):
    empty, kept = conditions.start_up(series, tmp_path / "kernels", 1)
    assert (empty["lines"], kept["lines"]) == (1, 0)
    assert empty.keys() == {"import", "first", "second", "whole", "lines"}
