"""The picture of the hospital: methylated cases by hospital, planes by hospital, AUCs without any image.

In: the cases with site and plane of FLAIR. Out: one PNG of three panels, written whole or not at all.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from radiogen.core.auc import auc
from radiogen.evaluation.figures.run_figures import BLUE, GREY, ORANGE, _panels, _save
from radiogen.evaluation.stats.intervals import Estimate, bootstrap_interval, wilson_interval


def hospital_png(path: Path, cases: pd.DataFrame, within: Estimate, bronze: float) -> Path:
    """Draw the three panels; within: the AUC of the planes among cases of the same hospital."""
    known = cases[cases["site"] != ""]
    figure, (left, middle, right) = _panels(14.0, 4.2, columns=3)
    _draw_shares(left, known)
    _draw_planes(middle, known)
    _draw_areas(right, known, within, bronze)
    return _save(path, figure)


def _draw_shares(axes: Axes, known: pd.DataFrame) -> None:
    sites = known["site"].to_numpy(str)
    groups = [("UCSF", sites == "18"), ("site 1", sites == "1"), ("10 others", ~np.isin(sites, ["1", "18"]))]
    for place, (_, inside) in enumerate(groups):
        positive, count = int(known["label"][inside].sum()), int(inside.sum())
        low, high = wilson_interval(np.array([positive]), np.array([count]))
        colour = ORANGE if place == 0 else BLUE
        axes.bar(place, 100 * positive / count, color=colour, width=0.6)
        axes.plot([place, place], [100 * low[0], 100 * high[0]], color="black", linewidth=1.5)
        axes.text(place, 3, f"{100 * positive / count:.1f} %\nof {count}", ha="center", color="white", fontsize=10)
    axes.axhline(100 * known["label"].astype(int).mean(), color=GREY, linewidth=1.2, linestyle=(0, (2, 3)))
    axes.set(xticks=range(len(groups)), xticklabels=[name for name, _ in groups], ylabel="methylated, %", ylim=(0, 80))
    axes.set_title("by hospital (95 % interval; dotted: all)", loc="left", fontsize=11)


def _draw_planes(axes: Axes, known: pd.DataFrame) -> None:
    for place, plane in enumerate(("axial", "coronal", "sagittal")):
        inside = known[known["plane"] == plane]
        own = int(inside["ucsf"].sum())
        axes.bar(place, own, color=ORANGE, width=0.6, label="UCSF" if not place else None)
        axes.bar(place, len(inside) - own, bottom=own, color=BLUE, width=0.6, label="others" if not place else None)
        axes.text(place, len(inside) + 5, f"{own} of {len(inside)} UCSF's", ha="center", fontsize=10)
    axes.set(xticks=range(3), xticklabels=["axial", "coronal", "sagittal"], ylabel="cases", ylim=(0, 400),
             xlim=(-0.7, 2.7))
    axes.legend(frameon=False, fontsize=9)
    axes.set_title("FLAIR's plane is mostly the hospital", loc="left", fontsize=11)


def _draw_areas(axes: Axes, known: pd.DataFrame, within: Estimate, bronze: float) -> None:
    labels, inside = known["label"].to_numpy(int) == 1, known["ucsf"].to_numpy(float)
    rows = [("is it UCSF?", auc(labels, inside), *bootstrap_interval(labels, inside), ORANGE),
            ("planes,\nwithin hospitals", within.value, within.low, within.high, BLUE)]
    for place, (_, value, low, high, colour) in enumerate(rows):
        axes.plot([low, high], [place, place], color=colour, linewidth=2.5, alpha=0.6)
        axes.plot(value, place, "o", color=colour, markersize=8)
        axes.text(value, place + 0.1, f" {value:.3f}", ha="left", fontsize=10)
    axes.axvline(0.5, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)))
    axes.axvline(bronze, color="#9a6324", linewidth=1.2)
    axes.text(bronze + 0.002, -0.42, f"bronze {bronze}", color="#9a6324", fontsize=9)
    axes.set(yticks=range(len(rows)), yticklabels=[row[0] for row in rows], ylim=(-0.5, 1.5), xlim=(0.42, 0.66),
             xlabel="AUC, 95 % interval (dotted: chance)")
    axes.set_title("without any image", loc="left", fontsize=11)
