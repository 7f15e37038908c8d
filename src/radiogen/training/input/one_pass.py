"""An image of bytes flipped, shifted, gamma-corrected and scaled straight into its place in the batch.

In: planes of bytes, channels first, and a seed from (run, fold, epoch, case). Out: float32 in [0, 1], channels last. A
byte becomes its float through a table that holds gamma and the division; `augmentation.py` has what needs
interpolation, rotation and zoom, and numbers that are no bytes.
"""

from typing import NamedTuple

import numpy as np

from radiogen.training.input.augmentation import channels_last, flip_axes
from radiogen.training.recipe.settings import AugmentationSettings, DataSettings

_LEVELS = np.arange(256, dtype=np.float32) / np.float32(255)
"""What a byte is without gamma: float32 (256,)."""


class Change(NamedTuple):
    """What was drawn for an image."""

    flipped: tuple[int, ...] = ()
    """Axes, the first being the channel."""
    shifts: tuple[int, ...] = ()
    """Whole voxels along each axis of the image; what moves in is black. (): none."""
    gamma: float = 1.0


def is_enough(settings: AugmentationSettings, data: DataSettings) -> bool:
    """Whether `write_image` has all that this augmentation of these inputs needs."""
    return data.array_dtype == "uint8" and not settings.rotation_degrees and not settings.zoom


def draw_change(settings: AugmentationSettings, data: DataSettings, seed: tuple[int, ...]) -> Change:
    """Each axis is flipped in half of the images, all shifts are alike, and gamma changes half of the images."""
    axes, rank = flip_axes(settings, data.rank), data.rank
    drawn = np.random.default_rng(seed).random(len(axes) + rank + 2)
    flipped = tuple(axis for axis, chance in zip(axes, drawn, strict=False) if chance < 0.5)
    reach = np.array([round(settings.shift * size) for size in data.image_shape])
    shifts = np.floor(drawn[len(axes):-2] * (2 * reach + 1)).astype(int) - reach
    low = 1 - settings.gamma
    gamma = low + drawn[-1] * (1 / low - low) if settings.gamma and drawn[-2] < 0.5 else 1.0
    return Change(flipped, tuple(shifts.tolist()) if reach.any() else (), gamma)


def write_image(out: np.ndarray, planes: np.ndarray, change: Change, mask_channel: bool = False) -> None:
    """Write planes, bytes (channel, [slice,] row, column), into `out`, float32 ([slice,] row, column, channels).

    out: where all of its channels are equal, planes have one. mask_channel: the last channel keeps its values.
    """
    import cv2

    image = channels_last(_moved(planes, change))
    table = _LEVELS ** np.float32(change.gamma) if change.gamma != 1 else _LEVELS
    if mask_channel and change.gamma != 1:
        table = np.stack([table] * (len(planes) - 1) + [_LEVELS], axis=-1)[None]
    rows = image.reshape(-1, *image.shape[-2:])
    if out.flags.c_contiguous and out.shape == image.shape:
        cv2.LUT(rows, table, out.reshape(rows.shape))
    else:
        out[...] = cv2.LUT(rows, table).reshape(image.shape)


def _moved(planes: np.ndarray, change: Change) -> np.ndarray:
    planes = np.flip(planes, change.flipped) if change.flipped else planes
    if not any(change.shifts):
        return planes
    moved = np.zeros(planes.shape, planes.dtype)
    to = tuple(slice(max(0, shift), min(size, size + shift))
               for shift, size in zip(change.shifts, planes.shape[1:], strict=True))
    where = tuple(slice(max(0, -shift), min(size, size - shift))
                  for shift, size in zip(change.shifts, planes.shape[1:], strict=True))
    moved[(slice(None), *to)] = planes[(slice(None), *where)]
    return moved
