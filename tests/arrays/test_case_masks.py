"""What a mask of the tumour makes of a case's arrays, in every geometry, and what is said of one that does not fit."""

import numpy as np
import pytest

from radiogen.arrays.cache import build_caches, cache_folder
from radiogen.arrays.case_arrays import case_array, read_case
from radiogen.arrays.case_findings import unused_sequences
from radiogen.arrays.settings import CacheSettings, MaskSettings
from radiogen.core.errors import UserError
from radiogen.imaging import read_series
from radiogen.imaging.cubes import grid_around
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.intensity import normalise
from radiogen.imaging.resampling import resample_to
from radiogen.imaging.volume import Volume
from tests.arrays.masked_data import AXIAL, CORONAL, GRIDS, RADIUS_MM, ball, centre_of, write_data, write_mask

NAMES = ("FLAIR", "T1wCE")


def _cubes(mask=MaskSettings("tumour", 6.0, channel=True), **settings):
    return CacheSettings(**{"kind": "cubes", "sequences": NAMES, "size": 16, "geometry": "isotropic", "edge_mm": 200.0,
                            "normalisation": "percentile", "mask": mask, **settings})


def _stretched(kind="cubes", mask=MaskSettings("tumour", 6.0), **settings):
    return CacheSettings(**{"kind": kind, "sequences": NAMES, "size": 16, "geometry": "stretch",
                            "normalisation": "min-max", "mask": mask, **settings})


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


def _made(data, settings, number=0, whole=True, values=None):
    case = data / ("train" if number < 3 else "test") / f"{number:05d}"
    mask = case / "mask.nii.gz"
    folders = {name: case / name for name in settings.sequences} | {"mask": mask if mask.exists() else None}
    series = read_case(folders, [settings], whole=whole, case=case.name, mask_values=values or {})
    return case_array(settings, series, whole=whole, case=case.name)


def _codes(found):
    return {f"{one.sequence}:{one.finding.code.name}" for one in found}


@pytest.mark.parametrize("number", [0, 2])
def test_every_sequence_shows_the_tumour_where_the_mask_is(data, number):
    made = _made(data, _cubes(), number)
    tumour = made.array[-1] == 255
    assert made.array.shape == (3, 16, 16, 16) and set(np.unique(made.array[-1])) == {0, 255}
    for cube in made.array[:-1]:
        assert np.median(cube[tumour]) > 200 > 130 > np.median(cube[~tumour])
    assert tumour[8, 8, 8] and np.abs(np.argwhere(tumour).mean(axis=0) - 7.5).max() < 0.6


def test_the_cube_is_as_wide_as_the_box_and_its_margin_or_as_wide_as_settings_say(data):
    box = np.abs(_made(data, _cubes()).grid[:3, :3]).max() * 16
    assert 2 * RADIUS_MM + 12 - 8 < box < 2 * RADIUS_MM + 12 + 8  # voxels of 4 and 5 mm
    fixed = _made(data, _cubes(MaskSettings("tumour", crop_edge_mm=80.0)))
    assert np.allclose(np.linalg.norm(fixed.grid[:3, :3], axis=0), 5)
    assert "mask:TUMOUR_CUT_OFF" not in _codes(fixed.changes)
    assert "mask:TUMOUR_CUT_OFF" in _codes(_made(data, _cubes(MaskSettings("tumour", crop_edge_mm=12.0))).changes)


def test_intensities_are_those_of_the_whole_head(data):
    made = _made(data, _cubes(MaskSettings("tumour", crop_edge_mm=64.0)))
    whole = read_series(data / "train" / "00000" / "T1wCE")
    scaled = Volume(normalise(whole.voxels, "percentile"), whole.affine)
    wanted = resample_to(scaled, made.grid, (16,) * 3).voxels
    assert np.abs(made.array[1] / 255 - wanted).max() < 0.5 / 255 + 1e-5


