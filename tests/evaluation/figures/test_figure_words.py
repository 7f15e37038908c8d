"""What pictures of runs say in words: names, counts and intervals beside their lines, and what is missing."""

import numpy as np
import pandas as pd
import pytest

from radiogen.core.auc import auc
from radiogen.evaluation.figures import run_figures
from radiogen.evaluation.figures.confound_figures import MEDALS, _draw_models, _draw_shares
from radiogen.evaluation.figures.contact_sheet import _shortened
from radiogen.evaluation.figures.shift_figures import shift_figure
from radiogen.evaluation.stats.intervals import auc_interval
from radiogen.task import Task

LABELS = np.arange(60) % 3 == 0
SCORES = np.clip(np.random.default_rng(2).normal(0.4 + 0.2 * LABELS, 0.2), 0, 1)
FOREST = pd.DataFrame({"run": ["a", "a", "b"], "set": ["out-of-fold", "holdout", "elsewhere"], "cases": [80, 20, 9],
                       "auc": [0.6, 0.5, 0.7], "low": [0.5, 0.3, 0.2], "high": [0.7, 0.7, 1.0]})


def _legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_a_roc_curve_says_its_cases_and_its_area_with_the_interval():
    low, high = auc_interval(LABELS, SCORES)
    legend = _legend(run_figures.roc_figure({"out-of-fold": (LABELS, SCORES)}))
    assert legend == ["chance, AUC 0.5",
                      f"out-of-fold, 60 cases\nAUC {auc(LABELS, SCORES):.3f} ({low:.3f} to {high:.3f})"]


@pytest.mark.parametrize("labels", [np.ones(5, bool), np.zeros(5, bool)])
def test_a_curve_of_one_class_is_named_in_the_legend(labels):
    assert _legend(run_figures.roc_figure({"holdout": (labels, SCORES[:5])}))[1] == "holdout: one class only, no curve"


def test_two_curves_differ_by_colour_and_by_style():
    figure = run_figures.roc_figure(dict.fromkeys(("a", "b"), (LABELS, SCORES)))
    chance, first, second = figure.axes[0].get_lines()
    assert first.get_color() != second.get_color() and first.get_linestyle() != second.get_linestyle()


def test_calibration_names_the_target_and_the_positive_class_of_the_task():
    task = Task("idh", classes=("wildtype", "mutant"), target="a mutation")
    figure = run_figures.calibration_figure({"all": (LABELS, SCORES)}, "title", task=task)
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted probability of a mutation", "share of mutant cases")
    assert _legend(figure) == ["perfect calibration", "all, 60 cases"] and axes.get_title() == "title"


def test_probabilities_have_a_row_a_class_with_its_number_of_cases():
    figure = run_figures.probabilities_figure(LABELS, SCORES, task=Task("idh", classes=("wildtype", "mutant")))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["wildtype: 40 cases", "mutant: 20 cases"]
    assert [len(axes.collections[0].get_offsets()) for axes in figure.axes] == [40, 20]


def test_training_curves_have_a_name_a_fold_and_two_lines_where_a_fold_is_scored():
    scored = pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.5], "val_loss": [0.8, 0.7]})
    figure = run_figures.curves_figure({"0": scored, "2": scored[["epoch", "loss"]]}, "loss")
    assert len(figure.axes[0].get_lines()) == 3 and _legend(figure) == ["fold 0"]
    assert figure.axes[0].get_ylabel() == "loss (cross-entropy)"


@pytest.mark.parametrize(("name", "label"), [("accuracy", "accuracy"), ("auc", "AUC of the inputs")])
def test_shares_are_drawn_from_0_to_1(name, label):
    axes = run_figures.curves_figure({"0": pd.DataFrame({"epoch": [1], f"val_{name}": [0.5]})}, name).axes[0]
    assert axes.get_ylim() == (-0.02, 1.02) and axes.get_ylabel() == label


def test_each_run_of_a_forest_has_a_line_with_its_area_and_a_set_stands_in_the_legend_once():
    figure = run_figures.forest_figure(pd.concat([FOREST, FOREST]), baseline=0.55)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == 6 and labels[0] == "a\n0.600 (0.500 to 0.700)"
    assert _legend(figure) == ["out-of-fold", "holdout", "elsewhere", "chance", "no image: 0.550"]


