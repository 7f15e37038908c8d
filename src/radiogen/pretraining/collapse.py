"""Whether an encoder collapsed: tells images apart no more, a known failure of learning without labels.

In: the features of images as they are. Out: how much they differ, and a warning where they hardly do.
"""

from dataclasses import dataclass

import numpy as np

from radiogen.core.types import FloatArray

LEAST_SPREAD, LEAST_DIMENSIONS = 0.01, 1.1


@dataclass(frozen=True)
class Spread:
    """How features differ among images.

    spread: deviation over images as a share of the magnitude, mean of the features. dimensions: in how many independent
    directions they vary, (sum of the covariance's eigenvalues)^2 / sum of their squares: 1 where all vary together.
    """

    spread: float
    dimensions: float

    @property
    def collapsed(self) -> bool:
        """Whether features are all but the same for all images, or vary in one direction alone."""
        return self.spread < LEAST_SPREAD or self.dimensions < LEAST_DIMENSIONS


def feature_spread(features: FloatArray) -> Spread:
    """The spread of features, (images, features); features that are always zero do not count.

    Examples
    --------
    >>> feature_spread(np.ones((5, 3))).collapsed
    True
    """
    values = np.asarray(features, np.float64)
    values = values[:, np.abs(values).max(axis=0, initial=0) > 0]
    if len(values) < 2 or not values.shape[1]:
        return Spread(0.0, 0.0)
    deviations = values.std(axis=0)
    spread = float(np.mean(deviations / np.abs(values).mean(axis=0)))
    eigenvalues = np.linalg.svd(values - values.mean(axis=0), compute_uv=False) ** 2
    total = float((eigenvalues ** 2).sum())
    return Spread(spread, float(eigenvalues.sum() ** 2 / total) if total > 0 else 0.0)


def spread_text(found: Spread) -> str:
    """One line; where the encoder collapsed, a warning with what to do."""
    text = f"features differ by {found.spread:.0%} of their size among images, in {found.dimensions:.1f} directions"
    if not found.collapsed:
        return text
    return (f"WARNING: the encoder collapsed: {text}; a training that begins with it gains nothing. Pretrain again "
            "with a lower learning rate, larger batches or the other objective")
