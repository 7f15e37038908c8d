"""A model that trains in seconds: a few numbers of each case's cubes, and a logistic regression on the run's own folds.

In: a data set; its isotropic cubes come from the package's own cache. Out: a table of features, a row a case, and
predictions in the form of a run's. The features were chosen on a phantom of another seed than any that is judged here;
scaling and weights are fitted on the training folds alone. Stands in for a network where forty trainings must cost
minutes on two cores.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.arrays.cache import build_caches, cache_folder
from radiogen.arrays.settings import CacheSettings
from radiogen.arrays.stored_arrays import open_array
from radiogen.core.parallel import map_items
from radiogen.dataset.labels import ID, LABEL
from radiogen.runs.folds import HOLDOUT, fold_names
from radiogen.runs.predictions import complete

SEQUENCES = ("FLAIR", "T1w", "T1wCE")
SETTINGS = CacheSettings(kind="cubes", sequences=SEQUENCES, size=64, geometry="isotropic", normalisation="percentile",
                         edge_mm=176.0)
STRENGTH = 0.1
"""Inverse of the L2 penalty, on features of unit variance."""

_RIM = (0.15, 0.3)
"""From how much enhancement on, as a share of the brain's median in T1w, a voxel counts as the tumour's rim."""
_BALL_MM, _RIND_MM = 30.0, 18.0
"""Reach of a tumour from its middle; what lies this near to the skin is left out, for the sinuses enhance, too."""


def cached_cases(data: Path, cache: Path, workers: int | None = None) -> tuple[Path, pd.DataFrame]:
    """Bring the cubes of a data set up to date; returns their folder and index."""
    index, = build_caches(Path(data), [SETTINGS], cache, workers=workers)
    return cache_folder(data, SETTINGS, cache), index


def features_of(folder: Path, cases: Sequence[str], workers: int | None = None) -> pd.DataFrame:
    """The features of these cases' cached cubes: float64, a row a case, indexed by id."""
    rows = map_items(partial(_features_of_case, folder), list(cases), "features", workers=workers)
    return pd.DataFrame(rows, index=pd.Index(list(cases), name=ID))


def cube_features(cubes: np.ndarray) -> dict[str, float]:
    """Features of one case; cubes: (sequence, slice, row, column) uint8, in the order of `SEQUENCES`.

    Of each sequence: three quantiles of the head and the roughness along each axis, which knows how the series was
    cut; of all: the brightest corner; of T1wCE - T1w: what enhances, and how much of it is not rim.
    """
    values = cubes.astype(np.float32) / 255
    depth = _depth(values)
    head = depth > 0
    found = {}
    for name, cube in zip(SEQUENCES, values, strict=True):
        inside = cube[head] if head.any() else cube.ravel()
        found |= {f"{name} quantile {q}": float(np.quantile(inside, q / 100)) for q in (10, 50, 90)}
        found |= {f"{name} roughness {axis}": float(np.log(1e-3 + np.abs(np.diff(cube, axis=axis)).mean()))
                  for axis in range(3)}
    found["brightest corner"] = float(max(corner.mean() for corner in _corners(values)))
    return found | _enhancement(values, depth)


def predict_by_features(features: pd.DataFrame, folds: pd.DataFrame, strength: float = STRENGTH,
                        hidden: pd.Series | None = None) -> pd.DataFrame:
    """Predictions in the form of a run's: each fold by a model of the others, the holdout by one of all folds.

    folds: `ID, LABEL, fold`; every case of it has a row in `features`. hidden: fit this variable of the
    training cases (by case) in place of their labels, by a ridge regression.
    """
    from scipy.special import expit
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs, labels = features.loc[folds[ID]].to_numpy(), folds[LABEL].to_numpy(int)
    place, probabilities = folds["fold"].to_numpy(), np.full(len(folds), np.nan)
    for name in [*fold_names(folds), HOLDOUT]:
        judged, train = place == name, (place != name) & (place != HOLDOUT)
        if judged.any():
            if hidden is None:
                model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, solver="newton-cholesky"))
                probabilities[judged] = model.fit(inputs[train], labels[train]).predict_proba(inputs[judged])[:, 1]
            else:
                model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 3, 11)))
                model.fit(inputs[train], hidden.loc[folds.loc[train, ID]].to_numpy())
                probabilities[judged] = expit(model.predict(inputs[judged]))
    return complete(folds.assign(probability=probabilities))


