"""The benchmark of near-duplicates counts copies and strangers, and fails where copies are not found."""

import numpy as np
import pytest

from benchmarks.leakage import near_duplicates
from radiogen.evaluation.audit import near_pixels


@pytest.fixture(scope="module")
def heads():
    return near_duplicates.draw_phantoms(4, 3)


def test_copies_are_found_and_strangers_are_not(heads, monkeypatch):
    kinds = {name: kind for name, kind in near_duplicates.changes(1).items() if name.startswith(("mirrored", "crop"))}
    monkeypatch.setattr(near_duplicates, "changes", lambda seed: kinds)
    facts = near_duplicates.copy_facts("phantoms", heads, 1)
    assert len(facts) == len(kinds) + 1 and all(fact.holds for fact in facts)
    assert facts[-1].found.startswith("0 of 42 pairs")  # 6 among the originals, 12 beside copies of each of three kinds
    monkeypatch.setattr(near_pixels, "DETAIL_LIMIT", 2.0)
    assert [fact.holds for fact in near_duplicates.copy_facts("phantoms", heads, 1)] == [False] * len(kinds) + [True]


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
    folders = sorted((real_data / "tcga_lgg_side" / "train").glob("*/FLAIR"))[:4]
    volumes = near_duplicates.read_all(folders)
    originals = [near_duplicates.marked(voxels) for voxels in volumes]
    copies = [near_duplicates.marked(near_duplicates.cropped(voxels[:, :, ::-1])) for voxels in volumes]
    assert near_pixels.near_thumbnails(originals, copies) == [(one, one) for one in range(len(folders))]
