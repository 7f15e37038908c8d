"""Pictures of a run: confusion matrix, learning curves, ROC, calibration, probabilities by label, all runs as a forest.

In: labels, probabilities, a history. Out: PNG files of 900 to 1,200 pixels' width, written whole or not at all, or, for
the page, the figure itself (`*_figure`, whose `scale` makes it smaller against its letters).
matplotlib's object interface is used, never pyplot, so that nothing is shared between two pictures. The colours are of
Okabe and Ito (jfly.uni-koeln.de/color): they can be told apart without seeing red or green; line styles differ, too.
"""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.evaluation.figures.saving import save_png
from radiogen.evaluation.stats.intervals import auc_interval, roc_band, wilson_interval
from radiogen.evaluation.stats.metrics import calibration_bins, roc_points
from radiogen.runs.predictions import THRESHOLD
from radiogen.task import RSNA_MICCAI, Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, BLACK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#222222", "#8A8A8A"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, BLACK)
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
DOTS_PER_INCH = 150
CHARACTERS_AN_INCH = 10.5
"""Of a title in 12 points."""


def confusion_matrix_png(path: Path, labels: np.ndarray, predicted: np.ndarray, title: str,
                         task: Task = RSNA_MICCAI) -> Path:
    """Draw how many cases of each class were called what: counts, not shares. Both arrays hold 0 and 1, (cases,)."""
    labels, predicted = np.asarray(labels, dtype=int), np.asarray(predicted, dtype=int)
    matrix = np.zeros((2, 2), dtype=int)
    np.add.at(matrix, (labels, predicted), 1)
    figure, axes = _figure(6.0, 6.0)
    axes.imshow(matrix, cmap="Blues", vmin=0, vmax=max(matrix.max(), 1))
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if count > 0.55 * matrix.max() else BLACK
        axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=26, color=colour)
    axes.set_xticks([0, 1], task.classes)
    axes.set_yticks([0, 1], task.classes, rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    right = f"{int((labels == predicted).sum())} of {len(labels)} cases right"
    axes.set_title(f"{_wrapped(title, figure)}\n{right}", fontsize=12)
    return _save(path, figure)


def history_png(path: Path, history: Path, title: str) -> Path:
    """Draw loss, accuracy and AUC over the epochs: of training, of the fold that is scored, of cases that chose.

    history: a CSV with `epoch` and any of `loss, accuracy, auc, dice`, each also with `val_` or `stop_` before it; what
    it lacks is not drawn.
    """
    try:
        table = pd.read_csv(history)
    except (OSError, ValueError) as error:
        raise UserError(history, f"cannot be read as a table ({error})", "train the fold again") from error
    usual = ("loss",) if "dice" in table else ("loss", "accuracy")
    names = [name for name in ("loss", "accuracy", "auc", "dice") if name in table or name in usual]
    figure, panels = _panels(4.0 * len(names), 3.9, columns=len(names))
    epochs = table["epoch"] if "epoch" in table else np.arange(1, len(table) + 1)
    for axes, name in zip(panels, names, strict=True):
        lines = ((name, "training", BLUE, "-"), (f"stop_{name}", "choosing the epoch", GREY, "-."),
                 (f"val_{name}", "validation", ORANGE, "--"))
        for column, label, colour, style in lines:
            if column in table:
                marker = "o" if len(table) < 15 else None
                axes.plot(epochs, table[column], style, color=colour, label=label, linewidth=2, marker=marker, ms=4)
        axes.set(xlabel="epoch", ylabel={"loss": "loss (cross-entropy)", "auc": "AUC of the inputs"}.get(name, name))
        _whole_numbers(axes.xaxis)
        if name != "loss":
            axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.25)
        if axes.lines:
            axes.legend(frameon=False)
    figure.suptitle(_wrapped(title, figure), fontsize=12)
    return _save(path, figure)


def roc_png(path: Path, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str) -> Path:
    """Draw the ROC curve of each (labels, probabilities) with its 95 % band by bootstrap, and the line of chance.

    A curve whose cases are all of one class cannot be drawn and is named in the legend instead.
    """
    return _save(path, roc_figure(curves, title))


