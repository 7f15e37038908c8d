"""Pictures of decisions say which line is which, and a curve that cannot be drawn is named."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.figures.decision_figures import (
    decision_curve_figure,
    decision_curve_png,
    precision_recall_figure,
    precision_recall_png,
)
from radiogen.evaluation.stats.metrics import average_precision

LABELS = np.arange(40) % 4 == 0
SCORES = np.random.default_rng(4).random(40)
BENEFIT = pd.DataFrame({"threshold": [0.1, 0.5, 0.9], "model": [0.3, 0.2, 0.0], "treat_all": [0.4, 0.0, -4.0],
                        "treat_none": 0.0})


def _legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_model_is_drawn_beside_treating_everybody_and_nobody():
    figure = decision_curve_figure(BENEFIT)
    assert _legend(figure) == ["treat all", "treat none", "by the model"]
    drawn = {line.get_label(): line.get_ydata().tolist() for line in figure.axes[0].get_lines()}
    assert drawn == {"treat all": [0.4, 0.0, -4.0], "treat none": [0.0] * 3, "by the model": [0.3, 0.2, 0.0]}


@pytest.mark.parametrize(("factor", "top"), [(1.0, 0.44), (0.0, 0.055)])
def test_a_loss_however_large_does_not_flatten_the_benefit(factor, top):
    benefit = BENEFIT.assign(model=BENEFIT["model"] * factor, treat_all=BENEFIT["treat_all"].clip(upper=0.4 * factor))
    low, high = decision_curve_figure(benefit).axes[0].get_ylim()
    assert high == pytest.approx(top) and low == pytest.approx(-0.25 / 1.1 * top)


def test_precision_stands_beside_the_share_of_positive_cases():
    figure = precision_recall_figure({"out-of-fold": (LABELS, SCORES)}, "title")
    found = average_precision(LABELS, SCORES)
    assert _legend(figure) == [f"out-of-fold: average precision {found:.3f}", "chance: 0.250 are positive"]
    assert figure.axes[0].get_title() == "title"


def test_a_curve_without_a_positive_case_is_named_and_the_others_are_drawn():
    figure = precision_recall_figure({"holdout": (np.zeros(5, bool), SCORES[:5]), "all": (LABELS, SCORES)})
    legend = _legend(figure)
    assert legend[0] == "holdout: no positive case, no curve" and len(legend) == 3
    assert figure.axes[0].get_title() == ""


def test_the_pictures_are_written_as_png(tmp_path):
    for draw, content in ((decision_curve_png, BENEFIT), (precision_recall_png, {"a": (LABELS, SCORES)})):
        assert draw(tmp_path / "a.png", content, "t").read_bytes().startswith(b"\x89PNG")
