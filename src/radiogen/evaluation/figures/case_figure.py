"""One patient's answer as a picture: the slice of each sequence that counted most, plain and with its heat.

In: slices, heat maps, words. Out: a PNG. Proportions are the patient's where mm are known, with a bar of 50 mm; letters
name the patient's sides as in radiology. The heat's colours (matplotlib's inferno) grow brighter from low to high, so
that they can be told apart in grey and without seeing red or green; where there is little heat the image stays bare.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from radiogen.evaluation.figures.run_figures import BLACK, DOTS_PER_INCH, GREY
from radiogen.evaluation.figures.saving import save_png
from radiogen.runs.explained import SliceView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR_MM = 50
_PANEL, _LEFT, _TOP, _BOTTOM, _RIGHT, _GAP, _TITLE = 2.6, 0.25, 0.95, 0.55, 1.0, 0.12, 0.28
"""Inches."""
_LETTERS = 11.8
"""Letters of the title that an inch holds."""


def case_png(path: Path, panels: Sequence[SliceView], title: str, meaning: str, foot: str = "") -> Path:
    """Draw each panel's image above and with its heat below.

    meaning: what the heat speaks for, beside its scale. foot: a line below.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    across = max(len(panels), 2)
    width = _LEFT + across * (_PANEL + _GAP) + _RIGHT
    height = _TOP + 2 * _PANEL + _TITLE + _GAP + _BOTTOM
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    for number, panel in enumerate(panels):
        left = _LEFT + number * (_PANEL + _GAP)
        for heat, bottom in ((False, _BOTTOM + _PANEL + _GAP), (True, _BOTTOM)):
            axes = figure.add_axes((left / width, bottom / height, _PANEL / width, _PANEL / height))
            _draw(axes, panel, heat)
            if not heat:
                axes.set_title(panel.title, fontsize=10, color=BLACK, pad=5)
    beside = _LEFT + len(panels) * (_PANEL + _GAP) + 0.12
    scale = figure.add_axes((beside / width, _BOTTOM / height, 0.14 / width, _PANEL / height))
    bar = figure.colorbar(ScalarMappable(cmap="inferno"), cax=scale, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0", "0.5", "1"], fontsize=8)
    bar.set_label(meaning, fontsize=8, color=BLACK)
    bar.outline.set_visible(False)
    lines = "\n".join(textwrap.fill(line, int(width * _LETTERS)) for line in title.splitlines())
    figure.text(_LEFT / width, 1 - 0.14 / height, lines, fontsize=10.5, color=BLACK, va="top", linespacing=1.35)
    figure.text(_LEFT / width, 0.2 / height, foot, fontsize=7.5, color=GREY, va="bottom")
    return save_png(path, figure)


def _draw(axes: "Axes", panel: SliceView, heat: bool) -> None:
    from matplotlib.patheffects import withStroke

    rows, columns = panel.image.shape
    down, right = panel.mm or (1.0, 1.0)
    extent = (0, columns * right, rows * down, 0)
    axes.imshow(panel.image, cmap="gray", vmin=0, vmax=1, extent=extent, interpolation="nearest", aspect="equal")
    if heat:
        axes.imshow(panel.heat, cmap="inferno", vmin=0, vmax=1, extent=extent, interpolation="bilinear",
                    aspect="equal", alpha=np.clip(1.6 * panel.heat, 0, 0.65))
    axes.set(xlim=extent[:2], ylim=extent[2:], facecolor="black")
    axes.set_axis_off()
    _letter(axes, 0.02, 0.5, panel.left, "left", "center")
    _letter(axes, 0.5, 0.98, panel.top, "center", "top")
    if panel.mm is None:
        _letter(axes, 0.02, 0.03, "size not known", "left", "bottom")
    else:
        start, level = extent[1] * 0.95 - BAR_MM, extent[2] * 0.94
        edge = [withStroke(linewidth=2, foreground="black")]
        axes.plot([start, start + BAR_MM], [level, level], color="white", linewidth=2.5, solid_capstyle="butt",
                  path_effects=[withStroke(linewidth=4.5, foreground="black")])
        axes.text(start + BAR_MM / 2, level - 0.015 * extent[2], f"{BAR_MM} mm", color="white", fontsize=7.5,
                  ha="center", va="bottom", path_effects=edge)


def _letter(axes: "Axes", x: float, y: float, letter: str, across: str, along: str) -> None:
    """Words that can be read on black and on white."""
    from matplotlib.patheffects import withStroke

    axes.text(x, y, letter, transform=axes.transAxes, fontsize=9, weight="bold", color="#FFD54A", ha=across, va=along,
              path_effects=[withStroke(linewidth=2, foreground="black")])
