"""Which series are nearly the same: copies in another encoding, and copies that were moved, mirrored, turned or cut.

In: perceptual hashes, each with a thumbnail (dataset/thumbnails.py) or, of an earlier version, without. Out: pairs. 256
bits are compared of all pairs; thumbnails are compared coarsely, in all mirrorings and some cuts, and those of the
likeliest pairs are registered by an affine map (Lucas-Kanade, inverse compositional: Baker and Matthews, Int. J.
Comput. Vis. 2004;56:221). What is compared then is their detail, for heads of different patients have one outline: the
detail of the rows and columns, for a shift by a slice mixes the slices of a thumbnail anew.
"""

from collections.abc import Sequence
from itertools import product
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.dataset.thumbnails import DIGITS, SHAPE, thumbnail_of

HASH_BITS = 256
HASH_DISTANCE_LIMIT = 10
"""Bits of difference up to which two cases may be one image: a real FLAIR series with 1 % noise or another gamma
differs from itself in at most 9 (of 24 series), two different patients in at least 14."""
DETAIL_LIMIT = 0.977
"""From this correlation of their registered detail on two series are nearly the same (benchmarks/leakage)."""

Floats = NDArray[np.float32]
_SMOOTHING = (0.5, 0.8, 0.8)
_ALONG_SLICES, _DETAIL = (0.87, 0.0, 0.0), (0.0, 1.5, 1.5)
"""What is taken from the smoothed image before its detail, and what its detail is less of (deviations in cells)."""
_COARSE, _NEIGHBOURS, _LEAST_COARSE = 8, 2, 0.8
_WHOLE = (0.0, 1.0)
_CUTS = ((_WHOLE,) * 3, ((0.0, 0.9), _WHOLE, _WHOLE), ((0.1, 1.0), _WHOLE, _WHOLE), ((0.025, 0.975),) * 3,
         ((0.05, 0.95),) * 3)
"""Of each axis the part that may have been kept: from which a registration begins."""
_MIRRORED = tuple(product((1, -1), repeat=3))
_STEPS, _HOPELESS, _LEAST_INSIDE, _JUDGED = 10, 0.95, 0.6, 0.75
_POINTS = np.stack([*np.meshgrid(*(np.linspace(-1, 1, size) for size in SHAPE), indexing="ij"),
                    np.ones(SHAPE)]).reshape(4, -1)
_SOME = (np.indices(SHAPE)[1:] % 2 == 0).all(axis=0).ravel()
"""Every second row and column: enough to register by."""


def is_hash(hashes: pd.Series) -> NDArray[np.bool_]:
    """Whether each cell is a perceptual hash, bool (cases,): the cell of a case without one is empty."""
    return hashes.str.fullmatch(rf"[0-9a-f]{{{DIGITS}}}(\.[\w-]*)?").to_numpy(dtype=bool)


def hash_distances(first: pd.Series, second: pd.Series) -> NDArray[np.int64]:
    """In how many bits each perceptual hash of `first` differs from each of `second`, int (first, second)."""
    one, other = (np.unpackbits(np.array([list(bytes.fromhex(mark[:DIGITS])) for mark in hashes], np.uint8),
                                axis=1).astype(np.float32) for hashes in (first, second))
    return (one @ (1 - other.T) + (1 - one) @ other.T).astype(int)


def hash_distance_limit(distances: np.ndarray) -> int:
    """Up to how many bits two cases of this set count as nearly the same; distances: of all pairs.

    `HASH_DISTANCE_LIMIT`, or less where the set is so large or its heads so alike that different patients would come
    that near by chance: a normal curve through the median and the lower deviation may put 0.05 pairs below the limit.
    """
    if len(distances) < 10:
        return HASH_DISTANCE_LIMIT
    middle, low = np.percentile(distances, [50, 15.87])
    reach = -NormalDist().inv_cdf(0.05 / len(distances))
    return int(np.clip(np.floor(middle - reach * (middle - low)), 2, HASH_DISTANCE_LIMIT))


