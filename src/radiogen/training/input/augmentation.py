"""Random augmentation, the same again in a resumed epoch.

In: one image of half floats and a seed from (run, fold, epoch, case). Out: the image flipped, shifted, rotated, zoomed,
gamma-corrected at random. Bytes, which a table of 256 numbers scales and corrects, have `one_pass.py`; floats have no
such table. albumentations does the work, slices as `image`, cubes through
its `volume` target, except for flips: those cost it 10 ms for four channels of 96 x 96 x 96, a view of NumPy nothing.
It rotates a cube about its first axis only (14 ms for two such channels), so a random axis is moved first before, and
back after. A mask that is a channel moves along and keeps its values.
"""

import itertools
from random import Random
from typing import Any

import numpy as np

from radiogen.training.recipe.settings import AugmentationSettings, DataSettings


def make_augmentation(settings: AugmentationSettings, data: DataSettings) -> Any:
    """The augmentation of these inputs as an albumentations Compose, empty for flips alone; None without any."""
    import albumentations

    steps = []
    size, depth = data.size, data.depth or data.size
    reach, deep = round(settings.shift * size), round(settings.shift * depth)
    if reach and data.rank == 2:
        steps += [albumentations.Pad(padding=reach), albumentations.RandomCrop(size, size)]
    elif reach:  # a crop of whole voxels costs a seventh of an affine shift, and shifts along the slices, too
        steps += [albumentations.Pad3D(padding=(deep, reach, reach)),
                  albumentations.RandomCrop3D(size=(depth, size, size))]
    if settings.rotation_degrees or settings.zoom:
        degrees, zoom = settings.rotation_degrees, settings.zoom
        steps.append(albumentations.Affine(rotate=(-degrees, degrees), scale=(1 - zoom, 1 + zoom), p=1.0))
    if settings.gamma > 0:
        low = 100 * (1 - settings.gamma)
        steps.append(albumentations.RandomGamma(gamma_limit=(low, 1e4 / low), p=0.5))
    # its checks of every image cost as much as a shift; `Batches` passes images of one form
    compose = albumentations.Compose(steps, seed=0, is_check_shapes=False)
    return compose if steps or settings.flips else None


def augment(augmentation: Any, settings: AugmentationSettings, data: DataSettings, planes: np.ndarray,
            seed: tuple[int, ...]) -> np.ndarray:
    """An image, (channel, row, column) or (channel, slice, row, column), augmented by `seed`; channels last.

    In patient orientation slices go up, rows to the back, columns to the left.
    """
    random = np.random.default_rng(seed)
    flipped = [axis for axis in flip_axes(settings, data.rank) if random.random() < 0.5]
    about = _axis_of_rotation(settings, data, random)
    planes = np.flip(planes, tuple(flipped)) if flipped else planes
    image = channels_last(np.moveaxis(planes, 1 + about, 1))
    if not augmentation.transforms:
        return image
    # one state for all steps: set_random_seed would seed each alike, and their draws would coincide
    augmentation.set_random_state(random, Random(int(random.integers(2**31))))
    target, label = ("image", "mask") if data.rank == 2 else ("volume", "mask3d")
    if not data.mask_channel:
        return np.moveaxis(augmentation(**{target: image})[target], 0, about)
    # moved with the image, by nearest neighbour; its values are no intensities
    made = augmentation(**{target: np.ascontiguousarray(image[..., :-1]), label: np.ascontiguousarray(image[..., -1])})
    return np.moveaxis(np.concatenate([made[target], made[label][..., None]], axis=-1), 0, about)


def _axis_of_rotation(settings: AugmentationSettings, data: DataSettings, random: np.random.Generator) -> int:
    """The axis of the image that comes first while it is rotated: a random one of a cube; else 0, without a draw."""
    rotates = settings.rotation_degrees or settings.zoom
    return int(random.integers(3)) if rotates and data.rank == 3 and not data.depth else 0


def channels_last(planes: np.ndarray) -> np.ndarray:
    """(channel, ...) to (..., channel) in C order; NumPy alone takes up to thirty times as long."""
    if len(planes) == 1:
        return np.ascontiguousarray(planes[0])[..., None]
    if planes.size < 1 << 18:  # below, the threads that OpenCV starts cost more than they do
        image = np.empty((*planes.shape[1:], len(planes)), planes.dtype)
        for channel, plane in enumerate(planes):
            image[..., channel] = plane
        return image
    import cv2

    flat = [np.ascontiguousarray(plane).reshape(-1, plane.shape[-1]) for plane in planes]
    return cv2.merge(flat).reshape(*planes.shape[1:], len(planes))


def tta_flips(settings: AugmentationSettings, rank: int) -> list[tuple[int, ...]]:
    """Axes of a batch (input, [slice,] row, column, channel) to flip for each of the predictions that are averaged.

    `()`, the image as it is, comes first; without `settings.tta` it is the only one.
    """
    flips = flip_axes(settings, rank) if settings.tta else []
    return [chosen for count in range(len(flips) + 1) for chosen in itertools.combinations(flips, count)]


def varies(settings: AugmentationSettings) -> bool:
    """Whether training sees anything but the images themselves."""
    return bool(settings.flips or settings.shift or settings.rotation_degrees or settings.zoom or settings.gamma)


def flip_axes(settings: AugmentationSettings, rank: int) -> list[int]:
    """The axes of the flips, where the first is the channel or the batch and others are in patient's order."""
    names = ("up-down", "front-back", "left-right")[-rank:]
    return [1 + names.index(name) for name in settings.flips]
