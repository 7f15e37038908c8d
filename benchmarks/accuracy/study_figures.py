"""The pictures of benchmarks/accuracy/studies.py: AUCs of recipes on phantoms, beside the best that is possible.

In: a table with a row a trial (`study, row, name, effect, cases, ceiling, auc, low, high, training_accuracy`, and of
the traps `within, within_low, within_high`). Out: one PNG a study, written whole or not at all; colours and line
styles are those of run_figures.py.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from radiogen.evaluation.figures.run_figures import BLACK, BLUE, COLOURS, GREY, ORANGE, _figure, _panels, _save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FORMS = "osD^vPX*"
_CHANCE = {"color": GREY, "linewidth": 1.2, "linestyle": (0, (2, 3))}


def draw(folder: Path, study: str, table: pd.DataFrame) -> Path:
    """Draw a study's picture, `accuracy-<study>.png` in `folder`; returns its path."""
    drawing = {"choice": _ceiling, "ceiling": _ceiling, "cases": _cases, "report": _report,
               "memorisation": _memorisation, "traps": _traps}[study]
    return _save(folder / f"accuracy-{study}.png", drawing(table))


def _ceiling(table: pd.DataFrame) -> object:
    figure, axes = _figure(9.5, 5.6)
    known = table.drop_duplicates("row").sort_values("effect")
    effects = np.linspace(known["effect"].min(), known["effect"].max(), 100)
    ceiling = norm.cdf(np.interp(effects, known["effect"], norm.ppf(known["ceiling"])))  # straight in the effect
    axes.plot(effects, ceiling, color=BLACK, linewidth=2, label="best that is possible")
    axes.plot(effects, 0.5 + 0.9 * (ceiling - 0.5), color=BLACK, linewidth=1, linestyle="--",
              label="90 % of it, above chance")
    names = list(dict.fromkeys(table["name"]))
    for number, name in enumerate(names):
        own = table[table["name"] == name].sort_values("effect")
        aside = 0.03 * (number - (len(names) - 1) / 2)
        _points(axes, own["effect"] + aside, own, number, name)
    axes.axhline(0.5, **_CHANCE)
    axes.set(xlabel="effect: distance of the labels in standard deviations", ylabel="AUC out-of-fold (95 % interval)",
             xticks=sorted(set(table["effect"])))
    axes.grid(axis="y", alpha=0.25)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _cases(table: pd.DataFrame) -> object:
    figure, axes = _figure(7.5, 5.0)
    for number, (name, own) in enumerate(table.groupby("name", sort=False)):
        own = own.sort_values("cases")
        _points(axes, own["cases"] * 1.02 ** (2 * number - 1), own, number, name)
        axes.axhline(own["ceiling"].iloc[0], color=COLOURS[number], linewidth=1.2, linestyle="--",
                     label=f"best that is possible, {name}")
    axes.axhline(0.5, **_CHANCE)
    axes.set_xscale("log")
    axes.set_xticks(sorted(set(table["cases"])), [f"{cases}" for cases in sorted(set(table["cases"]))])
    axes.minorticks_off()
    axes.set(xlabel="patients", ylabel="AUC out-of-fold (95 % interval)")
    axes.grid(axis="y", alpha=0.25)
    axes.legend(frameon=False, fontsize=9, loc="lower right", bbox_to_anchor=(1.0, 0.08))
    return figure


def _report(table: pd.DataFrame) -> object:
    figure, (left, right) = _panels(12.5, 4.8, columns=2)
    sized = table[table["row"].str.isdigit()]
    for number, (name, own) in enumerate(sized.groupby("name", sort=False)):
        own = own.assign(size=own["row"].astype(int)).sort_values("size")
        _points(left, own["size"] + 1.2 * (number - 0.5), own, number, name)
    if len(sized):
        left.set_xticks(sorted(set(sized["row"].astype(int))))
        left.axhline(sized["ceiling"].iloc[0], color=BLACK, linewidth=1.2, linestyle="--",
                     label="best that is possible")
        left.legend(frameon=False, fontsize=9, loc="lower right")
    left.set(xlabel="edge of the cube in voxels", ylabel="AUC out-of-fold (95 % interval)")
    left.set_title("squeezed and distorted, or in millimetres", loc="left", fontsize=11)
    left.grid(axis="y", alpha=0.25)
    other = table[~table["row"].str.isdigit()]
    _forest(right, other["row"], other)
    right.set_title("one thing changed at 64 x 64 x 64", loc="left", fontsize=11)
    return figure


