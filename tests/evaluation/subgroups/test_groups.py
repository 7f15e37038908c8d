"""A group is judged by its own patients, and a small one is named and not judged."""

import numpy as np
import pandas as pd

from radiogen.evaluation.subgroups.groups import COLUMNS, group_table


def _cohort(cases=120):
    """Predictions that are right among women and chance among men, and their patients."""
    random, labels = np.random.default_rng(0), np.arange(cases) % 2
    women = np.arange(cases) % 4 < 2
    table = pd.DataFrame({"case": [f"c{number}" for number in range(cases)], "label": pd.array(labels, dtype="Int64"),
                          "probability": np.where(women, 0.2 + 0.6 * labels, 0.5) + 0.1 * random.random(cases)})
    patients = pd.DataFrame({"case": table["case"], "site": ["A"] * (cases - 5) + ["B"] * 4 + [""],
                             "sex": np.where(women, "F", "M"), "age": np.resize([45.0, 50.0, 64.9, 65.0], cases)})
    return table, patients


def test_women_and_men_are_judged_apart():
    table = group_table("x", *_cohort()).set_index("group")
    assert table.loc["F", "auc"] == 1.0 and 0.3 < table.loc["M", "auc"] < 0.7
    assert table.loc["M", "low"] < table.loc["M", "auc"] < table.loc["M", "high"]


def test_a_site_of_four_patients_is_too_small_and_a_patient_without_a_site_is_in_none():
    table = group_table("x", *_cohort()).set_index("group")
    assert table.loc["B", "too_small"] and np.isnan(table.loc["B", "auc"]) and table.loc["B", "cases"] == 4
    assert table.loc["A", "cases"] == 115 and not table.loc["A", "too_small"]
    assert table.loc[table["by"] == "site", "cases"].sum() == 119


def test_ages_fall_into_their_groups_at_the_edges():
    table = group_table("x", *_cohort()).set_index("group")
    assert table.loc[["under 50", "50 to 64", "65 and over"], "cases"].tolist() == [30, 60, 30]


def test_nothing_known_of_the_patients_is_no_group():
    predictions, patients = _cohort()
    assert group_table("x", predictions, None).columns.tolist() == COLUMNS
    unknown = patients.assign(site="", sex="", age=np.nan)
    assert group_table("x", predictions, unknown).empty