def roc_figure(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str = "", scale: float = 1.0) -> "Figure":
    """What `roc_png` saves."""
    figure, axes = _figure(6.6 * scale, 6.4 * scale)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=(0, (2, 3)), label="chance, AUC 0.5")
    rates = np.linspace(0, 1, 201)
    for number, (name, (labels, probabilities)) in enumerate(curves.items()):
        colour, style = COLOURS[number % len(COLOURS)], STYLES[number % len(STYLES)]
        if labels.all() or not labels.any():
            axes.plot([], [], color=colour, linestyle=style, label=f"{name}: one class only, no curve")
            continue
        low, high = auc_interval(labels, probabilities)
        axes.fill_between(rates, *roc_band(labels, probabilities, rates), color=colour, alpha=0.13, linewidth=0)
        axes.plot(*roc_points(labels, probabilities), color=colour, linestyle=style, linewidth=2,
                  label=f"{name}, {len(labels)} cases\nAUC {auc(labels, probabilities):.3f} ({low:.3f} to {high:.3f})")
    axes.set(xlabel="false positive rate (1 - specificity)", ylabel="true positive rate (sensitivity)",
             xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    _title(axes, title)
    axes.grid(alpha=0.25)
    axes.legend(loc="lower right", fontsize=8.5, framealpha=0.9, edgecolor="none")
    return figure


def calibration_png(path: Path, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str,
                    task: Task = RSNA_MICCAI) -> Path:
    """Draw, for ten bins of probability, the share of positive cases in each with its 95 % interval (Wilson's)."""
    return _save(path, calibration_figure(curves, title, task=task))


def calibration_figure(curves: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str = "", scale: float = 1.0,
                       task: Task = RSNA_MICCAI) -> "Figure":
    """What `calibration_png` saves."""
    figure, axes = _figure(6.6 * scale, 6.4 * scale)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.2, linestyle=(0, (2, 3)), label="perfect calibration")
    for number, (name, (labels, probabilities)) in enumerate(curves.items()):
        colour, style = COLOURS[number % len(COLOURS)], STYLES[number % len(STYLES)]
        bins = pd.DataFrame(calibration_bins(labels, probabilities), columns=["cases", "probability", "observed"])
        found = (bins["observed"] * bins["cases"]).round().to_numpy(int)
        low, high = wilson_interval(found, bins["cases"].to_numpy(int))
        axes.vlines(bins["probability"], low, high, color=colour, alpha=0.35, linewidth=3)
        axes.plot(bins["probability"], bins["observed"], color=colour, linestyle=style, linewidth=1.5, marker="o", ms=5,
                  label=f"{name}, {len(labels)} cases")
    axes.set(xlabel=f"predicted probability of {task.target}", ylabel=f"share of {task.positive} cases",
             xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
    _title(axes, title)
    axes.grid(alpha=0.25)
    axes.legend(loc="upper left", fontsize=9, framealpha=0.9, edgecolor="none", title="bars: 95 % interval",
                title_fontsize=9, alignment="left")
    return figure


def probabilities_png(path: Path, labels: np.ndarray, probabilities: np.ndarray, title: str,
                      task: Task = RSNA_MICCAI) -> Path:
    """Draw every case's probability, one row a class, over the class's histogram, with the threshold."""
    return _save(path, probabilities_figure(labels, probabilities, title, task=task))


def probabilities_figure(labels: np.ndarray, probabilities: np.ndarray, title: str = "", scale: float = 1.0,
                         task: Task = RSNA_MICCAI, points: int | None = None) -> "Figure":
    """What `probabilities_png` saves; points: how many cases of a class are drawn, at even steps from the lowest
    probability to the highest, where it has more."""
    figure, panels = _panels(7.0 * scale, 4.2 * scale, rows=2)
    edges = np.linspace(0, 1, 21)
    random = np.random.default_rng(0)
    for axes, name, colour, chosen in zip(panels, task.classes, (ORANGE, BLUE), (~labels, labels), strict=True):
        values = probabilities[chosen]
        axes.hist(values, bins=edges, color=colour, alpha=0.35)
        top = max(axes.get_ylim()[1], 1)
        if points is not None and len(values) > points:
            values = np.sort(values)[np.linspace(0, len(values) - 1, points).round().astype(int)]
        axes.scatter(values, random.uniform(0.04, 0.28, len(values)) * top, s=10, color=colour, alpha=0.8, linewidth=0)
        axes.axvline(THRESHOLD, color=BLACK, linewidth=1, linestyle="--")
        axes.set(ylabel="cases", xlim=(-0.01, 1.01))
        _whole_numbers(axes.yaxis)
        axes.set_title(f"{name}: {int(chosen.sum())} cases", loc="left", fontsize=10, color=colour)
    panels[1].set_xlabel(f"probability of {task.target} (dashed: threshold of {THRESHOLD:g})")
    if title:
        figure.suptitle(_wrapped(title, figure), fontsize=12)
    return figure


def curves_figure(histories: Mapping[str, pd.DataFrame], name: str, scale: float = 1.0) -> "Figure":
    """One figure of training over the epochs, all folds in one: `name` is `loss`, `accuracy` or `auc`.

    histories: by fold, as `history_png` takes them. Thin broken lines: training; whole ones: the fold that is scored.
    """
    figure, axes = _figure(6.6 * scale, 4.4 * scale)
    for number, (fold, table) in enumerate(histories.items()):
        colour = COLOURS[number % len(COLOURS)]
        marker = "o" if len(table) < 15 else None
        for column, style, width, label in ((name, "--", 1.0, None), (f"val_{name}", "-", 1.8, f"fold {fold}")):
            if column in table:
                axes.plot(table["epoch"], table[column], linestyle=style, color=colour, linewidth=width, label=label,
                          marker=marker if style == "-" else None, ms=3)
    axes.set(xlabel="epoch", ylabel={"loss": "loss (cross-entropy)", "auc": "AUC of the inputs"}.get(name, name))
    _whole_numbers(axes.xaxis)
    if name != "loss":
        axes.set_ylim(-0.02, 1.02)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8.5, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def forest_png(path: Path, rows: pd.DataFrame, title: str, baseline: float | None = None) -> Path:
    """Draw the AUC of every run with its interval, a line each, against chance and the image-free baseline.

    rows: `run, set, cases, auc, low, high`; set is out-of-fold or holdout. baseline: AUC of the best image-free model.
    """
    return _save(path, forest_figure(rows, title, baseline))


def forest_figure(rows: pd.DataFrame, title: str = "", baseline: float | None = None,
                  scale: float = 1.0) -> "Figure":
    """What `forest_png` saves."""
    figure, axes = _figure(7.0 * scale, (0.42 * len(rows) + 1.7) * max(scale, 0.85))
    looks = {"out-of-fold": (BLUE, "o", "-"), "holdout": (ORANGE, "s", "--")}
    names, drawn = [], set()
    for place, row in enumerate(rows.itertuples()):
        colour, form, style = looks.get(row.set, (GREEN, "D", "-"))
        label = row.set if row.set not in drawn else None
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, linestyle=style)
        axes.plot(row.auc, place, form, color=colour, markersize=7, label=label)
        names.append(f"{row.run}\n{row.auc:.3f} ({row.low:.3f} to {row.high:.3f})")
        drawn.add(row.set)
    axes.axvline(0.5, color=GREY, linewidth=1.4, linestyle=(0, (2, 3)), label="chance")
    if baseline is not None and np.isfinite(baseline):
        axes.axvline(baseline, color=PURPLE, linewidth=1.6, linestyle="-.", label=f"no image: {baseline:.3f}")
    axes.set_yticks(np.arange(len(rows)), names, fontsize=8.5)
    axes.set(ylim=(len(rows) - 0.5, -0.6), xlabel="AUC (line: 95 % interval)")
    axes.grid(axis="x", alpha=0.25)
    axes.legend(frameon=False, fontsize=8.5, ncols=2, loc="lower center", bbox_to_anchor=(0.4, 1.0))
    _title(axes, title)
    return figure


