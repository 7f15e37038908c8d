"""The picture of a shift between two cohorts: the stability index of every field, with what chance makes of it.

In: a table of shift.py. Out: one PNG, or the figure itself for the page. Kinds of fields differ by colour and by form.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radiogen.evaluation.figures.run_figures import BLUE, GREEN, GREY, ORANGE, _figure, _save, _title
from radiogen.evaluation.text_tables import field_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {"geometry": (BLUE, "o"), "intensity": (ORANGE, "s"), "patients": (GREEN, "^")}
SHOWN = 16


def shift_png(path: Path, shift: pd.DataFrame, limits: tuple[float, float], title: str) -> Path:
    """Draw the `SHOWN` largest population stability indexes; limits: from where one is called moderate and large."""
    return _save(path, shift_figure(shift, limits, title))


def shift_figure(shift: pd.DataFrame, limits: tuple[float, float], title: str = "", scale: float = 1.0) -> "Figure":
    """What `shift_png` saves."""
    rows = shift.sort_values("psi", ascending=False, kind="stable").head(SHOWN)
    figure, axes = _figure(7.4 * scale, (0.27 * len(rows) + 1.5) * max(scale, 0.9))
    places = np.arange(len(rows))
    for kind, (colour, form) in LOOKS.items():
        own = (rows["kind"] == kind).to_numpy()
        if own.any():
            axes.hlines(places[own], 0, rows["psi"][own], color=colour, linewidth=1.6, alpha=0.5)
            axes.plot(rows["psi"][own], places[own], form, color=colour, markersize=6, label=kind)
    axes.plot(rows["psi_by_chance"], places, "|", color=GREY, markersize=9, markeredgewidth=1.6,
              label="mean by chance")
    for limit, style in zip(limits, (":", "--"), strict=True):
        axes.axvline(limit, color=GREY, linewidth=1.1, linestyle=style)
    axes.set_yticks(places, (rows["sequence"].astype(str) + " " + field_text(rows["field"])).str.strip(), fontsize=8.5)
    axes.set(ylim=(len(rows) - 0.4, -0.6), xlabel="population stability index\n(dotted: moderate, dashed: large)")
    axes.set_xlim(left=0)
    axes.grid(axis="x", alpha=0.25)
    axes.legend(fontsize=8.5, loc="lower right", framealpha=0.9, edgecolor="none")
    _title(axes, title)
    return figure
