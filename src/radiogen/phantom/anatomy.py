"""A head with a glioblastoma as a continuous model: what tissue is at any place in the patient, in mm.

In: a random generator, the share of the tumour that is necrotic core, a signal level for each tissue. Out: voxels on
any grid, without noise. Tissues are painted over each other, from the scalp inwards; an edge is as wide as a pixel, and
a thick slice is the mean of thin ones, so partial volume comes out as on a scanner.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

TISSUES = ("fat", "muscle", "bone", "fluid", "grey", "white", "nuclei", "blood", "air", "oedema", "rim", "core")
"""What the head is made of; fluid is cerebrospinal fluid (and the eyes), nuclei are the deep grey matter."""

Coordinate = TypeVar("Coordinate", float, np.ndarray)
Point = tuple[float, float, float]
Vector = Sequence[float] | NDArray[np.float64]
"""Three numbers: a place or half axes in mm."""
Points = tuple[np.ndarray, np.ndarray, np.ndarray]
"""x (to the left), y (to the back), z (to the top) in mm from the middle of the head, float32 (slice, row, column)."""

_STEP_MM = 4.0
"""About the thickest sample along the slice direction; a thicker slice is the mean of several."""

_SLAB, _CHUNK = 4_000_000, 30_000
"""Samples in memory at once, and samples of them computed at once, to stay in the processor's cache."""

_SKULL = (66.0, 84.0, 70.0)
"""Half axes of the inside of the skull in mm: to the side, to the back, to the top."""

_STEM = (("fluid", (0, 18, -90), (11, 11, 64)), ("grey", (0, 37, -39), (45, 29, 21)),
         ("white", (0, 36, -39), (34, 18, 11)), ("white", (0, 12, -42), (15, 13, 38)),
         ("white", (0, 18, -90), (7, 7, 62)), ("fluid", (0, 27, -40), (6, 5, 10)))
"""Spinal canal, cerebellum, brain stem, spinal cord and fourth ventricle: tissue, centre and half axes in mm."""

_NUCLEI = (((11, 8, -2), (9, 14, 9)), ((25, -6, 0), (6, 17, 11)), ((13, -20, 6), (6, 10, 9)))
_VENTRICLES = (((11, -4, 15), (6, 34, 7)), ((23, 36, 6), (6, 20, 7)), ((0, 4, -4), (2.5, 13, 9)))
"""Centre, mirrored to the other side, and half axes in mm: thalamus, lentiform nucleus and caudate; lateral ventricle
with its hind horn, and the third."""

_FACE = (("fat", (32, -66, -38), (17, 17, 16)), ("fat", (-32, -66, -38), (17, 17, 16)),
         ("fluid", (32, -72, -38), (12, 12, 12)), ("fluid", (-32, -72, -38), (12, 12, 12)),
         ("air", (0, -66, -58), (11, 16, 20)), ("air", (0, -22, -105), (11, 7, 34)))
"""Orbits, eyes, nose and throat."""


@dataclass(frozen=True)
class Tumour:
    """Where the tumour lies in the head (mm) and its shape.

    Its surface is the set of points u with |u| (1 + bumps(u / |u|)) = radius; the core is the same shape, shrunk by
    the cube root of `core_fraction` and moved by `core_shift`, so `core_fraction` is exactly the core's share of the
    volume; bumps are made of polynomials of the direction u / |u|, and `axes` stretch the whole. Oedema reaches
    `oedema_reach` mm from a point `oedema` mm off the centre.
    """

    centre: tuple[float, float, float]
    radius: float
    axes: tuple[float, float, float]
    bumps: tuple[float, float, float, float]
    core_fraction: float
    core_shift: tuple[float, float, float]
    oedema: tuple[float, float, float]
    oedema_reach: float


