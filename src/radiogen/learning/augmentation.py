"""Images a little different in every epoch, and the same again in a resumed one.

In: one image of bytes (four times faster than floats) and a seed from (run, fold, epoch, case). Out: the image
mirrored, shifted, brightened by chance. albumentations does the work: slices as `image`, cubes through its `volume`
target.
"""

from typing import Any

import numpy as np

from radiogen.learning.recipes import Recipe


def make_augmentation(recipe: Recipe) -> Any:
    """The recipe's augmentation as an albumentations Compose; None where the recipe has none.

    Axes of a cube are (slice, row, column), of a slice (row, column): in patient orientation up-down, front-back,
    left-right.
    """
    import albumentations

    steps = []
    if "left-right" in recipe.flips:
        steps.append(albumentations.HorizontalFlip(p=0.5))
    if "front-back" in recipe.flips:
        steps.append(albumentations.VerticalFlip(p=0.5))
    reach, size = round(recipe.shift * recipe.size), recipe.size
    if reach and recipe.rank == 2:
        steps += [albumentations.Pad(padding=reach), albumentations.RandomCrop(size, size)]
    elif reach:  # a crop of whole voxels costs a seventh of an affine shift, and shifts along the slices, too
        steps += [albumentations.Pad3D(padding=reach), albumentations.RandomCrop3D(size=(size,) * 3)]
    if recipe.brightness > 0:
        low = 100 * (1 - recipe.brightness)
        steps.append(albumentations.RandomGamma(gamma_limit=(low, 1e4 / low), p=0.5))
    return albumentations.Compose(steps, seed=0) if steps or "up-down" in recipe.flips else None


def augment(augmentation: Any, recipe: Recipe, image: np.ndarray, seed: tuple[int, ...]) -> np.ndarray:
    """`image`, (row, column, channel) or (slice, row, column, channel) uint8, changed as `seed` says."""
    random = np.random.default_rng(seed)
    augmentation.set_random_seed(int(random.integers(2**31)))
    if recipe.rank == 2:
        image = augmentation(image=image)["image"]
    else:
        image = augmentation(volume=image)["volume"]
        if "up-down" in recipe.flips and random.random() < 0.5:
            image = image[::-1]
    return image
