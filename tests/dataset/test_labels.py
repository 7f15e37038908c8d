"""Tables of ids: what is read, and what is refused with file, row and remedy."""

import json

import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.labels import data_labels, read_labels, read_sample_submission, read_table, shown
from radiogen.task import Task

GOOD = "BraTS21ID,MGMT_value\n00000,1\n00002,0\n"


def _file(folder, text, encoding="utf-8"):
    path = folder / "train_labels.csv"
    path.write_text(text, encoding=encoding, newline="")
    return path


def test_ids_keep_their_zeros(tmp_path):
    table = read_labels(_file(tmp_path, GOOD))
    assert table["case"].tolist() == ["00000", "00002"]
    assert table["label"].tolist() == [1, 0]


@pytest.mark.parametrize("text", [GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, GOOD.replace(",", ", "),
                                  "MGMT_value,BraTS21ID,site\n1,00000,A\n0,00002,B\n"])
def test_windows_line_ends_a_byte_order_mark_spaces_and_other_columns_do_not_matter(tmp_path, text):
    assert read_labels(_file(tmp_path, text)).to_numpy().tolist() == [["00000", 1], ["00002", 0]]


@pytest.mark.parametrize(("text", "message"), [
    ("BraTS21ID,MGMT_value\n0,1\n", r"row 2: BraTS21ID is '0'.*leading zeros"),
    ("BraTS21ID,MGMT_value\n00000,1\nabc,1\n", "row 3: BraTS21ID is 'abc'"),
    ("BraTS21ID,MGMT_value\n00000,1\n00001,0\n00000,1\n", "rows 2, 4: BraTS21ID 00000 stands more than once"),
    ("BraTS21ID,MGMT_value\n00000,2\n", "row 2: MGMT_value is '2', not 0 or 1"),
    ("BraTS21ID,MGMT_value\n00000,1\n00001,\n", "row 3: MGMT_value is '', not 0 or 1"),
    ("BraTS21ID,MGMT_value\n00000,nan\n", "row 2: MGMT_value is 'nan'"),
    ("BraTS21ID,MGMT_value\n00000,yes\n", "row 2: MGMT_value is 'yes'"),
    ("BraTS21ID,MGMT_value\n", "has a heading and no row"),
    ("BraTS21ID;MGMT_value\n00000;1\n", "has no column BraTS21ID or MGMT_value"),
    ("id,MGMT_value\n00000,1\n", "has no column BraTS21ID"),
    ("", "is empty"),
])
def test_what_is_wrong_is_reported_with_its_row(tmp_path, text, message):
    with pytest.raises(UserError, match=rf"train_labels\.csv: .*{message}"):
        read_labels(_file(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"train_labels\.csv: is missing"):
        read_labels(tmp_path / "train_labels.csv")


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "train_labels.csv"
    path.write_bytes(b"BraTS21ID,MGMT_value\n\xff\xfe\x00\x01,1\n")
    with pytest.raises(UserError, match=r"train_labels\.csv: cannot be read"):
        read_labels(path)


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1.5", "-0.1", "", "x"])
def test_a_sample_submission_holds_probabilities(tmp_path, value):
    with pytest.raises(UserError, match="row 2: MGMT_value"):
        read_sample_submission(_file(tmp_path, f"BraTS21ID,MGMT_value\n00001,{value}\n"))


def test_the_order_of_the_sample_submission_is_kept(tmp_path):
    table = read_sample_submission(_file(tmp_path, "BraTS21ID,MGMT_value\n00013,0.5\n00001,0.5\n"))
    assert table["case"].tolist() == ["00013", "00001"]


@pytest.mark.parametrize(("text", "message"), [
    ("BraTS21ID,MGMT_value,MGMT_value\n00000,1,0\n", "row 1: 'MGMT_value' stands more than once"),
    ("BraTS21ID,MGMT_value,MGMT_value \n00000,1,0\n", "row 1: 'MGMT_value' stands more than once"),
    ("BraTS21ID,MGMT_value\n00000,1\n\n00002,7\n", "row 3: has 0 cells, the heading has 2"),
    ("BraTS21ID,MGMT_value\n00000,1,\n00002,1,\n", "row 2: has 3 cells, the heading has 2"),
    ("BraTS21ID,MGMT_value\n00000,1\n00002", "row 3: has 1 cell, the heading has 2"),
    ('BraTS21ID,MGMT_value\n00000,1\n"00002,1\n', "row 3: cannot be read"),
])
def test_a_row_or_heading_that_does_not_fit_is_reported_rather_than_taken_for_another(tmp_path, text, message):
    with pytest.raises(UserError, match=rf"train_labels\.csv: {message}"):
        read_labels(_file(tmp_path, text))


def test_a_cell_of_any_length_is_reported_in_a_short_line(tmp_path):
    with pytest.raises(UserError, match=r"row 2: BraTS21ID is '1+'\.\.\.") as caught:
        read_labels(_file(tmp_path, f"BraTS21ID,MGMT_value\n{'1' * 100_000},1\n"))
    assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_empty_lines_and_columns_at_the_end_do_not_matter(tmp_path):
    text = "".join(f"{line},,\n" for line in GOOD.splitlines()) + "\n\n"
    assert read_labels(_file(tmp_path, text)).to_numpy().tolist() == [["00000", 1], ["00002", 0]]


def test_a_table_that_the_system_does_not_give_is_not_taken_for_a_wrong_format(tmp_path):
    (tmp_path / "labels.csv").symlink_to("/proc/self/mem")  # may be opened, and cannot be read, by root neither
    with pytest.raises(UserError, match=r"labels\.csv: cannot be read \(.*\); make it readable"):
        read_labels(tmp_path / "labels.csv")


def test_cells_that_mean_no_class_leave_their_cases_out_by_name(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"label_column": "MGMT status",
                                                       "label_values": {"Negative": 0, "positive": 1}}))
    (tmp_path / "train_labels.csv").write_text("case,MGMT status\nA,negative\nB,indeterminate\nC,positive\nD,\n")
    labels, without = data_labels(tmp_path)
    assert labels["case"].tolist() == ["A", "C"] and labels["label"].tolist() == [0, 1]
    assert without == {"": ["D"], "indeterminate": ["B"]}


