"""The picture of the label-permutation test: a run's AUC beside those of its trainings on permuted labels."""

from pathlib import Path

import numpy as np

from radiogen.evaluation.figures.run_figures import BLUE, GREY, ORANGE, _figure, _save, _whole_numbers
from radiogen.evaluation.stats.label_permutation import PermutationTest


def permutation_png(path: Path, test: PermutationTest, title: str) -> Path:
    """Draw the AUCs of the draws as a histogram, each draw as a tick, with the run's AUC and its p-value."""
    areas, area = test.areas, test.auc
    figure, axes = _figure(7.0, 4.2)
    low, high = min(areas.min(), area, 0.5), max(areas.max(), area, 0.5)
    margin = max(0.02, 0.08 * (high - low))
    edges = np.linspace(low - margin / 2, high + margin / 2, int(np.clip(round(2 * np.sqrt(len(areas))) + 6, 10, 40)))
    axes.hist(areas, bins=edges.tolist(), color=BLUE, alpha=0.35)
    top = max(1.0, axes.get_ylim()[1])
    axes.plot(areas, np.full(len(areas), 0.035 * top), "|", color=BLUE, markersize=9, markeredgewidth=1.4,
              label=f"{len(areas)} trainings on permuted labels")
    axes.axvline(0.5, color=GREY, linewidth=1.2, linestyle=(0, (2, 3)), label="chance")
    axes.axvline(area, color=ORANGE, linewidth=2.2, label=f"the run: AUC {area:.3f}, p = {test.p:.3f}")
    axes.set(xlabel="AUC, out-of-fold", ylabel="draws", xlim=(low - margin, high + margin))
    axes.set_ylim(0, 1.4 * top)
    _whole_numbers(axes.yaxis)
    axes.set_title(title, fontsize=12)
    axes.legend(loc="upper left", fontsize=9, frameon=False)
    return _save(path, figure)