def _features_of_case(folder: Path, case: str) -> dict[str, float]:
    return cube_features(np.asarray(open_array(folder, case)))


def _depth(values: np.ndarray) -> np.ndarray:
    """How many voxels each voxel of the head lies below the skin; 0 outside."""
    from scipy import ndimage

    head = ndimage.binary_opening((values[1] > 0.15) & (values[2] > 0.15))
    filled = np.pad(ndimage.binary_fill_holes(head), 1)
    return ndimage.distance_transform_edt(filled)[1:-1, 1:-1, 1:-1]


def _corners(values: np.ndarray) -> list[np.ndarray]:
    """The eight corner blocks of each sequence's cube, an eighth of the edge wide."""
    width = values.shape[-1] // 8
    ends = (slice(0, width), slice(-width, None))
    return [cube[one, two, three] for cube in values for one in ends for two in ends for three in ends]


def _enhancement(values: np.ndarray, depth: np.ndarray) -> dict[str, float]:
    """What enhances: the largest blob of T1wCE - T1w deep in the head, and the hull around its rim."""
    from scipy import ndimage

    voxel_mm = SETTINGS.edge_mm / values.shape[-1]
    deep = depth > _RIND_MM / voxel_mm
    rise = _rise(values, deep)
    blob = ndimage.gaussian_filter(np.where(deep, rise, 0), 8 / voxel_mm) * deep
    middle = np.unravel_index(int(blob.argmax()), blob.shape)
    squares = sum((axis - place) ** 2 for axis, place in zip(np.ogrid[tuple(map(slice, blob.shape))], middle,
                                                             strict=True))
    near = deep & (squares < (_BALL_MM / voxel_mm) ** 2)
    found = {"enhancement peak": float(blob.max())}
    smooth = ndimage.gaussian_filter(rise, 0.5)
    for level in _RIM:
        found |= _rim_features(rise, near & (smooth > level), f" from {level}")
    return found


def _rise(values: np.ndarray, deep: np.ndarray) -> np.ndarray:
    """T1wCE - T1w, both with the same median in the brain, as a share of it; zeros where there is no brain."""
    _, plain, contrast = values
    brain = [float(np.median(cube[deep])) if deep.any() else 0.0 for cube in (plain, contrast)]
    if min(brain) < 0.01:
        return np.zeros_like(plain)
    return contrast / brain[1] - plain / brain[0]


def _rim_features(rise: np.ndarray, rim: np.ndarray, ending: str) -> dict[str, float]:
    """Size, filling and mean enhancement of the hull around the largest connected part of `rim`."""
    from scipy import ndimage

    parts, count = ndimage.label(rim)
    largest = parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1 if count else rim
    whole = _hull(largest)
    volume = int(whole.sum())
    return {f"hull log volume{ending}": float(np.log(volume)) if volume else 0.0,
            f"hull rim share{ending}": float(largest.sum() / volume) if volume else 0.0,
            f"hull enhancement{ending}": float(rise[whole].mean()) if volume else 0.0}


def _hull(mask: np.ndarray) -> np.ndarray:
    """The voxels of the convex hull of `mask`; none where it is flat or has fewer than ten voxels."""
    from scipy.spatial import ConvexHull, QhullError

    inside, points = np.zeros(mask.shape, dtype=bool), np.argwhere(mask)
    try:
        hull = ConvexHull(points) if len(points) >= 10 else None
    except QhullError:
        hull = None
    if hull is None:
        return inside
    box = np.indices(np.ptp(points, axis=0) + 1).reshape(3, -1).T + points.min(axis=0)
    within = (box @ hull.equations[:, :3].T + hull.equations[:, 3] <= 1e-6).all(axis=1)
    inside[tuple(box[within].T)] = True
    return inside
