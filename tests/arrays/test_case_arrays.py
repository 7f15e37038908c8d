"""What a case's series become: the winner's slab, a hash of its looks, its geometry."""

import dataclasses
import re

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_voi_lut

from benchmarks.synthetic.series_files import AXIAL, planes, write_series
from radiogen.arrays.case_arrays import case_array, read_case
from radiogen.arrays.case_findings import CaseFinding
from radiogen.arrays.settings import CacheSettings
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.volume import Volume, plane

SLAB = CacheSettings("slabs", ("T1wCE",), 32, "slab", "min-max slices", dtype="float16", depth=16, window=True)
CUBES = CacheSettings("cubes", ("T1wCE",), 8, "stretch", "min-max")


def _head(shape=(24, 50, 44), seed=0):
    """A ball of smooth tissue in an air of zeros, largest in the middle slice but one."""
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, count) for count in shape), indexing="ij"))
    random = np.random.default_rng(seed)
    waves = sum(np.sin(places.transpose(1, 2, 3, 0) @ random.normal(0, 4, 3) + random.uniform(0, 6)) for _ in range(6))
    places[0] -= 2 / shape[0]
    return np.where((places ** 2).sum(axis=0) < 0.8, 300 + 60 * waves, 0).clip(0).astype(np.uint16)


def _case(folder, *settings, fast=True):
    series = read_case(dict.fromkeys(("FLAIR", "T1wCE"), folder), settings, whole=True, case="00001", fast=fast)
    return series, [case_array(each, series, whole=True) for each in settings]


