"""A data set of NIfTI files gives the arrays that the same heads give as DICOM; the rest of the way is the same."""

import shutil

import numpy as np
import pytest

from radiogen.arrays.cache import build_caches, cache_folder
from radiogen.arrays.settings import CacheSettings
from radiogen.core.errors import UserError
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.layout import case_ids, sequences_present, series_path
from radiogen.imaging import read_series
from radiogen.imaging.export.series_export import write_nifti

NAMES = ("FLAIR", "T1wCE")
STRETCHED = (CacheSettings("cubes", NAMES, 16, "stretch", "min-max"),
             CacheSettings("slices", NAMES, 32, "stretch", "min-max"),
             CacheSettings("slices", NAMES, 32, "stretch", "min-max", window=True))
PLACED = (CacheSettings("cubes", NAMES, 16, "isotropic", "percentile", edge_mm=200.0),
          CacheSettings("cubes", NAMES, 16, "isotropic", "z-score", edge_mm=200.0, dtype="float16"))


@pytest.fixture(scope="module")
def both(small_data, tmp_path_factory):
    """`small_data`, and its copy as NIfTI: some files compressed, some not."""
    folder = tmp_path_factory.mktemp("nifti")
    dicom, nifti = folder / "dicom", folder / "nifti"
    shutil.copytree(small_data, dicom)
    for split in ("train", "test"):
        for number, case in enumerate(case_ids(dicom, split)):
            for name in sequences_present(dicom, split, case):
                series = read_series(series_path(dicom, split, case, name))
                write_nifti(nifti / split / case / f"{name}.nii{'.gz' if number % 2 else ''}", series)
    shutil.copy(dicom / "train_labels.csv", nifti)
    return dicom, nifti


def _made(both, tmp_path, settings):
    """Of both data sets the arrays by case, and the table of geometry."""
    made = []
    for data in both:
        index, = build_caches(data, [settings], tmp_path, workers=1)
        assert set(index["failed"]) == {""}
        folder = cache_folder(data, settings, tmp_path)
        made.append(({case: np.load(folder / f"{case}.npy") for case in index["case"]},
                     read_geometry(folder / "geometry.csv")))
    return made


@pytest.mark.parametrize("settings", STRETCHED, ids=lambda each: f"{each.kind} {each.window}")
def test_the_arrays_are_those_of_the_dicom_series_to_the_bit(both, tmp_path, settings):
    (dicom, geometry), (nifti, same_geometry) = _made(both, tmp_path, settings)
    assert len(dicom) > 5 and dicom.keys() == nifti.keys()
    if not settings.window:  # NIfTI has no windows, those of these series change what is black
        assert all(np.array_equal(array, nifti[case]) for case, array in dicom.items())
    assert geometry.equals(same_geometry)


@pytest.mark.parametrize("settings", PLACED, ids=lambda each: each.normalisation)
def test_resampled_arrays_are_those_of_the_dicom_series_to_a_thousandth_of_their_range(both, tmp_path, settings):
    (dicom, _), (nifti, _) = _made(both, tmp_path, settings)
    for case, array in dicom.items():
        other = nifti[case].astype(np.float64)
        step = 1 if array.dtype == np.uint8 else 0  # bytes that lie on the edge between two
        assert np.abs(array - other).max() <= max(step, 1e-3 * np.ptp(array.astype(np.float64)))
        assert np.mean(array != other) < 0.01 or not step


def test_another_nifti_file_is_another_data_set_and_its_case_is_made_again(both, tmp_path):
    data = shutil.copytree(both[1], tmp_path / "nifti")
    settings, path = STRETCHED[0], next((data / "train").glob("*/FLAIR.nii*"))
    before, mark = build_caches(data, [settings], tmp_path / "cache", workers=1)[0], data_fingerprint(data)
    volume = read_series(path)
    volume.voxels[:] = volume.voxels[::-1].copy()
    write_nifti(path, volume)
    after = build_caches(data, [settings], tmp_path / "cache", workers=1)[0]
    assert data_fingerprint(data).key != mark.key
    assert before["case"][before["sha256"] != after["sha256"]].tolist() == [path.parent.name]


def test_a_damaged_nifti_file_is_listed_with_its_code_and_a_test_case_goes_on_without_it(both, tmp_path):
    data = shutil.copytree(both[1], tmp_path / "nifti")
    for split in ("train", "test"):
        path = sorted((data / split).glob("*/FLAIR.nii"))[0]
        path.write_bytes(path.read_bytes()[:-500])
    index = build_caches(data, [STRETCHED[0]], tmp_path / "cache", workers=1)[0]
    assert index["failed_code"][index["failed"] != ""].tolist() == ["NIFTI_CUT_OFF"]
    assert (index["finding_codes"] == "FLAIR:NIFTI_CUT_OFF").sum() == 1


def test_a_sequence_that_is_there_twice_is_refused_and_one_file_is_enough(both, tmp_path):
    data = shutil.copytree(both[1], tmp_path / "nifti")
    case = case_ids(data, "train")[0]
    assert sequences_present(data, "train", case) == NAMES
    (data / "train" / case / "FLAIR").mkdir()
    with pytest.raises(UserError, match=rf"train/{case}: has more than one FLAIR: FLAIR and FLAIR\.nii"):
        data_fingerprint(data)


def test_a_missing_sequence_is_named(both, tmp_path):
    data = shutil.copytree(both[1], tmp_path / "nifti")
    path = next((data / "train").glob("*/FLAIR.nii*"))
    path.unlink()
    index = build_caches(data, [STRETCHED[0]], tmp_path / "cache", workers=1)[0]
    assert index["failed_code"][index["failed"] != ""].tolist() == ["SERIES_MISSING"]