@pytest.mark.parametrize(("normalisation", "dtype"), [("percentile", "uint8"), ("z-score", "float16")])
def test_outside_of_the_mask_all_is_air_where_nothing_but_the_tumour_is_wanted(data, normalisation, dtype):
    own = {"normalisation": normalisation, "dtype": dtype}
    alone = _made(data, _cubes(MaskSettings("tumour-only", 6.0, channel=True), **own)).array
    crop = _made(data, _cubes(MaskSettings("tumour", 6.0, channel=True), **own)).array
    tumour = crop[-1] > 0
    for name, cube, around in zip(NAMES, alone, crop, strict=False):
        voxels = normalise(read_series(data / "train" / "00000" / name).voxels, normalisation)
        air = 0 if dtype == "uint8" else np.float16(voxels.min())
        assert np.unique(cube[~tumour]).tolist() == [air]
        assert np.array_equal(cube[tumour], around[tumour])


def test_a_mask_as_a_channel_of_the_whole_head_leaves_the_other_channels_as_they_are(data):
    plain, masked = _made(data, _cubes(None)), _made(data, _cubes(MaskSettings(channel=True)))
    assert np.array_equal(masked.array[:-1], plain.array)
    places = np.argwhere(masked.array[-1] == 255) @ plain.grid[:3, :3].T + plain.grid[:3, 3]
    assert np.linalg.norm(places - centre_of(0), axis=1).max() < RADIUS_MM + 4.5  # half a voxel of the mask


@pytest.mark.parametrize("grid", [AXIAL, CORONAL], ids=["axial", "coronal"])
def test_a_series_is_cropped_to_the_box_and_the_margin_on_its_own_grid(data, grid):
    write_mask(data / "train" / "00000", 0, grid)
    made = _made(data, _stretched())
    for name, affine in GRIDS.items():
        finding = next(one.finding for one in made.changes
                       if one.sequence == name and one.finding.code.name == "CROPPED_TO_TUMOUR")
        steps = np.linalg.norm(affine[:3, :3], axis=0)
        middle = np.linalg.solve(affine[:3, :3], centre_of(0) - affine[:3, 3])
        for axis, (_, first, last, _) in enumerate(finding.values["axes"]):
            wide = (RADIUS_MM + 6) / steps[axis]  # and half a voxel of either grid, and the margin rounded up
            assert abs(first - 1 - (middle[axis] - wide)) < 2.5 and abs(last - 1 - (middle[axis] + wide)) < 2.5


def test_a_stretched_cube_shows_the_tumour_in_its_middle_and_dark_corners_without_its_surroundings(data):
    for region in ("tumour", "tumour-only"):
        made = _made(data, _stretched(mask=MaskSettings(region, 6.0)))
        assert made.array.shape == (2, 16, 16, 16)
        for cube in made.array:
            assert cube[8, 8, 8] == 255
            assert (cube[0, 0, 0] == 0) == (region == "tumour-only")


def test_the_mask_of_a_stretched_cube_lies_on_its_grid(data):
    mask = MaskSettings("tumour", 6.0, channel=True)
    cube, tumour = _made(data, _stretched(sequences=("FLAIR",), mask=mask)).array
    assert set(np.unique(tumour)) == {0, 255}
    assert np.median(cube[tumour == 255]) > 200 and np.median(cube[tumour == 0]) < 130


@pytest.mark.parametrize("geometry", ["stretch", "isotropic"])
def test_only_slices_that_show_the_tumour_are_taken(data, geometry):
    write_mask(data / "train" / "00000", 0)
    made = _made(data, _stretched("slices", geometry=geometry))
    counts = dict(part.split(":") for part in made.slices.split())
    shown = {name: int(ball(0, affine).any(axis=(1, 2)).sum()) for name, affine in GRIDS.items()}
    assert int(counts["T1wCE"]) == shown["T1wCE"] and abs(int(counts["FLAIR"]) - shown["FLAIR"]) <= 2
    assert made.array.shape == (sum(map(int, counts.values())), 16, 16)
    assert (made.array[-int(counts["T1wCE"]):].max(axis=(1, 2)) == 255).all()


