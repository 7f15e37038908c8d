"""Pictures of decisions: net benefit by threshold, and precision against recall.

In: a table of decision_curve.py, or labels and probabilities. Out: PNG files, or the figures themselves for the page.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radiogen.evaluation.figures.run_figures import BLUE, COLOURS, GREY, ORANGE, STYLES, _figure, _save, _title
from radiogen.evaluation.stats.metrics import average_precision, precision_recall_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def decision_curve_png(path: Path, benefit: pd.DataFrame, title: str) -> Path:
    """Draw net benefit by threshold: of the model, of treating everybody, of treating nobody."""
    return _save(path, decision_curve_figure(benefit, title))


def decision_curve_figure(benefit: pd.DataFrame, title: str = "", scale: float = 1.0) -> "Figure":
    """What `decision_curve_png` saves; benefit: of `decision_curve`."""
    figure, axes = _figure(6.6 * scale, 5.2 * scale)
    axes.plot(benefit["threshold"], benefit["treat_all"], "--", color=ORANGE, linewidth=1.6, label="treat all")
    axes.plot(benefit["threshold"], benefit["treat_none"], ":", color=GREY, linewidth=1.6, label="treat none")
    axes.plot(benefit["threshold"], benefit["model"], "-", color=BLUE, linewidth=2, label="by the model")
    top = max(float(benefit["treat_all"].max()), float(benefit["model"].max()), 0.05)
    axes.set(xlabel="threshold probability", ylabel="net benefit, true positives a patient", xlim=(0, 1),
             ylim=(-0.25 * top, 1.1 * top))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8.5, loc="upper right", framealpha=0.9, edgecolor="none")
    _title(axes, title)
    return figure


def precision_recall_png(path: Path, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str) -> Path:
    """Draw precision against recall of each (labels, probabilities), beside the share of positive cases."""
    return _save(path, precision_recall_figure(curves, title))


def precision_recall_figure(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str = "",
                            scale: float = 1.0) -> "Figure":
    """What `precision_recall_png` saves; a curve without a positive case is named in the legend instead."""
    figure, axes = _figure(6.6 * scale, 5.2 * scale)
    for number, (name, (labels, probabilities)) in enumerate(curves.items()):
        colour, style = COLOURS[number % len(COLOURS)], STYLES[number % len(STYLES)]
        if not labels.any():
            axes.plot([], [], color=colour, linestyle=style, label=f"{name}: no positive case, no curve")
            continue
        precision, recall = precision_recall_points(labels, probabilities)
        axes.step(recall, precision, where="pre", color=colour, linestyle=style, linewidth=2,
                  label=f"{name}: average precision {average_precision(labels, probabilities):.3f}")
        axes.axhline(labels.mean(), color=colour, linewidth=1, linestyle=(0, (1, 3)),
                     label=f"chance: {labels.mean():.3f} are positive")
    axes.set(xlabel="recall (sensitivity)", ylabel="precision (positive predictive value)", xlim=(-0.01, 1.01),
             ylim=(-0.01, 1.03))
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8.5, loc="lower left", framealpha=0.9, edgecolor="none")
    _title(axes, title)
    return figure
