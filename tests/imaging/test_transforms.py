"""Turned, cropped, stretched or cut to a slab, a volume's affine still tells where each voxel lies."""

import numpy as np
import pytest

from benchmarks.synthetic.series_files import planes
from radiogen.core.errors import UserError
from radiogen.imaging.cubes import stretch_cube
from radiogen.imaging.findings import FindingCode, codes
from radiogen.imaging.transforms import central_slab, crop_to_head, reorient, to_cube
from radiogen.imaging.volume import PLANE_AXES, Volume, plane, slice_normal, spacing_mm

from .made.expected import finding
from .made.landmarks import centred, landmark, place_of, sampled, turned

PLANES = dict(planes())
SHAPE = (24, 64, 72)
LPS = {"L": [1, 0, 0], "R": [-1, 0, 0], "P": [0, 1, 0], "A": [0, -1, 0], "S": [0, 0, 1], "I": [0, 0, -1]}


TRANSFORMS = {
    "reorient": reorient,
    "reorient backwards": lambda volume: reorient(volume, "RAI"),
    "crop": lambda volume: crop_to_head(volume, 20),
    "stretch": lambda volume: to_cube(volume, 48),
    "isotropic": lambda volume: to_cube(volume, 48, "isotropic", 50),
    "slab": lambda volume: central_slab(volume, 20, "head area"),
}


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_landmark_keeps_its_place_in_the_patient(name, transform):
    volume = landmark(SHAPE, PLANES[name], [5, -4, 3])
    assert np.allclose(place_of(transform(volume)), [5, -4, 3], atol=0.06)


@pytest.mark.parametrize("name", PLANES)
@pytest.mark.parametrize("axes", ["SPL", "axial", "coronal", "sagittal", "LAI"])
def test_turning_only_moves_voxels_to_the_nearest_directions(name, axes):
    volume = sampled((5, 6, 8), PLANES[name])
    new = reorient(volume, axes)
    assert sorted(new.voxels.ravel()) == sorted(volume.voxels.ravel())
    places = {tuple(np.round((each.affine @ [*index, 1])[:3], 6) + 0.0): each.voxels[index]
              for each in (volume,) for index in np.ndindex(each.voxels.shape)}
    assert all(places[tuple(np.round((new.affine @ [*index, 1])[:3], 6) + 0.0)] == new.voxels[index]
               for index in np.ndindex(new.voxels.shape))
    cosines = np.array([LPS[letter] for letter in PLANE_AXES.get(axes, axes)]) @ new.affine[:3, :3] / spacing_mm(new)
    assert (np.diag(cosines) > 0).all()
    if name != "doubly oblique":
        assert (np.diag(cosines) > 0.9).all()
    assert new.findings == ()


def test_turning_twice_is_turning_once_and_there_and_back_is_nothing():
    for name, affine in PLANES.items():
        volume = sampled((5, 6, 8), affine)
        once = reorient(volume, "coronal")
        twice, back = reorient(once, "coronal"), reorient(reorient(once, "RAI"), "coronal")
        for other in (twice, back):
            assert np.array_equal(other.voxels, once.voxels) and np.allclose(other.affine, once.affine), name


def test_each_planes_pictures_are_as_radiologists_hang_them_with_slices_along_the_normal():
    for name in PLANE_AXES:
        volume = reorient(sampled((5, 6, 8), PLANES["axial oblique"]), name)
        assert plane(volume) == name
        rows, columns = volume.affine[:3, 1], volume.affine[:3, 2]
        assert np.cross(columns, rows) @ volume.affine[:3, 0] > 0 and slice_normal(volume) @ volume.affine[:3, 0] > 0


@pytest.mark.parametrize("axes", ["SPP", "SLR", "SP", "spl", "oblique", ""])
def test_axes_that_are_none_are_refused_with_those_that_are(axes):
    with pytest.raises(UserError, match="axial, coronal, sagittal"):
        reorient(sampled((5, 6, 8), np.eye(4)), axes)


def _head(shape=(20, 50, 60), affine=None, first=(4, 10, 15), end=(16, 40, 45), dtype=np.uint16):
    voxels = np.random.default_rng(0).integers(0, 20, shape).astype(dtype)
    voxels[tuple(map(slice, first, end))] = 900
    return Volume(voxels, np.diag([4.0, 2, 2, 1]) if affine is None else affine)


def test_cropping_keeps_the_head_and_its_margin_in_millimetres():
    cropped = crop_to_head(_head(), margin_mm=8)
    assert cropped.voxels.shape == (12 + 2 * 2, 30 + 2 * 4, 30 + 2 * 4) and cropped.voxels.dtype == np.uint16
    assert np.allclose((cropped.affine @ [2, 4, 4, 1])[:3], [16, 20, 30])
    assert cropped.findings == (finding(FindingCode.CROPPED_TO_HEAD, margin_mm=8, axes=(
        ("slices", 3, 18, 20), ("rows", 7, 44, 50), ("columns", 12, 49, 60))),)


def test_cropping_goes_no_farther_than_the_series():
    volume = _head(first=(0, 0, 0), end=(20, 50, 58))
    assert crop_to_head(volume, 10) is volume


def test_specks_of_noise_are_no_head():
    volume = _head()
    volume.voxels[0, 0, 0] = volume.voxels[-1, -1, -1] = 900
    assert crop_to_head(volume, 0).voxels.shape == (12, 30, 30)


def test_a_volume_without_a_head_is_not_cropped():
    volume = crop_to_head(Volume(np.zeros((4, 5, 6), np.uint8), np.eye(4)))
    assert volume.voxels.shape == (4, 5, 6) and volume.findings == (finding(FindingCode.HEAD_NOT_FOUND),)


