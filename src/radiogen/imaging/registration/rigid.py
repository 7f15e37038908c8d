"""Where an image of a head that was moved, and perhaps stripped of its skull, lies in a series of the same patient.

In: two volumes of one patient, whose intensities need not be alike. Out: the rigid motion from one to the other, and
what speaks for it. Mutual information (Mattes et al., IEEE TMI 2003;22:120) is maximised within the image's head, from
several starts, on grids of 8, 4 and 2 mm, by SimpleITK. It is done again on two halves of the head, which share no
place: where they agree, so does the whole.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType
from typing import Any

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.types import Affine, Mask, Points, Vector
from radiogen.imaging.resampling import resample_isotropic
from radiogen.imaging.volume import Volume

GRIDS_MM = (8.0, 4.0, 2.0)
"""Voxels of the grids, one after another."""
STARTS_MM = (-30.0, 0.0, 30.0)
"""Places of the image's middle above that of the series' head where the search begins: a series has a neck."""
STARTS_DEGREES = (-20.0, 0.0, 20.0)
"""Nods of the head where the search begins."""
REFINED = 3
"""So many starts are followed beyond the first grid."""
BLOCK_MM = 24.0
"""Edge of the blocks that fall to one half or the other, as the squares of a chessboard."""
LEAST_INSIDE = 0.97
"""Of the image's head that has to lie in the series' head."""
MOST_APART_MM = 3.0
"""Between the places of one point by the two halves; either half errs more than the whole."""
LEAST_INFORMATION = 0.6
"""Mutual information, nats, below which two images are not of one patient, or are not laid over each other."""
_BINS = 32


class Problem(StrEnum):
    """Why a registration is not to be trusted; the value is what a reader is shown."""

    OUTSIDE = "part of the image's head lies outside of the series' head"
    APART = "two halves of the head are registered to different places"
    UNLIKE = "the two images hardly tell of one another"


@dataclass(frozen=True)
class RigidRegistration:
    """A rigid motion and what speaks for it.

    transform: (4, 4) float64 from the image's LPS mm to the series'. rotation_degrees: of it; shift_mm: of the middle
    of the image's head. information: mutual information in nats within the image's head; inside: the share of it that
    lies in the series' head; apart_mm: how far the places of a point of the head differ at most between the two halves.
    """

    transform: Affine
    rotation_degrees: float
    shift_mm: float
    information: float
    inside: float
    apart_mm: float

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Why it is not to be trusted; () where nothing speaks against it."""
        wrong = {Problem.OUTSIDE: self.inside < LEAST_INSIDE, Problem.APART: self.apart_mm > MOST_APART_MM,
                 Problem.UNLIKE: not self.information >= LEAST_INFORMATION}
        return tuple(problem for problem, there in wrong.items() if there)


def register_rigid(image: Volume, series: Volume) -> RigidRegistration:
    """The rigid motion that lays `image` over `series`.

    Parameters
    ----------
    image
        A head that was moved, such as one in an atlas' space, with or without its skull; its background is black.
    series
        The series of the same patient; of a sequence that shows about the same.

    Returns
    -------
    RigidRegistration
        The same for the same volumes. Its `problems` say whether it may be trusted.

    Raises
    ------
    UserError
        Where SimpleITK is not installed, a volume does not say where it lies, or is black.
    """
    with _one_thread() as itk:
        return _register(itk, image, series)


def _register(itk: ModuleType, image: Volume, series: Volume) -> RigidRegistration:
    grids = [(resample_isotropic(image, edge), resample_isotropic(series, edge)) for edge in GRIDS_MM]
    heads = [head_mask(one.voxels) for one, _ in grids]
    for what, head in (("image", heads[-1]), ("series", head_mask(grids[-1][1].voxels))):
        if not head.any():
            raise UserError(f"the {what}", "shows no head: it is black", "name another sequence")
    middle = _points(grids[-1][0], heads[-1]).mean(axis=0)
    searches = [_Search(itk, one, other, head, middle) for (one, other), head in zip(grids, heads, strict=True)]
    head_middle = _points(grids[0][1], head_mask(grids[0][1].voxels)).mean(axis=0)
    starts = [searches[0].start(head_middle - middle + (0, 0, up), nod) for up in STARTS_MM for nod in STARTS_DEGREES]
    coarse = sorted((searches[0].refine(start) for start in starts), key=lambda found: -found[1])[:REFINED]
    found, information = max((searches[2].refine(searches[1].refine(start)[0]) for start, _ in coarse),
                             key=lambda pair: pair[1])
    points = _points(grids[-1][0], heads[-1])
    halves = [matrix(searches[2].refine(found, half)[0]) for half in chessboard(grids[-1][0], heads[-1])]
    apart = np.linalg.norm(moved(points, halves[0]) - moved(points, halves[1]), axis=1).max()
    transform = matrix(found)
    return RigidRegistration(
        transform, float(np.degrees(np.arccos(np.clip((np.trace(transform[:3, :3]) - 1) / 2, -1, 1)))),
        float(np.linalg.norm(moved(middle[None], transform)[0] - middle)), information,
        share_inside(moved(points, transform), grids[-1][1]), float(apart))


