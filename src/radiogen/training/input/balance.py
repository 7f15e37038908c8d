"""Draw training cases so that labels and acquisition planes are independent: then planes are no shortcut to learn.

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
from radiogen.task import ID, LABEL


def plane_weights(cases: pd.DataFrame, geometry: pd.DataFrame, sequences: Sequence[str]) -> np.ndarray:
    """How often each case is drawn, on average: float64 (cases,); the sum is the number of cases with a weight.

    cases: `ID, LABEL`; geometry: from `read_geometry`; sequences: whose planes count.
    Raises UserError where no combination of planes has both labels.
    """
    labels, strata = cases[LABEL].to_numpy(int), planes_together(geometry, cases[ID], sequences)
    together = pd.crosstab(strata, labels).reindex(columns=[0, 1], fill_value=0)
    together = together[(together > 0).all(axis=1)]
    if together.empty:
        raise UserError(parameter("optimisation.balance", "planes"),
                        "no combination of planes has cases of both labels in training",
                        f"leave it out, or measure how labels depend on planes with {command('confounds')} first")
    independent = np.outer(together.sum(axis=1), together.sum()) / together.to_numpy().sum()
    weights = (independent / together).stack().to_dict()
    return np.array([weights.get(pair, 0.0) for pair in zip(strata.tolist(), labels.tolist(), strict=True)])


def drawn_text(weights: np.ndarray) -> str:
    """The effect of `plane_weights` on an epoch: `an epoch draws 117 of 128 training cases, ...`."""
    left_out = int((weights == 0).sum())
    text = f"an epoch draws {len(weights) - left_out} of {len(weights)} training cases"
    text += f", a case up to {weights.max():.1f} times" if weights.max() > 1.05 else ""
    return text + (f"; the planes of the other {left_out} have one label alone" if left_out else "")


def drawn(weights: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Indices, each as often as its weight says, rounded up or down by chance: int64 (round of the weights' sum,).

    Systematic sampling: one random number places all of them. A repeated index has the number of weights added for
    each repetition, so that copies can be distinguished.
    """
    ends = np.cumsum(weights) * (round(weights.sum()) / weights.sum())
    ends[-1] = round(weights.sum())
    places = np.floor(np.append(0.0, ends) + random.random()).astype(int)
    counts = np.diff(places)
    rows = np.repeat(np.arange(len(weights)), counts)
    copies = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows + copies * len(weights)
