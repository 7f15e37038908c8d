"""A hash of how a series looks, by which copies of a patient are found whatever their file format or bit depth.

In: a series' slices, averaged to 8 x 9 and 24 x 24 pixels while its files are read. Out: 64 hexadecimal digits, the
difference hash of image search (Krawetz, 2013: "Kind of like that") in three dimensions, and a thumbnail.
"""

import numpy as np

from radiogen.core.types import Shape3D
from radiogen.dataset.thumbnails import SHAPE, thumbnail_slices, with_thumbnail
from radiogen.imaging.cubes import middle_slices
from radiogen.imaging.resized import ResizedSlices, Target


def hash_targets(shape: Shape3D) -> list[Target]:
    """What has to be made of a series of this shape for `perceptual_hash`: for its digits, and for its thumbnail."""
    return [Target(8, 9, tuple(middle_slices(shape[0], 32).tolist())),
            Target(*SHAPE[1:], tuple(thumbnail_slices(shape[0]).tolist()))]


def perceptual_hash(resized: ResizedSlices) -> str:
    """64 hexadecimal digits: where a series gets brighter along a row; a dot; its thumbnail (dataset/thumbnails.py).

    256 bits: four layers of eight rows of nine averages, and a bit for each two neighbours, set where the second is
    brighter by a thousandth of the range, so that noise in the air does not count. The same pixels have the same
    digits. Of 24 real FLAIR series no two differ in fewer than 14 bits; with another gamma (0.8, in bytes) or 1 % of
    noise each differs from itself in 9 at most. `resized` has to hold `hash_targets`.
    """
    from radiogen.imaging.compiled.kernels import resize_slice_axis

    coarse, fine = (resized.floats(target) for target in hash_targets(resized.shape))
    layers = resize_slice_axis(coarse, 4)
    bits = np.diff(layers, axis=2) > 0.001 * np.ptp(layers)
    return with_thumbnail(np.packbits(bits).tobytes().hex(), resize_slice_axis(fine, SHAPE[0]))