def near_thumbnails(first: Sequence[str], second: Sequence[str] | None = None) -> list[tuple[int, int]]:
    """Pairs of perceptual hashes whose thumbnails show the same series, as places in `first` and `second`.

    second: None for the pairs within `first`, each once. Hashes without a thumbnail, and empty pictures, are in none.
    """
    one = _Thumbnails(first)
    other = one if second is None else _Thumbnails(second)
    found = []
    for place, candidates in _candidates(one, other).items():
        template = _Template(one.smooth[place])
        for partner, cut, mirrored in candidates:
            moving = other.smooth[partner][tuple(slice(None, None, sign) for sign in _MIRRORED[mirrored])]
            if _detail_correlation(template, moving, _CUTS[cut]) >= DETAIL_LIMIT:
                found.append((one.places[place], other.places[partner]))
    return sorted({(min(pair), max(pair)) for pair in found} if second is None else set(found))


class _Thumbnails:
    """The thumbnails that there are: `places` in the list of hashes, and each smoothed, of mean 0 and deviation 1."""

    def __init__(self, hashes: Sequence[str]) -> None:
        from scipy import ndimage

        known = [(place, found) for place, mark in enumerate(hashes)
                 if (found := thumbnail_of(mark)) is not None and np.ptp(found) > 0]
        self.places = [place for place, _ in known]
        stack = np.stack([found for _, found in known]) if known else np.zeros((0, *SHAPE), np.float32)
        self.smooth: Floats = _standardised(ndimage.gaussian_filter(stack, (0, *_SMOOTHING), mode="nearest"))

    def coarse(self, cut: Sequence[tuple[float, float]], signs: Sequence[int]) -> Floats:
        """What a cut leaves, mirrored and averaged to 8 x 8 x 8, a row each, as far as a correlation needs it."""
        grid = self.smooth[(slice(None), *(slice(None, None, sign) for sign in signs))]
        for axis, (begin, end) in enumerate(cut, 1):
            weights = _averages(grid.shape[axis], begin, end)
            grid = np.moveaxis(np.tensordot(grid, weights, (axis, 1)), -1, axis)
        return _standardised(grid).reshape(len(grid), -1) / np.float32(_COARSE ** 1.5)


class _Template:
    """A thumbnail with what a step of its registration needs: its derivatives by the 12 numbers of an affine map, and
    by the intensities' scale and offset."""

    def __init__(self, image: Floats) -> None:
        slopes = np.gradient(image, *(2 / (size - 1) for size in SHAPE))
        self.values, self.detail = image.ravel()[_SOME], _detail(image).ravel()
        self.slopes = np.vstack([*(slope.ravel()[_SOME] * _POINTS[:, _SOME] for slope in slopes), self.values,
                                 np.ones(len(self.values))]).astype(np.float32)
        product_ = (self.slopes @ self.slopes.T).astype(float)
        self.solve = np.linalg.inv(product_ + 1e-3 * np.diag(np.diag(product_)))


def _candidates(one: _Thumbnails, other: _Thumbnails) -> dict[int, list[tuple[int, int, int]]]:
    """By place in `one` the likeliest partners in `other`, each with the cut and the mirroring that make it likely.

    Each thumbnail is in the pairs with its `_NEIGHBOURS` nearest, from either side.
    """
    if not (one.places and other.places):
        return {}
    best = np.full((len(one.smooth), len(other.smooth)), -1, np.float32)
    how = np.zeros(best.shape, np.int8)
    for number, (cut, signs) in enumerate(product(_CUTS, _MIRRORED)):
        found = one.coarse(cut, (1, 1, 1)) @ other.coarse(_CUTS[0], signs).T
        better = found > best
        best[better], how[better] = found[better], number
    if one is other:
        np.fill_diagonal(best, -1)
    pairs = set()
    for rows, table in ((True, best), (False, best.T)):
        count = min(_NEIGHBOURS, table.shape[1])
        nearest = np.argpartition(-table, count - 1, axis=1)[:, :count]
        pairs |= {(place, int(partner)) if rows else (int(partner), place)
                  for place, partners in enumerate(nearest) for partner in partners}
    chosen: dict[int, list[tuple[int, int, int]]] = {}
    for place, partner in sorted(pairs):
        if best[place, partner] >= _LEAST_COARSE:
            chosen.setdefault(place, []).append((partner, *divmod(int(how[place, partner]), len(_MIRRORED))))
    return chosen


