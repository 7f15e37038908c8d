"""Compile the kernels, or load the kept ones, before worker processes are started that would each do the same."""

from collections.abc import Sequence

import numpy as np

from radiogen.core.types import Voxels
from radiogen.imaging.compiled import draws, kernels, moved_images, whole_blocks
from radiogen.imaging.compiled.compiling import announce_compiling
from radiogen.imaging.compiled.slice_plans import slice_plan
from radiogen.imaging.fast import alike, groups, scan
from radiogen.imaging.fast.decimals import decimals, frame_decimals
from radiogen.imaging.fast.elements import GROUP_PATHS, KEYWORDS


def warm_up(stored: Sequence[type] = (np.uint16,)) -> None:
    """Compile, or load, what series with these stored values need, rescaled or not; by default the usual ones."""
    with announce_compiling():
        _headers()
        for dtype in stored:
            _pixels(dtype)
        for dtype in (*stored, np.float32):
            _resizing(dtype)
        kernels.resize_slice_axis(np.zeros((2, 1, 1), np.float32), 1)
        kernels.slice_axis_to_bytes(np.zeros((2, 1, 1), np.float32), 1, 0.0, 1.0)
        kernels.to_bytes(np.zeros((1, 1, 1), np.float32), 0.0, 1.0)
        _batches()


def _headers() -> None:
    none, store = np.zeros(0, np.int32), np.zeros((0, 8), np.uint8)
    scan.scan_files(none, store, np.zeros(0, np.int64), store, np.zeros((0, len(KEYWORDS), 3), np.int64),
                    np.zeros((0, 8), np.int64))
    spans = np.zeros((2, len(KEYWORDS), 3), np.int64)
    alike.same_values(np.zeros((2, 8), np.uint8), spans)
    alike.alike_files(np.zeros((2, 8), np.uint8), spans, np.zeros((2, 8), np.int64), np.zeros(len(KEYWORDS), np.bool_))
    groups.scan_groups(np.zeros(16, np.uint8), 0, False, True, np.zeros((0, len(GROUP_PATHS), 2), np.int64))
    alike.alike_frames(np.zeros(16, np.uint8), np.zeros((2, len(GROUP_PATHS), 2), np.int64), 0)
    frame_decimals(np.zeros(16, np.uint8), np.zeros((2, len(GROUP_PATHS), 2), np.int64)[:, 0], 3)
    decimals(np.zeros((2, 8), np.uint8), spans[:, 0, :2], 3)  # of two rows: a single one is contiguous


def _batches() -> None:
    """What training needs: the folds that it trains at once would each compile it."""
    draws.draw(np.zeros((1, 1), np.uint32), np.ones(1, np.int64), 1)
    moved = (np.zeros((1, 1, 1, 1, 1), np.uint8), np.zeros((1, 3), np.bool_), np.zeros((1, 3), np.int64),
             np.zeros((1, 256), np.float32), False)
    out = np.zeros((1, 1, 1, 1, 1), np.float32)
    moved_images.move_images(*moved, out)
    moved_images.move_and_turn_images(*moved, np.zeros(1, np.int64), np.zeros((1, 2, 2)), out)


def _pixels(dtype: type) -> None:
    opened = (np.zeros(0, np.int32), np.zeros(0, np.int64))
    pixels: Voxels = np.zeros((1, 2, 2), dtype)
    kernels.read_volume(opened, pixels, np.zeros(1, np.bool_), np.zeros((0, 2), dtype), (0, 0))
    kernels.read_resized(opened, 2, pixels[0], slice_plan((2, 2), (1, 1)), np.zeros((1, 1, 1), np.float32),
                         np.zeros((1, 2), dtype), (0, 0))
    whole_blocks.read_means(opened, (4, 4), np.zeros((0, 1, 1), np.float32), np.zeros((0, 2), dtype), (0, 0))
    kernels.clear_unused(pixels[0], 0xFF, 0)
    kernels.rescale(pixels[0], 1.0, 0.0, np.zeros((2, 2), np.float32))


def _resizing(dtype: type) -> None:
    kernels.extremes(np.zeros((2, 2), dtype))
    kernels.is_blank(np.zeros((2, 2), dtype))
    kernels.resize_slices(np.zeros((1, 2, 2), dtype), (1, 1))
    kernels.resize_to_bytes(np.zeros((1, 2, 2), dtype), (1, 1), 0, 1)