@pytest.mark.parametrize("baseline", [None, np.nan])
def test_without_a_model_that_needs_no_image_a_forest_has_no_line_for_it(baseline):
    assert _legend(run_figures.forest_figure(FOREST, baseline=baseline))[-1] == "chance"


def test_a_shift_marks_the_kinds_that_are_there_and_where_one_is_called_large():
    rows = pd.DataFrame({"kind": ["geometry", "patients"], "sequence": ["T1w", ""], "field": ["slices", "age"],
                         "psi": [0.1, 0.4], "psi_by_chance": 0.05})
    figure = shift_figure(rows, (0.1, 0.25))
    axes = figure.axes[0]
    assert _legend(figure) == ["geometry", "patients", "mean by chance"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["age", "T1w slices"]
    assert [line.get_xdata()[0] for line in axes.get_lines() if line.get_linestyle() in (":", "--")] == [0.1, 0.25]


def test_a_picture_that_is_missing_has_its_place_among_the_others(tmp_path):
    both = {name: np.full((4, 4), 0.5) for name in ("FLAIR", "T1w")}
    cases = {"00001": {**both, "T1w": None}, "00002": both}
    path = run_figures.cases_png(tmp_path / "cases.png", cases, "t")
    whole = run_figures.cases_png(tmp_path / "whole.png", dict.fromkeys(cases, both), "t")
    assert path.read_bytes().startswith(b"\x89PNG") and path.read_bytes() != whole.read_bytes()


def test_a_plane_that_is_none_of_three_has_a_line_of_its_own():
    shares = pd.DataFrame({"sequence": ["T1w", "T1w", "FLAIR"], "plane": ["axial", "unknown", "axial"],
                           "cases": [9, 1, 10], "positive": [4, 1, 5], "share": [0.44, 1.0, 0.5], "low": 0.2,
                           "high": 1.0})
    figure, (axes,) = run_figures._panels(3, 2)
    _draw_shares(axes, shares, Task("idh", classes=("wildtype", "mutant")))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["T1w axial, 9", "T1w unknown, 1",
                                                                      "FLAIR axial, 10"]
    words = [text.get_text() for text in axes.texts]
    assert words == ["44 %", "100 %", "50 %", "all: 50 %"]  # of the first sequence's cases, each once
    assert axes.get_xlabel() == "share of mutant cases (95 % interval)"


@pytest.mark.parametrize(("repeated", "drawn"), [(None, False), (np.nan, False), (0.58, True)])
def test_the_mean_of_other_draws_is_drawn_where_there_is_one(repeated, drawn):
    models = pd.DataFrame({"model": ["planes, all"], "within_fold_auc": [0.6], "within_fold_low": [0.5],
                           "within_fold_high": [0.7]})
    figure, (axes,) = run_figures._panels(3, 2)
    _draw_models(axes, models if repeated is None else models.assign(repeated_auc=repeated), False)
    assert ("diamond" in axes.get_xlabel()) is drawn
    assert axes.get_yticklabels()[0].get_text() == "planes,\nall\n0.600 (0.500 to 0.700)"


def test_medals_stand_beside_their_areas_where_they_are_wanted():
    models = pd.DataFrame({"model": ["planes"], "within_fold_auc": [0.5], "within_fold_low": [0.4],
                           "within_fold_high": [0.55]})
    for medals in (False, True):
        figure, (axes,) = run_figures._panels(3, 2)
        _draw_models(axes, models, medals)
        words = [text.get_text() for text in axes.texts if text.get_text() != "chance"]
        assert words == ([f"{name} {area:.3f}" for name, area in MEDALS.items()] if medals else [])
        assert (axes.get_xlim()[1] > max(MEDALS.values())) == medals


def test_medals_grow_in_the_order_of_their_metals():
    assert list(MEDALS) == ["bronze", "silver", "gold"] and sorted(MEDALS.values()) == list(MEDALS.values())


@pytest.mark.parametrize(("text", "most", "short"), [("abcd", 4, "abcd"), ("abcde", 4, "a..."), ("", 4, "")])
def test_a_text_is_cut_only_where_it_does_not_fit(text, most, short):
    assert _shortened(text, most) == short
