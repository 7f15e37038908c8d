"""Short forms of the part with damaged files, and proof that its checks see what is wrong."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.robustness.inputs import file_damage, headers, models, series, series_damage, tables
from radiogen.core.errors import UserError
from radiogen.imaging import Finding, FindingCode, read_series

FIRST_KINDS = ("plain", "implicit", "several frames", "rescaled", "deflated")
SLOW = pytest.mark.slow


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW if name == "bombs" else ())
                                  for name in series_damage.DAMAGES])
def test_damaged_series_are_refused_in_a_line_or_read_as_pydicom_reads_them(tmp_path, name):
    results = []
    for number, kind in enumerate(FIRST_KINDS):
        folder = tmp_path / str(number)
        series_damage.write_base(folder, kind)
        whole = read_series(folder)
        series_damage.DAMAGES[name](folder, np.random.default_rng([7, number]))
        results.append(series.check_series(folder, whole, detectable=name in series_damage.DETECTABLE) if number < 2
                     else series.check_reading(folder))
    assert set(results) <= {"read", "refused"}


@pytest.mark.slow
def test_a_whole_part_of_series_in_workers_counts_each_once(tmp_path):
    outcomes = series.run(3, 0.1, tmp_path)
    assert [one for one in outcomes if not one.passed] == []
    assert sum(int(one.note.split()[0]) for one in outcomes[:-1]) == series.SERIES // 10
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_differs_from_pydicom_is_seen():
    def volume(value=1, affine=1.0, findings=()):
        return SimpleNamespace(voxels=np.full((2, 2, 2), value), affine=np.eye(4) * affine, findings=findings)

    assert series._compare(volume(), volume()) == "read"
    assert series._compare(None, None) == "refused"
    assert "other voxels" in series._compare(volume(2), volume())
    assert "another affine" in series._compare(volume(affine=2.0), volume())
    assert "other findings" in series._compare(volume(findings=("odd",)), volume())
    assert "only pydicom" in series._compare(None, volume())
    assert "not finite" in series._compare(volume(affine=np.inf), volume(affine=np.inf))


@pytest.mark.parametrize(("error", "message"), [
    (UserError("a", "b\nc", "d"), "more than one line"), (IndexError("5"), "IndexError"),
    (MemoryError(), "MemoryError"), (series.TimeLimit(), "over 5 s")])
def test_a_crash_is_seen_whatever_it_is(tmp_path, monkeypatch, error, message):
    def crash(*_, **__):
        raise error

    monkeypatch.setattr("radiogen.imaging.read_series", crash)
    assert message in series.check_series(tmp_path)


def test_a_volume_that_lost_a_slice_without_a_word_is_seen(tmp_path):
    series_damage.write_base(tmp_path / "series", "plain")
    whole = read_series(tmp_path / "series")
    max((tmp_path / "series").iterdir()).unlink()
    assert series.check_series(tmp_path / "series", whole) == "read"
    assert "no finding" in series.check_series(tmp_path / "series", whole, detectable=True)


@pytest.mark.parametrize(("change", "message"), [
    ({"PixelSpacing": [0.75, 0.6]}, "pixel spacing"), ({"RescaleSlope": "2"}, "pixel or rescale factor"),
    ({"ImageOrientationPatient": [0, 1, 0, 1, 0, 0]}, "orientation"), ({"ImagePositionPatient": [0, 0, 0]}, "position"),
    ({"PixelRepresentation": 1, "BitsStored": 16}, ""), ({"Rows": 16, "Columns": 64}, "matrix")])
def test_a_compiled_reader_that_took_another_value_than_pydicom_is_seen(tmp_path, monkeypatch, change, message):
    import pydicom

    series_damage.write_base(tmp_path / "series", "plain")
    true = pydicom.dcmread

    def other(path, *arguments, **options):
        dataset = true(path, *arguments, **options)
        for keyword, value in change.items():
            setattr(dataset, keyword, value)
        return dataset

    assert series._alone(tmp_path / "series") == ""
    monkeypatch.setattr(pydicom, "dcmread", other)
    assert message in series._alone(tmp_path / "series")


def test_slices_around_a_gap_are_compared_with_their_own_files(tmp_path):
    series_damage.write_base(tmp_path / "series", "plain")
    between = sorted((tmp_path / "series").iterdir(), key=lambda path: path.name)[3]
    between.unlink()
    volume = read_series(tmp_path / "series")
    assert FindingCode.SLICES_MISSING in {one.code for one in volume.findings}
    assert series._alone(tmp_path / "series") == ""


def test_a_file_with_two_lots_of_pixels_is_taken_by_no_reader(tmp_path):
    series_damage.write_base(tmp_path / "series", "plain")
    path = min((tmp_path / "series").iterdir())
    content = path.read_bytes()
    start = content.index(b"\xe0\x7f\x10\x00OW")
    path.write_bytes(content + content[start:start + 12] + bytes(len(content) - start - 12))
    assert series.check_reading(tmp_path / "series") == "read"
    assert Finding(FindingCode.HEADER_BEHIND_PIXELS, (path.name,)) in read_series(tmp_path / "series").findings


def test_headers_that_the_compiled_scan_takes_hold_what_pydicom_parses():
    taken, wrong = headers.check_headers(6, 1000)
    assert taken > 50 and wrong == []


def test_a_scan_that_takes_another_value_or_reads_behind_the_end_is_seen(monkeypatch):
    from radiogen.imaging.fast import scan

    true = scan.scan_files

    def one_byte_on(files, contents, lengths, store, spans, marks):
        true(files, contents, lengths, store, spans, marks)
        spans[..., 0] = np.where(spans[..., 0] > 100, spans[..., 0] + 1, spans[..., 0])

    def behind_the_end(files, contents, lengths, store, spans, marks):
        true(files, contents, lengths, store, spans, marks)
        marks[1:, scan.FILE_SIZE] += contents[:-1, 0]  # of the file that was read before

    monkeypatch.setattr(scan, "scan_files", one_byte_on)
    assert any("to pydicom" in fault for fault in headers.check_headers(6, 100)[1])
    monkeypatch.setattr(scan, "scan_files", behind_the_end)
    assert any("behind the end" in fault for fault in headers.check_headers(6, 100)[1])


def test_damaged_tables_are_refused_in_a_line_or_read_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "through_scripts", lambda *_: [])
    outcomes = tables.run(1, 0.2, tmp_path)
    assert len(outcomes) == 6 * len(tables.DAMAGES)
    assert [one for one in outcomes if not one.passed] == []


@pytest.mark.slow
def test_scripts_that_meet_a_damaged_table_end_with_code_2_and_a_line(tmp_path):
    outcomes = tables.through_scripts(np.random.default_rng(4), 1, tmp_path)
    assert len(outcomes) == 6 and [one for one in outcomes if not one.passed] == []


def test_a_reader_of_tables_that_takes_anything_is_seen(tmp_path, monkeypatch):
    import pandas as pd

    readers = {"anything": (lambda path: pd.read_csv(path), ["BraTS21ID,MGMT_value", "00010,1", "00011,0"])}
    monkeypatch.setattr(tables, "tables", lambda: readers)
    monkeypatch.setattr(tables, "through_scripts", lambda *_: [])
    wrong = {one.what: one.note for one in tables.run(1, 0.2, tmp_path) if not one.passed}
    assert wrong["anything: a doubled id"] == "was read" and "Error" in wrong["anything: an empty file"]
    assert "anything: as it is" not in wrong


@pytest.mark.parametrize("group", [pytest.param(name, marks=() if name == "first weights" else SLOW)
                                   for name in models.GROUPS])
def test_damaged_and_hostile_models_caches_and_runs_are_refused_or_made_again(tmp_path, group):
    trials = models.try_group(group, 2, 1, tmp_path / "room")
    assert len(trials) > 10
    assert [one for one in trials if one[1]] == []


def test_a_payload_that_runs_and_a_loader_that_takes_anything_are_seen(tmp_path, monkeypatch):
    def trials(folder, random, places, mark):
        yield "harmless", file_damage.refusal(lambda: None, "x.h5", or_same=lambda _: True)
        yield "taken", file_damage.refusal(lambda: None, "x.h5")
        yield "raised", file_damage.refusal(lambda: 1 / 0, "x.h5")
        yield "run", file_damage.refusal(lambda: pickle.loads(pickle.dumps(file_damage.Payload(mark))), "x.h5")

    monkeypatch.setitem(models.GROUPS, "a group", trials)
    wrong = dict(models.try_group("a group", 1, 1, tmp_path / "room"))
    assert wrong["a group: harmless"] == "" and wrong["a group: taken"] == "was taken"
    assert "ZeroDivisionError" in wrong["a group: raised"] and "code" in wrong["a group: run"]
