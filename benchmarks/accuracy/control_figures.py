"""The picture of the three controls: a signal, none, and a confound.

In: what controls.py found. Out: one PNG of three panels, written whole or not at all; colours and line styles are those
of run_figures.py.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from radiogen.core.auc import auc
from radiogen.evaluation.figures.run_figures import BLACK, BLUE, GREY, ORANGE, _panels, _save
from radiogen.evaluation.stats.intervals import bootstrap_interval, roc_band
from radiogen.evaluation.stats.metrics import roc_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Bar(NamedTuple):
    """One AUC with its interval: a row of a panel. `marked`: drawn in the second colour."""

    name: str
    value: float
    low: float
    high: float
    marked: bool = False


def controls_png(path: Path, signal: tuple[np.ndarray, np.ndarray], effect: float, nothing: Sequence[Bar],
                 confound: Sequence[Bar]) -> Path:
    """Draw the controls side by side.

    signal: labels (bool) and probabilities of the signal phantom's cases; effect: of that phantom, in standard
    deviations. nothing: a bar a draw of labels, `marked` where it was called better than chance. confound: the
    run, the image-free model, the run within planes.
    """
    figure, (left, middle, right) = _panels(14.0, 4.9, columns=3)
    _draw_signal(left, *signal, effect)
    _draw_nothing(middle, nothing)
    _draw_confound(right, confound)
    return _save(path, figure)


def _draw_signal(axes: "Axes", labels: np.ndarray, probabilities: np.ndarray, effect: float) -> None:
    rates = np.linspace(0, 1, 201)
    normal = NormalDist()
    best = [0.0, *(normal.cdf(effect + normal.inv_cdf(rate)) for rate in rates[1:-1]), 1.0]
    low, high = bootstrap_interval(labels, probabilities)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=(0, (2, 3)), label="chance, AUC 0.5")
    axes.plot(rates, best, color=ORANGE, linewidth=2, linestyle="--",
              label=f"best that is possible, AUC {normal.cdf(effect / np.sqrt(2)):.3f}")
    axes.fill_between(rates, *roc_band(labels, probabilities, rates), color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(*roc_points(labels, probabilities), color=BLUE, linewidth=2,
              label=f"features, AUC {auc(labels, probabilities):.3f} ({low:.3f} to {high:.3f})")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axes.set_title(f"signal: {len(labels)} cases, out-of-fold", loc="left", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", fontsize=9, frameon=False)


def _draw_nothing(axes: "Axes", bars: Sequence[Bar]) -> None:
    ordered = sorted(bars, key=lambda bar: bar.value)
    for place, bar in enumerate(ordered):
        colour = ORANGE if bar.marked else BLUE
        axes.plot([bar.low, bar.high], [place, place], color=colour, alpha=0.45, linewidth=2)
        axes.plot(bar.value, place, "s" if bar.marked else "o", color=colour, markersize=4.5)
    axes.axvline(0.5, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)))
    count = sum(bar.marked for bar in bars)
    axes.set(xlabel="AUC, 95 % interval (dashed: chance)", yticks=[], xlim=(0.2, 0.8), ylim=(-1, len(ordered)))
    axes.set_ylabel(f"{len(ordered)} draws of the labels, by AUC")
    axes.set_title(f"nothing: {count} of {len(ordered)} called better than chance", loc="left", fontsize=11)
    axes.grid(axis="x", alpha=0.25)


def _draw_confound(axes: "Axes", bars: Sequence[Bar]) -> None:
    for place, bar in enumerate(bars):
        colour, form = (ORANGE, "s") if bar.marked else (BLUE, "o")
        axes.plot([bar.low, bar.high], [place, place], color=colour, linewidth=2.6, solid_capstyle="round")
        axes.plot(bar.value, place, form, color=colour, markersize=9)
        axes.text(0.22, place - 0.12, f"{bar.name}\n{bar.value:.3f} ({bar.low:.3f} to {bar.high:.3f})", va="bottom",
                  fontsize=9.5, color=BLACK, backgroundcolor="white")
    axes.axvline(0.5, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)))
    axes.set(xlabel="AUC, 95 % interval (dashed: chance)", yticks=[], xlim=(0.2, 1.02), ylim=(len(bars) - 0.6, -0.6))
    axes.set_title("confound: label tied to the plane of FLAIR", loc="left", fontsize=11)
    axes.grid(axis="x", alpha=0.25)
