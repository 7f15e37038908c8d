"""A place in the patient keeps its mm on every new grid; shrinking averages, growing interpolates and says so."""

import numpy as np
import pytest

from benchmarks.synthetic.series_files import planes
from radiogen.core.errors import UserError
from radiogen.imaging.findings import FindingCode, codes
from radiogen.imaging.resampling import resample_isotropic, resample_like, resample_to, stack_channels
from radiogen.imaging.volume import Volume, spacing_mm

from .made.expected import finding
from .made.landmarks import centred, landmark, place_of, sampled, turned

PLANES = dict(planes())
SHAPE = (24, 64, 72)


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("step", [0.4, 1.0, 3.0])
def test_a_landmark_keeps_its_place_in_equal_steps(name, step):
    volume = landmark(SHAPE, PLANES[name], [5, -4, 3])
    new = resample_isotropic(volume, step)
    assert np.allclose(spacing_mm(new), step)
    assert np.allclose(place_of(new), place_of(volume), atol=0.05)
    assert abs(new.voxels.sum() * step**3 / (volume.voxels.sum() * 2.5 * 0.75 * 0.5) - 1) < 0.01


@pytest.mark.parametrize("name", PLANES)
def test_a_landmark_keeps_its_place_on_an_oblique_grid(name):
    volume = landmark(SHAPE, PLANES[name], [5, -4, 3])
    for spacing in ([1, 1, 1], [4, 0.6, 0.6], [0.5, 2, 3]):
        grid = centred(turned(np.diag([*spacing, 1.0]), 25), (60 // np.array(spacing)).astype(int), [5, -4, 3])
        new = resample_to(volume, grid, (60 // np.array(spacing)).astype(int))
        assert np.allclose(place_of(new), place_of(volume), atol=0.1)


def test_series_of_all_planes_show_the_same_landmark_in_the_same_voxel_of_one_grid():
    grid = centred(turned(np.diag([2.5, 2.5, 2.5, 1]), 10), (16, 20, 20), [0, 0, 0])
    place_mm = (grid @ [9, 7, 13, 1])[:3]
    for name, affine in PLANES.items():
        marked = resample_like(landmark((26, 76, 100), affine, place_mm, about=[0, 0, 0]),
                               Volume(np.zeros((16, 20, 20)), grid))
        assert np.unravel_index(np.argmax(marked.voxels), marked.voxels.shape) == (9, 7, 13), name
        assert np.array_equal(marked.affine, grid)


def test_what_float32_leaves_of_an_affine_changes_no_voxel_by_a_thousandth():
    """A NIfTI file keeps float32: of 88 voxels averaged at steps of 1.1 of them it must not make 81 for 80."""
    old = centred(turned(np.diag([8.0, 2.5, 2.5, 1]), 12), (20, 88, 88), [0, 0, 0])
    voxels = np.random.default_rng(0).integers(0, 1000, (20, 88, 88)).astype(np.uint16)
    grid = centred(np.diag([5.5, 5.5, 5.5, 1]), (32, 32, 32), [0, 0, 0])
    made = [resample_to(Volume(voxels, old * [scale, scale, scale, 1]), grid, (32, 32, 32)).voxels
            for scale in (1 - 2e-7, 1.0, 1 + 2e-7)]
    for other in (made[0], made[2]):
        assert np.abs(other - made[1]).max() < 1e-3 * made[1].max()


def test_its_own_grid_changes_no_voxel_and_finds_nothing():
    for name, affine in PLANES.items():
        voxels = np.random.default_rng(0).integers(0, 4000, (5, 6, 8)).astype(np.uint16)
        new = resample_like(Volume(voxels, affine, (finding(FindingCode.LOSSY),)), Volume(voxels, affine))
        assert np.array_equal(new.voxels, voxels), name
        assert new.findings == (finding(FindingCode.LOSSY),)


@pytest.mark.parametrize("degrees", [0, 17, 45])
@pytest.mark.parametrize("step", [0.3, 1.0, 1.7, 6.0])
def test_a_constant_stays_constant_up_to_the_edge_and_is_0_beyond(degrees, step):
    source = Volume(np.full((20, 30, 40), 7, np.int16), centred(np.diag([2.0, 1, 1, 1]), (20, 30, 40), [0, 0, 0]))
    count = int(44 / step)
    grid = centred(turned(np.diag([step, step, step, 1.0]), degrees), (count,) * 3, [0, 0, 0])
    new = resample_to(source, grid, (count,) * 3).voxels
    index = np.linalg.inv(source.affine) @ grid @ np.array([*np.indices(new.shape).reshape(3, -1), np.ones(new.size)])
    beyond = np.abs(index[:3].T - [9.5, 14.5, 19.5]) - [10, 15, 20]
    inside = (beyond < -1e-3).all(axis=1).reshape(new.shape)
    outside = (beyond > 1e-3).any(axis=1).reshape(new.shape)
    assert np.allclose(new[inside], 7, atol=1e-4) and not new[outside].any()
    assert inside.any() and outside.any()


@pytest.mark.parametrize("degrees", [0, 30])
def test_a_checkerboard_finer_than_the_new_voxels_becomes_grey(degrees):
    board = np.indices((40, 80, 80)).sum(axis=0) % 2
    source = Volume(board.astype(np.float32), centred(np.eye(4), board.shape, [0, 0, 0]))
    grid = centred(turned(np.diag([4.0, 4, 4, 1]), degrees), (4, 6, 6), [0.3, 0.2, 0.1])
    new = resample_to(source, grid, (4, 6, 6)).voxels
    assert np.abs(new - 0.5).max() < 0.02


def test_an_axis_shrinks_by_the_mean_of_the_block_while_another_grows():
    voxels = np.random.default_rng(0).uniform(size=(4, 6, 8)).astype(np.float32)
    source = Volume(voxels, np.diag([3.0, 1, 1, 1]))
    grid = np.diag([1.0, 2, 4, 1])
    grid[:3, 3] = -1, 0.5, 1.5
    new = resample_to(source, grid, (12, 3, 2))
    blocks = voxels.reshape(4, 3, 2, 2, 4).mean(axis=(2, 4))
    assert np.allclose(new.voxels[1::3], blocks, atol=1e-6)
    assert np.allclose(new.voxels[2:-1:3], blocks[:-1] * 2 / 3 + blocks[1:] / 3, atol=1e-6)
    assert _axes(new) == [("slices", pytest.approx(3), pytest.approx(1))]


@pytest.mark.parametrize("name", PLANES)
def test_simpleitk_interpolates_the_same_on_a_shifted_grid_of_the_same_steps(name):
    source = sampled((10, 24, 30), PLANES[name])
    grid = source.affine.copy()
    grid[:3, 3] += source.affine[:3, :3] @ [0.3, -1.6, 2.45]
    ours = resample_to(source, grid, (12, 22, 28)).voxels
    assert np.abs(ours - _simpleitk(source, grid, ours.shape)).max() < 1e-4 * source.voxels.max()


@pytest.mark.parametrize("degrees", [3, 20, 70])
def test_simpleitk_interpolates_the_same_on_a_turned_grid_of_equal_steps(degrees):
    source = sampled((20, 24, 30), centred(np.eye(4), (20, 24, 30), [1, 2, 3]))
    grid = centred(turned(np.eye(4), degrees), (22, 26, 28), [1.2, 2.1, 2.6])
    ours, theirs = resample_to(source, grid, (22, 26, 28)).voxels, _simpleitk(source, grid, (22, 26, 28))
    assert np.abs(ours - theirs).max() < 1e-4 * source.voxels.max()


def test_simpleitk_interpolates_a_real_head_the_same(real_data):
    from radiogen.imaging import read_series

    source = read_series(real_data / "dicom" / "philips_mprage_sag")
    grid = centred(turned(np.eye(4), 12), (60, 100, 100), source.affine[:3] @ [85, 100, 110, 1])
    ours, theirs = resample_to(source, grid, (60, 100, 100)).voxels, _simpleitk(source, grid, (60, 100, 100))
    assert np.abs(ours - theirs).max() < 1e-4 * source.voxels.max()


def test_a_shrunken_oblique_head_is_near_the_mean_of_what_each_voxel_covers(real_data):
    from radiogen.imaging import read_series

    source = read_series(real_data / "dicom" / "philips_mprage_sag")
    fine = centred(np.eye(4), (96, 144, 144), source.affine[:3] @ [84.5, 127.5, 127.5, 1])
    coarse = np.diag([4.0, 4, 4, 1])
    coarse[:3, 3] = (fine @ [1.5, 1.5, 1.5, 1])[:3]
    mean = resample_to(source, fine, (96, 144, 144)).voxels.reshape(24, 4, 36, 4, 36, 4).mean(axis=(1, 3, 5))
    error = resample_to(source, coarse, (24, 36, 36)).voxels - mean
    assert np.sqrt((error**2).mean()) < 0.03 * mean.mean()
    assert abs(error.mean()) < 0.001 * mean.mean()


def test_a_gantry_tilt_is_set_upright_and_a_landmark_keeps_its_place():
    affine = np.diag([3.0, 1, 1, 1])
    affine[1, 0] = 3 * np.tan(np.radians(14))
    volume = landmark((20, 60, 60), affine, [4, 3, -2])
    new = resample_isotropic(volume, 1.0)
    assert np.allclose(new.affine[:3, :3].T @ new.affine[:3, :3], np.eye(3), atol=1e-9)
    assert np.allclose(place_of(new), place_of(volume), atol=0.1)
    assert FindingCode.PADDED in codes(new.findings)


def test_what_grows_is_cut_off_or_is_empty_is_reported():
    head = landmark((20, 40, 40), centred(np.diag([5.0, 1, 1, 1]), (20, 40, 40), [0, 0, 0]), [0, 0, 0], radius_mm=12)
    assert resample_isotropic(head, 6.0).findings == ()
    assert _axes(resample_isotropic(head, 1.0)) == [("slices", pytest.approx(5), pytest.approx(1))]
    wide = resample_to(head, centred(np.diag([5.0, 1, 1, 1]), (20, 40, 80), [0, 0, 0]), (20, 40, 80)).findings
    assert codes(wide) == (FindingCode.PADDED,) and wide[0].values["share"] == pytest.approx(0.5)
    half = resample_to(head, head.affine, (20, 40, 20)).findings
    assert codes(half) == (FindingCode.HEAD_CUT_OFF,) and half[0].values["share"] == pytest.approx(0.5, abs=0.005)


def test_series_of_one_grid_become_channels_and_of_two_grids_do_not():
    affine = PLANES["coronal oblique"]
    first = landmark(SHAPE, affine, [5, -4, 3])
    second = resample_like(landmark(SHAPE, PLANES["sagittal"], [5, -4, 3]), first)
    channels = stack_channels([first, second])
    assert channels.shape == (2, *SHAPE) and np.array_equal(channels[1], second.voxels)
    shifted = affine.copy()
    shifted[0, 3] += 0.5
    for other in (Volume(first.voxels, shifted), Volume(first.voxels[1:], affine)):
        with pytest.raises(ValueError, match="use resample_like"):
            stack_channels([first, other])


def test_a_series_that_does_not_tell_where_it_lies_is_refused_by_name():
    nowhere, there = Volume(np.ones((3, 4, 5)), None), Volume(np.ones((3, 4, 5)), np.eye(4))
    for call in (lambda: resample_isotropic(nowhere, 1.0), lambda: resample_like(nowhere, there),
                 lambda: resample_like(there, nowhere), lambda: stack_channels([there, nowhere])):
        with pytest.raises(UserError, match="position, orientation and spacing"):
            call()


def test_what_is_no_number_does_not_spread():
    voxels = np.ones((4, 8, 8), np.float32)
    voxels[2, 4, 4] = np.nan
    new = resample_isotropic(Volume(voxels, np.eye(4)), 2.0).voxels
    assert np.isfinite(new).all() and np.count_nonzero(new < 0.99) == 1


def _axes(volume):
    """The axes of the one finding, which is of interpolation: name, mm before, mm after."""
    (one,) = volume.findings
    assert one.code is FindingCode.INTERPOLATED
    return list(one.values["axes"])


def _simpleitk(volume, affine, shape):
    """The volume by SimpleITK's linear interpolation on another grid."""
    sitk = pytest.importorskip("SimpleITK")

    def geometry(each):
        steps = np.linalg.norm(each[:3, :3], axis=0)
        return {"direction": (each[:3, :3] / steps)[:, ::-1].ravel().tolist(), "spacing": steps[::-1].tolist(),
                "origin": each[:3, 3].tolist()}

    image, where = sitk.GetImageFromArray(volume.voxels.astype(np.float32)), geometry(volume.affine)
    image.SetDirection(where["direction"])
    image.SetSpacing(where["spacing"])
    image.SetOrigin(where["origin"])
    grid = geometry(affine)
    return sitk.GetArrayFromImage(sitk.Resample(image, [int(count) for count in shape[::-1]], sitk.Transform(),
                                                sitk.sitkLinear, grid["origin"], grid["spacing"], grid["direction"],
                                                0.0, sitk.sitkFloat32))
