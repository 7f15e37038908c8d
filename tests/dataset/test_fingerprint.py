"""What distinguishes a data set's images: names, sizes, times and first bytes; labels are no part of it."""

import hashlib
import os

import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.fingerprint import (
    HEAD,
    KEY,
    check_unchanged,
    contents_hash,
    data_fingerprint,
    list_files,
    mask_fingerprint,
    series_fingerprint,
    with_mask_values,
)
from radiogen.task import Task, write_task


@pytest.fixture
def data(tmp_path):
    """Two training cases and a test case of FLAIR, two files each, in a folder of its own."""
    for place in ("train/00000", "train/00001", "test/00002"):
        folder = tmp_path / "data" / place / "FLAIR"
        folder.mkdir(parents=True)
        for name in ("1.dcm", "2.dcm"):
            (folder / name).write_bytes(b"slice")
            os.utime(folder / name, ns=(10 ** 18, 10 ** 18))
    return tmp_path / "data"


def _series(data):
    return data / "train" / "00000" / "FLAIR"


def _write(path, content, at=10 ** 18):
    path.write_bytes(content)
    os.utime(path, ns=(at, at))


CHANGES = {
    "another first byte": lambda folder: _write(folder / "1.dcm", b"Slice"),
    "another size": lambda folder: _write(folder / "2.dcm", b"slice!"),
    "another time": lambda folder: _write(folder / "2.dcm", b"slice", 10 ** 18 + 1),
    "another name": lambda folder: (folder / "2.dcm").rename(folder / "3.dcm"),
    "a file more": lambda folder: _write(folder / "3.dcm", b"slice"),
    "a file less": lambda folder: (folder / "2.dcm").unlink()}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_series_that_changes_has_another_mark_and_so_has_its_data_set(data, change):
    series, whole = series_fingerprint(_series(data)), data_fingerprint(data)
    change(_series(data))
    assert series_fingerprint(_series(data)) != series and data_fingerprint(data).key != whole.key
    with pytest.raises(UserError, match="data: was changed or moved while it was read; run the same command again"):
        check_unchanged(data, whole)


def test_bytes_behind_the_head_of_the_first_file_and_in_the_others_are_not_read(data):
    _write(_series(data) / "1.dcm", bytes(HEAD + 1))
    before = series_fingerprint(_series(data))
    _write(_series(data) / "1.dcm", bytes(HEAD) + b"1")
    _write(_series(data) / "2.dcm", b"SLICE")
    assert series_fingerprint(_series(data)) == before
    _write(_series(data) / "1.dcm", bytes(HEAD - 1) + b"1" + b"1")
    assert series_fingerprint(_series(data)) != before


def test_a_data_set_has_one_key_of_twelve_digits_and_a_mark_a_series(data):
    mark = data_fingerprint(data)
    assert len(mark.key) == KEY == 12 and int(mark.key, 16) >= 0 and mark.mask_key == mark.key
    assert set(mark.series) == {("train", "00000", "FLAIR"), ("train", "00001", "FLAIR"), ("test", "00002", "FLAIR")}


def test_labels_the_folders_name_and_hidden_files_beside_are_no_part_of_it(data):
    before = data_fingerprint(data)
    (data / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00000,1\n")
    moved = data.rename(data.parent / "moved")
    assert data_fingerprint(moved) == before
    check_unchanged(moved, before)


def test_a_mask_changes_its_own_key_and_leaves_that_of_the_arrays(data):
    before = data_fingerprint(data)
    _write(data / "train" / "00000" / "mask.nii.gz", b"mask")
    after = data_fingerprint(data)
    assert after.key == before.key and after.mask_key != before.mask_key
    assert after.series["train", "00000", "mask"] == series_fingerprint(data / "train" / "00000" / "mask.nii.gz")
    with pytest.raises(UserError, match="was changed or moved"):
        check_unchanged(data, before)


def test_a_data_set_that_is_gone_has_changed(data):
    mark = data_fingerprint(data)
    with pytest.raises(UserError, match="was changed or moved while it was read"):
        check_unchanged(data.parent / "gone", mark)


def test_what_a_masks_numbers_mean_is_part_of_its_mark_and_what_its_parts_are_called_is_not(data):
    one, renamed, other = (Task("t", mask_values=values) for values in (
        {"core": (1,), "edge": (4,)}, {"all": (4, 1)}, {"core": (1,)}))
    path = _series(data) / "1.dcm"
    assert mask_fingerprint(path, one) == mask_fingerprint(path, renamed) != mask_fingerprint(path, other)
    assert mask_fingerprint(path, Task("t")) == series_fingerprint(path)
    assert with_mask_values("", one) == ""


def test_a_sequence_that_the_task_does_not_name_is_no_part_of_it(data):
    before = data_fingerprint(data).key
    (data / "train" / "00000" / "DWI").mkdir()
    assert data_fingerprint(data).key == before
    write_task(data, Task("other", sequences=("FLAIR", "DWI"), id_pattern="[0-9]{5}", id_example="00042"))
    assert data_fingerprint(data).key != before


def test_a_link_that_leads_nowhere_is_a_file_that_cannot_be_read(data):
    folder = _series(data)
    before = series_fingerprint(folder)
    (folder / "0.dcm").symlink_to(folder / "nowhere")
    assert series_fingerprint(folder) != before
    assert contents_hash(folder) == contents_hash(data / "train" / "00001" / "FLAIR")  # it has no content
    named = series_fingerprint(folder)
    (folder / "0.dcm").rename(folder / "00.dcm")
    assert series_fingerprint(folder) != named


def test_a_series_that_is_not_there_has_a_mark_too(data):
    assert series_fingerprint(data / "none") == hashlib.sha256(b"[]").hexdigest()
    assert contents_hash(data / "none") == ""


def test_the_hash_of_the_contents_is_that_of_sha256sum_and_knows_neither_names_nor_times(data):
    folder = _series(data)
    _write(folder / "2.dcm", b"other", 5 * 10 ** 17)
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}\n" for content in (b"slice", b"other"))
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert contents_hash(folder) == expected
    (folder / "1.dcm").rename(folder / "0.dcm")
    assert contents_hash(folder) == expected


def test_a_series_of_one_file_is_that_file(data):
    path = _series(data) / "1.dcm"
    assert list_files(path) == [path]
    assert contents_hash(path) == hashlib.sha256(f"{hashlib.sha256(b'slice').hexdigest()}\n".encode()).hexdigest()
    assert [each.name for each in list_files(_series(data))] == ["1.dcm", "2.dcm"]
