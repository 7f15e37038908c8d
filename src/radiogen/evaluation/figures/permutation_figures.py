"""Where a run lies among trainings of itself on labels that mean nothing: a p-value, a sentence, a picture.

In: the run's AUC and the AUCs of `null.csv`. Out: as said. The p-value counts the run itself as one of the draws, so
that it is never 0 and holds however few draws there are.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.evaluation.figures.run_figures import BLUE, GREY, ORANGE, _figure, _save

LEVEL = 0.05
WITHIN = {"folds": "within folds", "planes": "within folds and planes"}


def read_null(path: Path) -> dict[str, np.ndarray]:
    """The AUCs of `null.csv`, (draws,), by what labels were exchanged within. Raises UserError where it is damaged."""
    try:
        table = pd.read_csv(path)
        groups = table.groupby("within")["auc"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(path, f"cannot be read as a table of draws ({error})",
                        "delete it and run evaluate.py with --null again") from error
    return {str(name): areas.to_numpy(float) for name, areas in groups}


def null_p(area: float, areas: np.ndarray) -> float:
    """How often a training on permuted labels does at least as well: (1 + number) / (draws + 1), one-sided.

    Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 2010;9:39.
    """
    return float((1 + (areas >= area - 1e-12).sum()) / (len(areas) + 1))


def null_sentence(area: float, areas: np.ndarray, within: str) -> str:
    """The p-value in words, and what it means for the run; with too few draws, that they are too few."""
    p, draws = null_p(area, areas), len(areas)
    told = (f"null mirror: trained {draws} times on labels permuted {WITHIN[within]}, AUC {np.median(areas):.3f} "
            f"(median; highest {areas.max():.3f}); the run's {area:.3f} has p = {p:.3f}")
    if 1 / (draws + 1) > LEVEL:
        return f"{told}; {round(1 / LEVEL) - 1} draws are the least that can show p = {LEVEL:g}"
    if p <= LEVEL:
        return f"{told}: its own training does not reach this without the labels"
    return f"{told}: its own training reaches this on labels that mean nothing"


def null_png(path: Path, areas: np.ndarray, area: float, title: str) -> Path:
    """Draw the AUCs of the draws as a histogram, each draw as a tick, with the run's AUC and its p-value."""
    figure, axes = _figure(7.0, 4.2)
    low, high = min(areas.min(), area, 0.5), max(areas.max(), area, 0.5)
    margin = max(0.02, 0.08 * (high - low))
    edges = np.linspace(low - margin / 2, high + margin / 2, int(np.clip(round(2 * np.sqrt(len(areas))) + 6, 10, 40)))
    axes.hist(areas, bins=edges, color=BLUE, alpha=0.35)
    top = max(1.0, axes.get_ylim()[1])
    axes.plot(areas, np.full(len(areas), 0.035 * top), "|", color=BLUE, markersize=9, markeredgewidth=1.4,
              label=f"{len(areas)} trainings on permuted labels")
    axes.axvline(0.5, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)), label="chance")
    axes.axvline(area, color=ORANGE, linewidth=2.2, label=f"the run: AUC {area:.3f}, p = {null_p(area, areas):.3f}")
    axes.set(xlabel="AUC, out-of-fold", ylabel="draws", xlim=(low - margin, high + margin))
    axes.set_ylim(0, 1.4 * top)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_title(title, fontsize=12)
    axes.legend(loc="upper left", fontsize=9, frameon=False)
    return _save(path, figure)