def test_numbers_may_be_cells_with_a_meaning_of_their_own(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"label_values": {"1": 0, "2": 1}, "labels": "given.csv"}))
    (tmp_path / "given.csv").write_text("case,label\nA,1.0\nB,2\nC,0\n")
    labels, without = data_labels(tmp_path)
    assert labels["label"].tolist() == [0, 1] and without == {"0": ["C"]}


def test_a_table_in_which_no_cell_has_a_meaning_is_refused(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"label_values": {"neg": 0, "pos": 1}}))
    (tmp_path / "train_labels.csv").write_text("case,label\nA,negative\n")
    with pytest.raises(UserError, match="no label is one of neg, pos; correct label_values"):
        data_labels(tmp_path)


def test_without_a_description_every_case_of_a_data_set_has_a_label(tmp_path):
    _file(tmp_path, GOOD)
    labels, without = data_labels(tmp_path)
    assert labels["label"].tolist() == [1, 0] and without == {}


def test_a_task_that_is_given_counts_before_the_one_beside_the_file(tmp_path):
    task = Task("other", id_column="patient", label_column="grade")
    path = _file(tmp_path, "patient,grade\n7,1\n")
    assert read_labels(path, task)["case"].tolist() == read_sample_submission(path, task)["case"].tolist() == ["7"]
    with pytest.raises(UserError, match="has no column BraTS21ID or MGMT_value"):
        read_sample_submission(path)


@pytest.mark.parametrize(("length", "tail"), [(0, "'"), (60, "x'"), (61, "x'...")])
def test_a_cell_is_shown_whole_up_to_60_characters(length, tail):
    text = shown("x" * length)
    assert text.endswith(tail) and text.count("x") == (length if length <= 60 else 57)


def test_a_table_may_have_more_columns_than_are_wanted_and_keeps_their_cells_as_text(tmp_path):
    table = read_table(_file(tmp_path, "BraTS21ID,MGMT_value,site\n00000,1,01\n00002,0,NA\n"), ("case",))
    assert table["site"].tolist() == ["01", "NA"] and table["label"].tolist() == ["1", "0"]


@pytest.mark.parametrize("cell", ["0.0", "1.0", "1e0", "01"])
def test_a_label_is_a_number_however_it_is_written(tmp_path, cell):
    label, = read_labels(_file(tmp_path, f"BraTS21ID,MGMT_value\n00000,{cell}\n"))["label"]
    assert label == int(float(cell)) and label in (0, 1)
