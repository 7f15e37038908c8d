"""The command inspect_dataset as a user meets it."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.synthetic.series_files import pattern, write_series
from radiogen.dataset.fingerprint import data_fingerprint

from ..warm_commands import run_python

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "inspect_dataset.py"


def _run(folder, *arguments):
    return run_python(SCRIPT, *arguments, cwd=folder)


@pytest.fixture
def folder(tmp_path):
    """A working folder with a data set of two cases, one of whose series cannot be read."""
    for case in ("00000", "00001"):
        for sequence in ("FLAIR", "T2w"):
            write_series(tmp_path / "input" / "two" / "train" / case / sequence, pattern((6, 16, 16)))
    for path in (tmp_path / "input" / "two" / "train" / "00001" / "T2w").iterdir():
        path.write_bytes(b"no image")
    return tmp_path


def _files(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_table_and_sheet_are_written_outside_the_data_set_and_a_bad_series_ends_nothing(folder):
    before = _files(folder / "input" / "two")
    end = _run(folder, "--data", "input/two", "--workers", "2")
    assert end.returncode == 0, end.stderr
    assert _files(folder / "input" / "two") == before
    place, = (folder / "input" / "cache").glob("two-*")
    table = pd.read_csv(place / "quality.csv", dtype=str, keep_default_na=False)
    assert list(table["BraTS21ID"]) == ["00000", "00000", "00001", "00001"]
    assert list(table["slices"]) == ["6", "6", "6", ""] and "not a DICOM file" in table["refused"][3]
    assert (place / "contact_sheet.png").read_bytes().startswith(b"\x89PNG")
    assert "3 can be read, 1 refused, 0 missing" in end.stdout
    assert end.stdout.splitlines()[-1] == "next: python scripts/preprocess.py --data input/two"


def test_two_data_sets_of_one_name_have_tables_of_their_own_beside_their_arrays(folder):
    write_series(folder / "elsewhere" / "two" / "train" / "00007" / "FLAIR", pattern((6, 16, 16)))
    for data in ("input/two", "elsewhere/two"):
        assert _run(folder, "--data", data, "--workers", "1").returncode == 0
    tables = [pd.read_csv(path, dtype=str) for path in (folder / "input" / "cache").glob("*/quality.csv")]
    assert sorted(len(table) for table in tables) == [1, 4]
    places = {path.parent.name for path in (folder / "input" / "cache").glob("*/quality.csv")}
    assert places == {f"two-{data_fingerprint(folder / data).key}" for data in ("input/two", "elsewhere/two")}


def test_one_case_is_proved_and_nothing_is_written(folder):
    before = _files(folder)
    end = _run(folder, "--data", "input/two", "--case", "00001")
    assert end.returncode == 0, end.stderr
    assert "SpacingBetweenSlices says 1 mm, the positions say 3.000 mm; not used" in end.stdout
    assert "refused" in end.stdout and "00000" not in end.stdout
    assert _files(folder) == before


def test_an_output_folder_inside_the_data_set_is_an_error_of_one_line(folder):
    end = _run(folder, "--data", "input/two", "--output", "input/two/quality")
    assert end.returncode == 2 and not (folder / "input" / "two" / "quality").exists()
    line, = end.stderr.splitlines()
    assert line.startswith("error: input/two/quality: lies inside the data set")
