"""A shift is found where there is one, and what chance makes of none is said beside it."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.external.shift import Acquired, shift_table, stability_index
from radiogen.runs.external.cohorts import INTENSITY_FIELDS

from ..acquisitions import made


def _series(random, size=200, mean=0.0):
    return pd.Series(random.normal(mean, 1, size))


def test_the_index_of_two_shares_is_that_of_the_formula():
    inside, outside = pd.Series(["a"] * 60 + ["b"] * 40, dtype=object), pd.Series(["a"] * 30 + ["b"] * 70, dtype=object)
    p, q = np.array([60.5, 40.5]) / 101, np.array([30.5, 70.5]) / 101
    index, by_chance = stability_index(inside, outside)
    assert index == pytest.approx(((q - p) * np.log(q / p)).sum()) and by_chance == pytest.approx(0.02)


def test_without_a_shift_the_index_is_on_average_what_is_said_of_chance():
    random = np.random.default_rng(0)
    found = np.array([stability_index(_series(random), _series(random, 150)) for _ in range(400)])
    assert found[:, 0].mean() == pytest.approx(found[0, 1], rel=0.15)


def test_an_index_grows_with_the_shift_and_a_new_category_is_no_infinity():
    random = np.random.default_rng(1)
    sizes = [stability_index(_series(random), _series(random, mean=mean))[0] for mean in (0.0, 0.5, 1.0, 3.0)]
    assert sizes == sorted(sizes) and sizes[-1] > 2
    assert np.isfinite(stability_index(pd.Series(["a"] * 9, dtype=object), pd.Series(["b"] * 9, dtype=object))[0])


def test_a_field_that_never_changes_inside_and_does_outside_is_a_shift_to_both_sides():
    inside = pd.Series(np.full(100, 5.0))
    for outside in (np.linspace(1, 4.9, 80), np.linspace(5.1, 9, 80)):
        assert stability_index(inside, pd.Series(outside))[0] > 5
    assert stability_index(inside, pd.Series(np.full(80, 5.0)))[0] == 0


def _acquired(seed, noise=0.02, slices=0, patients=None):
    folds, geometry = made(100, seed=seed)
    random = np.random.default_rng(seed + 50)
    geometry = geometry.assign(slices=geometry["slices"] + slices)
    rows = [{"case": case, "split": "train", "sequence": "FLAIR", "perceptual_hash": "",
             **{name: random.normal(100, 10) for name in INTENSITY_FIELDS}, "noise": random.normal(noise, 0.002)}
            for case in folds["case"]]
    return Acquired(folds[["case", "label"]], geometry, pd.DataFrame(rows), patients)


def test_noise_and_slices_that_differ_are_the_fields_that_differ():
    table = shift_table(_acquired(1), _acquired(2, noise=0.05, slices=30))
    differ = table[table["p_adjusted"] < 0.05]
    assert set(zip(differ["sequence"], differ["field"], strict=True)) == {
        ("FLAIR", "noise"), ("FLAIR", "slices"), ("T1wCE", "slices")}
    noise = table[table["field"] == "noise"].iloc[0]
    assert noise["ks"] == 1.0 and noise["inside"] == pytest.approx(0.02, abs=0.002)
    assert noise["outside"] == pytest.approx(0.05, abs=0.002)


def test_planes_and_labels_are_shares_of_a_category():
    table = shift_table(_acquired(1), _acquired(2))
    label = table[table["field"] == "label: 1"].iloc[0]
    assert (label["inside"], label["kind"]) == (0.5, "patients") and np.isnan(label["ks"])
    plane = table[(table["sequence"] == "T1wCE") & table["field"].str.startswith("plane")].iloc[0]
    assert plane["field"] == "plane: axial" and plane["inside"] == plane["outside"] == 1.0 and plane["psi"] == 0


def test_a_table_that_one_cohort_lacks_is_not_compared():
    one, other = _acquired(1), _acquired(2)
    table = shift_table(Acquired(one.cases, one.geometry, None, None), other)
    assert set(table["kind"]) == {"geometry", "patients"}


def test_age_and_sex_are_compared_where_both_are_known():
    one = _acquired(1)
    patients = pd.DataFrame({"case": one.cases["case"], "age": np.r_[[np.nan] * 10, np.full(90, 50.0)], "sex": "F"})
    table = shift_table(Acquired(one.cases, one.geometry, None, patients),
                        _acquired(2, patients=patients.assign(sex="M", age=70.0)))
    age, sex = (table[table["field"].str.startswith(name)].iloc[0] for name in ("age", "sex"))
    assert (age["inside_cases"], age["inside"], age["outside"], age["ks"]) == (90, 50, 70, 1)
    assert (sex["field"], sex["inside"], sex["outside"]) == ("sex: F", 1, 0)
