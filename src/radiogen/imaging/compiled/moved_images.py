"""Images of bytes flipped, shifted, rotated, zoomed and looked up in a table, straight into their place in a batch.

In: images, channels first, and what is done to each. Out: float32, channels last, in memory that the caller has made.
A flip and a shift by whole voxels copy; rotation and zoom are one bilinear interpolation in one plane of the image,
after the table, so nothing is rounded to bytes in between. A slice is a volume of one slice here.
"""

import numpy as np

from radiogen.imaging.compiled.compiling import compiled

_INDEX = np.uint64


@compiled(nogil=True)
def move_images(planes, flips, shifts, tables, masks, out):  # type: ignore[no-untyped-def]
    """Flip, then shift each image; what moves in is 0.

    planes: uint8 (image, channel, slice, row, column); flips: bool and shifts: int64 (image, 3), by axis; tables:
    float32 (image, 256), the number of each byte, 0 of a 0; masks: whether the last channel is a mask, which is 0 to 1
    without a table. out: float32 (image, slice, row, column, channel); where planes have one channel, it fills all.
    """
    straight = np.arange(256).astype(np.float32) / np.float32(255)
    for image in range(len(planes)):
        for to in range(out.shape[4]):
            channel = to if planes.shape[1] > 1 else 0
            table = straight if masks and to == out.shape[4] - 1 else tables[image]
            _move(planes[image, channel], flips[image], shifts[image], table, out[image, ..., to])


@compiled(nogil=True)
def move_and_turn_images(planes, flips, shifts, tables, masks, axes, inverses, out):  # type: ignore[no-untyped-def]
    """As `move_images`, then rotate and zoom each about the middle of the plane across one axis.

    axes: int64 (image,), the axis that stays; inverses: float64 (image, 2, 2), from a place in the result to the place
    in the source, both from the middle, by the other two axes in their order. A mask is moved by nearest neighbour.
    """
    moved = np.empty((1, *out.shape[1:]), np.float32)
    for image in range(len(planes)):
        one = slice(image, image + 1)
        move_images(planes[one], flips[one], shifts[one], tables[one], masks, moved)
        _turn(moved[0], axes[image], inverses[image], masks, out[image])


@compiled(nogil=True)
def _move(plane, flips, shifts, table, out):  # type: ignore[no-untyped-def]
    slices, rows, columns = plane.shape
    first, end = max(0, shifts[2]), min(columns, columns + shifts[2])
    for slice_to in range(slices):
        slice_from = _source(slice_to, slices, flips[0], shifts[0])
        for row_to in range(rows):
            row_from = _source(row_to, rows, flips[1], shifts[1])
            line = out[slice_to, row_to]
            if slice_from < 0 or row_from < 0:
                line[:] = 0
                continue
            source = plane[slice_from, row_from]
            line[:first] = 0
            line[end:] = 0
            if flips[2]:
                for place in range(first, end):
                    line[_INDEX(place)] = table[source[_INDEX(columns - 1 - place + shifts[2])]]
            else:
                for place in range(first, end):
                    line[_INDEX(place)] = table[source[_INDEX(place - shifts[2])]]


@compiled()
def _source(place, size, flipped, shift):  # type: ignore[no-untyped-def]
    """Where the voxel at `place` of an axis comes from; -1: from outside."""
    source = place - shift
    if source < 0 or source >= size:
        return -1
    return size - 1 - source if flipped else source


@compiled(nogil=True)
def _turn(source, axis, inverse, masks, out):  # type: ignore[no-untyped-def]
    """Interpolate (slice, row, column, channel) in the plane across `axis`.

    The corners of a place in the plane, and their weights, are found once for all voxels along the axis.
    """
    channels, sizes = source.shape[3], source.shape[:3]
    steps = (sizes[1] * sizes[2] * channels, sizes[2] * channels, channels)
    one, other = (1, 2) if axis == 0 else ((0, 2) if axis == 1 else (0, 1))
    places, corners, weights, nearest = _corners((sizes[one], sizes[other]), (steps[one], steps[other]), inverse, masks)
    voxels, result = source.reshape(-1), out.reshape(-1)
    length, repeats = (steps[1], 1) if axis == 2 else (channels, sizes[axis])
    for repeat in range(repeats):
        shift = repeat * steps[axis]
        for place in range(len(places)):
            to = _INDEX(places[place] + shift)
            at_a, at_b = _INDEX(corners[place, 0] + shift), _INDEX(corners[place, 1] + shift)
            at_c, at_d = _INDEX(corners[place, 2] + shift), _INDEX(corners[place, 3] + shift)
            a, b, c, d = weights[place, 0], weights[place, 1], weights[place, 2], weights[place, 3]
            for step in range(_INDEX(length)):
                result[to + step] = a * voxels[at_a + step] + b * voxels[at_b + step] + c * voxels[at_c + step] \
                    + d * voxels[at_d + step]
            for step in range(channels - 1, length if masks else 0, channels):
                at = nearest[place]
                result[places[place] + shift + step] = voxels[at + shift + step] if at >= 0 else 0


@compiled(nogil=True)
def _corners(sizes, steps, inverse, masks):  # type: ignore[no-untyped-def]
    """By place in a plane: its index, those of the four voxels around its source, their weights, and the nearest.

    Outside of the plane a weight is 0 and the nearest -1, which is found for masks alone.
    """
    count = sizes[0] * sizes[1]
    places, nearest = np.empty(count, np.int32), np.empty(count, np.int32)
    corners, weights = np.empty((count, 4), np.int32), np.empty((count, 4), np.float32)
    middle = ((sizes[0] - 1) / 2, (sizes[1] - 1) / 2)
    for row in range(sizes[0]):
        for column in range(sizes[1]):
            number, up, aside = row * sizes[1] + column, row - middle[0], column - middle[1]
            one = inverse[0, 0] * up + inverse[0, 1] * aside + middle[0]
            other = inverse[1, 0] * up + inverse[1, 1] * aside + middle[1]
            above, below, share_above, share_below = _neighbours(one, sizes[0])
            left, right, share_left, share_right = _neighbours(other, sizes[1])
            places[number] = row * steps[0] + column * steps[1]
            corners[number, 0], weights[number, 0] = above * steps[0] + left * steps[1], share_above * share_left
            corners[number, 1], weights[number, 1] = above * steps[0] + right * steps[1], share_above * share_right
            corners[number, 2], weights[number, 2] = below * steps[0] + left * steps[1], share_below * share_left
            corners[number, 3], weights[number, 3] = below * steps[0] + right * steps[1], share_below * share_right
            if masks:
                inside = -0.5 <= one < sizes[0] - 0.5 and -0.5 <= other < sizes[1] - 0.5
                nearest[number] = int(one + 0.5) * steps[0] + int(other + 0.5) * steps[1] if inside else -1
    return places, corners, weights, nearest


@compiled()
def _neighbours(place, size):  # type: ignore[no-untyped-def]
    """The two voxels of a line around a place, each with its share, 0 where it is outside."""
    floor = np.floor(place)
    before, part = int(floor), place - floor
    share, other = 1 - part if 0 <= before < size else 0.0, part if 0 <= before + 1 < size else 0.0
    return min(max(before, 0), size - 1), min(max(before + 1, 0), size - 1), share, other
