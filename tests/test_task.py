"""A data set says in dataset.json what is asked of it; without that file it is the competition's."""

import json

import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.dataset.known_cases import known_bad
from radiogen.dataset.labels import read_labels
from radiogen.dataset.layout import case_ids, sequences_present
from radiogen.runs.predictions import complete, read_predictions, write_predictions
from radiogen.task import FILE, RSNA_MICCAI, Competition, Task, read_task, write_task

GLIOMA = {"name": "glioma", "id_column": "patient", "label_column": "idh", "classes": {"mutant": 1, "wildtype": 0},
          "target": "IDH mutation", "sequences": ["flair", "t1c"]}


def _describe(folder, **content):
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(json.dumps({**GLIOMA, **content}))
    return folder


def test_a_folder_without_a_description_is_the_competitions(tmp_path):
    assert read_task(tmp_path) == RSNA_MICCAI


def test_a_description_names_what_it_names_and_the_rest_is_neutral(tmp_path):
    task = read_task(_describe(tmp_path))
    assert (task.negative, task.positive) == ("wildtype", "mutant") and task.sequences == ("flair", "t1c")
    assert task.is_id("UCSF-PDGM-004") and not task.blank_series and "MGMT" not in task.question


def test_a_task_comes_back_from_the_folder_it_was_written_to(tmp_path):
    task = read_task(_describe(tmp_path / "data"))
    write_task(tmp_path / "run", task)
    assert read_task(tmp_path / "run") == task


def test_a_competition_comes_back_with_the_task_and_what_it_does_not_say_is_as_usual(tmp_path):
    task = read_task(_describe(tmp_path / "data", metric="f1", competition={"slug": "idh", "session_hours": 12}))
    write_task(tmp_path / "run", task)
    assert read_task(tmp_path / "run") == task and task.competition == Competition("idh", session_hours=12)
    assert task.competition.sample_submission == "sample_submission.csv" and not task.competition.internet


def test_the_competitions_folders_get_no_description(tmp_path):
    write_task(tmp_path, RSNA_MICCAI)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("content", "wrong"), [
    ({"lable_column": "idh"}, "has a field 'lable_column' that no data set has"),
    ({"classes": ["wildtype", "mutant"]}, "classes is .*name both, as in"),
    ({"classes": {"wildtype": 0, "mutant": 2}}, "classes is"),
    ({"sequences": ["flair", "flair"]}, "sequences is"), ({"sequences": ["../flair"]}, "sequences is"),
    ({"sequences": []}, "sequences is"), ({"id_column": 3}, "id_column is 3"),
    ({"label_column": ""}, "label_column is"),
    ({"label_column": "fold"}, "label_column is 'fold'.*have another meaning here"),
    ({"label_column": "patient"}, "id_column and label_column are both 'patient'"),
    ({"id_pattern": "("}, "id_pattern is"), ({"metric": "dice"}, "metric is 'dice'"),
    ({"blank_series": {"P1": 1}}, "blank_series is"), ({"same_patient": [["P1"]]}, "same_patient is"),
    ({"same_patient": [["P1", "P2"], ["P2", "P3"]]}, "same_patient is"),
    ({"mask_values": {"rim": 4}}, "mask_values is"),
    ({"competition": "idh"}, "competition is 'idh'; write its name and what differs"),
    ({"competition": {"slug": "../idh"}}, "competition is"), ({"competition": {}}, "competition is"),
    ({"competition": {"slug": "idh", "prize": 3}}, "competition is"),
    ({"competition": {"slug": "idh", "test_cases": True}}, "competition is"),
    ({"competition": {"slug": "idh", "code_only": 1}}, "competition is"),
    ({"competition": {"slug": "idh", "session_hours": -1}}, "competition is"),
    ({"mask_values": {"rim": [0]}}, "mask_values is"), ({"mask_values": {"rim": [True]}}, "mask_values is")])
def test_what_describes_no_task_is_named_with_its_field(tmp_path, content, wrong):
    with pytest.raises(UserError, match=f"{FILE}: {wrong}"):
        read_task(_describe(tmp_path, **content))


@pytest.mark.parametrize("text", ["[]", "3", "null"])
def test_a_description_that_is_no_table_of_names_is_named(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=f"{FILE}: is no table of names"):
        read_task(tmp_path)