@dataclass(frozen=True)
class Head:
    """One patient: place, turn and shape of the head, and the tumour in it.

    rotation: (3, 3) from head coordinates to patient LPS. centre: LPS mm. size: factors to the side, back and top.
    warp: how much wider the head is for every mm to the back, and to the top. folds: three phases of the gyri in
    radians, and their frequency in radians per mm. ventricles: their size as a factor.
    """

    rotation: np.ndarray
    centre: np.ndarray
    size: tuple[float, float, float]
    warp: tuple[float, float]
    folds: tuple[float, float, float, float]
    ventricles: float
    tumour: Tumour


def draw_head(rng: np.random.Generator, core_fraction: float) -> Head:
    """A random head with its tumour. With one generator, only the core's size and place depend on `core_fraction`."""
    turn = np.radians(rng.normal(0, (5, 3, 4)))
    size = _point(np.clip(rng.normal(1, 0.03, 3), 0.93, 1.07))
    centre = rng.normal(0, (4, 6, 6))
    back, top = rng.normal((0.0012, 0.0), (0.0005, 0.0004))
    phases = _point(rng.uniform(0, 2 * np.pi, 3))
    return Head(
        rotation=rotation(turn), centre=centre, size=size, warp=(float(back), float(top)),
        folds=(*phases, float(rng.uniform(0.26, 0.32))), ventricles=float(rng.uniform(0.8, 1.3)),
        tumour=_draw_tumour(rng, size, core_fraction))


def rotation(turn: np.ndarray) -> np.ndarray:
    """The (3, 3) rotation about the axis `turn` by its length in radians (Rodrigues)."""
    angle = float(np.linalg.norm(turn))
    if angle == 0:
        return np.eye(3)
    x, y, z = turn / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def render(head: Head, levels: Mapping[str, float], affine: np.ndarray, shape: tuple[int, int, int],
           thickness_mm: float) -> np.ndarray:
    """Noiseless voxels (slice, row, column), float32, on the grid that `affine` puts into the patient (LPS mm).

    levels: the signal of each of `TISSUES` (0 where not named). Each slice is `thickness_mm` thick.
    """
    signal = {tissue: float(levels.get(tissue, 0.0)) for tissue in TISSUES}
    return _sampled(head, affine, shape, thickness_mm, lambda grid: _paint_head(head, signal, grid))


def render_tumour(head: Head, affine: np.ndarray, shape: tuple[int, int, int], thickness_mm: float) -> np.ndarray:
    """The share of each voxel, 0 to 1, that is tumour (rim and core, without oedema); otherwise as `render`."""
    def paint(grid: _Grid) -> np.ndarray:
        image = np.zeros((len(grid.places), grid.rows, grid.columns), np.float32)
        _paint_tumour(head.tumour, {"rim": 1.0, "core": 1.0}, grid, image)
        return image

    return _sampled(head, affine, shape, thickness_mm, paint)


