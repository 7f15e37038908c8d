"""An archive that would write elsewhere, fill the disk or is damaged is refused, and its file named."""

import io
import shutil
import stat
import zipfile

import pytest

from benchmarks.synthetic.kaggle_server import zip_of
from radiogen.core.errors import UserError
from radiogen.kaggle.archive import Member, extract, missing, need_space, read_members

DATA = {"train/00000/T1w/Image-1.dcm": b"one" * 50, "train/00000/T1w/Image-2.dcm": b"two" * 60,
        "train/00002/T1w/Image-1.dcm": b"three" * 50, "train_labels.csv": b"BraTS21ID,MGMT_value\n00000,1\n"}


@pytest.fixture
def archive(tmp_path):
    (tmp_path / "a.zip").write_bytes(zip_of(DATA))
    return tmp_path / "a.zip"


def _written(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _zip(tmp_path, *entries):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("train_labels.csv", b"good")
        for entry in entries:
            made.writestr(*entry)
    (tmp_path / "a.zip").write_bytes(content.getvalue())
    return tmp_path / "a.zip"


def _damage(path, content):
    """Change a byte of an entry's data, which is stored as it is."""
    whole = bytearray(path.read_bytes())
    whole[whole.index(content) + 3] ^= 1
    path.write_bytes(whole)


def test_every_file_is_written_with_its_bytes(archive, tmp_path):
    members = read_members(archive)
    assert extract(archive, tmp_path / "data", missing(members, tmp_path / "data")) == []
    assert _written(tmp_path / "data") == DATA
    assert missing(members, tmp_path / "data") == []


def test_only_what_is_missing_is_written_again(archive, tmp_path):
    members = read_members(archive)
    extract(archive, tmp_path / "data", members)
    (tmp_path / "data" / "train/00000/T1w/Image-1.dcm").unlink()
    (tmp_path / "data" / "train/00000/T1w/Image-2.dcm").write_bytes(b"half")
    shutil.rmtree(tmp_path / "data" / "train/00002")
    lacking = missing(members, tmp_path / "data")
    assert [member.name for member in lacking] == [name for name in DATA if name != "train_labels.csv"]
    extract(archive, tmp_path / "data", lacking)
    assert _written(tmp_path / "data") == DATA


@pytest.mark.parametrize(("name", "said"), [
    ("../evil", "leads out of the folder"),
    ("train/../../evil", "leads out of the folder"),
    ("/etc/evil", "has an absolute path"),
    ("C:\\evil", "has an absolute path"),
    ("train\\evil", "has a name with a backslash"),
    ("train//evil", "an empty part"),
    ("train/ev\nil", "a control character"),
])
def test_a_name_that_leads_elsewhere_refuses_the_whole_archive(tmp_path, name, said):
    path = _zip(tmp_path, (name, b"evil"))
    with pytest.raises(UserError, match="is refused, nothing of it was extracted") as error:
        read_members(path)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(("kind", "said"), [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "is not a regular file")])
def test_a_link_or_a_device_is_refused(tmp_path, kind, said):
    entry = zipfile.ZipInfo("train/link")
    entry.external_attr = (kind | 0o777) << 16
    with pytest.raises(UserError, match=f"'train/link' {said}"):
        read_members(_zip(tmp_path, (entry, b"/etc/passwd")))


def test_an_encrypted_file_is_refused(archive):
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(UserError, match="is encrypted"):
        read_members(archive)


def test_two_entries_for_one_file_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = _zip(tmp_path, ("train_labels.csv", b"bad"))
    with pytest.raises(UserError, match="'train_labels.csv' is in it twice"):
        read_members(path)


def test_a_bomb_is_refused_before_a_byte_of_it_is_written(tmp_path):
    path = _zip(tmp_path, ("train/zeros", bytes(50_000_000)))
    with pytest.raises(UserError, match="claim to contain 50,000,004, more than 50 times as many"):
        read_members(path)


def test_one_blank_image_among_others_is_no_bomb(tmp_path):
    import random

    path = _zip(tmp_path, ("train/zeros", bytes(500_000)), ("train/noise", random.Random(0).randbytes(100_000)))
    assert len(read_members(path)) == 3


def test_hidden_files_and_folders_of_their_own_are_left_out(tmp_path):
    assert [one.name for one in read_members(_zip(tmp_path, ("train/", b""), ("train/.DS_Store", b"x")))] == [
        "train_labels.csv"]


def test_a_damaged_file_is_named_not_written_and_the_others_are(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        for name, content in DATA.items():
            made.writestr(name, content)
    _damage(tmp_path / "a.zip", DATA["train/00000/T1w/Image-2.dcm"])
    members = read_members(tmp_path / "a.zip")
    damaged = extract(tmp_path / "a.zip", tmp_path / "data", members)
    assert [member.name for member in damaged] == ["train/00000/T1w/Image-2.dcm"] == [
        member.name for member in missing(members, tmp_path / "data")]
    assert len(_written(tmp_path / "data")) == 3


@pytest.mark.parametrize("keep", [0, 10, -10])
def test_half_an_archive_is_reported_with_the_remedy(archive, keep):
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"a\.zip: is damaged: .*delete it and run the same command again"):
        read_members(archive)


def test_a_disk_too_small_is_reported_with_both_numbers_and_the_way_out(tmp_path):
    with pytest.raises(UserError, match=r"extracting needs 1,000,000,001\.1 GB and the disk has .* --subset 8"):
        need_space(tmp_path / "not" / "yet", 10**18, "extracting")


def test_a_file_whose_size_nobody_gave_is_there_if_it_is_there(tmp_path):
    assert missing([Member("a")], tmp_path) == [Member("a")]
    (tmp_path / "a").write_bytes(b"x")
    assert missing([Member("a")], tmp_path) == []
