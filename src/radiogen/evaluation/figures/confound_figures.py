"""Pictures of what the acquisition says: the label by plane, and AUCs that need no image.

In: tables of image_free.py. Out: one PNG, written whole or not at all. Groups differ by colour and by form, colours are
those of figures.py; every dot has its 95 % interval.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radiogen.evaluation.figures.run_figures import BLACK, BLUE, GREEN, GREY, ORANGE, _panels, _save
from radiogen.task import RSNA_MICCAI, Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEDALS = {"bronze": 0.574, "silver": 0.582, "gold": 0.601}
"""Private AUC from which a medal began in the competition (Kaggle, RSNA-MICCAI Brain Tumor Radiogenomic
Classification, 2021)."""
LOOKS = {"axial": (BLUE, "o"), "coronal": (ORANGE, "s"), "sagittal": (GREEN, "^")}


def image_free_png(path: Path, shares: pd.DataFrame, models: pd.DataFrame, title: str, *, medals: bool = False,
                   task: Task = RSNA_MICCAI) -> Path:
    """Draw the share of positive cases by plane beside the AUCs of the image-free models.

    shares: as `share_by_plane` gives it; models: as `image_free_table`, of which the out-of-fold rows are drawn;
    medals: mark where the competition's medals began.
    """
    figure, (left, right) = _panels(12.0, 5.2, columns=2)
    _draw_shares(left, shares, task)
    _draw_models(right, models[models["set"] == "out-of-fold"], medals)
    figure.suptitle(title, fontsize=13)
    return _save(path, figure)


def _draw_shares(axes: "Axes", shares: pd.DataFrame, task: Task) -> None:
    place, ticks, names = 0.0, [], []
    for _, group in shares.groupby("sequence", sort=False):
        for row in group.itertuples():
            colour, form = LOOKS.get(row.plane, (GREY, "D"))
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
            axes.plot(row.share, place, form, color=colour, markersize=8)
            axes.text(1.01, place, f"{100 * row.share:.0f} %", fontsize=9.5, va="center", color=BLACK)
            ticks.append(place)
            names.append(f"{row.sequence} {row.plane}, {row.cases}")
            place += 1
        place += 0.7
    first = shares[shares["sequence"] == shares["sequence"].iloc[0]]
    overall = first["positive"].sum() / first["cases"].sum()
    axes.axvline(overall, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)))
    axes.text(overall, -0.95, f"all: {100 * overall:.0f} %", ha="center", va="bottom", fontsize=9, color=GREY)
    axes.set_yticks(ticks, names)
    axes.set(xlim=(0, 1), ylim=(place - 0.4, -1.0), xlabel=f"share of {task.positive} cases (95 % interval)")
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_title(f"{task.positive}, by sequence, plane and number of cases", fontsize=11, pad=48, loc="left")
    axes.grid(axis="x", alpha=0.25)


def _draw_models(axes: "Axes", models: pd.DataFrame, medals: bool) -> None:
    names = []
    for place, row in enumerate(models.itertuples()):
        axes.plot([row.within_fold_low, row.within_fold_high], [place, place], color=BLUE, linewidth=2.4,
                  solid_capstyle="round")
        axes.plot(row.within_fold_auc, place, "o", color=BLUE, markersize=9)
        names.append(f"{row.model.replace(', ', ',' + chr(10))}\n{row.within_fold_auc:.3f} "
                     f"({row.within_fold_low:.3f} to {row.within_fold_high:.3f})")
    meaning = "AUC of models that see no image (line: 95 % interval)"
    if "repeated_auc" in models and models["repeated_auc"].notna().any():
        meaning += "\ndiamond: mean of other draws of the folds"
        axes.plot(models["repeated_auc"], np.arange(len(models)) + 0.2, "D", color=BLACK, fillstyle="none", ms=7)
    axes.axvline(0.5, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)))
    axes.text(0.5, -0.62, "chance", ha="center", va="bottom", fontsize=9, color=GREY)
    low, high = models["within_fold_low"].min(), models["within_fold_high"].max()
    if medals:
        for number, (name, area) in enumerate(MEDALS.items()):
            axes.axvline(area, color=ORANGE, linewidth=1.3, linestyle=("-", "--", "-.")[number])
            axes.text(area, -0.62 - 0.19 * (2 - number), f"{name} {area:.3f}", ha="left", va="bottom", fontsize=9,
                      color=ORANGE)
        high = max(high, max(MEDALS.values()) + 0.02)
    axes.set_yticks(np.arange(len(models)), names)
    axes.set(xlim=(min(low, 0.5) - 0.01, high + 0.01), ylim=(len(models) - 0.5, -0.6),
             xlabel=meaning)
    axes.set_title("cross-validated, cases compared within folds", fontsize=11, pad=48, loc="left")
    axes.grid(axis="x", alpha=0.25)
