"""Which series are nearly the same by their thumbnails: copies that were moved, mirrored, turned or cut.

In: perceptual hashes, each with a thumbnail (dataset/thumbnails.py) or, of an earlier version, without. Out: pairs.
Thumbnails are compared coarsely, in all mirrorings and some cuts, and those of the
likeliest pairs are registered by an affine map (Lucas-Kanade, inverse compositional: Baker and Matthews, Int. J.
Comput. Vis. 2004;56:221). What is compared then is their detail, for heads of different patients have one outline: the
detail of the rows and columns, for a shift by a slice mixes the slices of a thumbnail anew. Of many series not all are
compared with all others, but those that shortlist.py finds near to each other.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from radiogen.dataset.thumbnails import SHAPE, thumbnail_of
from radiogen.evaluation.audit.shortlist import first_of_each, likely_pairs

DETAIL_LIMIT = 0.977
"""From this correlation of their registered detail on two series are nearly the same (benchmarks/leakage)."""

Floats = NDArray[np.float32]
Places = NDArray[np.int64]
_SMOOTHING = (0.5, 0.8, 0.8)
_ALONG_SLICES, _DETAIL = (0.87, 0.0, 0.0), (0.0, 1.5, 1.5)
"""What is taken from the smoothed image before its detail, and what its detail is less of (deviations in cells)."""
_COARSE, _NEIGHBOURS, _LEAST_COARSE = 8, 2, 0.8
_WHOLE = (0.0, 1.0)
_CUTS = ((_WHOLE,) * 3, ((0.0, 0.9), _WHOLE, _WHOLE), ((0.1, 1.0), _WHOLE, _WHOLE), ((0.025, 0.975),) * 3,
         ((0.05, 0.95),) * 3)
"""Of each axis the part that may have been kept: from which a registration begins."""
_MIRRORED = tuple(product((1, -1), repeat=3))
_SIGNS = np.array([[np.prod([sign for sign, odd in zip(signs, odds, strict=True) if odd]) for odds in
                    product((False, True), repeat=3)] for signs in _MIRRORED], np.float32)
"""By mirroring and part, even or odd along each axis: whether the mirroring turns the part's sign."""
ALL_PAIRS = 4_000_000
"""So many pairs of thumbnails are all compared: 2,000 series with each other."""
_AT_ONCE = 4096
"""Thumbnails, or pairs of them, at once."""
_STEPS, _HOPELESS, _LEAST_INSIDE, _JUDGED = 10, 0.95, 0.6, 0.75
_POINTS = np.stack([*np.meshgrid(*(np.linspace(-1, 1, size) for size in SHAPE), indexing="ij"),
                    np.ones(SHAPE)]).reshape(4, -1)
_SOME = (np.indices(SHAPE)[1:] % 2 == 0).all(axis=0).ravel()
"""Every second row and column: enough to register by."""


def near_thumbnails(first: Sequence[str], second: Sequence[str] | None = None) -> list[tuple[int, int]]:
    """Pairs of perceptual hashes whose thumbnails show the same series, as places in `first` and `second`.

    second: None for the pairs within `first`, each once. Hashes without a thumbnail, and empty pictures, are in none.
    Beyond `ALL_PAIRS` pairs only those are compared that `shortlist.likely_pairs` lists.
    """
    one = _Thumbnails(first)
    other = one if second is None else _Thumbnails(second)
    found = []
    for place, candidates in _candidates(one, other).items():
        template = _Template(one.smooth(place))
        for partner, cut, mirrored in candidates:
            moving = other.smooth(partner)[tuple(slice(None, None, sign) for sign in _MIRRORED[mirrored])]
            if _detail_correlation(template, moving, _CUTS[cut]) >= DETAIL_LIMIT:
                found.append((one.places[place], other.places[partner]))
    return sorted({(min(pair), max(pair)) for pair in found} if second is None else set(found))