def head_mask(voxels: np.ndarray) -> Mask:
    """(slice, row, column): the largest thing that is not background, without holes.

    Background is darker than a tenth of the 99th percentile, which is what noise of air reaches at most.
    """
    from scipy import ndimage

    bright = voxels > 0.1 * np.percentile(voxels, 99)
    labels, count = ndimage.label(ndimage.binary_closing(bright))
    if not count:
        return np.zeros(voxels.shape, bool)
    largest = labels == 1 + int(np.bincount(labels.ravel())[1:].argmax())
    return np.asarray(ndimage.binary_fill_holes(largest), bool)


def chessboard(volume: Volume, head: Mask) -> tuple[Mask, Mask]:
    """The head's voxels in blocks of one colour, and in those of the other."""
    edge = max(1, round(BLOCK_MM / GRIDS_MM[-1]))
    colour = (np.indices(volume.voxels.shape) // edge).sum(axis=0) % 2 == 0
    return head & colour, head & ~colour


def share_inside(points: Points, series: Volume) -> float:
    """The share of points, (n, 3) LPS mm, that lie in the head of a series; those beside its grid do not count."""
    assert series.affine is not None
    head = head_mask(series.voxels)
    back = np.linalg.inv(series.affine)
    places = np.rint(points @ back[:3, :3].T + back[:3, 3]).astype(int)
    within = np.all((places >= 0) & (places < head.shape), axis=1)
    return float(head[tuple(places[within].T)].mean()) if within.any() else 0.0


def moved(points: Points, transform: Affine) -> Points:
    """(n, 3) points after a (4, 4) transform."""
    return np.asarray(points @ transform[:3, :3].T + transform[:3, 3])


def matrix(transform: Any) -> Affine:
    """SimpleITK's rigid transform as (4, 4): from the points of its fixed image to those of its moving one."""
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    centre, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    found = np.eye(4)
    found[:3, :3], found[:3, 3] = rotation, centre + shift - rotation @ centre
    return found


class _Search:
    """The two volumes on one grid, as SimpleITK wants them: its fixed image is the moved head, whose voxels count."""

    def __init__(self, itk: ModuleType, image: Volume, series: Volume, head: Mask, middle: Vector) -> None:
        self.itk, self.volume, self.head = itk, image, head
        self.fixed, self.moving = self._image(image, image.voxels), self._image(series, series.voxels)
        self.middle = tuple(map(float, middle))

    def start(self, shift: Vector, nod_degrees: float) -> Any:
        """A transform that moves the middle of the image's head by `shift` mm and nods."""
        transform = self.itk.Euler3DTransform()
        transform.SetCenter(self.middle)
        transform.SetRotation(float(np.radians(nod_degrees)), 0.0, 0.0)
        transform.SetTranslation(tuple(map(float, shift)))
        return transform

    def refine(self, start: Any, head: Mask | None = None) -> tuple[Any, float]:
        """The best transform near `start`, and its mutual information, in the head or a part of it."""
        method = self.itk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetMetricFixedMask(self._image(self.volume, (self.head if head is None else head).astype(np.uint8)))
        method.SetInterpolator(self.itk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-3, 100, 0.5)
        method.SetOptimizerScalesFromPhysicalShift()
        found = self.itk.Euler3DTransform(start)
        method.SetInitialTransform(found, inPlace=True)
        try:
            method.Execute(self.fixed, self.moving)
        except RuntimeError:  # no point of the head lies in the series: this start leads nowhere
            return start, -np.inf
        return found, -float(method.GetMetricValue())

    def _image(self, volume: Volume, voxels: np.ndarray) -> Any:
        """SimpleITK's image on the volume's grid, which is upright (`resample_isotropic`)."""
        assert volume.affine is not None
        image = self.itk.GetImageFromArray(np.ascontiguousarray(voxels if voxels.dtype == np.uint8 else
                                                                voxels.astype(np.float32)))
        spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
        image.SetOrigin(volume.affine[:3, 3].tolist())
        image.SetSpacing(spacing[::-1].tolist())
        image.SetDirection((volume.affine[:3, :3] / spacing)[:, ::-1].ravel().tolist())
        return image


def _points(volume: Volume, mask: Mask) -> Points:
    """(n, 3) LPS mm of the voxels of a mask."""
    assert volume.affine is not None
    return np.asarray(np.argwhere(mask) @ volume.affine[:3, :3].T + volume.affine[:3, 3])


@contextlib.contextmanager
def _one_thread() -> Iterator[ModuleType]:
    """SimpleITK on one thread: sums in another order take another way from the same start."""
    try:
        import SimpleITK
    except ImportError as error:
        raise UserError("registration", "needs SimpleITK, which is not installed",
                        "pip install 'radiogen[register]', or pip install SimpleITK") from error
    process = SimpleITK.ProcessObject
    threads, threader = process.GetGlobalDefaultNumberOfThreads(), process.GetGlobalDefaultThreader()
    process.SetGlobalDefaultNumberOfThreads(1)
    process.SetGlobalDefaultThreader("Platform")
    try:
        yield SimpleITK
    finally:
        process.SetGlobalDefaultNumberOfThreads(threads)
        process.SetGlobalDefaultThreader(threader)
