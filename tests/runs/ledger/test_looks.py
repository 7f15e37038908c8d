"""The ledger keeps every entry to the byte, takes concurrent looks, and shows a hand that changed it."""

import csv
import hashlib
import io
import json
import threading

import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.runs.ledger.looks import Look, append_look, own_looks, read_looks

KEPT = pd.DataFrame({"case": ["00001", "00002"], "fold": ["0", "1"], "label": [1, 0], "probability": [0.1 + 0.2, 0.4]})
OLD = ("date", "run", "cohort", "data", "fingerprint", "cases", "positive", "labels_sha256", "recipe_sha256",
       "networks_sha256", "outcome", "auc", "previous_sha256")


def _look(**changes):
    return Look(**{"date": "2026-11-28 10:00:00", "run": "r", "cohort": "b", "data": "input/b", "fingerprint": "f",
                   "cases": 40, "positive": 20, "labels_sha256": "l", "recipe_sha256": "r", "networks_sha256": "n",
                   "outcome": "judged", "auc": "0.700000", **changes})


def test_without_a_record_nobody_has_looked(tmp_path):
    assert read_looks(tmp_path).empty


def test_a_look_is_added_and_what_stood_there_is_the_same_to_the_byte(tmp_path):
    path = append_look(tmp_path, _look())
    before = path.read_bytes()
    append_look(tmp_path, _look(outcome="refused", auc="", data="a, \"b\"\nc", members=("x", "y")))
    assert path.read_bytes().startswith(before)
    table = read_looks(tmp_path)
    assert table["auc"].iloc[0] == 0.7 and np.isnan(table["auc"].iloc[1])
    assert table["data"].iloc[1] == 'a, "b" c' and table["intact"].all() and table["cases"].tolist() == [40, 40]
    assert table["members"].tolist() == [(), ("x", "y")]


def test_predictions_are_kept_to_the_last_digit_and_once(tmp_path):
    for marks in ("1", "1", "2"):
        append_look(tmp_path, _look(predictions_sha256=marks), KEPT)
    first, again, other = read_looks(tmp_path)["kept"]
    pd.testing.assert_frame_equal(first, KEPT)
    assert again is None and other is not None


@pytest.mark.parametrize("change", [
    lambda lines: [lines[0].replace("0.700000", "0.900000"), *lines[1:]], lambda lines: lines[1:],
    lambda lines: [lines[0], *lines[2:]], lambda lines: [lines[1], lines[0], lines[2]]])
def test_an_entry_that_was_changed_moved_or_taken_out_is_noticed(tmp_path, change):
    for number in range(3):
        path = append_look(tmp_path, _look(cohort=f"c{number}"))
    path.write_text("".join(change(path.read_text().splitlines(True))))
    assert not read_looks(tmp_path)["intact"].all()
    append_look(tmp_path, _look())
    assert not read_looks(tmp_path)["intact"].all()


def test_the_run_keeps_the_hash_of_each_of_its_entries(tmp_path):
    (tmp_path / "r").mkdir()
    path = append_look(tmp_path, _look())
    append_look(tmp_path, _look(run="gone"))
    append_look(tmp_path, _look(cohort="holdout"))
    lines = path.read_bytes().splitlines(True)
    own = own_looks(tmp_path / "r")
    assert own["entry_sha256"].tolist() == [hashlib.sha256(lines[number]).hexdigest() for number in (0, 2)]
    assert set(own["entry_sha256"]) <= set(read_looks(tmp_path)["entry_sha256"])
    assert own_looks(tmp_path / "gone") is None


def test_looks_at_the_same_time_are_all_there(tmp_path):
    (tmp_path / "r").mkdir()
    threads = [threading.Thread(target=append_look, args=(tmp_path, _look(cohort=f"c{number}")))
               for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table, names = read_looks(tmp_path), sorted(f"c{number}" for number in range(12))
    assert sorted(table["cohort"]) == names and table["intact"].all()
    assert sorted(own_looks(tmp_path / "r")["cohort"]) == names


@pytest.mark.parametrize("content", ["{\n", "\udcff", '{"run": "r"}\n', "[]\n", '{"previous_sha256": ""}\n'])
def test_a_record_that_is_none_is_one_line(tmp_path, content):
    (tmp_path / "ledger.jsonl").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"ledger.jsonl: cannot be read .*; restore it"):
        read_looks(tmp_path)


def _old_record(rows):
    """`external_looks.csv` as earlier versions wrote it."""
    content = ",".join(OLD) + "\n"
    for cells in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow([*cells, hashlib.sha256(content.encode()).hexdigest()])
        content += line.getvalue()
    return content


def test_looks_of_an_earlier_version_come_first_and_their_chain_is_checked(tmp_path):
    old = _old_record([("2026-11-20 10:00:00", "a", "b", "input/b", "f", 40, 20, "l", "r", "n", "judged", "0.6"),
                       ("2026-11-21 10:00:00", "a", "b", "input/b", "f", 40, 20, "l", "r", "n", "refused", "")])
    (tmp_path / "external_looks.csv").write_text(old, encoding="utf-8")
    append_look(tmp_path, _look())
    table = read_looks(tmp_path)
    assert table["run"].tolist() == ["a", "a", "r"] and table["intact"].all() and table["auc"].iloc[0] == 0.6
    (tmp_path / "external_looks.csv").write_text(old.replace("0.6\n", "0.9\n").replace(",0.6,", ",0.9,"))
    assert not read_looks(tmp_path)["intact"].all()
    (tmp_path / "external_looks.csv").write_text("date,run\n", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be read"):
        read_looks(tmp_path)


def test_an_entry_is_a_line_of_json_that_other_programs_read(tmp_path):
    path = append_look(tmp_path, _look(), KEPT)
    entry = json.loads(path.read_text(encoding="utf-8"))
    assert entry["previous_sha256"] == hashlib.sha256(b"").hexdigest()
    assert entry["run"] == "r" and entry["kept"]["probability"] == [0.1 + 0.2, 0.4]