def test_a_training_case_without_a_mask_is_an_error_that_names_both_ways_out(data):
    (data / "train" / "00001" / "mask.nii.gz").unlink()
    index, = build_caches(data, [_cubes()], data.parent / "cache", workers=1)
    failed = index.set_index("case")["failed"]
    assert [bool(failed[case]) for case in ("00000", "00001", "00002", "00003")] == [False, True, False, False]
    assert "mask" in failed["00001"] and "--leave-out 00001" in failed["00001"]
    assert "--without-mask head" in failed["00001"]


def test_where_it_is_allowed_a_case_without_a_mask_shows_its_whole_head(data):
    (data / "train" / "00001" / "mask.nii.gz").unlink()
    for region in ("tumour", "tumour-only"):
        made = _made(data, _cubes(MaskSettings(region, 6.0, channel=True, without="head")), 1)
        assert np.array_equal(made.array[:-1], _made(data, _cubes(None), 1).array)
        assert not made.array[-1].any() and "mask:MASK_MISSING" in _codes(made.findings)
    slices = _made(data, _stretched("slices", MaskSettings("tumour", without="head")), 1)
    assert np.array_equal(slices.array, _made(data, _stretched("slices", None), 1).array)


def test_a_test_case_without_a_mask_shows_its_whole_head_and_the_index_says_so(data):
    (data / "test" / "00003" / "mask.nii.gz").unlink()
    index, = build_caches(data, [_cubes()], data.parent / "cache", workers=1)
    row = index.set_index("case").loc["00003"]
    assert not row["failed"] and unused_sequences(row["finding_codes"]) == ["mask"]


def test_a_data_set_without_any_mask_is_refused_before_anything_is_read(data):
    for path in data.rglob("mask.nii.gz"):
        path.unlink()
    with pytest.raises(UserError, match="no case has a mask"):
        build_caches(data, [_cubes()], data.parent / "cache", workers=1)


def _moved(affine, by_mm):
    away = affine.copy()
    away[0, 3] += by_mm
    return away


@pytest.mark.parametrize(("voxels", "affine", "code"), [
    (np.zeros((4, 5, 6), np.uint8), AXIAL, "MASK_EMPTY"), (np.full((4, 5, 6), 0.3), AXIAL, "SERIES_BLANK"),
    (np.linspace(0, 1, 120).reshape(4, 5, 6), AXIAL, "MASK_NOT_LABELS"),
    (ball(0, AXIAL).astype(np.uint8), _moved(AXIAL, 500), "MASK_OUTSIDE"),
    (ball(0, AXIAL)[:-1].astype(np.uint8), None, "MASK_OTHER_SHAPE")],
    ids=["empty", "everywhere", "probabilities", "outside", "another shape"])
def test_a_mask_that_does_not_fit_is_an_error_in_training_and_a_finding_in_the_test_set(data, voxels, affine, code):
    for case in (data / "train" / "00000", data / "test" / "00003"):
        write_nifti(case / "mask.nii.gz", Volume(voxels, affine))
    settings = _stretched()
    with pytest.raises(UserError):
        _made(data, settings)
    made = _made(data, settings, 3, whole=False)
    assert f"mask:{code}" in _codes(made.findings)
    assert np.array_equal(made.array, _made(data, _stretched(mask=None), 3, whole=False).array)


def test_a_mask_that_reaches_beyond_a_series_is_used_and_reported(data):
    stripes = (np.arange(40) % 2 * np.ones((40, 40, 1))).astype(np.uint8)
    write_nifti(data / "train" / "00001" / "mask.nii.gz", Volume(stripes, grid_around(np.zeros(3), 40, 400.0)))
    assert "T1wCE:MASK_BEYOND_SERIES" in _codes(_made(data, _stretched(), 1).findings)


