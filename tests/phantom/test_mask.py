"""The phantom's mask is its tumour: where the rim shines, in every plane, and the same whatever the core is."""

import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from radiogen.imaging import read_series
from radiogen.imaging.intensity import normalise
from radiogen.imaging.masks import read_mask
from radiogen.imaging.resampling import resample_like
from radiogen.phantom.anatomy import draw_head, render, render_tumour
from radiogen.phantom.data_set import PhantomSettings, write_phantom

SETTINGS = PhantomSettings(cases=6, test_cases=1, scale=0.2, noise=0.0, bias=0.0)
BALL_MM3 = 4 / 3 * np.pi * np.array([15.0, 25.0]) ** 3


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "data"
    write_phantom(folder, SETTINGS, workers=1)
    return folder


def _cases(phantom):
    return sorted([*(phantom / "train").iterdir(), *(phantom / "test").iterdir()])


def test_every_case_has_a_mask_on_the_grid_of_its_t1wce(phantom):
    assert len(_cases(phantom)) == 7
    for case in _cases(phantom):
        mask, series = read_mask(case / "mask.nii.gz"), read_series(case / "T1wCE")
        assert mask.voxels.shape == series.voxels.shape
        assert np.abs(mask.affine - series.affine).max() < 1e-3
        volume = mask.voxels.sum() * abs(np.linalg.det(mask.affine[:3, :3]))
        assert 0.6 * BALL_MM3[0] < volume < 1.6 * BALL_MM3[1]


def test_what_contrast_adds_lies_at_the_masks_surface(phantom):
    for case in _cases(phantom):
        after, before = (read_series(case / name) for name in ("T1wCE", "T1w"))
        after, before = (replace(each, voxels=normalise(each.voxels, "percentile")) for each in (after, before))
        added = after.voxels - resample_like(before, after).voxels
        tumour = read_mask(case / "mask.nii.gz").voxels != 0
        surface = ndimage.binary_dilation(tumour) & ~ndimage.binary_erosion(tumour)
        rest = (after.voxels > 0.2) & ~ndimage.binary_dilation(tumour, iterations=2)
        assert added[surface].mean() > 2 * added[rest].mean(), case.name


def test_the_mask_does_not_say_how_much_of_the_tumour_is_core():
    shares = [render_tumour(draw_head(np.random.default_rng(3), core), np.diag([5.0, 3.0, 3.0, 1.0]) + _corner(),
                            (40, 70, 60), 5.0) for core in (0.1, 0.8)]
    assert shares[0].max() > 0.9 and np.array_equal(*shares)


def test_the_tumours_share_is_what_rim_and_core_are_of_the_image():
    head = draw_head(np.random.default_rng(5), 0.4)
    grid = np.diag([5.0, 3.0, 3.0, 1.0]) + _corner(), (40, 70, 60), 5.0
    painted = render(head, {"rim": 1.0, "core": 1.0}, *grid)
    assert np.abs(painted - render_tumour(head, *grid)).max() < 1e-5


def _corner():
    corner = np.zeros((4, 4))
    corner[:3, 3] = -100, -105, -90
    return corner


def test_a_phantom_of_an_older_version_gets_its_masks_and_keeps_its_other_files(phantom, tmp_path):
    old = shutil.copytree(phantom, tmp_path / "old")
    for path in old.rglob("mask.nii.gz"):
        path.unlink()
    before = _hashes(old)
    write_phantom(old, SETTINGS, workers=1)
    assert _hashes(old) == _hashes(phantom)
    assert {name: mark for name, mark in _hashes(old).items() if not name.endswith("mask.nii.gz")} == before


def _hashes(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}
