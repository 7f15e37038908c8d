"""Draw training cases so that the label says nothing of the acquisition planes: then there is nothing of them to learn.

In: training cases with labels, the geometry of their series. Out: how often an epoch draws each. Within every
combination of planes both labels come equally often as in all cases together (Kamiran and Calders, Knowledge and
Information Systems 2012;33:1, reweighing); a combination that only one label has cannot be balanced and is left out.
Cropping, reorienting and resampling alone do not hide a plane: docs/accuracy.md.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter
from radiogen.dataset.geometry import planes_together
from radiogen.dataset.labels import ID, LABEL


def plane_weights(cases: pd.DataFrame, geometry: pd.DataFrame, sequences: Sequence[str]) -> np.ndarray:
    """How often each case is drawn, on average: float64 (cases,), with a sum of the cases that are drawn at all.

    cases: `ID, LABEL`; geometry: as `read_geometry` gives it; sequences: whose planes count.
    Raises UserError where no combination of planes has both labels.
    """
    labels, strata = cases[LABEL].to_numpy(int), planes_together(geometry, cases[ID], sequences)
    together = pd.crosstab(strata, labels).reindex(columns=[0, 1], fill_value=0)
    together = together[(together > 0).all(axis=1)]
    if together.empty:
        raise UserError(parameter("optimisation.balance", "planes"),
                        "no combination of planes has cases of both labels in training",
                        f"leave it out, or judge the label's tie to the planes with {command('confounds')} first")
    apart = np.outer(together.sum(axis=1), together.sum()) / together.to_numpy().sum()  # were they independent
    weights = (apart / together).stack().to_dict()
    return np.array([weights.get(pair, 0.0) for pair in zip(strata.tolist(), labels.tolist(), strict=True)])


def drawn_text(weights: np.ndarray) -> str:
    """What `plane_weights` make of an epoch, for the one who started it: `117 of 128 training cases, ...`."""
    left_out = int((weights == 0).sum())
    told = f"an epoch draws {len(weights) - left_out} of {len(weights)} training cases"
    told += f", a case up to {weights.max():.1f} times" if weights.max() > 1.05 else ""
    return told + (f"; the planes of the other {left_out} have one label alone" if left_out else "")


def drawn(weights: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Indices, each as often as its weight says, rounded up or down by chance: int64 (round of the weights' sum,).

    Systematic sampling: one random number places all of them. An index that comes again has the number of weights
    added for each time, so that its copies can be told apart.
    """
    ends = np.cumsum(weights) * (round(weights.sum()) / weights.sum())
    ends[-1] = round(weights.sum())
    places = np.floor(np.append(0.0, ends) + random.random()).astype(int)
    counts = np.diff(places)
    rows = np.repeat(np.arange(len(weights)), counts)
    copies = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows + copies * len(weights)