def test_a_mask_that_does_not_say_where_it_lies_is_laid_over_the_series_of_its_shape(data):
    placed = _made(data, _stretched(sequences=("T1wCE",)))
    write_mask(data / "train" / "00000", 0, None)
    made = _made(data, _stretched(sequences=("T1wCE",)))
    assert np.array_equal(made.array, placed.array)
    assert "mask:MASK_BY_INDEX" in _codes(made.findings)


def test_which_numbers_are_tumour_is_the_data_sets_to_say(data):
    case = data / "train" / "00000"
    voxels = ball(0, AXIAL).astype(np.uint8) * 4
    voxels[:, :, :4] = 2
    write_nifti(case / "mask.nii.gz", Volume(voxels, AXIAL))
    settings = _cubes()
    only = _made(data, settings, values={"enhancing": (4,)})
    assert "mask:MASK_VALUES_UNNAMED" in _codes(only.findings)
    assert np.abs(np.argwhere(only.array[-1]).mean(axis=0) - 7.5).max() < 0.6
    both = _made(data, settings, values={"enhancing": (4,), "other": (2,)})
    assert np.abs(both.grid[:3, :3]).max() > 2 * np.abs(only.grid[:3, :3]).max()


def test_recipes_without_a_mask_find_the_arrays_of_versions_before_there_were_masks():
    """The keys are those of commit b52ad23."""
    assert CacheSettings("cubes", ("FLAIR", "T1w"), 64, "isotropic", "percentile", edge_mm=176.0).key == "c7d78a0006"
    assert CacheSettings("slices", ("T1wCE",), 224, "stretch", "min-max").key == "67b65a7dc5"
    assert _cubes().key != _cubes(None).key != _cubes(MaskSettings("tumour-only")).key


def test_masks_that_come_or_change_leave_the_arrays_that_use_none_where_they_are(data):
    path, cache = data / "train" / "00001" / "mask.nii.gz", data.parent / "cache"
    plain, masked = cache_folder(data, _cubes(None), cache), cache_folder(data, _cubes(), cache)
    before, = build_caches(data, [_cubes()], cache, workers=1)
    write_mask(path.parent, 1, CORONAL)
    assert cache_folder(data, _cubes(None), cache) == plain
    changed = cache_folder(data, _cubes(), cache)
    assert changed != masked
    after, = build_caches(data, [_cubes()], cache, workers=1)
    assert before["case"][before["sha256"] != after["sha256"]].tolist() == ["00001"]
    assert (masked / "00000.npy").samefile(changed / "00000.npy")
    path.unlink()
    assert cache_folder(data, _cubes(), cache) not in (masked, changed)


def test_other_meanings_of_the_numbers_make_other_arrays(data):
    cache, settings = data.parent / "cache", _cubes(MaskSettings("tumour", 6.0, channel=True, without="head"))
    for number in range(3):
        voxels = ball(number, AXIAL).astype(np.uint8)
        voxels[:16] *= 2
        write_nifti(data / "train" / f"{number:05d}" / "mask.nii.gz", Volume(voxels, AXIAL))
    before, = build_caches(data, [settings], cache, workers=1)
    text = '{"id_column": "BraTS21ID", "label_column": "MGMT_value", "mask_values": {"upper": [1]}}'
    (data / "dataset.json").write_text(text)
    after, = build_caches(data, [settings], cache, workers=1)
    assert (before["sha256"] != after["sha256"]).tolist() == [True, True, True, False]


def test_a_mask_that_changes_while_it_is_read_is_refused(data, monkeypatch):
    from radiogen.arrays import cache

    def read(*arguments, **options):
        write_mask(data / "train" / "00000", 0, CORONAL)
        return read_case(*arguments, **options)

    monkeypatch.setattr(cache, "read_case", read)
    with pytest.raises(UserError):
        build_caches(data, [_cubes()], data.parent / "cache", workers=1)
