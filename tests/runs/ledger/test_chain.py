"""A ledger's file only grows, and what a killed writer leaves at its end is no entry."""

import hashlib
import logging
import os

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.ledger.chain import append_entry, read_entries


def _records(path):
    entries = read_entries(path)
    assert all(one.intact for one in entries)
    return [one.record["number"] for one in entries]


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.jsonl"
    for number in range(3):
        append_entry(path, {"number": number})
    return path


def test_a_new_line_is_all_that_is_written(ledger, monkeypatch):
    written, pwrite = [], os.pwrite

    def counted(descriptor, content, place):
        written.append((bytes(content), place))
        return pwrite(descriptor, content, place)

    monkeypatch.setattr(os, "pwrite", counted)
    before, number = ledger.read_bytes(), ledger.stat().st_ino
    append_entry(ledger, {"number": 3})
    ours = [(content, place) for content, place in written if b"number" in content]
    assert [place for _, place in ours] == [len(before)]
    assert before + ours[0][0] == ledger.read_bytes()
    assert ledger.stat().st_ino == number
    assert ours[0][0].startswith(b'{"previous_sha256":"' + hashlib.sha256(before).hexdigest().encode())


@pytest.mark.parametrize("left", [1, 15, 40, -2])
def test_the_part_of_a_line_that_a_killed_writer_left_is_no_entry_and_goes_with_the_next(ledger, caplog, left):
    whole = ledger.read_bytes()
    last = whole.splitlines(True)[-1]
    ledger.write_bytes(whole + last[:left])
    assert _records(ledger) == [0, 1, 2]
    with caplog.at_level(logging.WARNING):
        append_entry(ledger, {"number": 3})
    assert "cut off" in caplog.text
    assert ledger.read_bytes().startswith(whole)
    assert _records(ledger) == [0, 1, 2, 3]


def test_a_last_entry_that_only_lacks_its_end_of_line_is_kept(ledger):
    ledger.write_bytes(ledger.read_bytes().rstrip(b"\n"))
    assert _records(ledger) == [0, 1, 2]
    append_entry(ledger, {"number": 3})
    assert _records(ledger) == [0, 1, 2, 3]


@pytest.mark.parametrize("end", [b'{"number": 4', b"\xff", b'{"previous_sha256":"a\n'])
def test_what_no_writer_leaves_is_refused(ledger, end):
    ledger.write_bytes(ledger.read_bytes() + end)
    with pytest.raises(UserError, match="cannot be read"):
        read_entries(ledger)


def test_on_a_full_disk_the_ledger_is_as_it_was(ledger, monkeypatch):
    before, pwrite = ledger.read_bytes(), os.pwrite

    def full(descriptor, content, place):
        if place < len(before):  # the lock file
            return pwrite(descriptor, content, place)
        if len(content) < 20:
            raise OSError(28, "No space left on device")
        return pwrite(descriptor, content[:len(content) - 10], place)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(UserError, match="ledger.jsonl: cannot be written .*No space left"):
        append_entry(ledger, {"number": 3})
    assert ledger.read_bytes() == before


def test_a_ledger_is_not_written_through_a_link(tmp_path):
    (tmp_path / "other").write_text("")
    (tmp_path / "ledger.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(UserError, match="cannot be written"):
        append_entry(tmp_path / "ledger.jsonl", {"number": 0})
    assert (tmp_path / "other").read_text() == ""
