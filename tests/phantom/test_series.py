"""The files: contrast, noise, headers, and what other readers make of them."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from radiogen.imaging import read_series
from radiogen.phantom.anatomy import draw_head, render
from radiogen.phantom.geometry import Grid, draw_grid, draw_planes, read_mix
from radiogen.phantom.headers import slice_headers
from radiogen.phantom.series import Image, _tissue_levels, draw_image, write_series
from radiogen.task import RSNA_MICCAI

from ..imaging.made.other_readers import compare, dcm2niix_volumes, simpleitk_volumes

PLANES = ("axial", "coronal", "sagittal")


def oblique_grid(plane: str, sequence: str = "T2w") -> Grid:
    """An oblique grid in this plane, its files in no order, and its matrix not square where there is such a one."""
    mix = read_mix()
    rows = np.flatnonzero(mix[f"{sequence}_plane"] == plane)
    rows = sorted(rows, key=lambda row: mix.at[row, f"{sequence}_rows"] == mix.at[row, f"{sequence}_columns"])
    for seed in range(1000):
        grid = draw_grid(np.random.default_rng(seed), sequence, int(rows[0]), 0.05, np.zeros(3))
        oblique = np.count_nonzero(np.abs(grid.affine[:3, :3]) > 1e-6) == 9
        if oblique and not np.all(np.abs(np.diff(grid.numbers)) == 1):
            return grid
    raise AssertionError("no such grid")


def write_one(folder: Path, grid: Grid, sequence: str = "T2w", noise: float = 0.03) -> Image:
    rng = np.random.default_rng(3)
    image = draw_image(rng, draw_head(rng, 0.5), sequence, grid, noise, bias=0.1)
    write_series(folder / sequence, image, grid, "00042", sequence, seed=1)
    return image


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """An oblique series in each plane: folder, grid, image."""
    written = {}
    for plane in PLANES:
        folder = tmp_path_factory.mktemp(plane)
        grid = oblique_grid(plane)
        written[plane] = folder / "T2w", grid, write_one(folder, grid)
    return written


def headers(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("plane", PLANES)
def test_read_series_finds_the_voxels_and_the_affine_and_nothing_odd(series, plane):
    folder, grid, image = series[plane]
    volume = read_series(folder)
    assert volume.findings == ()
    apart_mm, difference = compare((volume.voxels, volume.affine), (image.voxels, grid.affine))
    assert apart_mm < 1e-3
    assert difference == 0


@pytest.mark.parametrize("plane", PLANES)
def test_dcm2niix_finds_the_voxels_and_the_affine(series, plane, tmp_path):
    pytest.importorskip("dcm2niix", reason="install the extra `test` for dcm2niix")
    folder, grid, image = series[plane]
    [volume] = dcm2niix_volumes(folder, tmp_path)
    apart_mm, difference = compare((image.voxels, grid.affine), volume)
    assert apart_mm < 1e-3
    assert difference == 0


@pytest.mark.parametrize("plane", PLANES)
def test_simpleitk_finds_the_voxels_and_the_affine(series, plane):
    pytest.importorskip("SimpleITK", reason="install the extra `test` for SimpleITK")
    folder, grid, image = series[plane]
    [volume] = simpleitk_volumes(folder)
    apart_mm, difference = compare((image.voxels, grid.affine), volume)
    assert apart_mm < 1e-3
    assert difference == 0


def test_pydicom_reads_every_element_without_a_warning(series):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in sorted(series["coronal"][0].iterdir()):
            dataset = pydicom.dcmread(path)
            for element in dataset.iterall():
                assert element.value is not None or element.is_empty
            assert [element.tag for element in dataset] == sorted(element.tag for element in dataset)
            assert 85 <= len(dataset) + len(dataset.file_meta) <= 105


def test_pydicom_would_write_the_same_bytes(series, tmp_path):
    """Its writer is the judge of our encoding: value representations, padding, lengths."""
    path = series["sagittal"][0] / "Image-1.dcm"
    pydicom.dcmread(path).save_as(tmp_path / "again.dcm", enforce_file_format=True)
    assert (tmp_path / "again.dcm").read_bytes() == path.read_bytes()


def test_headers_are_the_competitions(series):
    for dataset in headers(series["axial"][0]):
        assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert dataset.SOPClassUID == pydicom.uid.MRImageStorage
        assert (dataset.PatientID, dataset.SeriesDescription, dataset.Modality) == ("00042", "T2w", "MR")
        assert dataset.SpacingBetweenSlices == 1.0
        assert dataset.BitsStored in (12, 16)
        assert dataset.WindowWidth > 0
        assert "RescaleSlope" not in dataset
        assert "RescaleIntercept" not in dataset


def test_uids_tell_slices_and_series_and_cases_apart():
    grid = oblique_grid("axial")
    read = {(case, sequence): [pydicom.filereader.dcmread(pydicom.filebase.DicomBytesIO(header + bytes(
        2 * grid.shape[1] * grid.shape[2]))) for header in slice_headers(case, sequence, grid, 12, 100, seed=1)]
        for case in ("00001", "00002") for sequence in ("T1w", "T2w")}
    everything = [dataset for each in read.values() for dataset in each]
    assert len({dataset.SOPInstanceUID for dataset in everything}) == len(everything)
    assert len({dataset.SeriesInstanceUID for dataset in everything}) == 4
    assert len({dataset.StudyInstanceUID for dataset in everything}) == 2
    for dataset in everything:
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert dataset.SOPInstanceUID.is_valid


def test_instance_numbers_follow_the_file_and_not_the_place(series):
    folder, grid, _ = series["coronal"]
    found = {int(pydicom.dcmread(path).InstanceNumber): path.name for path in folder.iterdir()}
    assert found == {number: f"Image-{number}.dcm" for number in range(1, grid.shape[0] + 1)}
    along = [float(pydicom.dcmread(folder / found[number]).SliceLocation) for number in sorted(found)]
    assert len(set(np.sign(np.diff(along)))) == 2


def test_the_label_changes_nothing_outside_the_tumour_and_nothing_in_the_header(tmp_path):
    """One generator, two sizes of the core: what differs lies within the tumour."""
    grid = oblique_grid("axial", "T1wCE")
    images, sets, inside = [], [], None
    for fraction in (0.1, 0.8):
        rng = np.random.default_rng(9)
        head = draw_head(rng, fraction)
        inside = render(head, {"rim": 1.0, "core": 1.0}, grid.affine, grid.shape, grid.thickness_mm) > 0
        images.append(draw_image(rng, head, "T1wCE", grid, 0.03, 0.1))
        write_series(tmp_path / str(fraction), images[-1], grid, "00042", "T1wCE", seed=1)
        sets.append(headers(tmp_path / str(fraction)))
    differs = images[0].voxels != images[1].voxels
    assert differs[inside].mean() > 0.5
    assert not differs[~inside].any()
    for one, two in zip(*sets, strict=True):
        one.PixelData = two.PixelData = b""
        assert one == two


def measured(sequence: str, tissue: str) -> float:
    """The mean signal where a noiseless series without shading is all of this tissue."""
    head = draw_head(np.random.default_rng(1), 0.4)
    grid = draw_grid(np.random.default_rng(2), sequence, 0, 0.3, head.centre)
    cover = render(head, {tissue: 1.0}, grid.affine, grid.shape, grid.thickness_mm)
    image = draw_image(np.random.default_rng(3), head, sequence, grid, 0.0, 0.0)
    return float(image.voxels[cover > 0.98].mean() / image.peak)


@pytest.mark.parametrize(("sequence", "brighter", "darker"), [
    ("T1w", "white", "grey"), ("T1w", "grey", "fluid"), ("T1w", "fat", "white"), ("T1w", "white", "oedema"),
    ("T1w", "white", "rim"), ("T1w", "rim", "core"), ("T1wCE", "rim", "white"), ("T1wCE", "rim", "core"),
    ("T1wCE", "blood", "white"), ("T2w", "fluid", "grey"), ("T2w", "grey", "white"), ("T2w", "oedema", "white"),
    ("T2w", "core", "rim"), ("FLAIR", "oedema", "grey"), ("FLAIR", "grey", "white"), ("FLAIR", "white", "fluid"),
    ("FLAIR", "oedema", "rim")])
def test_tissues_have_the_contrast_that_radiology_knows(sequence, brighter, darker):
    assert measured(sequence, brighter) > 1.1 * measured(sequence, darker)


def test_contrast_agent_changes_the_rim_and_the_vessels_only():
    before, after = _tissue_levels("T1w"), _tissue_levels("T1wCE")
    assert {name for name in before if after[name] - before[name] > 0.1} == {"rim", "blood"}


def test_noise_in_air_is_rayleigh_and_as_strong_as_given():
    """Rician noise without a signal: mean sigma sqrt(pi / 2), standard deviation sigma sqrt(2 - pi / 2)."""
    far = replace(oblique_grid("axial"), affine=np.diag([5.0, 1, 1, 1]) + np.eye(4)[:, [3, 3, 3, 3]] * 0)
    far.affine[:3, 3] = 1000
    image = draw_image(np.random.default_rng(1), draw_head(np.random.default_rng(1), 0.5), "T1w", far, 0.2, 0.0)
    values = image.voxels / image.peak
    assert values.mean() == pytest.approx(0.2 * np.sqrt(np.pi / 2), rel=0.02)
    assert values.std() == pytest.approx(0.2 * np.sqrt(2 - np.pi / 2), rel=0.02)


def test_shading_is_smooth_and_without_it_fat_is_even():
    head, values = draw_head(np.random.default_rng(1), 0.4), {}
    grid = draw_grid(np.random.default_rng(2), "T1w", 0, 0.2, head.centre)
    cover = render(head, {"fat": 1.0}, grid.affine, grid.shape, grid.thickness_mm) > 0.99
    for bias in (0.0, 0.3):
        image = draw_image(np.random.default_rng(3), head, "T1w", grid, 0.0, bias)
        values[bias] = image.voxels[cover] / image.peak
    assert values[0.0].std() / values[0.0].mean() < 0.01
    assert values[0.3].std() / values[0.3].mean() > 0.05


def test_every_sequence_of_drawn_cases_is_read_without_findings(tmp_path):
    for case in range(3):
        rng = np.random.default_rng([8, case])
        head = draw_head(rng, 0.5)
        for sequence, row in zip(RSNA_MICCAI.sequences, draw_planes(rng), strict=True):
            grid = draw_grid(rng, sequence, row, 0.05, head.centre)
            folder = tmp_path / f"{case}-{sequence}"
            write_series(folder, draw_image(rng, head, sequence, grid, 0.03, 0.1), grid, "00001", sequence, seed=1)
            assert read_series(folder).findings == ()
