"""Both paths on real series, as they are and turned into every other kind; and how many the compiled path takes."""

import functools
import shutil

import numpy as np
import pytest

from benchmarks.synthetic.transcoding import ONE_VOLUME_ONLY, VARIANTS, images, transcode
from radiogen.imaging import SeriesError, Volume, read_series
from radiogen.imaging.findings import FindingCode, codes

from ..made.both_paths import agree, assert_slices_are_frames, frames_by_pydicom, is_uncompressed, reader_of

FEW_SERIES, FEW_FILES = 2, 6
"""As many series, and files of each, the default run turns into other kinds; the slow one takes all."""
LEAST_SHARE = 0.95


def _folders(real_data):
    """Every real series; of `siemens_ts_matrix`, one mosaic in nine transfer syntaxes, each file by itself."""
    folders = sorted(path for path in (real_data / "dicom").iterdir() if path.is_dir())
    alone = [path for path in folders if path.name == "siemens_ts_matrix"]
    return [*(path for path in folders if path not in alone), *(file for path in alone for file in path.iterdir()),
            *sorted((real_data / "tcga_lgg_side").glob("t*/*/*"))[:12]]


def _is_one(volume) -> bool:
    """Whether a series was one volume, and not several at the same places."""
    return FindingCode.VOLUMES not in codes(volume.findings)


@functools.cache
def _sources(real_data, most_files):
    """Whole, classic, uncompressed series with an affine; with `most_files`, those of no more."""
    folders = [folder for folder in _folders(real_data) if folder.is_dir() and not folder.name.startswith("bad")
               and 2 < len(list(folder.iterdir())) <= most_files and is_uncompressed(folder)]
    sources = []
    for folder in folders:
        try:
            volume = read_series(folder)
        except SeriesError:
            continue
        if volume.affine is not None and len(images(folder)) > 2:
            sources.append(folder)
    return sources


def test_both_paths_agree_on_every_real_series(real_data):
    for folder in _folders(real_data):
        agree(folder)


def test_every_slice_of_a_real_series_is_the_pixel_array_of_pydicom_at_its_place(real_data):
    compared = 0
    for folder in _folders(real_data):
        name = folder.name
        if "mosaic" in name or folder.is_file() or name in ("bad_missing_slices", "bad_truncated", "bad_not_dicom"):
            continue  # tiles and interpolated slices are no frames; pydicom decodes no truncated file
        if not is_uncompressed(folder):
            continue  # pydicom has no decoder of its own; test_series_judged.py compares those with SimpleITK
        try:
            volume = read_series(folder)
        except SeriesError:
            continue
        if volume.affine is not None:
            assert_slices_are_frames(volume, frames_by_pydicom(folder))
            compared += 1
    assert compared >= 12


def test_nearly_every_uncompressed_real_series_of_one_volume_takes_the_compiled_path(real_data):
    readers = {}
    for folder in _folders(real_data):
        try:
            volume = read_series(folder)
        except SeriesError:
            continue
        if volume.affine is not None and _is_one(volume) and is_uncompressed(folder):
            readers["/".join(folder.parts[-3:])] = reader_of(volume)
    left = {name: reader.reason for name, reader in readers.items() if reader.name != "fast"}
    assert len(readers) >= 15
    assert len(left) <= (1 - LEAST_SHARE) * len(readers), left


@pytest.mark.parametrize("kind", VARIANTS)
def test_a_few_slices_of_each_real_series_turned_into_another_kind_stay_the_same_volume(real_data, tmp_path, kind):
    _assert_unchanged(real_data, tmp_path, kind, few=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", VARIANTS)
def test_every_real_series_turned_into_another_kind_stays_the_same_volume(real_data, tmp_path, kind):
    _assert_unchanged(real_data, tmp_path, kind, few=False)


@pytest.mark.parametrize("kind", VARIANTS)
def test_a_real_series_turned_into_another_kind_takes_the_compiled_path(real_data, tmp_path, kind):
    transcode(real_data / "dicom" / "siemens_t1_sag", tmp_path / "out", kind, np.random.default_rng(28))
    reader = reader_of(read_series(tmp_path / "out"))
    assert reader.name == "fast", reader.reason
    assert not reader.reason


def _assert_unchanged(real_data, room, kind, *, few):
    sources = _sources(real_data, 60 if few else 1000)
    assert len(sources) >= FEW_SERIES
    for number, source in enumerate(sources[:FEW_SERIES] if few else sources):
        folder = source
        if few:
            folder = room / f"{number}-few"
            folder.mkdir()
            for path in images(source)[:FEW_FILES]:
                shutil.copyfile(path, folder / path.name)
        original = agree(folder)
        transcode(folder, room / f"{number}", kind, np.random.default_rng([28, number]))
        volume = agree(room / f"{number}")
        shutil.rmtree(room / f"{number}")
        if not isinstance(original, Volume) or (kind in ONE_VOLUME_ONLY and not _is_one(original)):
            continue
        assert np.array_equal(volume.voxels, original.voxels), source.name
        assert volume.voxels.dtype == original.voxels.dtype
        np.testing.assert_array_equal(volume.affine, original.affine)
