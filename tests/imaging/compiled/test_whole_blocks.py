"""Means of whole blocks are, to the last bit, what the kernel for any sizes gives, and only taken where they are."""

import numpy as np
import pytest

from radiogen.imaging.compiled import kernels, whole_blocks

SHAPES = [((32, 64), (8, 8)), ((64, 32), (8, 8)), ((12, 20), (3, 5)), ((512, 512), (64, 64)), ((96, 64), (12, 8))]


def read(path, voxels, shape, lost=0):
    """What `read_means` returns of a file of these slices, the last bytes lost; the stack, and the extremes."""
    path.write_bytes(voxels.tobytes()[:voxels.nbytes - lost])
    stack, each = np.full((len(voxels), *shape), np.nan, np.float32), np.zeros((len(voxels), 2), voxels.dtype)
    with path.open("rb") as file:
        files = np.full(len(voxels), file.fileno(), np.int32)
        offsets = np.arange(len(voxels)) * voxels[0].nbytes
        return whole_blocks.read_means((files, offsets), voxels.shape[1:], stack, each, (0, 0)), stack, each


@pytest.mark.parametrize(("dtype", "most"), [(np.uint8, 255), (np.uint16, 8191), (np.int16, 8191)])
@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_means_are_those_of_the_kernel_for_any_sizes(tmp_path, dtype, most, old, new):
    voxels = np.random.default_rng(1).integers(3, most, (3, *old), endpoint=True).astype(dtype)
    voxels[0, 0, 0], voxels[2, -1, -1] = 0, most
    count, stack, each = read(tmp_path / "slices", voxels, new)
    assert count == 3
    assert np.array_equal(stack, kernels.resize_slices(voxels, new))
    assert each.tolist() == [[pixels.min(), pixels.max()] for pixels in voxels]
    blocks = voxels.astype(float).reshape(3, new[0], old[0] // new[0], new[1], old[1] // new[1])
    assert np.array_equal(stack, blocks.mean(axis=(2, 4)))


def test_slices_are_read_in_pieces_of_whole_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_blocks, "ROOM_BYTES", 3000)
    voxels = np.random.default_rng(2).integers(0, 5000, (2, 56, 64)).astype(np.uint16)
    count, stack, _ = read(tmp_path / "slices", voxels, (7, 8))
    assert count == 2 and np.array_equal(stack, kernels.resize_slices(voxels, (7, 8)))


@pytest.mark.parametrize(("dtype", "odd"), [(np.uint16, 8192), (np.uint16, 65535), (np.int16, -1), (np.int16, 8192)])
def test_values_whose_sums_could_overflow_are_left_to_the_other_kernel(tmp_path, dtype, odd):
    voxels = np.full((2, 32, 32), 7, dtype)
    voxels[1, 5, 5] = odd
    assert read(tmp_path / "slices", voxels, (4, 4))[0] is None


@pytest.mark.parametrize("new", [(16, 16), (32, 32), (10, 8), (8, 10), (64, 64), (2, 2)])
def test_other_ratios_are_left_to_the_other_kernel(tmp_path, new):
    assert read(tmp_path / "slices", np.ones((1, 32, 32), np.uint16), new)[0] is None


def test_a_file_that_ends_too_soon_is_reported(tmp_path):
    voxels = np.ones((3, 32, 32), np.uint16)
    assert [read(tmp_path / "slices", voxels, (8, 8), lost)[0] for lost in (0, 1, 3000)] == [3, 2, 1]
