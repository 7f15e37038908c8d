"""Scored cases whose images the initial weights had seen without labels: named in a note, whatever they are called."""

import numpy as np
import pandas as pd
import pytest

from radiogen.core import files
from radiogen.evaluation.audit.finding_text import sentence, unseen_sentence
from radiogen.evaluation.audit.findings import Code
from radiogen.evaluation.audit.leakage import review_first_weights
from radiogen.runs.predictions import complete
from radiogen.task import RSNA_MICCAI

CASES = [f"{number:05d}" for number in range(12)]


@pytest.fixture
def review(tmp_path):
    """The review of a run on the data set `hospital` whose weights have seen these rows of `saw.csv`."""
    labels = np.arange(12) % 2
    predictions = complete(pd.DataFrame({"case": CASES, "fold": "0", "label": pd.array(labels, dtype="Int64"),
                                         "probability": 0.5}))

    def call(*rows):
        folder = tmp_path / "run"
        files.write_json(folder / "recipe.json", {"name": "x", "data": {}, "network": {"weights": "pretrained:pre"}})
        files.write_json(folder / "run.json", {"data": "input/hospital"})
        files.write_csv(folder / "arrays.csv", RSNA_MICCAI.to_file(pd.DataFrame(
            {"case": CASES, "split": "train", "sha256": [f"array-{case}" for case in CASES], "perceptual_hash": ""})))
        files.write_csv(folder / "saw.csv", RSNA_MICCAI.to_file(pd.DataFrame(
            rows, columns=["case", "patient", "cohort", "seen", "sha256"])))
        return review_first_weights(folder, predictions)

    return call


def test_a_case_of_which_the_images_were_seen_is_a_note_that_names_it_and_says_that_no_label_was(review):
    found, = review(("00003", "", "hospital", "images", "other"), ("00099", "", "hospital", "images", ""))
    assert found.code is Code.FIRST_WEIGHTS_SAW_IMAGES and found.severity == "note"
    assert sentence(found) == ("00003 is among the cases whose images, without labels, pretrained:pre had seen, with "
                               "which run began")
    assert unseen_sentence([found, *review(("x", "", "elsewhere", "images", ""))]) == (
        "By every check that was made (initial weights), every patient was scored by networks that had not seen that "
        "patient's label; images of 1 were seen without labels, in pretraining.")


def test_the_same_array_is_the_same_case_under_another_name_in_another_data_set(review):
    found, = review(("copy-7", "", "elsewhere", "images", "array-00007"))
    assert found.code is Code.FIRST_WEIGHTS_SAW_IMAGES and found.values["patients"] == ["00007"]


def test_an_id_of_another_data_set_whose_array_is_another_is_nobody_here(review):
    """Every phantom numbers its cases from 0: a doubt about each would forbid every verdict."""
    found, = review(("00003", "", "elsewhere", "images", "another"))
    assert found.code is Code.FIRST_WEIGHTS_UNSEEN and found.severity == "passed" and found.values["seen"] == 1


def test_a_case_that_was_seen_with_its_label_stays_an_alarm_beside_the_note(review):
    alarm, note = review(("00001", "", "hospital", "", ""), ("00002", "", "hospital", "images", ""))
    assert (alarm.code, alarm.values["patients"]) == (Code.FIRST_WEIGHTS_SAW, ["00001"])
    assert (note.code, note.values["patients"]) == (Code.FIRST_WEIGHTS_SAW_IMAGES, ["00002"])


def test_a_patient_whose_other_name_was_seen_counts(review):
    found, = review(("x", "BraTS2021_00004", "elsewhere", "images", ""))
    assert found.code is Code.FIRST_WEIGHTS_SAW_IMAGES and found.values["patients"] == ["00004"]
