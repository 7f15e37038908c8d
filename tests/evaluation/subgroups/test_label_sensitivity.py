"""Uncertain labels: what dropping, flipping and choosing them does to the AUC."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from radiogen.core.auc import auc
from radiogen.evaluation.subgroups.label_sensitivity import (
    AS_THEY_ARE,
    DROPPED,
    FLIPPED,
    HIGHEST,
    LOWEST,
    label_sensitivity,
    uncertain_cases,
)
from radiogen.runs.predictions import complete


@pytest.fixture(scope="module")
def judged():
    random = np.random.default_rng(3)
    ids = [f"{number:05d}" for number in range(24)]
    predictions = complete(pd.DataFrame({"case": ids, "label": np.arange(24) % 2, "fold": "0",
                                         "probability": random.random(24)}))
    patients = pd.DataFrame({"case": ids, "label_uncertain": ["yes"] * 6 + ["0"] * 18})
    return predictions, patients, label_sensitivity(predictions, patients).set_index("labels")


def test_dropped_cases_count_for_nothing(judged):
    predictions, _, table = judged
    rest = predictions.iloc[6:]
    assert table.at[DROPPED, "auc"] == auc(rest["label"].to_numpy() == 1, rest["probability"].to_numpy())
    assert (table.at[DROPPED, "cases"], table.at[DROPPED, "uncertain"]) == (18, 0)


def test_flipped_labels_are_the_others(judged):
    predictions, _, table = judged
    labels = predictions["label"].to_numpy() == 1
    labels[:6] = ~labels[:6]
    assert table.at[FLIPPED, "auc"] == auc(labels, predictions["probability"].to_numpy())


def test_lowest_and_highest_are_those_of_every_choice(judged):
    predictions, _, table = judged
    labels, areas = predictions["label"].to_numpy() == 1, []
    for choice in product([False, True], repeat=6):
        labels[:6] = choice
        areas.append(auc(labels, predictions["probability"].to_numpy()))
    assert np.isclose(table.at[LOWEST, "auc"], min(areas)) and np.isclose(table.at[HIGHEST, "auc"], max(areas))
    assert table.at[LOWEST, "auc"] <= table.at[AS_THEY_ARE, "auc"] <= table.at[HIGHEST, "auc"]


def test_without_uncertain_labels_there_is_no_table(judged):
    predictions, patients, _ = judged
    assert label_sensitivity(predictions, None) is None
    assert label_sensitivity(predictions, patients.assign(label_uncertain="")) is None
    assert label_sensitivity(predictions, patients[["case"]]) is None


def test_only_a_clear_yes_marks_a_label_as_uncertain():
    table = pd.DataFrame({"case": list("abcdef"), "label_uncertain": ["1", "Yes", "TRUE", "0", "no", ""]})
    assert uncertain_cases(table) == ["a", "b", "c"]
