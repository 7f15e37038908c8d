"""Images a little different in every epoch, and the same again in a resumed one.

In: one image of bytes (four times faster than floats) and a seed from (run, fold, epoch, case). Out: the image
mirrored, shifted, turned, zoomed, brightened by chance. albumentations does the work, slices as `image`, cubes through
its `volume` target, but for mirrors: those cost it 10 ms for four channels of 96 x 96 x 96, a view of NumPy's nothing.
It turns a cube about its first axis alone (14 ms for two such channels), so a drawn axis is put first before, and back
after.
"""

import itertools
from random import Random
from typing import Any

import numpy as np

from radiogen.training.recipe.recipes import Recipe


def make_augmentation(recipe: Recipe) -> Any:
    """The recipe's augmentation as an albumentations Compose, empty where there are but mirrors; None where none."""
    import albumentations

    steps = []
    size, depth = recipe.size, recipe.depth or recipe.size
    reach, deep = round(recipe.shift * size), round(recipe.shift * depth)
    if reach and recipe.rank == 2:
        steps += [albumentations.Pad(padding=reach), albumentations.RandomCrop(size, size)]
    elif reach:  # a crop of whole voxels costs a seventh of an affine shift, and shifts along the slices, too
        steps += [albumentations.Pad3D(padding=(deep, reach, reach)),
                  albumentations.RandomCrop3D(size=(depth, size, size))]
    if recipe.rotation_degrees or recipe.zoom:
        degrees, zoom = recipe.rotation_degrees, recipe.zoom
        steps.append(albumentations.Affine(rotate=(-degrees, degrees), scale=(1 - zoom, 1 + zoom), p=1.0))
    if recipe.brightness > 0:
        low = 100 * (1 - recipe.brightness)
        steps.append(albumentations.RandomGamma(gamma_limit=(low, 1e4 / low), p=0.5))
    # its checks of every image cost as much as a shift; `Batches` gives images of one form
    compose = albumentations.Compose(steps, seed=0, is_check_shapes=False)
    return compose if steps or recipe.flips else None


def augment(augmentation: Any, recipe: Recipe, planes: np.ndarray, seed: tuple[int, ...]) -> np.ndarray:
    """An image, (channel, row, column) or (channel, slice, row, column), changed as `seed` says; its channels last.

    In patient orientation slices go up, rows to the back, columns to the left.
    """
    random = np.random.default_rng(seed)
    turned = [axis for axis in flip_axes(recipe) if random.random() < 0.5]
    about = _axis_of_rotation(recipe, random)
    planes = np.flip(planes, turned) if turned else planes
    image = channels_last(np.moveaxis(planes, 1 + about, 1))
    if not augmentation.transforms:
        return image
    # one state for all steps: set_random_seed would give each the same, and all would fall together
    augmentation.set_random_state(random, Random(int(random.integers(2**31))))
    target = "image" if recipe.rank == 2 else "volume"
    return np.moveaxis(augmentation(**{target: image})[target], 0, about)


def _axis_of_rotation(recipe: Recipe, random: np.random.Generator) -> int:
    """The axis of the image that comes first while it is turned: any of a cube, drawn; else 0, and nothing is drawn."""
    rotates = recipe.rotation_degrees or recipe.zoom
    return int(random.integers(3)) if rotates and recipe.rank == 3 and not recipe.depth else 0


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


def mirrors(recipe: Recipe) -> list[tuple[int, ...]]:
    """Axes of a batch (input, [slice,] row, column, channel) to turn round for each of the mirrors to predict in.

    `()`, the image as it is, comes first; without `recipe.test_flips` it is the only one.
    """
    flips = flip_axes(recipe) if recipe.test_flips else []
    return [chosen for count in range(len(flips) + 1) for chosen in itertools.combinations(flips, count)]


def flip_axes(recipe: Recipe) -> list[int]:
    """The axes of the recipe's flips, where the first is the channel or the batch and others are in patient's order."""
    names = ("up-down", "front-back", "left-right")[-recipe.rank:]
    return [1 + names.index(name) for name in recipe.flips]