def _sampled(head: Head, affine: np.ndarray, shape: tuple[int, int, int], thickness_mm: float,
             paint: Callable[["_Grid"], np.ndarray]) -> np.ndarray:
    """What `paint` paints on thin slices, each thick slice the mean of its thin ones."""
    slices, rows, columns = shape
    samples = max(1, round(thickness_mm / _STEP_MM))
    offsets = ((np.arange(samples) + 0.5) / samples - 0.5) * thickness_mm / np.linalg.norm(affine[:3, 0])
    frame = np.eye(4)
    frame[:3, :3], frame[:3, 3] = head.rotation, head.centre
    to_head = np.linalg.inv(frame) @ affine
    image = np.empty(shape, np.float32)
    together = max(1, _SLAB // (rows * columns * samples))
    for start in range(0, slices, together):
        stop = min(start + together, slices)
        places = (np.arange(start, stop)[:, None] + offsets).ravel()
        part = paint(_Grid(to_head, places, rows, columns))
        image[start:stop] = part.reshape(stop - start, samples, rows, columns).mean(axis=1)
    return image


class _Grid:
    """Some slices of a grid, at `places` (in slices); `to_head` leads from (slice, row, column) to the head's mm.

    edge_mm is the width of an edge: a pixel, so that one which a surface cuts is part one tissue, part the other.
    """

    def __init__(self, to_head: np.ndarray, places: np.ndarray, rows: int, columns: int):
        self.to_head, self.places, self.rows, self.columns = to_head, places, rows, columns
        self.from_head = np.linalg.inv(to_head)
        self.edge_mm = max(1.0, float(np.linalg.norm(to_head[:3, 1:3], axis=0).mean()))

    def points(self, box: tuple[slice, slice, slice], origin: Vector = (0, 0, 0)) -> Points:
        """Coordinates of the points of a box, from `origin`."""
        i = self.places[box[0], None, None]
        j, k = np.arange(box[1].start, box[1].stop)[:, None], np.arange(box[2].start, box[2].stop)
        return tuple((row[0] * i + (row[1] * j + (row[3] - start))).astype(np.float32) + (row[2] * k).astype(np.float32)
                     for row, start in zip(self.to_head[:3], origin, strict=True))

    def box(self, centre: Vector, axes: Vector) -> tuple[slice, slice, slice] | None:
        """The part of the grid that contains an ellipsoid, with a margin of a voxel; None where that is empty."""
        middle = self.from_head[:3, :3] @ centre + self.from_head[:3, 3]
        reach = np.sqrt(np.square(self.from_head[:3, :3] * axes).sum(axis=1)) + 1.5
        first, last = np.searchsorted(self.places, (middle[0] - reach[0], middle[0] + reach[0]))
        low, high = np.maximum(middle - reach, 0).astype(int), (middle + reach + 1).astype(int)
        box = (slice(int(first), int(last)), slice(int(low[1]), min(self.rows, int(high[1]))),
               slice(int(low[2]), min(self.columns, int(high[2]))))
        return box if all(part.stop > part.start for part in box) else None


def _draw_tumour(rng: np.random.Generator, size: Point, core_fraction: float) -> Tumour:
    radius = float(rng.uniform(15, 25))
    side = 1.0 if rng.random() < 0.5 else -1.0
    for _ in range(1000):
        centre = np.array([side * rng.uniform(18, 45), rng.uniform(-50, 45), rng.uniform(-12, 36)]) * size
        level = np.linalg.norm(centre / np.multiply(size, _SKULL))
        to_skull, to_base = np.linalg.norm(centre) * (1 / level - 1), centre[2] + 50 * size[2] + 0.5 * centre[1]
        if min(to_skull, to_base) > 1.25 * radius + 4 and abs(centre[0]) > 0.7 * radius + 5:
            break
    else:
        centre = np.array([side * 32.0, 5.0, 14.0])
    axes = rng.uniform(0.85, 1.15, 3)
    direction = rng.normal(size=3)
    shift = direction / np.linalg.norm(direction) * rng.uniform(0, 0.35) * (1 - core_fraction ** (1 / 3)) * radius
    one, two, three, four = map(float, rng.normal(0, 0.12, 4).clip(-0.18, 0.18))
    return Tumour(
        centre=_point(centre), radius=radius, axes=_point(axes / np.prod(axes) ** (1 / 3)),
        bumps=(one, two, three, four), core_fraction=float(core_fraction), core_shift=_point(shift),
        oedema=_point(rng.normal(0, 6, 3)), oedema_reach=radius + float(rng.uniform(8, 22)))


def _point(values: NDArray[np.float64]) -> Point:
    x, y, z = values
    return float(x), float(y), float(z)


def _paint_head(head: Head, signal: Mapping[str, float], grid: _Grid) -> np.ndarray:
    image = np.zeros((len(grid.places), grid.rows, grid.columns), np.float32)
    white = np.zeros_like(image)
    whole = grid.box((0, -2, -60), (84, 106, 160))
    if whole is None:
        return image
    together = max(1, _CHUNK // ((whole[1].stop - whole[1].start) * (whole[2].stop - whole[2].start)))
    for start in range(whole[0].start, whole[0].stop, together):
        box = slice(start, min(start + together, whole[0].stop)), *whole[1:]
        points = grid.points(box)
        brain = _paint_skull(head, signal, grid.edge_mm, points, image[box])
        white[box] = _paint_cerebrum(head, signal, grid.edge_mm, points, brain, image[box])
    for tissue, centre, axes in _STEM:
        _paint_ellipsoid(grid, image, signal[tissue], np.multiply(centre, head.size), axes)
    _paint_oedema(head, signal, grid, white, image)
    _paint_middle(head, signal, grid, image)
    _paint_tumour(head.tumour, signal, grid, image)
    for tissue, centre, axes in _FACE:
        _paint_ellipsoid(grid, image, signal[tissue], np.multiply(centre, head.size), axes)
    return image


def _paint_skull(head: Head, signal: Mapping[str, float], edge: float, points: Points, image: np.ndarray) -> np.ndarray:
    """All from the skin to the fluid around the brain; returns how many mm each point is beyond the brain's surface."""
    x, y, z = points
    a, b, c = (factor * axis for factor, axis in zip(head.size, _SKULL, strict=True))
    wide = x * (1 + head.warp[0] * y + head.warp[1] * z)  # wider at the back than at the front
    squares = wide * wide, y * y, z * z
    far = np.sqrt(squares[0] + squares[1] + squares[2])
    level = np.sqrt(squares[0] * a**-2 + squares[1] * b**-2 + squares[2] * c**-2)
    outside = far - far / (level + np.float32(1e-4))  # mm beyond the inside of the skull, along the ray
    base = (-52 * head.size[2] - 0.5 * y) - z  # mm below the base of the skull
    skin = outside - 13
    if z.min() < 20:
        face = _beyond((wide, y + 26, z + 60), (60 * head.size[0], 64 * head.size[1], 74.0))
        neck = np.sqrt(squares[0] + np.square(y - 12 * head.size[1])) - 52 * head.size[0]
        skin = np.minimum(skin, np.minimum(face, np.maximum(neck, z)))
    inner = np.maximum(outside, base)
    _paint(image, _inside(skin, edge), signal["fat"])
    _paint(image, _inside(skin + 5, edge), signal["muscle"])
    _paint(image, _inside(inner - 8, edge), signal["bone"])
    _paint(image, _inside(inner, edge), signal["fluid"])
    return np.maximum(outside + 2, base + 3)


def _paint_cerebrum(head: Head, signal: Mapping[str, float], edge: float, points: Points, brain: np.ndarray,
                    image: np.ndarray) -> np.ndarray:
    """Cortex and white matter; returns the cover of white matter. `brain`: mm beyond its surface, below 0 inside.

    The sulci are the sheets of a gyroid, which fold as the cortex does, down to 15 mm below the surface; the cortex
    lies along the surface and along the sheets.
    """
    x, y, z = points
    depth = -np.maximum(brain, np.minimum(0.75 * y - 50, -12.0) * head.size[2] - z)  # the second is the tentorium
    one, two, three, rate = head.folds
    u, v, w = np.abs(x) * rate + one, y * rate + two, z * rate + three
    sheets = np.sin(u) * np.cos(v) + np.sin(v) * np.cos(w) + np.sin(w) * np.cos(u)
    sheet = np.abs(sheets) / rate + np.maximum(depth - 15, 0)
    fissure = np.abs(x + _push(head.tumour, *points)) + np.maximum(depth - 26, 0) + np.maximum(-z - 10, 0)
    within = np.minimum(np.minimum(depth, sheet), fissure)
    _paint(image, _inside(0.9 - within, edge), signal["grey"])
    white = _inside(3.3 - within, edge)
    _paint(image, white, signal["white"])
    sinus = np.maximum(np.abs(x) - 4, np.maximum(np.abs(depth + 1) - 4, -z))
    _paint(image, _inside(sinus, edge), signal["blood"])
    return white


def _push(tumour: Tumour, x: Coordinate, y: Coordinate, z: Coordinate) -> Coordinate:
    """How far the tumour has pushed the brain to the other side, in mm along x."""
    away = (x - tumour.centre[0]) ** 2 + (y - tumour.centre[1]) ** 2 + (z - tumour.centre[2]) ** 2
    near = 1 / (1 + away * 35.0**-2)
    return near * near * math.copysign(0.4 * (tumour.radius - 8), tumour.centre[0])


def _paint_oedema(head: Head, signal: Mapping[str, float], grid: _Grid, white: np.ndarray, image: np.ndarray) -> None:
    """It follows the white matter, whose cover is `white`."""
    tumour = head.tumour
    centre = [a + b for a, b in zip(tumour.centre, tumour.oedema, strict=True)]
    box = grid.box(centre, (tumour.oedema_reach * 1.12 + 4,) * 3)
    if box is None:
        return
    x, y, z = grid.points(box, centre)
    reach = tumour.oedema_reach * (1 + 0.12 * np.sin(x / 9 + head.folds[0]) * np.cos(y / 9 + head.folds[1]))
    inside = _inside(np.sqrt(x * x + y * y + z * z) - reach, 8.0)
    _paint(image[box], inside * white[box], signal["oedema"])


def _paint_middle(head: Head, signal: Mapping[str, float], grid: _Grid, image: np.ndarray) -> None:
    """Deep grey matter and ventricles, pushed aside by the tumour."""
    for tissue, pairs, scale in (("nuclei", _NUCLEI, 1.0), ("fluid", _VENTRICLES, head.ventricles)):
        for centre, axes in pairs:
            for side in (1, -1) if centre[0] else (1,):
                x, y, z = (value * size for value, size in zip((side * centre[0], *centre[1:]), head.size, strict=True))
                x -= _push(head.tumour, x, y, z)
                _paint_ellipsoid(grid, image, signal[tissue], (x, y, z), [scale * axis for axis in axes])


def _paint_tumour(tumour: Tumour, signal: Mapping[str, float], grid: _Grid, image: np.ndarray) -> None:
    box = grid.box(tumour.centre, (tumour.radius * 2,) * 3)
    if box is None:
        return
    whole = _inside(_tumour_reach(tumour, grid.points(box, tumour.centre)) - tumour.radius, grid.edge_mm)
    _paint(image[box], whole, signal["rim"])
    middle = [a + b for a, b in zip(tumour.centre, tumour.core_shift, strict=True)]
    core = _tumour_reach(tumour, grid.points(box, middle)) - tumour.radius * tumour.core_fraction ** (1 / 3)
    image[box] += _inside(core, grid.edge_mm) * (signal["core"] - signal["rim"])  # all of it lies in the tumour


def _tumour_reach(tumour: Tumour, points: Points) -> np.ndarray:
    """How far out a point lies, in mm of the tumour's mean radius; the same in every scaled copy of the shape."""
    x, y, z = (axis * (1 / scale) for axis, scale in zip(points, tumour.axes, strict=True))
    far = np.sqrt(x * x + y * y + z * z) + np.float32(0.01)
    x, y, z = x / far, y / far, z / far
    one, two, three, four = tumour.bumps
    return far * (1 + 2 * one * x * y + 2 * two * y * z + three * (x * x - y * y) + four * z * (2 * z * z - 1))


def _paint_ellipsoid(grid: _Grid, image: np.ndarray, level: float, centre: Vector, axes: Sequence[float]) -> None:
    box = grid.box(centre, np.multiply(axes, 1 + grid.edge_mm / (2 * min(axes))))
    if box is not None:
        _paint(image[box], _inside(_beyond(grid.points(box, centre), axes), grid.edge_mm), level)


def _beyond(points: Points, axes: Sequence[float]) -> np.ndarray:
    """mm beyond the surface of an ellipsoid, right across its shortest axis and too little along the others."""
    x, y, z = (axis * (1 / half) for axis, half in zip(points, axes, strict=True))
    return (np.sqrt(x * x + y * y + z * z) - 1) * float(min(axes))


def _inside(beyond: np.ndarray, edge_mm: float) -> np.ndarray:
    """The share of a pixel that lies inside a surface `beyond` mm away."""
    return np.clip(0.5 - beyond * (1 / edge_mm), 0, 1)


def _paint(image: np.ndarray, cover: np.ndarray, level: float) -> None:
    image += cover * (level - image)
