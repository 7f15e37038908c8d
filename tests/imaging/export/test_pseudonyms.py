"""Pseudonyms and identifiers are those of a key that is kept; sentences lose the names of files."""

import stat
import uuid

import pytest
from pydicom.uid import UID

from radiogen.core.errors import UserError
from radiogen.imaging.export.pseudonyms import new_uid, pseudonym, read_key, without_names


def test_the_users_key_is_made_once_and_is_the_users_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    key = read_key()
    assert len(key) == 64 and read_key() == key
    assert stat.S_IMODE((tmp_path / "radiogen" / "export.key").stat().st_mode) == 0o600
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "another"))
    assert read_key() != key


def test_a_key_that_is_missing_or_short_is_reported(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_key(tmp_path / "none")
    (tmp_path / "short").write_text("secret\n")
    with pytest.raises(UserError, match="is no key: it holds 6 bytes, and 16 are the fewest"):
        read_key(tmp_path / "short")


def test_a_place_where_no_key_can_be_kept_is_reported_with_the_option(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="name a file with a key by --key"):
        read_key()


def test_a_new_uid_is_a_uuid_under_its_root():
    made = UID(new_uid(b"k" * 16, "1.2.3"))
    assert made.is_valid and uuid.UUID(int=int(made.removeprefix("2.25."))).variant == uuid.RFC_4122
    assert len({new_uid(key, uid) for key in (b"k" * 16, b"l" * 16) for uid in ("1.2.3", "1.2.4")}) == 4


def test_a_pseudonym_is_not_that_of_another_patient_or_key():
    assert len({pseudonym(key, name) for key in (b"k" * 16, b"l" * 16) for name in ("DOE", "ROE")}) == 4


@pytest.mark.parametrize(("text", "left"), [
    ("DOE_1.dcm set aside: no image", "... set aside: no image"),
    ("2 of 30 slices; 30 set aside", "2 of 30 slices; 30 set aside"),
    ("series 1.2.840.113619.2.1 set aside", "series ... set aside"),
    ("DOE_10.dcm and DOE_1.dcm", "... and ..."),
    ("slices are 1.25 mm apart", "slices are 1.25 mm apart")])
def test_sentences_lose_names_and_uids_and_nothing_else(text, left):
    assert without_names(text, {"DOE_1.dcm", "DOE_10.dcm", "30", "2"}) == left