def _winners(folder, count, size):
    """The winner's `load_dicom_images_3d`, from what the code says, for files whose numbers follow their positions."""
    files = sorted(folder.glob("*.dcm"), key=lambda path: [
        int(part) if part.isdigit() else part for part in re.findall(r"[^0-9]|[0-9]+", path.name)])
    images = [pydicom.dcmread(file) for file in files]
    areas = []
    for image in images:
        rows, columns = (np.flatnonzero(image.pixel_array.any(axis=axis)) for axis in (1, 0))
        areas.append(np.ptp(rows) * np.ptp(columns) if len(rows) else 0)
    middle = int(np.argmax(areas))
    slices = []
    for image in images[max(0, middle - count // 2):min(len(images), middle + count // 2)]:
        data = cv2.resize(apply_voi_lut(image.pixel_array, image), (size, size)).astype(float)
        data = data - data.min()
        slices.append(data / data.max() if data.max() > 0 else data)
    slab = np.stack(slices).T
    if slab.shape[-1] < count:
        slab = np.concatenate((slab, np.zeros((size, size, count - slab.shape[-1]))), axis=-1)
    return slab


@pytest.mark.parametrize("slices", [24, 12])
def test_a_slab_is_what_the_winners_loader_gives(tmp_path, slices):
    def change(index, dataset):
        if index != slices // 2:
            dataset.WindowCenter, dataset.WindowWidth = str(250 + 5 * index), "300"

    write_series(tmp_path, _head((slices, 50, 44)), change=change)
    _, (made,) = _case(tmp_path, SLAB)
    assert made.array.shape == (1, 16, 32, 32)
    assert np.abs(made.array[0] - _winners(tmp_path, 16, 32).T).max() < 0.01
    assert FindingCode.WINDOW_MISSING in {one.finding.code for one in made.findings}
    assert (FindingCode.SLICES_PADDED_AIR in {one.finding.code for one in made.changes}) == (slices < 16)


def test_a_slab_at_the_end_of_a_series_is_padded_behind(tmp_path):
    voxels = np.zeros((20, 16, 16), np.uint16)
    voxels[18, 2:14, 2:14] = np.arange(144).reshape(12, 12)
    write_series(tmp_path, voxels, WindowCenter="70", WindowWidth="200")
    _, (made,) = _case(tmp_path, SLAB)
    assert np.abs(made.array[0] - _winners(tmp_path, 16, 32).T).max() < 0.01
    assert made.array[0, 8].any() and not made.array[0, 10:].any()
    assert made.changes[0] == CaseFinding("T1wCE", Finding(FindingCode.SLAB_OF_SLICES, (), {
        "first": 11, "last": 20, "total": 20, "middle": 19}))


def test_without_its_window_a_slab_is_another(tmp_path):
    write_series(tmp_path, _head(), WindowCenter="250", WindowWidth="100")
    _, (made, plain) = _case(tmp_path, SLAB, CacheSettings("slabs", ("T1wCE",), 32, "slab", "min-max slices",
                                                           dtype="float16", depth=16))
    assert np.abs(made.array.astype(float) - plain.array).max() > 0.2


def test_a_window_also_reaches_cubes_and_slices(tmp_path):
    write_series(tmp_path, _head(), WindowCenter="250", WindowWidth="100")
    for kind in ("cubes", "slices"):
        _, (windowed, plain) = _case(tmp_path, *(CacheSettings(
            kind, ("T1wCE",), 16, "stretch", "min-max", window=window) for window in (True, False)))
        assert windowed.array.shape == plain.array.shape
        assert (windowed.array == 255).mean() > (plain.array == 255).mean() + 0.05


def _hash(folder, voxels, *settings, affine=AXIAL, fast=True):
    if not folder.exists():
        write_series(folder, voxels, affine)
    series, _ = _case(folder, *(settings or (CUBES,)), fast=fast)
    return int(series["T1wCE"].perceptual_hash[:64], 16)


def _bits(one, other):
    return (one ^ other).bit_count()


def test_the_same_pixels_have_the_same_perceptual_hash_whatever_the_recipe(tmp_path):
    voxels = _head((60, 50, 44))
    hashes = {_hash(tmp_path / "series", voxels, *settings, fast=fast) for fast in (True, False) for settings in (
        (CUBES,), (SLAB,), (CUBES, SLAB), (CacheSettings("slices", ("T1wCE",), 16, "isotropic", "min-max"),),
        (CacheSettings("cubes", ("T1wCE",), 8, "isotropic", "percentile", edge_mm=40.0),))}
    assert len(hashes) == 1
    assert 0 < hashes.pop() < 2**256


@pytest.mark.parametrize("change", [
    lambda voxels: voxels * 3 + 7,
    lambda voxels: np.rint(255 * (voxels / voxels.max()) ** 0.9).astype(np.uint8),
    lambda voxels: voxels + np.random.default_rng(1).normal(0, 0.01 * voxels.max(), voxels.shape).clip(0),
    lambda voxels: np.stack([cv2.resize(each, None, fx=1.03, fy=1.03, interpolation=cv2.INTER_AREA)
                             for each in voxels.astype(np.uint16)]),
    lambda voxels: np.repeat(voxels, 2, axis=0),
], ids=["brighter", "8 bits and another gamma", "noise of 1 %", "3 % larger", "twice the slices"])
def test_a_copy_in_another_form_differs_in_few_bits(tmp_path, change):
    voxels = _head((40, 70, 64))
    copy = change(voxels.astype(float))
    copy = copy if copy.dtype == np.uint8 else np.rint(copy).astype(np.uint16)
    assert _bits(_hash(tmp_path / "one", voxels), _hash(tmp_path / "two", copy)) <= 10


def test_different_heads_differ_in_many_bits(tmp_path):
    hashes = [_hash(tmp_path / str(seed), _head(seed=seed)) for seed in range(6)]
    assert min(_bits(one, other) for one in hashes for other in hashes if one is not other) > 20


@pytest.mark.parametrize(("name", "affine"), dict(planes()).items())
@pytest.mark.parametrize("settings", [CUBES, SLAB], ids=["streamed", "volume"])
def test_the_geometry_of_a_series_is_that_of_its_affine(tmp_path, name, affine, settings):
    write_series(tmp_path, _head((18, 20, 24)), affine)
    series, _ = _case(tmp_path, settings)
    output = series["T1wCE"].geometry
    assert output["plane"] == plane(Volume(np.zeros((1, 1, 1)), affine))
    assert name.startswith(output["plane"]) or name == "doubly oblique"
    assert [output[each] for each in ("slices", "rows", "columns")] == [18, 20, 24]
    assert np.allclose([output["slice_spacing_mm"], output["row_mm"], output["column_mm"]], [2.5, 0.75, 0.5], atol=2e-4)


def test_a_series_that_tells_no_place_has_a_matrix_but_no_plane(tmp_path):
    write_series(tmp_path, _head((18, 20, 24)), ImagePositionPatient=None)
    series, _ = _case(tmp_path, CUBES)
    output = series["T1wCE"].geometry
    assert (output["slices"], output["rows"], output["columns"]) == (18, 20, 24)
    assert output["plane"] is output["slice_spacing_mm"] is output["row_mm"] is None


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
@pytest.mark.parametrize(("kind", "geometry"), [("cubes", "stretch"), ("slices", "stretch"), ("slices", "isotropic")])
def test_an_array_made_while_files_are_read_is_the_one_made_of_the_volume(tmp_path, kind, geometry, dtype):
    write_series(tmp_path, _head((30, 50, 44)))
    wanted = CacheSettings(kind, ("T1wCE",), 16, geometry, "min-max", 5 if kind == "slices" else None, dtype=dtype)
    series, (alone,) = _case(tmp_path, wanted)
    assert series["T1wCE"].volume is None
    for fast in (True, False):
        series, (with_volume, _) = _case(tmp_path, wanted, SLAB, fast=fast)
        assert series["T1wCE"].volume is not None
        assert alone.slices == with_volume.slices and alone.array.tobytes() == with_volume.array.tobytes()


def test_settings_with_the_same_target_share_its_stack_and_get_their_own_dtype(tmp_path):
    write_series(tmp_path, _head())
    halves = dataclasses.replace(CUBES, dtype="float16")
    series, (whole, half) = _case(tmp_path, CUBES, halves)
    assert len(series["T1wCE"].resized.stacks) == 3  # two are of the hash
    assert (whole.array.dtype, half.array.dtype) == (np.uint8, np.float16)
    assert np.abs(whole.array / 255 - half.array.astype(float)).max() < 0.01


def test_a_series_without_a_position_is_left_out_of_isotropic_slices_alone(tmp_path):
    write_series(tmp_path, _head(), ImagePositionPatient=None)
    isotropic, stretched = (CacheSettings("slices", ("T1wCE",), 16, geometry, "min-max")
                            for geometry in ("isotropic", "stretch"))
    series = read_case({"T1wCE": tmp_path}, [isotropic, stretched], whole=False, case="00001")
    assert case_array(isotropic, series, whole=False) is None
    assert case_array(stretched, series, whole=False).array.shape == (24, 16, 16)