class _Thumbnails:
    """The thumbnails that there are: `places` in the list of hashes, and what is compared of each.

    coarse: what each cut leaves, averaged to 8 x 8 x 8 and scaled as a correlation needs it, float32 (cuts, thumbnails,
    8, 64): what is even and what is odd along each axis, in eight parts.
    """

    def __init__(self, hashes: Sequence[str]) -> None:
        levels = [(place, found.astype(np.uint8)) for place, mark in enumerate(hashes)
                  if (found := thumbnail_of(mark)) is not None and np.ptp(found) > 0]
        self.places, self._levels = [place for place, _ in levels], [found for _, found in levels]
        self.coarse = np.empty((len(_CUTS), len(levels), len(_MIRRORED), _COARSE ** 3 // len(_MIRRORED)), np.float32)
        for begin in range(0, len(levels), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            smooth = _smoothed(np.stack(self._levels[part]))
            for number, cut in enumerate(_CUTS):
                self.coarse[number, part] = _even_and_odd(_averaged(smooth, cut))

    def smooth(self, place: int) -> Floats:
        """A thumbnail smoothed, of mean 0 and deviation 1."""
        image: Floats = _smoothed(self._levels[place][None])[0]
        return image


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
    if len(one.places) * len(other.places) <= ALL_PAIRS:
        rows, columns, best, how = _compared(one, other)
    else:
        rows, columns = likely_pairs(_views(one), (len(_CUTS) * len(_MIRRORED), len(one.places)),
                                     _flat(other.coarse[0]), one is other)
        best, how = _fits(one, other, rows, columns)
    near = first_of_each(rows, best, _NEIGHBOURS) | first_of_each(columns, best, _NEIGHBOURS)
    chosen: dict[int, list[tuple[int, int, int]]] = {}
    for number in np.flatnonzero(near & (best >= _LEAST_COARSE)):
        chosen.setdefault(int(rows[number]), []).append(
            (int(columns[number]), *divmod(int(how[number]), len(_MIRRORED))))
    return chosen


def _compared(one: _Thumbnails, other: _Thumbnails) -> tuple[Places, Places, Floats, Places]:
    """Of all pairs: place in `one`, in `other`, the largest correlation over cuts and mirrorings, and of which it is;
    no pair of a thumbnail with itself."""
    parts = other.coarse[0].transpose(1, 2, 0)
    best = np.full((len(one.places), len(other.places)), -1, np.float32)
    how = np.zeros(best.shape, np.int64)
    for cut, own in enumerate(one.coarse):
        products = np.stack([own[:, part] @ parts[part] for part in range(len(parts))], axis=-1)
        for mirrored, signs in enumerate(_SIGNS):
            found = products @ signs
            better = found > best
            best[better], how[better] = found[better], cut * len(_MIRRORED) + mirrored
    rows, columns = (~np.eye(*best.shape, dtype=bool) if one is other else np.ones(best.shape, bool)).nonzero()
    return rows, columns, best[rows, columns], how[rows, columns]


def _fits(one: _Thumbnails, other: _Thumbnails, rows: Places, columns: Places) -> tuple[Floats, Places]:
    """Of these pairs the largest correlation over cuts and mirrorings, and of which it is."""
    best, how = np.empty(len(rows), np.float32), np.empty(len(rows), np.int64)
    for begin in range(0, len(rows), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        whole = other.coarse[0, columns[part]]
        found = np.hstack([np.einsum("npd,npd->np", own[rows[part]], whole) @ _SIGNS.T for own in one.coarse])
        how[part] = found.argmax(axis=1)
        best[part] = found.max(axis=1)
    return best, how


def _views(one: _Thumbnails) -> Iterator[Floats]:
    """What is compared of all thumbnails, (thumbnails, 512), by cut and mirroring."""
    return (_flat(own * signs[:, None]) for own in one.coarse for signs in _SIGNS)


def _flat(parts: Floats) -> Floats:
    return parts.reshape(len(parts), -1)


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


def _smoothed(levels: NDArray[np.uint8]) -> Floats:
    """Thumbnails, (thumbnails, 12, 24, 24), smoothed, each of mean 0 and deviation 1."""
    from scipy import ndimage

    return _standardised(ndimage.gaussian_filter(levels.astype(np.float32), (0, *_SMOOTHING), mode="nearest"))


def _averaged(grid: Floats, cut: Sequence[tuple[float, float]]) -> Floats:
    """What a cut leaves, averaged to 8 x 8 x 8, as far as a correlation needs it."""
    for axis, (begin, end) in enumerate(cut, 1):
        grid = np.moveaxis(np.tensordot(grid, _averages(grid.shape[axis], begin, end), (axis, 1)), -1, axis)
    return _standardised(grid) / np.float32(_COARSE ** 1.5)


def _even_and_odd(grid: Floats) -> Floats:
    """Grids of 8 x 8 x 8 as (grids, 8, 64): sums and differences of mirrored cells, in the order of `_SIGNS`' columns.
    """
    parts = [grid]
    for axis in (1, 2, 3):
        halves = [(np.take(part, range(_COARSE // 2), axis), np.flip(np.take(part, range(_COARSE // 2, _COARSE), axis),
                                                                     axis)) for part in parts]
        parts = [combined for low, high in halves for combined in (low + high, low - high)]
    return np.stack([part.reshape(len(grid), -1) for part in parts], axis=1) / np.float32(np.sqrt(8))


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