def test_a_stretched_cube_is_the_reports_and_its_affine_tells_the_distortion():
    volume = Volume(np.random.default_rng(0).integers(0, 900, (24, 96, 60)).astype(np.uint16), np.diag([5.0, 2, 2, 1]))
    cube = to_cube(volume, 32)
    assert np.array_equal(cube.voxels, stretch_cube(volume.voxels, 32))
    assert np.allclose(spacing_mm(cube), [96 * 2 / 32, 24 * 5 / 32, 60 * 2 / 32])
    grown, stretched = cube.findings
    assert grown == finding(FindingCode.GROWN, axes=(("slices", 24, 32),))
    assert stretched.code is FindingCode.STRETCHED
    assert stretched.values["spacing_mm"] == pytest.approx((6.0, 3.75, 3.75))


def test_a_series_that_tells_no_place_can_be_stretched_and_slabbed_but_not_turned_cropped_or_made_isotropic():
    nowhere = Volume(np.ones((4, 8, 8)), None)
    assert to_cube(nowhere, 4).affine is None and central_slab(nowhere, 2).affine is None
    for call in (lambda: reorient(nowhere), lambda: crop_to_head(nowhere), lambda: to_cube(nowhere, 4, "isotropic")):
        with pytest.raises(UserError, match="report"):
            call()


@pytest.mark.parametrize("name", PLANES)
def test_an_isotropic_cube_keeps_proportions_in_patient_orientation(name):
    affine = PLANES[name] @ np.diag([1.6, 4, 6, 1])
    ball = landmark((40, 60, 60), affine, [5, -4, 3], radius_mm=20)
    cube = to_cube(Volume((ball.voxels > 500).astype(np.uint8) * 200, ball.affine), 40, "isotropic", 80)
    assert cube.voxels.shape == (40, 40, 40)
    assert np.allclose(cube.affine[:3, :3], 2 * np.eye(3)[:, ::-1])
    spread = [np.sqrt((cube.voxels.sum(axis=tuple({0, 1, 2} - {axis})) * (np.arange(40) - 19.5)**2).sum()
                      / cube.voxels.sum()) for axis in range(3)]
    assert np.ptp(spread) < 0.1 * np.mean(spread)


def test_an_isotropic_cube_tells_what_it_cuts_off_and_what_it_lacks():
    volume = _head(affine=centred(turned(np.diag([4.0, 2, 2, 1]), 5), (20, 50, 60), [0, 0, 0]))
    small, large = to_cube(volume, 16, "isotropic", 32), to_cube(volume, 16, "isotropic", 200)
    assert FindingCode.HEAD_CUT_OFF in codes(small.findings)
    assert FindingCode.PADDED in codes(large.findings) and FindingCode.HEAD_CUT_OFF not in codes(large.findings)


def _boxes(*sides):
    """Slices of 20 x 20 of zeros with a square frame of ones of each side, whose inside is 0."""
    voxels = np.zeros((len(sides), 20, 20), np.uint16)
    for slice_, side in zip(voxels, sides, strict=True):
        slice_[:side, :side] = 1
        slice_[1:side - 1, 1:side - 1] = 0
    return voxels


def test_a_slab_lies_around_the_first_slice_whose_box_of_non_zero_pixels_is_largest():
    voxels = _boxes(0, 3, 4, 5, 7, 9, 9, 5, 3, 2, 2, 1)
    slab = central_slab(Volume(voxels, np.diag([3.0, 1, 1, 1])), 6)
    assert np.array_equal(slab.voxels, voxels[2:8])
    assert np.allclose(slab.affine[:3, 3], [6, 0, 0])
    assert slab.findings == (finding(FindingCode.SLAB, middle=6, centre="bounding box", axes=(
        ("slices", 3, 8, 12),)),)


@pytest.mark.parametrize(("sides", "kept"), [([9, 5, 5, 5, 5, 5], slice(0, 2)), ([3, 3, 3, 3, 3, 9], slice(3, 6))])
def test_a_slab_that_hangs_over_an_end_is_filled_with_zeros_after_its_last_slice(sides, kept):
    voxels = _boxes(*sides)
    slab = central_slab(Volume(voxels, np.eye(4)), 4)
    count = kept.stop - kept.start
    assert slab.voxels.dtype == voxels.dtype and np.array_equal(slab.voxels[:count], voxels[kept])
    assert len(slab.voxels) == 4 and not slab.voxels[count:].any()
    assert slab.findings[-1] == finding(FindingCode.SLICES_PADDED, slices=4 - count)


def test_where_the_air_is_not_zero_the_head_area_finds_the_centre_and_the_box_does_not():
    volume = _head(first=(9, 10, 15), end=(12, 40, 45))
    volume.voxels[9, 10:20] = 0
    volume.voxels[:, 0, 0] = volume.voxels[:, -1, -1] = 1
    assert central_slab(volume, 4).findings[0].values["middle"] == 1
    by_head = central_slab(volume, 4, "head area").findings[0].values
    assert (by_head["middle"], by_head["centre"]) == (11, "head area")


@pytest.mark.parametrize("series", ["philips_mprage_sag", "siemens_t1_sag", "ge_pd_ax_obl"])
def test_a_real_head_has_its_centre_of_gravity_at_the_same_mm_after_every_transform(real_data, series):
    from radiogen.imaging import read_series

    volume = read_series(real_data / "dicom" / series)
    before = place_of(volume)
    for transform, tolerance_mm in ((reorient, 1e-6), (lambda each: to_cube(each, 64), 0.3),
                                    (lambda each: to_cube(each, 100, "isotropic", 400), 1)):
        assert np.abs(place_of(transform(volume)) - before).max() < tolerance_mm
