"""A run's smaller tables keep ids as text, in the task's own columns; one that is no such table is none."""

import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.runs import layout
from radiogen.runs.tables import (
    copy_geometry,
    read_arrays,
    read_as_text,
    read_seen_cases,
    read_slices,
    write_arrays,
    write_folds,
    write_patients,
    write_seen_cases,
    write_slices,
)
from radiogen.task import Task, write_task

INDEX = pd.DataFrame({"case": ["00000", "00001"], "split": "train", "sha256": ["ab", ""],
                      "perceptual_hash": ["0012", "00"], "reader": "fast"})
SLICE = {"case": "00007", "fold": "0", "sequence": "T1w", "slice": 3, "label": 1, "probability": 0.1 + 0.2}


def test_cases_without_an_array_are_not_listed_and_the_others_keep_their_zeros(tmp_path):
    write_arrays(tmp_path, INDEX)
    table = read_arrays(tmp_path)
    assert table.to_dict("records") == [{"case": "00000", "split": "train", "sha256": "ab", "perceptual_hash": "0012"}]


def test_files_have_the_tasks_columns_and_tables_in_memory_have_not(tmp_path):
    write_task(tmp_path, Task("other", id_column="patient_id", label_column="grade"))
    write_folds(tmp_path, pd.DataFrame({"case": ["A-1"], "label": [1], "fold": ["0"]}))
    write_slices(tmp_path, pd.DataFrame([{**SLICE, "case": "A-1"}]))
    assert (tmp_path / layout.FOLDS).read_text() == "patient_id,grade,fold\nA-1,1,0\n"
    assert (tmp_path / layout.SLICE_PREDICTIONS).read_text().startswith("patient_id,fold,sequence,slice,grade,")
    assert read_slices(tmp_path)["case"].tolist() == ["A-1"]


def test_slices_keep_ids_and_folds_as_text_and_probabilities_to_the_last_digit(tmp_path):
    write_slices(tmp_path, pd.DataFrame([{**SLICE, "note": "left out"}]))
    row, = read_slices(tmp_path).to_dict("records")
    assert row == SLICE and "note" not in row


@pytest.mark.parametrize("text", ["", '"BraTS21ID,fold\n1\n', "BraTS21ID,fold\n1,2,3\n1,2\n1,2,3,4\n"])
def test_a_damaged_table_of_slices_is_one_line_with_the_command_that_makes_it(tmp_path, text):
    (tmp_path / layout.SLICE_PREDICTIONS).write_text(text)
    with pytest.raises(UserError, match=r"slices\.csv: cannot be read .*; write it again: .*predict") as one:
        read_slices(tmp_path)
    assert "\n" not in str(one.value)


@pytest.mark.parametrize("read", [read_arrays, read_slices, read_seen_cases])
def test_a_run_without_the_table_has_none(tmp_path, read):
    assert read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "case\n00001\n", '"BraTS21ID\n1\n', "BraTS21ID,split,sha256\n00001,train,ab\n"])
def test_a_table_that_lacks_a_column_or_is_no_table_is_none(tmp_path, text):
    (tmp_path / layout.ARRAYS).write_text(text)
    assert read_arrays(tmp_path) is None


def test_fewer_columns_may_be_wanted_than_the_table_has(tmp_path):
    write_arrays(tmp_path, INDEX)
    assert read_arrays(tmp_path, ("case", "sha256")) is not None
    assert read_arrays(tmp_path, ("case", "colour")) is None


def test_empty_cells_and_words_that_mean_missing_elsewhere_stay_text(tmp_path):
    (tmp_path / "any.csv").write_text("BraTS21ID,note\n00001,\n00001,NA\nnan,007\n")
    table = read_as_text(tmp_path / "any.csv", ("case", "note"))
    assert table.to_numpy().tolist() == [["00001", ""], ["00001", "NA"], ["nan", "007"]]


def test_what_initial_weights_have_seen_comes_back_with_cohort_and_patient(tmp_path):
    seen = pd.DataFrame({"case": ["00001"], "patient": ["0042"], "cohort": ["BraTS"]})
    write_seen_cases(tmp_path, seen)
    assert read_seen_cases(tmp_path).to_dict("records") == seen.to_dict("records")


def test_a_table_of_seen_cases_without_ids_is_none(tmp_path):
    (tmp_path / layout.SEEN_CASES).write_text("patient\n0042\n")
    assert read_seen_cases(tmp_path) is None


def test_where_no_patient_is_known_an_older_table_goes(tmp_path):
    patients = pd.DataFrame({"case": ["00001"], "patient": ["A"], "site": "", "age": 61.0, "sex": ""})
    write_patients(tmp_path, patients)
    assert (tmp_path / layout.PATIENTS).read_text() == "BraTS21ID,patient,site,age,sex\n00001,A,,61,\n"
    write_patients(tmp_path, None)
    write_patients(tmp_path, None)
    assert not (tmp_path / layout.PATIENTS).exists()


@pytest.mark.parametrize("scanner", [b"scanners", None])
def test_the_geometry_is_copied_to_the_byte_and_that_of_scanners_where_there_is_one(tmp_path, scanner):
    cache, run = tmp_path / "cache", tmp_path / "run"
    cache.mkdir()
    (cache / layout.GEOMETRY).write_bytes(b"geometry\r\n")
    if scanner is not None:
        (cache / layout.SCANNER).write_bytes(scanner)
    assert copy_geometry(cache, run) == run / layout.GEOMETRY
    found = {path.name: path.read_bytes() for path in run.iterdir()}
    assert found == {layout.GEOMETRY: b"geometry\r\n", **({layout.SCANNER: scanner} if scanner else {})}
