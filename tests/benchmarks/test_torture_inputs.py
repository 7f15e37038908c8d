"""Short forms of the torture by damaged files, and proof that its judges see what is wrong."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from radiogen.errors import UserError

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import torture_dicom  # noqa: E402
import torture_tables  # noqa: E402


@pytest.mark.parametrize("name", torture_dicom.DAMAGES)
def test_damaged_series_are_refused_in_a_line_or_read_as_pydicom_reads_them(tmp_path, name):
    words = []
    for number in range(8):
        folder = tmp_path / str(number)
        torture_dicom._write_base(folder, number % 4)
        torture_dicom.DAMAGES[name](folder, np.random.default_rng([7, number]))
        words.append(torture_dicom.judge_series(folder))
    assert set(words) <= {"read", "refused"}


@pytest.mark.slow
def test_a_whole_torture_of_series_in_workers_counts_each_once(tmp_path):
    outcomes = torture_dicom.run(3, 0.1, tmp_path)
    assert [one.passed for one in outcomes] == [True] * len(torture_dicom.DAMAGES)
    assert sum(int(one.note.split()[0]) for one in outcomes) == 202
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_differs_from_pydicom_is_seen():
    def volume(value=1, affine=1.0):
        return SimpleNamespace(voxels=np.full((2, 2, 2), value), affine=np.full((4, 4), affine))

    assert torture_dicom._compare(volume(), volume()) == "read"
    assert torture_dicom._compare(None, None) == "refused"
    assert "other voxels" in torture_dicom._compare(volume(2), volume())
    assert "another affine" in torture_dicom._compare(volume(affine=2.0), volume())
    assert "only pydicom" in torture_dicom._compare(None, volume())
    assert "not finite" in torture_dicom._compare(volume(affine=np.inf), volume(affine=np.inf))


@pytest.mark.parametrize(("error", "said"), [
    (UserError("a", "b\nc", "d"), "more than one line"), (IndexError("5"), "IndexError"),
    (MemoryError(), "MemoryError")])
def test_a_crash_is_seen_whatever_it_is(tmp_path, monkeypatch, error, said):
    def crash(*_, **__):
        raise error

    monkeypatch.setattr("radiogen.imaging.read_series", crash)
    assert said in torture_dicom.judge_series(tmp_path)


def test_damaged_tables_are_refused_in_a_line_or_read_as_they_were(tmp_path):
    outcomes = torture_tables.run(1, 0.2, tmp_path)
    assert len(outcomes) == 4 * len(torture_tables.DAMAGES)
    assert [one for one in outcomes if not one.passed] == []


def test_a_reader_of_tables_that_takes_anything_is_seen(tmp_path, monkeypatch):
    import pandas as pd

    tables = {"anything": (lambda path: pd.read_csv(path), ["BraTS21ID,MGMT_value", "00010,1", "00011,0"])}
    monkeypatch.setattr(torture_tables, "_tables", lambda: tables)
    wrong = {one.what: one.note for one in torture_tables.run(1, 0.2, tmp_path) if not one.passed}
    assert wrong["anything: a doubled id"] == "was read" and "Error" in wrong["anything: an empty file"]
    assert "anything: as it is" not in wrong
