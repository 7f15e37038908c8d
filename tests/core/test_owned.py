"""Only what the package wrote, and nobody changed since, is replaced or removed."""

import os

import pytest

from radiogen.core import owned
from radiogen.core.errors import UserError


def _two(folder):
    (folder / "a.txt").write_text("a")
    (folder / "b.txt").write_text("b")


def _one(folder):
    (folder / "a.txt").write_text("another")


def _contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != owned.LISTING}


def test_a_folder_replaces_the_one_of_an_earlier_call(tmp_path):
    owned.replace_folder(tmp_path / "out", _two)
    owned.replace_folder(tmp_path / "out", _one)
    assert _contents(tmp_path / "out") == {"a.txt": "another"}
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    assert _contents(owned.replace_folder(tmp_path / "out", _one)) == {"a.txt": "another"}


@pytest.mark.parametrize("spoil", [
    lambda out: (out / "mine.txt").write_text("mine"),
    lambda out: (out / "b.txt").write_text("changed"),
    lambda out: (out / "more" / "deep").mkdir(parents=True),
    lambda out: ((out / "b.txt").rename(out.parent / "b.txt"), (out / "b.txt").symlink_to(out.parent / "b.txt")),
    lambda out: (out / owned.LISTING).unlink(),
    lambda out: (out / owned.LISTING).write_text("no list"),
])
def test_what_is_not_as_it_was_written_stays_and_stops_the_replacement(tmp_path, spoil):
    out = owned.replace_folder(tmp_path / "out", _two)
    spoil(out)
    before = {path: path.is_file() and path.read_bytes() for path in sorted(tmp_path.rglob("*"))}
    with pytest.raises(UserError, match="choose another --output") as error:
        owned.replace_folder(out, _one)
    assert error.value.where.startswith(str(out))
    assert before == {path: path.is_file() and path.read_bytes() for path in sorted(tmp_path.rglob("*"))}


def test_what_comes_while_the_new_folder_is_made_stays_as_well(tmp_path):
    out = owned.replace_folder(tmp_path / "out", _two)

    def fill(part):
        (out / "late.txt").write_text("mine")

    with pytest.raises(UserError, match=r"late\.txt: was not written by radiogen"):
        owned.replace_folder(out, fill)
    assert _contents(out) == {"a.txt": "a", "b.txt": "b", "late.txt": "mine"} and os.listdir(tmp_path) == ["out"]


def test_a_link_or_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "theirs")
    with pytest.raises(UserError, match="is a symbolic link"):
        owned.replace_folder(tmp_path / "out", _one)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is in the way"):
        owned.replace_folder(tmp_path / "file", _one)
    assert (tmp_path / "out").is_symlink() and not list((tmp_path / "theirs").iterdir())


def test_a_listed_file_is_replaced_until_somebody_changes_it(tmp_path):
    path = tmp_path / "labels.csv"
    for text in ("one", "two", "two"):
        owned.write_listed(path, text)
    path.write_text("mine")
    with pytest.raises(UserError, match="labels.csv: was not written by radiogen or was changed since"):
        owned.write_listed(path, "three")
    assert path.read_text() == "mine"
    path.write_text("three")
    assert owned.write_listed(path, "three").read_text() == "three"
