"""The record of looks keeps every row to the byte, takes concurrent looks, and shows a hand that changed it."""

import threading

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.runs.external.looks import Look, append_look, read_looks


def _look(**changes):
    return Look(**{"date": "2026-11-28 10:00:00", "run": "r", "cohort": "b", "data": "input/b", "fingerprint": "f",
                   "cases": 40, "positive": 20, "labels_sha256": "l", "recipe_sha256": "r", "networks_sha256": "n",
                   "outcome": "judged", "auc": "0.700000", **changes})


def test_without_a_record_nobody_has_looked(tmp_path):
    assert read_looks(tmp_path).empty


def test_a_look_is_added_and_what_stood_there_is_the_same_to_the_byte(tmp_path):
    path = append_look(tmp_path, _look())
    before = path.read_bytes()
    append_look(tmp_path, _look(outcome="refused", auc="", data="a, \"b\"\nc"))
    assert path.read_bytes().startswith(before)
    table = read_looks(tmp_path)
    assert table["auc"].iloc[0] == 0.7 and np.isnan(table["auc"].iloc[1])
    assert table["data"].iloc[1] == 'a, "b" c' and table["intact"].all() and table["cases"].tolist() == [40, 40]


@pytest.mark.parametrize("change", [lambda text: text.replace("0.700000", "0.900000", 1),
                                    lambda text: "".join(text.splitlines(True)[:1] + text.splitlines(True)[2:])])
def test_a_row_that_was_changed_or_taken_out_is_noticed(tmp_path, change):
    for number in range(3):
        path = append_look(tmp_path, _look(cohort=f"c{number}"))
    path.write_text(change(path.read_text()))
    assert not read_looks(tmp_path)["intact"].all()
    append_look(tmp_path, _look())
    assert not read_looks(tmp_path)["intact"].all()


def test_looks_at_the_same_time_are_all_there(tmp_path):
    threads = [threading.Thread(target=append_look, args=(tmp_path, _look(run=f"r{number}"))) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = read_looks(tmp_path)
    assert sorted(table["run"]) == sorted(f"r{number}" for number in range(12)) and table["intact"].all()


@pytest.mark.parametrize("content", ["date,run\n", "\udcff", "date\nx,y\n"])
def test_a_record_that_is_none_is_one_line(tmp_path, content):
    (tmp_path / "external_looks.csv").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"external_looks.csv: cannot be read .*; restore it"):
        read_looks(tmp_path)
