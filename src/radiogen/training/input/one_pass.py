"""Images of bytes flipped, shifted, rotated, zoomed, gamma-corrected and scaled straight into a batch, compiled.

In: planes of bytes, channels first, and for each image a seed from (run, fold, epoch, case). Out: float32 in [0, 1],
channels last. A byte becomes its float through a table that holds gamma and the division. Flips and shifts copy whole
voxels; rotation and zoom are one interpolation of the floats. `augmentation.py` has numbers that are no bytes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiogen.core.types import ByteVoxels, FloatVoxels
from radiogen.imaging.compiled.draws import draw
from radiogen.imaging.compiled.moved_images import move_and_turn_images, move_images
from radiogen.training.input.augmentation import flip_axes
from radiogen.training.recipe.settings import AugmentationSettings, DataSettings

_LEVELS = np.arange(256, dtype=np.float32) / np.float32(255)
"""What a byte is without gamma: float32 (256,)."""


class Changes(NamedTuple):
    """What is done to each image of a batch, by the axes slice, row, column; a slice is a volume of one."""

    flips: NDArray[np.bool_]
    """(images, 3)."""
    shifts: NDArray[np.int64]
    """(images, 3) in whole voxels; what moves in is black."""
    gammas: NDArray[np.float32]
    """(images,)."""
    axes: NDArray[np.int64] | None = None
    """(images,) the axis across whose plane an image is rotated and zoomed; None: no image is."""
    angles: NDArray[np.float64] | None = None
    """(images,) in radians, of `axes`."""
    zooms: NDArray[np.float64] | None = None
    """(images, 2): by how much larger an image becomes along each axis of that plane."""


def no_changes(images: int) -> Changes:
    """The images as they are."""
    return Changes(np.zeros((images, 3), bool), np.zeros((images, 3), np.int64), np.ones(images, np.float32))


def draw_changes(settings: AugmentationSettings, data: DataSettings, words: NDArray[np.uint32],
                 lengths: NDArray[np.int64]) -> Changes:
    """What each seed, words as `draws.draw` takes them, does to its image.

    Each axis is flipped in half of the images, all shifts are alike, gamma changes half of the images; rotation and
    zoom change all, a cube about a random axis, a slice or a slab within the slice.
    """
    flipped, rank, turns = flip_axes(settings, data.rank), data.rank, settings.rotation_degrees or settings.zoom
    drawn = draw(words, lengths, len(flipped) + rank + 2 + 4 * bool(turns))
    by_axis, after = drawn[:, len(flipped):], len(flipped) + rank
    changes = no_changes(len(words))
    for place, axis in enumerate(flipped):
        changes.flips[:, 2 - rank + axis] = drawn[:, place] < 0.5
    reach = np.array([round(settings.shift * size) for size in data.image_shape])
    changes.shifts[:, 3 - rank:] = np.floor(by_axis[:, :rank] * (2 * reach + 1)) - reach
    if settings.gamma:
        low = 1 - settings.gamma
        gammas = low + drawn[:, after + 1] * (1 / low - low)
        changes.gammas[:] = np.where(drawn[:, after] < 0.5, gammas, 1.0)
    if not turns:
        return changes
    about, angle, *zooms = drawn[:, after + 2:].T
    cube = rank == 3 and not data.depth
    return changes._replace(axes=np.floor(about * 3 * cube).astype(np.int64),
                            angles=np.radians(settings.rotation_degrees) * (2 * angle - 1),
                            zooms=1 + settings.zoom * (2 * np.stack(zooms, axis=-1) - 1))


def write_images(out: FloatVoxels, planes: ByteVoxels, changes: Changes, mask_channel: bool = False) -> None:
    """Write planes (image, channel, [slice,] row, column) into `out`, float32 (image, [slice,] row, column, channels).

    out: in C order; where all of its channels are equal, planes have one. mask_channel: the last channel keeps its
    values.
    """
    if planes.ndim == 4:
        planes, out = planes[:, :, None], out[:, None]
    tables = np.repeat(_LEVELS[None], len(planes), axis=0)
    corrected = changes.gammas != 1
    tables[corrected] **= changes.gammas[corrected, None]
    if changes.axes is None:
        move_images(planes, changes.flips, changes.shifts, tables, mask_channel, out)
    else:
        move_and_turn_images(planes, changes.flips, changes.shifts, tables, mask_channel, changes.axes,
                             _inverses(changes), out)


def _inverses(changes: Changes) -> NDArray[np.float64]:
    """From a place in the result to one in the source: turned back, then as much smaller as it was zoomed."""
    assert changes.angles is not None and changes.zooms is not None
    cosine, sine = np.cos(changes.angles), np.sin(changes.angles)
    turned = np.stack([np.stack([cosine, sine], axis=-1), np.stack([-sine, cosine], axis=-1)], axis=1)
    return turned / changes.zooms[..., None]