def _detail_correlation(template: _Template, moving: Floats, cut: Sequence[tuple[float, float]]) -> float:
    """The correlation of the detail of both, once `moving` is registered to the template; -1 where it does not fit."""
    centre, half = (np.array([(end + sign * begin) - (sign > 0) for begin, end in cut]) for sign in (1, -1))
    transform = np.vstack([np.hstack([np.diag(1 / half), -(centre / half)[:, None]]), [0, 0, 0, 1]])
    best, kept = -1.0, transform
    for step in range(_STEPS):
        values = _warped(moving, transform, _POINTS[:, _SOME])
        inside = np.isfinite(values)
        if inside.mean() < _LEAST_INSIDE:
            break
        fit = _correlation(template.values[inside], values[inside])
        if fit < best + 1e-5 and step > 3:
            break
        if fit > best:
            best, kept = fit, transform
        if step == 2 and best < _HOPELESS:
            return -1.0
        scale = template.values[inside].std() / max(float(values[inside].std()), 1e-6)
        matched = (values - values[inside].mean()) * scale + template.values[inside].mean()
        change = template.solve @ (template.slopes @ np.where(inside, matched - template.values, 0).astype(np.float32))
        moved = np.eye(4)
        moved[:3] += change[:12].reshape(3, 4)
        transform = transform @ np.linalg.inv(moved)
    values = _warped(_detail(moving), kept, _POINTS, order=3)  # linear interpolation would blur what is compared
    inside = np.isfinite(values) & (np.abs(_POINTS[:3]).max(axis=0) < _JUDGED)
    return _correlation(template.detail[inside], values[inside]) if inside.any() else -1.0


def _warped(image: Floats, transform: NDArray[np.float64], points: NDArray[np.float64], order: int = 1) -> Floats:
    """The image at the transformed points, NaN beside it; order: of the interpolating spline."""
    from scipy import ndimage

    places = (transform @ points)[:3]
    values = ndimage.map_coordinates(image, (places + 1) / 2 * (np.array(SHAPE)[:, None] - 1), order=order,
                                     mode="nearest")
    return np.where(np.abs(places).max(axis=0) <= 1, values, np.float32(np.nan))


def _detail(image: Floats) -> Floats:
    from scipy import ndimage

    blurred: Floats = ndimage.gaussian_filter(image, _ALONG_SLICES, mode="nearest")
    return blurred - ndimage.gaussian_filter(blurred, _DETAIL, mode="nearest")


def _correlation(first: Floats, second: Floats) -> float:
    one, other = first - first.mean(), second - second.mean()
    spread = float(np.sqrt((one * one).sum(dtype=float) * (other * other).sum(dtype=float)))
    return float((one * other).sum(dtype=float)) / spread if spread > 0 else -1.0


def _standardised(stack: np.ndarray) -> Floats:
    """Each image less its mean, divided by its deviation."""
    axes = tuple(range(1, stack.ndim))
    centred = stack - stack.mean(axis=axes, keepdims=True)
    return np.asarray(centred / np.maximum(centred.std(axis=axes, keepdims=True), 1e-6), np.float32)


def _averages(size: int, begin: float, end: float) -> Floats:
    """Weights, (8, size), that average the part from `begin` to `end` of an axis to 8 cells."""
    edges, places = np.linspace(begin * size, end * size, _COARSE + 1), np.arange(size)
    shared = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    return np.asarray(np.maximum(shared, 0) / (edges[1] - edges[0]), np.float32)
