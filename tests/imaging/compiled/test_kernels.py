"""Area averages by compiled loops are those of a plain matrix product, for every dtype and every pair of sizes."""

import os
import subprocess
import sys

import numpy as np
import pytest

from radiogen.imaging.compiled import kernels, slice_plans


def _matrix(old, new):
    """The weights of an axis as a dense (new, old) matrix."""
    start, weights = slice_plans.axis_weights(old, new)
    dense = np.zeros((new, old))
    for row in range(new):
        dense[row, int(start[row]):int(start[row]) + weights.shape[1]] += weights[row]
    return dense


SIZES = [(10, 5), (512, 64), (100, 64), (7, 3), (5, 5), (3, 7), (20, 64), (1, 4), (512, 224), (256, 224), (208, 224),
         (192, 64), (2, 1), (225, 224), (9, 2)]


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_weights_of_an_axis_sum_to_one_and_keep_the_centre(old, new):
    weights = _matrix(old, new)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert weights.min() >= 0
    centres = weights @ ((np.arange(old) + 0.5) / old)
    assert np.allclose(centres[new // 4: -(new // 4) or None],
                       ((np.arange(new) + 0.5) / new)[new // 4: -(new // 4) or None], atol=0.5 / old + 1e-6)


@pytest.mark.parametrize(("old", "new"), [size for size in SIZES if size[0] > size[1]])
def test_shrinking_weighs_every_old_sample_alike(old, new):
    assert np.allclose(_matrix(old, new).sum(axis=0), new / old, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64, np.int32, ">i2"])
@pytest.mark.parametrize("shape", [(64, 64), (37, 50), (11, 90)])
def test_a_slice_becomes_what_the_weights_say(dtype, shape):
    voxels = np.random.default_rng(0).integers(0, 200, (2, 50, 37)).astype(dtype)
    expected = _matrix(50, shape[0]) @ voxels.astype(float) @ _matrix(37, shape[1]).T
    assert np.allclose(kernels.resize_slices(voxels, shape), expected, atol=1e-3)


@pytest.mark.parametrize("shape", [(64, 64), (50, 16), (12, 9), (8, 8), (7, 20), (90, 70), (3, 5)])
@pytest.mark.parametrize("room_bytes", [1, 1000, 1 << 20])
def test_slices_reduced_while_they_are_read_are_those_reduced_in_memory(tmp_path, monkeypatch, shape, room_bytes):
    monkeypatch.setattr(slice_plans, "ROOM_BYTES", room_bytes)
    voxels = np.random.default_rng(5).integers(5, 4000, (3, 61, 47)).astype(np.uint16)
    stack, each, read = _resized_from_a_file(tmp_path / "slices", voxels.tobytes(), voxels, shape)
    assert read == 3
    assert np.array_equal(stack, kernels.resize_slices(voxels, shape))
    assert each.tolist() == [[slice_.min(), slice_.max()] for slice_ in voxels]


def test_a_file_that_ends_too_soon_is_not_reduced(tmp_path):
    voxels = np.ones((3, 61, 47), np.uint16)
    *_, read = _resized_from_a_file(tmp_path / "slices", voxels.tobytes()[:-1], voxels, (16, 16))
    assert read == 2


@pytest.mark.parametrize(("dtype", "shape"), [(np.uint16, (17, 512, 511)), (np.uint8, (9, 1001, 999)),
                                             (np.int16, (70, 256, 256)), (np.uint16, (3, 33, 31))])
@pytest.mark.parametrize("looks", [False, True])
def test_volumes_of_any_size_are_read_to_the_last_voxel_and_no_further(tmp_path, dtype, shape, looks):
    voxels = np.random.default_rng(6).integers(0, 127, shape).astype(dtype)
    voxels[1] = 9
    read, out, blank, each = _volume_from_a_file(tmp_path / "slices", voxels.tobytes(), voxels, looks)
    assert read == len(voxels)
    assert np.array_equal(out, voxels)
    assert blank.tolist() == [number == 1 for number in range(len(voxels))]
    assert not looks or each.tolist() == [[pixels.min(), pixels.max()] for pixels in voxels]


@pytest.mark.parametrize(("dtype", "mask", "sign"), [
    (np.uint16, 0xFFF, 0), (np.int16, 0xFFF, 0x800), (np.uint8, 0x3F, 0)])
@pytest.mark.parametrize("shape", [(67, 256, 257), (36, 512, 511), (3, 33, 31)])
@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("place", [0, 777, -1])
def test_a_single_bit_that_is_not_used_is_cut_off_wherever_it_is(tmp_path, dtype, mask, sign, shape, looks, place):
    voxels = np.random.default_rng(7).integers(0, 30, shape).astype(dtype)
    stored = voxels.copy()
    stored[1].reshape(-1)[place] |= 0x40
    if voxels.itemsize == 2:
        stored[1].reshape(-1)[place] ^= 0x4040
    read, out, _, each = _volume_from_a_file(tmp_path / "slices", stored.tobytes(), voxels, looks, mask, sign)
    assert read == len(voxels)
    assert np.array_equal(out, voxels)
    assert not looks or each.tolist() == [[pixels.min(), pixels.max()] for pixels in voxels]


@pytest.mark.parametrize("shape", [(17, 512, 511), (3, 33, 31)])
def test_a_volume_ends_before_the_file_that_is_too_short(tmp_path, shape):
    voxels = np.ones(shape, np.uint16)
    assert _volume_from_a_file(tmp_path / "slices", voxels.tobytes()[:-1], voxels, False)[0] == len(voxels) - 1


@pytest.mark.parametrize("before", [0, 1, 2, 30, 31, 64, 4000, 4097])
@pytest.mark.parametrize("shape", [(3, 33, 31), (17, 512, 511)])
def test_pixels_may_begin_anywhere_in_a_file(tmp_path, before, shape):
    voxels = np.random.default_rng(8).integers(0, 4000, shape).astype(np.uint16)
    read, out, *_ = _volume_from_a_file(tmp_path / "slices", bytes(before) + voxels.tobytes(), voxels, False,
                                        before=before)
    assert read == len(voxels) and np.array_equal(out, voxels)
    stack, each, read = _resized_from_a_file(tmp_path / "slices", bytes(before) + voxels.tobytes(), voxels, (16, 16),
                                             before)
    assert read == len(voxels) and np.array_equal(stack, kernels.resize_slices(voxels, (16, 16)))


def _volume_from_a_file(path, content, voxels, looks, mask=0, sign=0, before=0):
    """`read_volume` into the middle of a larger array, at an address that is no multiple of anything but 2."""
    path.write_bytes(content)
    around = np.full(voxels.size + 64, 77, voxels.dtype)
    out = around[3:3 + voxels.size].reshape(voxels.shape)
    blank, each = np.zeros(len(voxels), np.bool_), np.zeros((len(voxels) if looks else 0, 2), voxels.dtype)
    with path.open("rb") as file:
        files = np.full(len(voxels), file.fileno(), np.int32)
        offsets = before + np.arange(len(voxels)) * voxels[0].nbytes
        read = kernels.read_volume((files, offsets), out, blank, each, (mask, sign))
    assert (around[:3] == 77).all() and (around[3 + voxels.size:] == 77).all()
    return read, out, blank, each


@pytest.mark.parametrize(("dtype", "mask", "sign", "stored", "cleared"), [
    (np.uint16, 0xFFF, 0, [1, 0xFFF, 0x1001, 0xF000], [1, 0xFFF, 1, 0]),
    (np.uint16, 0xFFF, 0, [1, 2, 3, 0xFFF], [1, 2, 3, 0xFFF]),
    (np.int16, 0xFFF, 0x800, [0x7FF, 0x800, 0xFFF, -1], [0x7FF, -0x800, -1, -1]),
    (np.int16, 0xFFF, 0x800, [-0x800, -1, 0, 0x7FF], [-0x800, -1, 0, 0x7FF]),
    (np.int16, 0xFFF, 0x800, [0x7000, -0x7000, 5, -0x801], [0, 0, 5, 0x7FF]),
    (np.uint8, 0x7F, 0, [0x80, 0xFF, 3, 0x7F], [0, 0x7F, 3, 0x7F]),
    (np.int8, 0x7F, 0x40, [0x3F, 0x40, -1, -0x41], [0x3F, -0x40, -1, 0x3F])])
def test_bits_that_are_not_used_are_cut_off_and_the_sign_extended(dtype, mask, sign, stored, cleared):
    pixels = np.resize(np.array(stored, dtype), (5, 20))
    kernels.clear_unused(pixels, mask, sign)
    assert pixels.tolist() == np.resize(np.array(cleared, dtype), (5, 20)).tolist()


def _resized_from_a_file(path, content, voxels, shape, before=0):
    path.write_bytes(content)
    plan = slice_plans.slice_plan(voxels.shape[1:], shape)
    stack, each = np.full((len(voxels), *shape), np.nan, np.float32), np.zeros((len(voxels), 2), voxels.dtype)
    with path.open("rb") as file:
        files = np.full(len(voxels), file.fileno(), np.int32)
        room = slice_plans.reading_room(plan, voxels.shape[1:], voxels.dtype)
        read = kernels.read_resized((files, before + np.arange(len(voxels)) * voxels[0].nbytes), voxels.shape[1], room,
                                    plan, stack, each, (0, 0))
    return stack, each, read


@pytest.mark.parametrize("count", [3, 20, 21, 64])
def test_the_slice_axis_becomes_what_the_weights_say(count):
    stack = np.random.default_rng(1).uniform(size=(20, 5, 6)).astype(np.float32)
    expected = np.tensordot(_matrix(20, count), stack, axes=1)
    assert np.allclose(kernels.resize_slice_axis(stack, count), expected, atol=1e-5)


@pytest.mark.parametrize("count", [3, 20, 64])
def test_the_slice_axis_becomes_bytes_as_its_floats_would(count):
    stack = np.random.default_rng(1).uniform(-5, 300, size=(20, 5, 6)).astype(np.float32)
    expected = kernels.to_bytes(kernels.resize_slice_axis(stack, count), 0, 250)
    assert np.array_equal(kernels.slice_axis_to_bytes(stack, count, 0, 250), expected)


def test_voxels_that_are_not_finite_count_as_zero():
    voxels = np.array([[[np.nan, 4.0], [np.inf, 0.0]]])
    assert kernels.resize_slices(voxels, (1, 1))[0, 0, 0] == 1.0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_extremes_are_the_smallest_and_the_largest(dtype):
    pixels = np.random.default_rng(2).integers(-100 if dtype != np.uint8 else 0, 100, (9, 31)).astype(dtype)
    assert kernels.extremes(pixels) == (pixels.min(), pixels.max())


def test_a_slice_is_blank_only_if_all_its_pixels_are_alike():
    pixels = np.full((5, 7), 3, np.uint16)
    assert kernels.is_blank(pixels)
    pixels[-1, -1] = 4
    assert not kernels.is_blank(pixels)


def test_rescaling_rounds_once_from_double():
    stored = np.random.default_rng(3).integers(0, 4096, (8, 8)).astype(np.uint16)
    out = np.empty((8, 8), np.float32)
    kernels.rescale(stored, 1.2345678912345, -7.1, out)
    assert np.array_equal(out, (stored.astype(np.float64) * 1.2345678912345 - 7.1).astype(np.float32))


def test_bytes_run_from_lowest_to_highest_and_are_rounded_and_clipped():
    values = np.array([-1, 10, 10.49 + 100 / 255, 60, 110, 200], np.float32)
    assert kernels.to_bytes(values, 10, 110).tolist() == [0, 0, 2, 128, 255, 255]


def test_no_contrast_gives_zeros():
    assert kernels.to_bytes(np.full((2, 2), 5, np.float32), 5, 5).max() == 0


def test_compiling_is_announced_once_and_kept_kernels_are_loaded_in_silence(tmp_path):
    code = ("from radiogen.imaging.compiled import compiling, kernels; import numpy as np\n"
            "from radiogen.core.console import log_to_console; log_to_console()\n"
            "with compiling.announce_compiling(): kernels.is_blank(np.zeros((2, 2), np.uint8)); "
            "kernels.is_blank(np.zeros((2, 2), np.int16))")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    output = [subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
                           ).stdout for _ in range(2)]
    assert output[0].count("compiling") == 1
    assert output[1] == ""