def test_labels_are_read_by_the_columns_and_ids_of_the_task(tmp_path):
    (_describe(tmp_path) / "train_labels.csv").write_text("site,patient,idh\nA,007,1\nB,UCSF-4,0\n")
    assert read_labels(tmp_path / "train_labels.csv").to_dict("list") == {"case": ["007", "UCSF-4"], "label": [1, 0]}


def test_a_label_that_is_neither_class_is_named_in_the_words_of_the_task(tmp_path):
    (_describe(tmp_path) / "train_labels.csv").write_text("patient,idh\n007,2\n")
    with pytest.raises(UserError, match="row 2: idh is '2', not 0 or 1; write 1 for mutant and 0 for wildtype"):
        read_labels(tmp_path / "train_labels.csv")


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "-x", "a b", ""])
def test_no_id_is_a_path(name):
    assert not Task("any", id_pattern=".*").is_id(name)


def test_cases_and_sequences_are_those_of_the_task(tmp_path):
    for sequence in ("flair", "t1c", "notes"):
        (_describe(tmp_path) / "train" / "UCSF-4" / sequence).mkdir(parents=True)
    assert case_ids(tmp_path, "train") == ["UCSF-4"]
    assert sequences_present(tmp_path, "train", "UCSF-4") == ("flair", "t1c")


def test_a_blank_series_that_a_description_names_is_known_to_be_bad(tmp_path):
    _describe(tmp_path, blank_series={"UCSF-4": "t1c"})
    assert known_bad(tmp_path) == {"UCSF-4": "its t1c holds no image"} and known_bad(tmp_path, ["flair"]) == {}


def test_predictions_have_the_columns_of_the_task_on_the_disk_and_not_in_memory(tmp_path):
    write_task(tmp_path, read_task(_describe(tmp_path / "data")))
    table = complete(pd.DataFrame({"case": ["007", "8"], "fold": ["0", "test"], "probability": [0.25, 0.75],
                                   "label": pd.array([0, None], "Int64")}))
    path = write_predictions(tmp_path / "predictions.csv", table)
    assert path.read_text().splitlines()[0] == "patient,fold,idh,probability,predicted"
    pd.testing.assert_frame_equal(read_predictions(path), table)


@pytest.mark.parametrize(("text", "hint"), [
    ("42", "leading zeros were lost: write it as in 00042"), ("abc", "write ids as in 00042"),
    ("000042", "write ids as in 00042")])
def test_the_hint_for_an_id_that_lost_its_zeros_says_so(text, hint):
    assert not RSNA_MICCAI.is_id(text) and RSNA_MICCAI.id_fault(text) == hint


@pytest.mark.parametrize(("id_column", "label_column"), [
    ("patient", "idh"), ("label", "case"), ("case", "label"), ("case", "outcome")])
def test_a_table_comes_back_from_the_names_of_its_files(id_column, label_column):
    task = Task("any", id_column=id_column, label_column=label_column)
    table = pd.DataFrame({"fold": ["0"], "case": ["P-1"], "label": [1]})
    written = task.to_file(table)
    assert list(written.columns) == ["fold", id_column, label_column] and written[id_column].tolist() == ["P-1"]
    pd.testing.assert_frame_equal(task.from_file(written), table)


def test_a_sequence_that_is_added_to_a_description_is_part_of_the_fingerprint(tmp_path):
    for sequence in ("flair", "t1c", "adc"):
        (_describe(tmp_path) / "train" / "P-1" / sequence).mkdir(parents=True)
    before = data_fingerprint(tmp_path)
    after = data_fingerprint(_describe(tmp_path, sequences=["flair", "t1c", "adc"]))
    assert before.key != after.key and len(after.series) == len(before.series) + 1


def test_what_is_known_of_cases_and_masks_outlives_writing(tmp_path):
    task = Task("any", same_patient=(("P1", "P3"),), mask_values={"core": (1, 3), "rim": (4,)})
    write_task(tmp_path, task)
    assert read_task(tmp_path) == task


@pytest.mark.parametrize(("text", "is_one"), [("BraTS2021_00042", True), ("BraTS2021_42", False), ("00042", False),
                                              ("BraTS2021_00042_x", False)])
def test_the_other_name_of_a_case_is_recognised(text, is_one):
    assert RSNA_MICCAI.is_other_name(text) is is_one and not Task("x").is_other_name(text)
