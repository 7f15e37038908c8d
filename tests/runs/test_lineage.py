"""What a run began with is read as it was written; a damaged record is one line; the text names each ancestor."""

import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.runs.lineage import (
    IMAGENET,
    Ancestor,
    FirstWeights,
    beginning_text,
    first_weights_of,
    folds_fingerprint,
    lineage_facts,
    lineage_of,
    lineage_text,
    read_lineage,
)
from radiogen.runs.records import write_facts

PARENT = Ancestor("b", {"0": "f" * 64, "1": "e" * 64}, {"0": 40, "1": 40}, "folds of b")
GRANDPARENT = Ancestor("a", {"0": "d" * 64}, {"0": 20}, "folds of a")
GOOD = {"run": "b", "weights": {"0": "ff"}, "epochs": {"0": 4}, "folds": "f"}


def _folds(*rows):
    return pd.DataFrame(rows, columns=["case", "label", "fold"])


def test_the_order_of_the_rows_makes_no_other_folds():
    rows = [("00001", 0, "0"), ("00002", 1, "1"), ("00003", 1, "holdout")]
    assert folds_fingerprint(_folds(*rows)) == folds_fingerprint(_folds(*rows[::-1]))


@pytest.mark.parametrize("other", [("00009", 0, "0"), ("00001", 1, "0"), ("00001", 0, "1"), ("1", 0, "0")])
def test_another_case_label_or_fold_makes_other_folds(other):
    rest = ("00002", 1, "1")
    assert folds_fingerprint(_folds(("00001", 0, "0"), rest)) != folds_fingerprint(_folds(other, rest))


def test_a_case_more_makes_other_folds():
    one, two = ("00001", 0, "0"), ("00002", 1, "1")
    assert folds_fingerprint(_folds(one)) != folds_fingerprint(_folds(one, two))


def test_a_lineage_comes_back_from_run_json_nearest_first(tmp_path):
    write_facts(tmp_path, {"lineage": lineage_facts([PARENT, GRANDPARENT])})
    assert read_lineage(tmp_path) == (PARENT, GRANDPARENT)


def test_a_run_that_began_from_nothing_and_a_folder_without_a_run_have_no_ancestors(tmp_path):
    assert read_lineage(tmp_path) == ()
    write_facts(tmp_path, {"recipe": "demo-3d"})
    assert read_lineage(tmp_path) == ()


@pytest.mark.parametrize("records", [
    {"run": "b"}, "b", None, ["b"], [{**GOOD, "colour": "red"}],
    *([{name: value for name, value in GOOD.items() if name != lacking}] for lacking in GOOD),
    [{**GOOD, "run": 7}], [{**GOOD, "folds": None}], [{**GOOD, "weights": ["ff"]}], [{**GOOD, "weights": {"0": 1}}],
    [{**GOOD, "epochs": {"0": "4"}}], [{**GOOD, "epochs": {"0": True}}], [{**GOOD, "epochs": {"0": 4.5}}],
    [GOOD, {**GOOD, "run": None}]])
def test_a_lineage_of_another_form_is_one_line_with_the_file_and_a_way_on(tmp_path, records):
    path = tmp_path / "run.json"
    with pytest.raises(UserError, match=r"run\.json: has no readable lineage: .*; restore it, or train a new run"):
        lineage_of({"lineage": records}, path)


def test_a_lineage_of_the_right_form_is_read():
    assert lineage_of({"lineage": [GOOD]}, "run.json") == (Ancestor(**GOOD),)


def test_first_weights_come_back_as_they_were_recorded():
    record = {"file": "resnet_10.pth", "sha256": "0" * 64}
    assert first_weights_of({"first_weights": record}, "run.json") == FirstWeights(**record)


@pytest.mark.parametrize("facts", [{}, {"first_weights": None}])
def test_networks_that_began_at_random_have_no_first_weights(facts):
    assert first_weights_of(facts, "run.json") is None


@pytest.mark.parametrize("record", [
    "resnet_10.pth", [], {}, {"file": "a"}, {"sha256": "0"}, {"file": "a", "sha256": 0}, {"file": None, "sha256": "0"},
    {"file": "a", "sha256": "0", "size": "1"}])
def test_a_damaged_record_of_first_weights_is_never_taken_for_none(record):
    with pytest.raises(UserError, match=r"run\.json: has no readable record of its first weights"):
        first_weights_of({"first_weights": record}, "run.json")


def test_the_text_names_each_ancestor_with_its_own_epochs():
    assert lineage_text([PARENT, GRANDPARENT]) == "started from b (40 epochs), which started from a (20 epochs)"
    assert lineage_text([]) == ""


@pytest.mark.parametrize(("epochs", "text"), [
    ({"0": 1, "1": 1}, "1 epoch"), ({"0": 2}, "2 epochs"), ({"0": 9, "1": 16, "2": 12}, "9 to 16 epochs"),
    ({}, "? epochs")])
def test_epochs_that_folds_do_not_share_are_a_range(epochs, text):
    assert lineage_text([Ancestor("a", {}, epochs, "")]) == f"started from a ({text})"


@pytest.mark.parametrize(("first", "text"), [
    (None, ""), (FirstWeights(IMAGENET, ""), "began with ImageNet's weights"),
    (FirstWeights("net.pth", "0123456789abcdef"), "began with net.pth (SHA-256 0123456789...)")])
def test_the_beginning_of_a_run_names_the_file_and_the_start_of_its_hash(first, text):
    assert beginning_text(first, []) == text


def test_the_weights_that_the_first_ancestor_began_with_stand_last():
    text = beginning_text(FirstWeights("net.pth", "0123456789abcdef"), [PARENT])
    assert text == "started from b (40 epochs), which began with net.pth (SHA-256 0123456789...)"
