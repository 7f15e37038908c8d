"""Of a large run the page lists the predictions that matter and some of the others, the same ones each time."""

import re

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.report import page_charts
from radiogen.evaluation.report.assess import assess
from radiogen.evaluation.report.page import render_page
from radiogen.evaluation.stats import listed
from radiogen.evaluation.stats.listed import rows_of_each, sample_predictions
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions


def _predictions(cases=200, test=20, seed=0):
    random = np.random.default_rng(seed)
    labels = pd.array([*random.integers(0, 2, cases), *[pd.NA] * test], dtype="Int64")
    return pd.DataFrame({"case": [f"{number:05d}" for number in random.permutation(cases + test)],
                         "fold": [*np.resize([*"01234", "holdout"], cases), *["test"] * test], "label": labels,
                         "probability": random.random(cases + test)})


def test_all_predictions_of_a_run_of_usual_size_are_listed_those_first_whose_fold_comes_first():
    predictions = _predictions()
    found = sample_predictions(predictions, set(), 220)
    assert found.text == "220 patients"
    assert set(found.predictions["case"]) == set(predictions["case"])
    assert list(dict.fromkeys(found.predictions["fold"])) == [*"01234", "holdout", "test"]
    for _, cases in found.predictions.groupby("fold"):
        assert cases["case"].is_monotonic_increasing


@pytest.mark.parametrize("most", [40, 60, 219])
def test_no_more_are_listed_than_may_be_and_none_twice(most):
    found = sample_predictions(_predictions(), {"00003"}, most)
    assert len(found.predictions) == most == found.predictions["case"].nunique()
    assert len(set(found.predictions["fold"])) == 7


def test_cases_that_are_named_and_those_furthest_from_their_label_are_listed():
    predictions = _predictions()
    named = set(predictions["case"].iloc[[5, 50, 215]])
    found = sample_predictions(predictions, named, 40)
    others = predictions[predictions["label"].notna() & ~predictions["case"].isin(named)]
    gaps = (others["probability"] - others["label"].astype(float)).abs()
    furthest = set(others.loc[gaps.sort_values(ascending=False).index[:10], "case"])
    assert named | furthest <= set(found.predictions["case"])
    assert (found.named, found.furthest) == (3, 10)


def test_of_more_named_cases_than_half_the_rows_half_are_listed():
    predictions = _predictions()
    found = sample_predictions(predictions, set(predictions["case"]), 40)
    assert (found.named, found.furthest, len(found.predictions)) == (20, 10, 40)


def test_the_same_predictions_in_any_order_make_the_same_list():
    predictions = _predictions()
    mixed = predictions.sample(frac=1, random_state=1)
    one, other = (sample_predictions(table, {"00003"}, 40).predictions for table in (predictions, mixed))
    assert one["case"].tolist() == other["case"].tolist()


def test_test_cases_alone_have_no_label_to_be_far_from():
    found = sample_predictions(_predictions(0, 50), set(), 20)
    assert (found.furthest, len(found.predictions)) == (0, 20)


def test_the_rows_of_all_runs_of_a_page_are_bounded():
    assert rows_of_each(1) == listed.RUN_ROWS
    assert all(runs * rows_of_each(runs) <= listed.PAGE_ROWS for runs in range(1, 60))
    assert rows_of_each(20) >= 585 + 87  # twenty seeds of the competition's cases are all listed


# the only test of a whole page: a second of processor time for its statistics and charts
def test_the_page_says_how_many_are_listed_and_holds_what_made_those_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(listed, "RUN_ROWS", 40)
    monkeypatch.setattr(page_charts, "MOST_POINTS", 15)
    write_predictions(tmp_path / "models" / "r" / "predictions.csv", complete(_predictions()))
    (tmp_path / "models" / "r" / "run.json").write_text('{"recipe": "demo-3d", "data": "input/rsna"}')
    page = render_page(assess([open_predictions(tmp_path / "models", "r")]))
    assert "40 of 220 patients: 10 whose probability is furthest from their label" in page
    assert "all are in predictions.csv" in page
    rows = set(re.findall(r'<tr><th scope="row">(\d{5})<td>', page))
    assert len(rows) == 40
    assert set(re.findall(r'"(\d{5})":\[\[', page)) == rows
    assert "15 of a class at even steps from its lowest probability to its highest" in page
