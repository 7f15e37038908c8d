"""Arrays are made once, again when anything they depend on has changed, and never half."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic.series_files import pattern, write_series
from radiogen.arrays import cache
from radiogen.arrays.cache import build_caches, cache_folder
from radiogen.arrays.settings import CacheSettings
from radiogen.arrays.stored_arrays import array_layout, check_arrays, open_array, read_blocks, read_index
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.dataset.fingerprint import data_fingerprint, series_fingerprint
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.scanner import read_scanner
from radiogen.imaging.findings import Finding, FindingCode

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


@pytest.mark.parametrize("moves", [True, False])
def test_a_data_set_that_changes_meanwhile_leaves_the_index_of_what_it_was_alone(data, monkeypatch, moves):
    index, = _build(data, CUBES)
    path, make = cache_folder(data, CUBES, data.parent / "cache") / "index.csv", cache.map_items
    before = path.read_bytes()
    (path.parent / "00007.npy").unlink()

    def changed_meanwhile(*arguments, **options):
        if moves:
            data.rename(data.with_name("moved"))
        else:
            write_series(data / "train" / "00099" / "FLAIR", pattern((2, 12, 10)))
        return make(*arguments, **options)

    monkeypatch.setattr(cache, "map_items", changed_meanwhile)
    with pytest.raises(UserError, match="input/small: was changed or moved while it was read; run the same command"):
        _build(data, CUBES)
    assert path.read_bytes() == before and len(index) == 3


def test_each_case_has_one_array_and_a_row_with_its_checksum(data):
    cubes, slices = _build(data, CUBES, SLICES)
    assert cubes["case"].tolist() == slices["case"].tolist() == ["00001", "00007", "00003"]
    assert open_array(_folder(data, CUBES), "00001").shape == (2, 8, 8, 8)
    assert open_array(_folder(data, SLICES), "00003").shape == (12, 12, 12)
    assert slices["slices"].tolist() == ["FLAIR:5 T1wCE:7"] * 3
    assert open_array(_folder(data, CUBES), "00001").dtype == np.uint8
    check_arrays(_folder(data, CUBES), read_index(_folder(data, CUBES)), ["00001", "00003"])


def test_the_data_sets_own_folder_is_not_written_to(data):
    before = {path: path.stat().st_mtime_ns for path in [data, *data.rglob("*")]}
    _build(data, CUBES, SLICES)
    assert {path: path.stat().st_mtime_ns for path in [data, *data.rglob("*")]} == before


def test_each_case_keeps_the_hash_of_its_series_files_that_the_shell_gives_too(data):
    import json
    import subprocess

    _build(data, CUBES)
    kept = json.loads((_folder(data, CUBES) / "00007.json").read_text())["contents"]
    assert set(kept) == {"FLAIR", "T1wCE"}
    for sequence, mark in kept.items():
        output = subprocess.run("LC_ALL=C sha256sum * | cut -c-64 | sha256sum", shell=True, text=True, check=True,
                              capture_output=True, cwd=data / "train" / "00007" / sequence).stdout
        assert mark == output.split()[0]


def test_a_second_call_makes_nothing_again_and_gives_the_same_index(data):
    first, = _build(data, CUBES)
    times = {path.name: path.stat().st_mtime_ns for path in _folder(data, CUBES).glob("*.npy")}
    second, = _build(data, CUBES)
    assert {path.name: path.stat().st_mtime_ns for path in _folder(data, CUBES).glob("*.npy")} == times
    assert first.equals(second)


def _state(folder):
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.glob("*.npy")}


def test_a_changed_input_file_makes_its_case_again_in_another_folder_and_no_other(data):
    first, = _build(data, CUBES)
    old = _folder(data, CUBES)
    before = _state(old)
    write_series(data / "train" / "00007" / "FLAIR", 3 * pattern((5, 12, 10)) + np.arange(10, dtype=np.uint16) ** 2)
    second, = _build(data, CUBES)
    new = _folder(data, CUBES)
    assert old != new and _state(old) == before
    check_arrays(old, first, before_ids := ["00001", "00007", "00003"])
    check_arrays(new, second, before_ids)
    assert [name for name, state in _state(new).items() if state != before[name]] == ["00007.npy"]
    assert first["sha256"][1] != second["sha256"][1] and first.drop(index=1).equals(second.drop(index=1))
    assert not list(new.glob(".*.part"))


def test_two_data_sets_of_one_name_with_files_of_the_same_names_sizes_and_times_keep_their_own_arrays(data):
    other = data.parent / "elsewhere" / data.name
    shutil.copytree(data, other)
    paths, pixels = sorted((other / "train" / "00001" / "FLAIR").iterdir()), 12 * 10 * 2
    contents = [path.read_bytes() for path in paths]
    for path, own, turned in zip(paths, contents, reversed(contents), strict=True):
        path.write_bytes(own[:-pixels] + turned[-pixels:])
    for path in other.rglob("*.dcm"):
        output = (data / path.relative_to(other)).stat()
        assert path.stat().st_size == output.st_size
        os.utime(path, ns=(output.st_atime_ns, output.st_mtime_ns))
    first, = _build(data, CUBES)
    root, before = data.parent / "cache", _state(_folder(data, CUBES))
    second, = build_caches(other, [CUBES], root, workers=1)
    assert first["sha256"][0] != second["sha256"][0]
    assert cache_folder(other, CUBES, root) != _folder(data, CUBES) and _state(_folder(data, CUBES)) == before
    check_arrays(_folder(data, CUBES), first, ["00001", "00007", "00003"])
    check_arrays(cache_folder(other, CUBES, root), second, ["00001", "00007", "00003"])


def test_a_renamed_data_set_takes_its_arrays_along(data, monkeypatch):
    first, = _build(data, CUBES)
    before = _state(_folder(data, CUBES))
    data = data.rename(data.with_name("renamed"))
    monkeypatch.setattr(cache, "case_array", None)
    assert _build(data, CUBES)[0].equals(first) and _state(_folder(data, CUBES)) == before


def test_a_copy_of_a_data_set_with_other_times_has_its_arrays_linked_by_content(data, monkeypatch):
    first, = _build(data, CUBES)
    before, old = _state(_folder(data, CUBES)), _folder(data, CUBES)
    for path in data.rglob("*.dcm"):
        os.utime(path, (7, 7))
    with monkeypatch.context() as patch:
        patch.setattr(cache, "case_array", None)
        assert _build(data, CUBES)[0].equals(first)
    assert _folder(data, CUBES) != old and _state(_folder(data, CUBES)) == before
    files.write_bytes(sorted((data / "train" / "00001" / "FLAIR").iterdir())[2], b"no DICOM")
    assert [state for name, state in _state(_folder(data, CUBES)).items() if name == "00001.npy"] == []
    assert "00001" in _build(data, CUBES)[0].query("findings != '' or failed != ''")["case"].tolist()


def test_where_no_link_can_be_made_arrays_are_copied(data, monkeypatch):
    first, = _build(data, CUBES)

    def refuse(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    data = data.rename(data.with_name("renamed"))
    monkeypatch.setattr(cache, "case_array", None)
    assert _build(data, CUBES)[0].equals(first)
    check_arrays(_folder(data, CUBES), first, ["00001", "00007", "00003"])


def test_the_cache_of_an_older_version_is_left_alone_and_not_used(data):
    _build(data, CUBES)
    old = data.parent / "cache" / data.name
    _folder(data, CUBES).parent.rename(old)
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    _build(data, CUBES)
    assert not set(_state(_folder(data, CUBES)).values()) & set(_state(old / _folder(data, CUBES).name).values())
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before


def test_a_test_case_that_was_moved_to_training_is_made_as_a_training_case(data):
    _build(data, CUBES)
    (data / "test" / "00003").rename(data / "train" / "00003")
    index = _build(data, CUBES)[0].set_index("case")
    assert index["split"].to_dict() == {"00001": "train", "00003": "train", "00007": "train"}


def test_a_series_that_changes_while_it_is_read_gets_no_array_and_the_others_do(data):
    mark = data_fingerprint(data)
    os.utime(next((data / "train" / "00007" / "FLAIR").iterdir()), (1, 1))
    with pytest.raises(UserError, match="was changed or moved while it was read; run the same command again"):
        _build(data, CUBES, fingerprint=mark)
    folder = cache_folder(data, CUBES, data.parent / "cache", mark)
    assert (folder / "00001.npy").is_file() and not (folder / "00007.npy").exists()
    assert not (folder / "index.csv").exists()


@pytest.mark.parametrize("added", ["00099/FLAIR", "00007/T1wCE"])
def test_a_series_that_is_added_between_the_listing_and_the_reading_gets_no_array(data, added):
    path = data / "train" / added
    if path.is_dir():
        shutil.move(path, data.parent / "apart")
    mark = data_fingerprint(data)
    write_series(path, pattern((7, 12, 10)))
    with pytest.raises(UserError, match="was changed or moved while it was read; run the same command again"):
        _build(data, CUBES, fingerprint=mark)
    folder = cache_folder(data, CUBES, data.parent / "cache", mark)
    left = {"00001", "00003", "00007"} - {path.parent.name}
    assert {path.stem for path in folder.glob("0*")} == left


def test_a_replaced_array_is_refused_at_its_next_image_and_a_touched_one_is_not(data):
    index, = _build(data, CUBES)
    path, mark = _folder(data, CUBES) / "00001.npy", index["sha256"][0]
    with pytest.raises(UserError, match=r"00001\.npy: is not the array that this training began with"):
        array_layout(path.parent, "00001", mark[::-1])
    layout, content = array_layout(path.parent, "00001", mark), path.read_bytes()
    image = read_blocks(path.parent, "00001", layout, [1], 3)
    path.unlink()
    path.write_bytes(content)
    assert np.array_equal(read_blocks(path.parent, "00001", layout, [1], 3), image)
    path.unlink()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=r"00001\.npy: is not the array that this training began with"):
        read_blocks(path.parent, "00001", layout, [0], 3)


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
                                    {"geometry": "isotropic", "edge_mm": 100.0}, {"dtype": "float16"},
                                    {"window": True}, {"kind": "slabs", "geometry": "slab", "depth": 8}])
def test_every_setting_has_a_key_of_its_own(data, change):
    assert dataclasses.replace(CUBES, **change).key != CUBES.key


def test_a_damaged_training_case_is_listed_with_the_code_of_its_refusal_and_the_rest_goes_on(data):
    for path in (data / "train" / "00001" / "FLAIR").iterdir():
        path.write_bytes(b"no image")
    index, = _build(data, CUBES)
    failed = index.set_index("case")["failed"]
    assert "00001" in failed["00001"] and "FLAIR" in failed["00001"]
    assert index["failed_code"].tolist() == ["NO_USABLE_IMAGE", "", ""]
    assert failed["00007"] == "" and not (_folder(data, CUBES) / "00001.npy").exists()


def test_a_test_case_goes_on_with_what_can_be_read(data):
    for path in (data / "test" / "00003" / "FLAIR").iterdir():
        path.unlink()
    (data / "test" / "00003" / "FLAIR").rmdir()
    cubes, slices = _build(data, CUBES, SLICES)
    array = open_array(_folder(data, CUBES), "00003")
    assert not array[0].any() and array[1].any()
    assert slices["slices"].tolist()[-1] == "T1wCE:7"
    assert cubes["finding_codes"].tolist()[-1] == "FLAIR:SERIES_MISSING"
    assert cubes["findings"].tolist()[-1].startswith("FLAIR: ")


def test_a_test_case_without_any_series_is_listed_not_raised(data):
    for path in (data / "test" / "00003").rglob("*.dcm"):
        path.write_bytes(b"")
    index, = _build(data, CUBES)
    assert "has no series that can be read" in index["failed"].tolist()[-1]


def test_a_sequence_that_no_case_has_is_named(data):
    with pytest.raises(UserError, match="no case has T2w.*--sequences FLAIR T1wCE"):
        _build(data, dataclasses.replace(CUBES, sequences=("FLAIR", "T2w")))


def _with_00109(data):
    """A good case of that id, and a label table that names it."""
    for sequence in ("FLAIR", "T1wCE"):
        write_series(data / "train" / "00109" / sequence, pattern((5, 12, 10)))
    (data / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00001,1\n00007,0\n00109,0\n")


def test_an_id_that_is_bad_in_the_competition_is_an_ordinary_case_elsewhere(data):
    _with_00109(data)
    index, = _build(data, CUBES)
    assert index["case"].tolist() == ["00001", "00007", "00109", "00003"]


def test_a_known_bad_case_is_made_for_recipes_that_do_not_read_its_blank_sequence(data, as_competition):
    _with_00109(data)
    as_competition(data)
    both, enhanced = _build(data, CUBES, dataclasses.replace(CUBES, sequences=("T1wCE",)))
    assert both["case"].tolist() == ["00001", "00007", "00003"]
    assert enhanced["case"].tolist() == ["00001", "00007", "00109", "00003"]
    assert enhanced["failed"].tolist() == [""] * 4


def test_known_bad_cases_are_not_made_for_training_but_for_the_test(data, as_competition):
    _with_00109(data)
    as_competition(data)
    index, = _build(data, CUBES)
    assert "00109" not in index["case"].tolist()
    (data / "train" / "00109").rename(data / "test" / "00109")
    index, = _build(data, CUBES)
    assert "00109" in index["case"].tolist()


def test_a_case_in_train_and_test_is_an_error(data):
    write_series(data / "test" / "00001" / "FLAIR", pattern((5, 12, 10)))
    with pytest.raises(UserError, match="00001: the same case is in train/ too"):
        _build(data, CUBES)


def test_two_workers_make_the_same_bytes_as_one(data, tmp_path):
    one, = _build(data, CUBES)
    two, = build_caches(data, [CUBES], tmp_path / "other", workers=2)
    assert one.equals(two)


def test_all_recipes_together_make_the_same_arrays_as_each_alone(data, tmp_path):
    percentile = dataclasses.replace(CUBES, normalisation="percentile")
    isotropic = dataclasses.replace(SLICES, geometry="isotropic")
    alone = [_build(data, each)[0] for each in (CUBES, SLICES, percentile, isotropic)]
    together = build_caches(data, [CUBES, SLICES, percentile, isotropic], tmp_path / "other", workers=1)
    for one, other in zip(alone, together, strict=True):
        assert one.equals(other)


def test_pydicom_alone_makes_the_same_bytes_as_the_fast_path(data, tmp_path):
    fast = _build(data, CUBES, SLICES)
    slow = build_caches(data, [CUBES, SLICES], tmp_path / "other", workers=1, fast=False)
    assert all(one.equals(other) for one, other in zip(fast, slow, strict=True))


def test_each_file_of_a_case_is_opened_once_for_all_recipes(data, monkeypatch):
    opened = []
    real = os.open

    def counted(path, *rest, **more):
        opened.append(str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", counted)
    _build(data, CUBES, SLICES, dataclasses.replace(CUBES, normalisation="percentile"))
    images = [path for path in opened if path.endswith(".dcm")]
    assert len(images) == len(set(images)) == 3 * (5 + 7)


def test_a_case_that_a_setting_refuses_is_named(data):
    index, = _build(data, dataclasses.replace(CUBES, normalisation="none"))
    failed = index.set_index("case")["failed"]
    assert failed["00001"].startswith(f"{data / 'train' / '00001'}: has values from")


def test_what_an_isotropic_cube_crops_and_pads_is_reported(data):
    index, = _build(data, dataclasses.replace(CUBES, geometry="isotropic", edge_mm=30.0))
    assert "FLAIR:PADDED" in index["change_codes"][0].split()
    index, = _build(data, dataclasses.replace(CUBES, geometry="isotropic", edge_mm=2.0))
    assert "FLAIR:HEAD_CUT_OFF" in index["change_codes"][0].split()


def test_what_lies_outside_a_series_is_air_in_z_scores_too(data):
    settings = dataclasses.replace(CUBES, geometry="isotropic", edge_mm=60.0, normalisation="z-score", dtype="float16")
    _build(data, settings)
    cube = open_array(_folder(data, settings), "00001")[0]
    assert cube[0, 0, 0] == cube.min() < -1


def test_half_floats_keep_the_value_itself(data):
    bytes_, halves = _build(data, CUBES, dataclasses.replace(CUBES, dtype="float16"))
    kept = open_array(_folder(data, dataclasses.replace(CUBES, dtype="float16")), "00001")
    assert kept.dtype == np.float16
    assert np.abs(kept * 255.0 - open_array(_folder(data, CUBES), "00001")).max() <= 0.51
    assert kept.min() >= 0 and kept.max() <= 1


def test_a_series_with_fewer_slices_than_the_cube_says_that_it_was_grown(data):
    index, = _build(data, CUBES)
    grown = Finding(FindingCode.GROWN, (), {"axes": (("slices", 5, 8),)})
    assert index["changes"][0].split("; ")[0] == f"FLAIR: {grown}"
    assert index["change_codes"][0].split()[0] == "FLAIR:GROWN"
    assert (index["findings"][0], index["finding_codes"][0]) == ("", "")


def test_a_test_series_that_tells_no_place_is_left_out_alone(data):
    for path in (data / "test" / "00003" / "FLAIR").iterdir():
        path.unlink()
    write_series(data / "test" / "00003" / "FLAIR", pattern((5, 12, 10)), ImagePositionPatient=None)
    isotropic = dataclasses.replace(CUBES, geometry="isotropic", edge_mm=10.0)
    index, = _build(data, isotropic)
    assert index["failed"].tolist()[-1] == ""
    assert index["finding_codes"].tolist()[-1].split() == ["FLAIR:POSITION_MISSING", "FLAIR:PLACE_UNKNOWN"]
    array = open_array(_folder(data, isotropic), "00003")
    assert not array[0].any() and array[1].any()


def test_each_series_that_was_read_has_a_row_of_its_geometry(data):
    for path in (data / "test" / "00003" / "FLAIR").iterdir():
        path.write_bytes(b"")
    _build(data, CUBES)
    table = read_geometry(_folder(data, CUBES) / "geometry.csv")
    assert list(zip(table["case"], table["split"], table["sequence"], table["slices"], strict=True)) == [
        ("00001", "train", "FLAIR", 5), ("00001", "train", "T1wCE", 7), ("00007", "train", "FLAIR", 5),
        ("00007", "train", "T1wCE", 7), ("00003", "test", "T1wCE", 7)]
    assert set(table["plane"]) == {"axial"} and set(table["slice_spacing_mm"]) == {3.0}
    assert set(table["row_mm"]) == {0.75} and set(table["column_mm"]) == {0.5}
    before = (_folder(data, CUBES) / "geometry.csv").read_bytes()
    _build(data, CUBES)
    assert (_folder(data, CUBES) / "geometry.csv").read_bytes() == before


def test_cases_with_the_same_first_series_have_the_same_perceptual_hash_and_a_lost_one_has_none(data):
    for path in (data / "test" / "00003" / "FLAIR").iterdir():
        path.write_bytes(b"")
    cubes, slices = _build(data, CUBES, SLICES)
    assert cubes["perceptual_hash"].tolist() == slices["perceptual_hash"].tolist()
    assert cubes["perceptual_hash"][0] == cubes["perceptual_hash"][1] and len(cubes["perceptual_hash"][0]) == 64
    assert cubes["perceptual_hash"][2] == ""


@pytest.mark.parametrize("settings", [CUBES, SLICES, dataclasses.replace(CUBES, dtype="float16")])
def test_images_are_read_one_by_one_as_they_lie_in_the_array(data, settings):
    _build(data, settings)
    folder = _folder(data, settings)
    array, layout = np.asarray(open_array(folder, "00007")), array_layout(folder, "00007")
    assert (layout.shape, layout.dtype) == (array.shape, array.dtype)
    flat = array.reshape(-1, *array.shape[-2:])
    assert np.array_equal(read_blocks(folder, "00007", layout, [5, 0, len(flat) - 1], 2), flat[[5, 0, -1]])


def test_an_array_that_is_cut_off_is_an_error_that_names_it(data):
    _build(data, CUBES)
    folder = _folder(data, CUBES)
    layout = array_layout(folder, "00007")
    path = folder / "00007.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"00007\.npy: cannot be read \(cut off\)"):
        read_blocks(folder, "00007", layout, [1], 3)
    path.write_bytes(b"nonsense")
    with pytest.raises(UserError, match=r"00007\.npy: cannot be read"):
        array_layout(folder, "00007")


def test_an_array_with_bytes_behind_its_end_is_an_error_that_names_it(data):
    _build(data, CUBES)
    path = _folder(data, CUBES) / "00007.npy"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(UserError, match=r"00007\.npy: cannot be read \(\d+ bytes do not hold uint8"):
        array_layout(path.parent, "00007")


@pytest.mark.parametrize("damage", [
    lambda note: [], lambda note: {**note, "row": 7}, lambda note: {**note, "geometry": 7},
    lambda note: {**note, "row": {"sha256": note["row"]["sha256"]}},
    lambda note: {name: value for name, value in note.items() if name != "source"}])
def test_a_note_of_another_version_is_made_again_with_its_array(data, damage):
    index, = _build(data, CUBES)
    note = _folder(data, CUBES) / "00001.json"
    whole = note.read_bytes()
    note.write_text(json.dumps(damage(json.loads(whole))))
    again, = _build(data, CUBES)
    assert again.equals(index) and note.read_bytes() == whole


def test_a_cache_of_a_version_without_codes_is_refused_in_one_line_and_mended_by_preprocessing(data):
    index, = _build(data, CUBES)
    path = _folder(data, CUBES) / "index.csv"
    lacking = ["finding_codes", "change_codes", "failed_code"]
    index.drop(columns=lacking).to_csv(path, index=False)
    for note in path.parent.glob("0*.json"):
        kept = json.loads(note.read_text())
        note.write_text(json.dumps({**kept, "row": {name: kept["row"][name] for name in kept["row"]
                                                    if name not in lacking}}))
    with pytest.raises(UserError, match=r"no column finding_codes.*; run python scripts/preprocess\.py again"):
        read_index(path.parent)
    assert _build(data, CUBES)[0].equals(index)
    assert read_index(path.parent)["change_codes"].tolist() == index["change_codes"].tolist()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"BraTS21ID\n00001\n"])
def test_a_damaged_index_is_named_and_written_anew(data, content):
    _build(data, CUBES)
    path = _folder(data, CUBES) / "index.csv"
    whole = path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"index\.csv: .*; run python scripts/preprocess\.py again"):
        read_index(path.parent)
    _build(data, CUBES)
    assert path.read_bytes() == whole


def test_a_series_whose_folder_may_not_be_opened_costs_its_case_alone_and_is_reported(data, monkeypatch):
    closed = [data / "train" / "00007" / "T1wCE", data / "test" / "00003" / "T1wCE"]

    def refusing(true):
        def refuse(folder="."):
            if folder in closed:
                raise PermissionError(13, "Permission denied", str(folder))
            return true(folder)
        return refuse

    for place, name in ((os, "scandir"), (Path, "iterdir")):
        monkeypatch.setattr(place, name, refusing(getattr(place, name)))
    index = _build(data, CUBES, fast=False)[0].set_index("case")
    assert index["failed_code"].to_dict() == {"00001": "", "00007": "FOLDER_UNREADABLE", "00003": ""}
    assert str(closed[0]) in index["failed"]["00007"]
    assert index["finding_codes"]["00003"] == "T1wCE:FOLDER_UNREADABLE"
    monkeypatch.undo()
    whole = _build(data, CUBES)[0].set_index("case")
    assert set(whole["failed_code"]) == {""} and set(whole["finding_codes"]) == {""}


def test_an_array_that_was_made_while_a_file_could_not_be_read_is_made_again(data, monkeypatch):
    path = sorted((data / "train" / "00007" / "FLAIR").iterdir())[2]
    content, output = path.read_bytes(), path.stat()
    path.unlink()
    path.symlink_to("/proc/self/mem")  # its first byte cannot be read, by root neither
    _build(data, CUBES)
    old = _folder(data, CUBES)
    path.unlink()
    path.write_bytes(content)
    os.utime(path, ns=(output.st_atime_ns, output.st_mtime_ns))
    old.parent.rename(_folder(data, CUBES).parent)  # as if only permissions had changed
    note = _folder(data, CUBES) / "00007.json"
    kept = json.loads(note.read_text())
    kept["source"]["FLAIR"] = series_fingerprint(path.parent)
    note.write_text(json.dumps(kept))
    assert "Image-3.dcm" in kept["row"]["findings"] and kept["contents"]["FLAIR"] == ""
    assert set(_build(data, CUBES)[0]["findings"]) == {""}


def test_an_array_and_a_note_that_may_not_be_read_are_made_again(data, monkeypatch):
    before = _build(data, CUBES)[0]
    note, array = (_folder(data, CUBES) / f"00007.{kind}" for kind in ("json", "npy"))
    for path in (note, array):
        path.unlink()
        path.symlink_to("/proc/self/mem")
        if path == array:
            with pytest.raises(UserError, match="00007.npy: cannot be read"):
                check_arrays(_folder(data, CUBES), before, ["00007"])
        assert _build(data, CUBES)[0].equals(before)
        assert not path.is_symlink()


def test_an_array_of_a_version_that_noted_no_contents_is_kept(data):
    _build(data, CUBES)
    note = _folder(data, CUBES) / "00007.json"
    kept = json.loads(note.read_text())
    del kept["contents"]
    note.write_text(json.dumps(kept))
    _build(data, CUBES)
    assert "contents" not in json.loads(note.read_text())


def test_a_cache_has_a_row_a_series_of_its_scanner_also_where_an_older_version_noted_none(data):
    _build(data, CUBES)
    folder = _folder(data, CUBES)
    first = read_scanner(folder)
    assert sorted(zip(first["case"], first["sequence"], strict=True)) == [
        (case, name) for case in ("00001", "00003", "00007") for name in ("FLAIR", "T1wCE")]
    assert first["air_mean"].notna().all()
    for note in folder.glob("0*.json"):
        note.write_text(json.dumps({name: value for name, value in json.loads(note.read_text()).items()
                                    if name != "scanner"}))
    _build(data, CUBES)
    assert read_scanner(folder).equals(first)
