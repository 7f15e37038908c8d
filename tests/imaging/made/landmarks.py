"""Small volumes that show a bright place at known mm of the patient, and where a volume shows it.

In: shapes and affines. Out: `Volume`s of float32, places in LPS mm.
"""

from collections.abc import Sequence

import numpy as np

from radiogen.imaging.volume import Volume


def centred(affine: np.ndarray, shape: Sequence[int], centre_mm: Sequence[float]) -> np.ndarray:
    """The affine moved so that the middle of a grid of this shape is at `centre_mm`."""
    moved = np.array(affine, float)
    moved[:3, 3] = np.asarray(centre_mm) - moved[:3, :3] @ ((np.asarray(shape) - 1) / 2)
    return moved


def turned(affine: np.ndarray, degrees: float) -> np.ndarray:
    """The affine's axes turned about the patient's diagonal, which tilts all three."""
    axis, angle = np.ones(3) / np.sqrt(3), np.radians(degrees)
    cross = np.cross(np.eye(3), axis)
    rotation = np.eye(4)
    rotation[:3, :3] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return rotation @ affine


def landmark(shape: Sequence[int], affine: np.ndarray, place_mm: Sequence[float], *,
             about: Sequence[float] | None = None, radius_mm: float = 3.0) -> Volume:
    """A bright bell at `place_mm` in a grid whose middle is at `about` (by default at the landmark)."""
    affine = centred(affine, shape, place_mm if about is None else about)
    index = np.indices(shape).reshape(3, -1)
    places = affine[:3, :3] @ index + affine[:3, 3:]
    distances = np.linalg.norm(places - np.asarray(place_mm, float)[:, None], axis=0)
    return Volume(1000 * np.exp(-0.5 * (distances / radius_mm) ** 2).reshape(shape).astype(np.float32), affine)


def sampled(shape: Sequence[int], affine: np.ndarray) -> Volume:
    """Voxels drawn at random."""
    return Volume(np.random.default_rng(3).uniform(0, 1000, shape).astype(np.float32), np.array(affine, float))


def place_of(volume: Volume) -> np.ndarray:
    """(x, y, z) in mm: the centre of gravity of what a volume shows."""
    voxels = volume.voxels.astype(np.float64)
    index = np.array([(np.indices(voxels.shape)[axis] * voxels).sum() for axis in range(3)]) / voxels.sum()
    return (volume.affine @ [*index, 1])[:3]
