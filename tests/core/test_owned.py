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


def test_a_folder_lists_the_hash_of_each_of_its_files_and_keeps_other_facts(tmp_path):
    def fill(part):
        _two(part)
        (part / owned.LISTING).write_text('{"made": "today", "files": {"gone.txt": "0"}}')

    out = owned.replace_folder(tmp_path / "out", fill)
    assert set(owned.listed_files(out)) == {"a.txt", "b.txt"}
    assert owned.listed_files(out)["a.txt"] == owned.files.sha256(out / "a.txt")
    assert owned._facts(out / owned.LISTING)["made"] == "today"


@pytest.mark.parametrize("text", ["[]", "7", "{", '{"files": ["a.txt"]}', "{}"])
def test_a_list_of_another_form_lists_nothing(tmp_path, text):
    (tmp_path / owned.LISTING).write_text(text)
    assert owned.listed_files(tmp_path) == {}
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(UserError, match=r"a\.txt: was not written by radiogen"):
        owned.check_replaceable(tmp_path)


def test_a_list_behind_a_link_is_not_ours(tmp_path):
    out = owned.replace_folder(tmp_path / "out", _one)
    (out / owned.LISTING).rename(tmp_path / "list")
    (out / owned.LISTING).symlink_to(tmp_path / "list")
    assert owned.listed_files(out) == {}


@pytest.mark.parametrize("written", [None, "0" * 64])
def test_a_file_without_its_own_hash_has_changed(tmp_path, written):
    (tmp_path / "a").write_text("a")
    assert not owned.is_unchanged(tmp_path / "a", written)
    assert owned.is_unchanged(tmp_path / "a", owned.files.sha256(tmp_path / "a"))
    assert not owned.is_unchanged(tmp_path / "none", "0" * 64)


def test_a_file_that_says_what_is_to_be_written_may_be_there_whoever_wrote_it(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    owned.check_listed(tmp_path / "a.txt", "text")
    with pytest.raises(UserError, match=r"a\.txt: was not written by radiogen or was changed since"):
        owned.check_listed(tmp_path / "a.txt", "other")


def test_a_link_that_leads_nowhere_is_in_the_way(tmp_path):
    (tmp_path / "a.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="was not written by radiogen"):
        owned.check_listed(tmp_path / "a.txt", "text")


def test_two_files_in_one_folder_are_both_listed(tmp_path):
    for name in ("a.txt", "b.txt"):
        owned.write_listed(tmp_path / name, name)
    assert set(owned.listed_files(tmp_path)) == {"a.txt", "b.txt"}


def test_a_folder_of_ours_is_removed_and_one_with_anything_else_in_it_stays(tmp_path):
    owned.replace_folder(tmp_path / "out", _two)
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert not owned.remove_folder(tmp_path / "out") and len(_contents(tmp_path / "out")) == 3
    (tmp_path / "out" / "mine.txt").unlink()
    assert owned.remove_folder(tmp_path / "out") and not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    assert not owned.remove_folder(tmp_path / "out") and (tmp_path / "out").is_dir()
    assert not owned.remove_folder(tmp_path / "nowhere")
