"""Sums of pixels as whole numbers are, to the last bit, the sums as float32, and are only taken where that is so."""

import numpy as np
import pytest

from radiogen.imaging.compiled import kernels
from radiogen.imaging.compiled.slice_plans import _axis_counts, reading_room, slice_plan

SIZES = [((512, 512), (224, 224)), ((256, 256), (224, 224)), ((64, 512), (64, 64)), ((64, 96), (8, 40)),
         ((32, 16), (9, 8)), ((48, 50), (9, 17)), ((48, 34), (12, 34)), ((128, 40), (8, 10))]
"""Of slices, and what they become: rows in ratios of 16 to 7, 8 to 7, 1, 8, 32 to 9, 16 to 3, 4 and 16."""


def resized(voxels, plan, shape):
    stack = np.full((len(voxels), *shape), np.nan, np.float32)
    for pixels, out in zip(voxels, stack, strict=True):
        kernels.resize_slice(pixels, plan, out)
    return stack


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_whole_sums_are_those_of_floats_to_the_last_bit(dtype, old, new):
    plan = slice_plan(old, new)
    most = min(plan.brightest, np.iinfo(dtype).max)
    voxels = np.random.default_rng(1).integers(0, most, (3, *old), endpoint=True).astype(dtype)
    voxels[0, 0, 0], voxels[2, -1, -1], voxels[1] = 0, most, most
    assert most > 0
    assert np.array_equal(resized(voxels, plan, new), resized(voxels, plan._replace(brightest=-1), new))


@pytest.mark.parametrize(("dtype", "odd"), [(np.uint16, 8192), (np.uint16, 65535), (np.int16, -1), (np.int16, 8192)])
def test_pixels_whose_sums_would_not_fit_in_16_bits_are_summed_up_as_floats(dtype, odd):
    voxels = np.full((1, 64, 64), 7, dtype)
    voxels[0, 5, 5] = odd
    blocks = voxels.astype(float).reshape(1, 8, 8, 8, 8)
    assert np.array_equal(resized(voxels, slice_plan((64, 64), (8, 8)), (8, 8)), blocks.mean(axis=(2, 4)))


def test_a_bright_pixel_changes_nothing_of_rows_that_were_summed_up_before(tmp_path):
    voxels = np.random.default_rng(2).integers(0, 4000, (2, 512, 512)).astype(np.uint16)
    voxels[:, 300, 300] = 60000
    path, plan = tmp_path / "slices", slice_plan((512, 512), (224, 224))
    path.write_bytes(voxels.tobytes())
    stack, each = np.full((2, 224, 224), np.nan, np.float32), np.zeros((2, 2), np.uint16)
    with path.open("rb") as file:
        read = kernels.read_resized((np.full(2, file.fileno(), np.int32), np.arange(2) * voxels[0].nbytes), 512,
                                    reading_room(plan, (512, 512), voxels.dtype), plan, stack, each, (0, 0))
    assert read == 2 and each[:, 1].tolist() == [60000, 60000]
    assert np.array_equal(stack, resized(voxels, plan._replace(brightest=-1), (224, 224)))


def test_floats_are_not_summed_up_as_whole_numbers():
    voxels = np.random.default_rng(3).uniform(0, 1, (1, 64, 64)).astype(np.float32)
    assert np.allclose(resized(voxels, slice_plan((64, 64), (8, 8)), (8, 8)),
                       voxels.reshape(1, 8, 8, 8, 8).mean(axis=(2, 4)), atol=1e-6)


@pytest.mark.parametrize(("old", "new"), [((320, 320), (224, 224)), ((512, 511), (224, 224)), ((64, 64), (7, 64)),
                                          ((64, 14), (8, 8)), ((64, 64), (128, 64)), ((64, 3), (8, 8))])
def test_sizes_that_allow_no_whole_sums_have_no_brightness_for_them(old, new):
    assert slice_plan(old, new).brightest == -1


@pytest.mark.parametrize(("old", "new"), [(512, 224), (256, 224), (100, 64), (7, 3), (5, 5), (512, 64)])
def test_counts_of_an_axis_give_every_new_sample_the_same_sum_and_every_old_one_the_same_share(old, new):
    start, counts, total = _axis_counts(old, new)
    dense = np.zeros((new, old), int)
    for row in range(new):
        dense[row, int(start[row]):int(start[row]) + counts.shape[1]] += counts[row]
    assert (dense.sum(axis=1) == total).all()
    assert len(set(dense.sum(axis=0).tolist())) == 1
