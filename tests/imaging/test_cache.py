"""Arrays are made once, again when anything they depend on has changed, and never half."""

import dataclasses
import os

import numpy as np
import pytest

from radiogen.errors import UserError
from radiogen.imaging.cache import CacheSettings, build_caches, cache_folder, check_arrays, open_array, read_index

from .series_files import pattern, write_series

CUBES = CacheSettings("cubes", ("FLAIR", "T1wCE"), 8, "stretch", "min-max")
SLICES = CacheSettings("slices", ("FLAIR", "T1wCE"), 12, "stretch", "min-max")


@pytest.fixture
def data(tmp_path):
    """Two training cases and a test case, FLAIR and T1wCE of 5 and 7 slices."""
    folder = tmp_path / "input" / "small"
    for split, case in (("train", "00001"), ("train", "00007"), ("test", "00003")):
        for sequence, slices in (("FLAIR", 5), ("T1wCE", 7)):
            write_series(folder / split / case / sequence, pattern((slices, 12, 10)))
    return folder


def _build(data, *settings, **options):
    return build_caches(data, settings, data.parent / "cache", workers=1, **options)


def _folder(data, settings):
    return cache_folder(data, settings, data.parent / "cache")


def test_each_case_has_one_array_and_a_row_with_its_checksum(data):
    cubes, slices = _build(data, CUBES, SLICES)
    assert cubes["BraTS21ID"].tolist() == slices["BraTS21ID"].tolist() == ["00001", "00007", "00003"]
    assert open_array(_folder(data, CUBES), "00001").shape == (2, 8, 8, 8)
    assert open_array(_folder(data, SLICES), "00003").shape == (12, 12, 12)
    assert slices["slices"].tolist() == ["FLAIR:5 T1wCE:7"] * 3
    assert open_array(_folder(data, CUBES), "00001").dtype == np.uint8
    check_arrays(_folder(data, CUBES), read_index(_folder(data, CUBES)), ["00001", "00003"])


def test_the_data_sets_own_folder_is_not_written_to(data):
    before = {path: path.stat().st_mtime_ns for path in [data, *data.rglob("*")]}
    _build(data, CUBES, SLICES)
    assert {path: path.stat().st_mtime_ns for path in [data, *data.rglob("*")]} == before


def test_a_second_call_makes_nothing_again_and_gives_the_same_index(data):
    first, = _build(data, CUBES)
    times = {path.name: path.stat().st_mtime_ns for path in _folder(data, CUBES).glob("*.npy")}
    second, = _build(data, CUBES)
    assert {path.name: path.stat().st_mtime_ns for path in _folder(data, CUBES).glob("*.npy")} == times
    assert first.equals(second)


def test_a_changed_input_file_makes_its_case_again_and_no_other(data):
    _build(data, CUBES)
    folder = _folder(data, CUBES)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    os.utime(next((data / "train" / "00007" / "FLAIR").iterdir()), (1, 1))
    _build(data, CUBES)
    changed = [name for name, time in before.items() if (folder / name).stat().st_mtime_ns != time]
    assert changed == ["00007.npy"]


def test_a_changed_array_is_noticed_and_made_again(data):
    index, = _build(data, CUBES)
    path = _folder(data, CUBES) / "00001.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"00001\.npy: is missing or was changed"):
        check_arrays(_folder(data, CUBES), index, ["00001"])
    again, = _build(data, CUBES)
    assert again.equals(index)
    check_arrays(_folder(data, CUBES), again, ["00001"])


@pytest.mark.parametrize("change", [{"size": 9}, {"normalisation": "percentile"}, {"sequences": ("FLAIR",)},
                                    {"geometry": "isotropic", "edge_mm": 100.0}])
def test_every_setting_has_a_key_of_its_own(data, change):
    assert dataclasses.replace(CUBES, **change).key != CUBES.key


def test_a_damaged_training_case_is_listed_and_the_rest_goes_on(data):
    for path in (data / "train" / "00001" / "FLAIR").iterdir():
        path.write_bytes(b"no image")
    index, = _build(data, CUBES)
    failed = index.set_index("BraTS21ID")["failed"]
    assert "00001" in failed["00001"] and "FLAIR" in failed["00001"]
    assert failed["00007"] == "" and not (_folder(data, CUBES) / "00001.npy").exists()


def test_a_test_case_goes_on_with_what_can_be_read(data):
    for path in (data / "test" / "00003" / "FLAIR").iterdir():
        path.unlink()
    (data / "test" / "00003" / "FLAIR").rmdir()
    cubes, slices = _build(data, CUBES, SLICES)
    array = open_array(_folder(data, CUBES), "00003")
    assert not array[0].any() and array[1].any()
    assert slices["slices"].tolist()[-1] == "T1wCE:7"
    assert cubes["findings"].tolist()[-1].startswith("FLAIR: not used: is missing")


def test_a_test_case_without_any_series_is_listed_not_raised(data):
    for path in (data / "test" / "00003").rglob("*.dcm"):
        path.write_bytes(b"")
    index, = _build(data, CUBES)
    assert "has no series that can be read" in index["failed"].tolist()[-1]


def test_a_sequence_that_no_case_has_is_named(data):
    with pytest.raises(UserError, match="no case has T2w.*--sequences FLAIR T1wCE"):
        _build(data, dataclasses.replace(CUBES, sequences=("FLAIR", "T2w")))


def test_known_bad_cases_are_not_made_for_training_but_for_the_test(data):
    write_series(data / "train" / "00109" / "FLAIR", pattern((5, 12, 10)))
    index, = _build(data, CUBES)
    assert "00109" not in index["BraTS21ID"].tolist()
    (data / "train" / "00109").rename(data / "test" / "00109")
    index, = _build(data, CUBES)
    assert "00109" in index["BraTS21ID"].tolist()


def test_a_case_in_train_and_test_is_an_error(data):
    write_series(data / "test" / "00001" / "FLAIR", pattern((5, 12, 10)))
    with pytest.raises(UserError, match="00001: the same case is in train/ too"):
        _build(data, CUBES)


def test_two_workers_make_the_same_bytes_as_one(data, tmp_path):
    one, = _build(data, CUBES)
    two, = build_caches(data, [CUBES], tmp_path / "other", workers=2)
    assert one.equals(two)