def _memorisation(table: pd.DataFrame) -> object:
    effects = sorted(set(table["row"]), key=float)
    names = list(dict.fromkeys(table["name"]))
    figure, panels = _panels(5.3 * len(effects), 1.4 + 0.75 * len(names), columns=len(effects))
    first = np.ravel(panels)[0]
    for axes, effect in zip(np.ravel(panels), effects, strict=True):
        own = table[table["row"] == effect]
        places = own["name"].map(names.index)
        axes.plot(own["training_accuracy"], places - 0.12, "s", color=ORANGE, markersize=7,
                  label="accuracy in training")
        _whiskers(axes, places + 0.12, own, BLUE, "AUC out-of-fold (95 % interval)")
        axes.axvline(own["ceiling"].iloc[0], color=BLACK, linewidth=1.2, linestyle="--", label="best AUC possible")
        axes.axvline(0.5, **_CHANCE)
        _rows(axes, names if axes is first else [""] * len(names))
        axes.set_xlim(0.3, 1.02)
        axes.set_title(f"effect {effect}" + (": random labels" if float(effect) == 0 else ""), loc="left",
                       fontsize=11)
    first.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)
    return figure


def _traps(table: pd.DataFrame) -> object:
    tied, moved = table[table["row"] == "tied"], table[table["row"] != "tied"]
    count, height = (len(tied) > 0) + (len(moved) > 0), 1.6 + 0.45 * max(len(tied), len(moved), 3)
    figure, panels = _panels(7.5 * count, height, columns=count)
    left, right = np.ravel(panels)[0], np.ravel(panels)[-1]
    if len(tied):
        _whiskers(left, np.arange(len(tied)) - 0.12, tied, ORANGE, "all cases", "s")
        within = tied.assign(auc=tied["within"], low=tied["within_low"], high=tied["within_high"])
        _whiskers(left, np.arange(len(tied)) + 0.12, within, BLUE, "cases alike in plane")
        left.axvline(tied["free"].max(), color=BLACK, linewidth=1.2, linestyle="-.", label="best model without images")
        left.axvline(0.5, **_CHANCE)
        left.legend(frameon=False, fontsize=9, loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=3)
        _rows(left, tied["name"])
        left.set(xlabel="AUC out-of-fold (95 % interval)")
        left.set_title("label tied to the plane of FLAIR, nothing in the tumour", loc="left", fontsize=11)
    if len(moved):
        _forest(right, moved["name"] + ": " + moved["row"], moved)
        right.set_title("effect 3, FLAIR alone: trained on one plane, tested on the other", loc="left", fontsize=11)
    return figure


def _points(axes: "Axes", places: pd.Series, own: pd.DataFrame, number: int, name: str) -> None:
    colour, form = COLOURS[number % len(COLOURS)], _FORMS[number % len(_FORMS)]
    errors = [own["auc"] - own["low"], own["high"] - own["auc"]]
    axes.errorbar(places, own["auc"], yerr=errors, color=colour, marker=form, markersize=6, linewidth=1.4,
                  linestyle="--" if number >= len(COLOURS) else "-", elinewidth=1, alpha=0.9, label=name)


def _forest(axes: "Axes", names: pd.Series, rows: pd.DataFrame) -> None:
    if len(rows):
        _whiskers(axes, np.arange(len(rows)), rows, BLUE, None)
        axes.axvline(rows["ceiling"].iloc[0], color=BLACK, linewidth=1.2, linestyle="--")
    axes.axvline(0.5, **_CHANCE)
    _rows(axes, names)
    axes.set(xlabel="AUC (95 % interval; dashed: best that is possible)")


def _whiskers(axes: "Axes", places: np.ndarray, rows: pd.DataFrame, colour: str, label: str | None,
              form: str = "o") -> None:
    errors = [rows["auc"] - rows["low"], rows["high"] - rows["auc"]]
    axes.errorbar(rows["auc"], places, xerr=errors, fmt=form, color=colour, markersize=7, elinewidth=2, label=label)


def _rows(axes: "Axes", names: Sequence[str]) -> None:
    axes.set_yticks(np.arange(len(names)), list(names), fontsize=9)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.25)