def cases_png(path: Path, cases: Mapping[str, Mapping[str, np.ndarray | None]], title: str) -> Path:
    """Draw a row of grey pictures a case: {row's name: {column's name: (rows, columns) in [0, 1], None if missing}}."""
    columns = list(next(iter(cases.values())))
    figure, grid = _panels(2.1 * len(columns) + 0.6, 2.1 * len(cases) + 0.7, rows=len(cases), columns=len(columns))
    for axes_row, (name, pictures) in zip(np.reshape(grid, (len(cases), -1)), cases.items(), strict=True):
        for axes, column in zip(axes_row, columns, strict=True):
            picture = pictures[column]
            if picture is None:
                axes.text(0.5, 0.5, "missing", ha="center", va="center", color=GREY, transform=axes.transAxes)
            else:
                axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[], title=column if name == next(iter(cases)) else "")
        axes_row[0].set_ylabel(name, fontsize=10)
    figure.suptitle(_wrapped(title, figure), fontsize=12)
    return _save(path, figure)


def _figure(width: float, height: float) -> "tuple[Figure, Axes]":
    """A figure of that many inches and its axes, the top and right frame lines left out."""
    figure, panels = _panels(width, height)
    return figure, panels.item()


def _panels(width: float, height: float, rows: int = 1, columns: int = 1) -> "tuple[Figure, np.ndarray]":
    """A figure of that many inches and its axes, (panels,), or (rows, columns) of several rows and columns."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, sharex=rows > 1, squeeze=False)
    for one in np.ravel(axes):
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes if rows > 1 and columns > 1 else axes.ravel()


def _whole_numbers(axis: "Axis") -> None:
    """Tick an axis of counts at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    locator = axis.get_major_locator()
    assert isinstance(locator, MaxNLocator)  # matplotlib's own for a linear axis
    locator.set_params(integer=True)


def _title(axes: "Axes", title: str) -> None:
    if title:
        figure = axes.get_figure(root=True)
        assert figure is not None  # `_panels` made the axes on one
        axes.set_title(_wrapped(title, figure), fontsize=12)


def _wrapped(title: str, figure: "Figure") -> str:
    """A title in lines that are no wider than the figure: runs and cohorts may have long names."""
    return textwrap.fill(title, round(CHARACTERS_AN_INCH * figure.get_figwidth()))


def _save(path: Path, figure: "Figure") -> Path:
    return save_png(path, figure)
