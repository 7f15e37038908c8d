"""The benchmark of near-duplicates counts copies and strangers, and fails where copies are not found."""

import numpy as np

from benchmarks.leakage import near_duplicates
from radiogen.evaluation.audit import near_pixels


def test_copies_are_found_and_strangers_are_not(monkeypatch):
    heads = near_duplicates.draw_phantoms(3, 3)
    kind = "mirrored left to right"
    monkeypatch.setattr(near_duplicates, "changes", lambda seed, kinds=near_duplicates.changes(1): {kind: kinds[kind]})
    facts = near_duplicates.copy_facts("phantoms", heads, 1)
    assert [fact.holds for fact in facts] == [True, True]
    assert facts[0].found == "3 of 3"
    assert facts[1].found.startswith("0 of 9 pairs")  # 3 among the originals, 6 beside the copies
    monkeypatch.setattr(near_pixels, "DETAIL_LIMIT", 2.0)
    assert [fact.holds for fact in near_duplicates.copy_facts("phantoms", heads, 1)] == [False, True]


def test_two_phantoms_that_look_alike_are_no_copies_and_one_shifted_by_a_slice_is():
    """Of seed 9 these two are most alike: by the detail across slices, too, they were one series (0.958)."""
    one, other = (near_duplicates.draw_phantom(number, 9) for number in (11, 52))
    shifted = np.roll(one, 1, 0)
    marks = [near_duplicates.marked(voxels) for voxels in (one, other, shifted)]
    assert near_pixels.near_thumbnails(marks) == [(0, 2)]


def test_a_turn_is_of_so_many_degrees_in_millimetres():
    voxels = np.zeros((41, 81, 81), np.float32)
    voxels[20, 10, 40] = 1  # 30 rows from the middle
    moved = near_duplicates.turned(voxels, (1, 2), 90.0)
    assert np.argwhere(moved > 0.5).tolist() in ([[20, 40, 10]], [[20, 40, 70]])
    tilted = near_duplicates.turned(np.pad(voxels, 0), (0, 1), 12.2)  # 30 mm by 12.2 degrees: one slice of 6.5 mm
    place = np.unravel_index(tilted.argmax(), tilted.shape)
    assert abs(int(place[0]) - 20) == 1


def test_a_crop_takes_a_twentieth_of_each_axis():
    assert near_duplicates.cropped(np.zeros((40, 80, 120))).shape == (38, 76, 114)


def test_copies_of_real_data_are_found(real_data):
    folders = sorted((real_data / "tcga_lgg_side" / "train").glob("*/FLAIR"))[:2]
    volumes = near_duplicates.read_all(folders)
    originals = [near_duplicates.marked(voxels) for voxels in volumes]
    copies = [near_duplicates.marked(near_duplicates.cropped(voxels[:, :, ::-1])) for voxels in volumes]
    assert near_pixels.near_thumbnails(originals, copies) == [(one, one) for one in range(len(folders))]
