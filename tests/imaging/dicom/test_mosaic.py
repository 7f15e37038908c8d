"""Mosaics, Siemens's and United Imaging's, are cut into their slices, each in its own place."""

import struct

import numpy as np
import pydicom
import pytest
from pydicom import uid

from benchmarks.synthetic.series_files import AXIAL, pattern, write_series
from radiogen.imaging import read_series, read_volumes
from radiogen.imaging.dicom.mosaic import _parse_csa
from radiogen.imaging.findings import FindingCode

from ..made.expected import everywhere, finding, refused
from ..made.other_readers import compare, dcm2niix_volumes


def protocol(*lines: str, tra: list[float] = (30, 33, 36, 39, 42)) -> bytes:
    """A protocol of slices at these places; as in Siemens's own, numbers that are 0 are left out."""
    places = [f"sSliceArray.asSlice[{index}].sPosition.dTra\t = \t{place}" for index, place in enumerate(tra) if place]
    normals = [f"sSliceArray.asSlice[{index}].sNormal.dTra = 1.0" for index in range(len(tra))]
    return "\n".join([*places, *normals, *lines]).encode()


SLAB = ("sSliceArray.lSize = 1", "sSliceArray.asSlice[0].dThickness = 15.45", "sKSpace.lImagesPerSlab = 5")
"""A three-dimensional measurement of five slices, 3.09 mm apart."""


def csa(values: dict[str, list[str]], newer: bool = True) -> bytes:
    """A CSA header; the older kind counts the lengths of items from the number of items of the first element."""
    content = b"SV10\4\3\2\1" if newer else b""
    content += struct.pack("<II", len(values), 77)
    first_items = 6
    for name, texts in values.items():
        content += struct.pack("<64si4siii", name.encode(), len(texts), b"FD\0\0", 3, first_items, 77)
        for item in range(first_items):
            text = texts[item].encode() + b"\0" if item < len(texts) else b""
            lengths = (77, len(text), 77, 77) if newer else (len(text) + first_items, 0, 77, 77)
            content += struct.pack("<4i", *lengths) + text + b"\0" * (-len(text) % 4)
    return content


def write_mosaic(folder, voxels: np.ndarray, affine: np.ndarray = AXIAL, *, normal=(0, 0, 1), newer: bool = True,
                 with_csa: bool = True, series: bytes | None = None, **header):
    """Five slices as tiles of a 3 x 3 mosaic, with the position that Siemens writes for it."""
    count, rows, columns = voxels.shape
    mosaic = np.zeros((3 * rows, 3 * columns), voxels.dtype)
    for index in range(count):
        top, left = index // 3 * rows, index % 3 * columns
        mosaic[top:top + rows, left:left + columns] = voxels[index]
    corner = affine[:3, 3] - affine[:3, 1] * rows - affine[:3, 2] * columns

    def change(_, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
        dataset.ImagePositionPatient = list(corner)
        if with_csa:
            image = csa({"NumberOfImagesInMosaic": [str(count)], "SliceNormalVector": list(map(str, normal))}, newer)
            dataset.add_new(0x00290010, "LO", "SIEMENS CSA HEADER")
            dataset.add_new(0x00291010, "OB", image + b"\0" * (len(image) % 2))
            content = protocol() if series is None else series
            dataset.add_new(0x00291020, "OB", content + b"\n" * (2 - len(content) % 2))

    return write_series(folder, mosaic[None], affine, change=change, **header)


@pytest.mark.parametrize("newer", [True, False])
def test_tiles_become_slices_in_their_places(tmp_path, newer):
    write_mosaic(tmp_path, pattern(), newer=newer)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert np.allclose(volume.affine, AXIAL)


def test_a_slice_normal_against_the_cross_product_turns_the_order(tmp_path):
    write_mosaic(tmp_path, pattern(), normal=(0, 0, -1))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern()[::-1])
    assert volume.affine[2, 3] == pytest.approx(30 - 4 * 3)


def test_a_mosaic_without_its_private_header_is_refused(tmp_path):
    write_mosaic(tmp_path, pattern(), with_csa=False)
    with refused(FindingCode.NO_USABLE_IMAGE, causes=(finding(FindingCode.MOSAIC_WITHOUT_HEADER, "Image-1.dcm"),)):
        read_series(tmp_path)


def test_a_mosaic_without_its_protocol_has_no_affine_and_keeps_its_order(tmp_path):
    path = write_mosaic(tmp_path, pattern())[0]
    dataset = pydicom.dcmread(path)
    del dataset[0x00291020]
    dataset.save_as(path)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.affine is None


def three_d(step: float = 3.09) -> np.ndarray:
    affine = AXIAL.copy()
    affine[2, 0] = step
    return affine


@pytest.mark.parametrize("dimension", ["0x4", "4"])
def test_a_slab_is_shared_out_among_its_slices(tmp_path, dimension):
    lines = (*SLAB, f"sKSpace.ucDimension = {dimension}")
    write_mosaic(tmp_path, pattern(), three_d(), series=protocol(*lines, tra=[36]))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert np.allclose(volume.affine, three_d())
    assert volume.findings == ()


@pytest.mark.parametrize("normal", [(0, 0, 1), (0, 0, -1)])
def test_a_slab_lies_where_dcm2niix_puts_it(tmp_path, normal):
    pytest.importorskip("dcm2niix")
    series = protocol(*SLAB, "sKSpace.ucDimension = 0x4", tra=[36])
    write_mosaic(tmp_path / "in", pattern((5, 12, 16)), three_d(), normal=normal, series=series, Manufacturer="SIEMENS",
                 SliceThickness="3.09", SpacingBetweenSlices=None, SeriesNumber=1, MRAcquisitionType="3D")
    ours = read_series(tmp_path / "in")
    (theirs,) = dcm2niix_volumes(tmp_path / "in", tmp_path / "out")
    apart_mm, off = compare((ours.voxels, ours.affine), theirs)
    assert apart_mm < 1e-3 and off == 0


@pytest.mark.parametrize(("lines", "tra", "problem"), [
    (("sSliceArray.lSize = 2", "sSliceArray.asSlice[0].dThickness = 9", "sKSpace.lImagesPerSlab = 5",
      "sKSpace.ucDimension = 0x4"), [20, 60], everywhere(FindingCode.MOSAIC_SLABS, 1, slabs=2)),
    (("sSliceArray.lSize = 1", "sSliceArray.asSlice[0].dThickness = 9", "sKSpace.lImagesPerSlab = 40",
      "sKSpace.ucDimension = 0x4"), [36], everywhere(FindingCode.MOSAIC_SLAB_UNCLEAR, 1, tiles=5)),
    (("sSliceArray.lSize = 1", "sKSpace.ucDimension = 0x4"), [36],
     everywhere(FindingCode.MOSAIC_SLAB_UNCLEAR, 1, tiles=5)),
    ((), [30, 33, 36], everywhere(FindingCode.MOSAIC_OTHER_COUNT, 1, tiles=5, declared=3)),
    ((), [30, 33, 36, 60, 63], everywhere(FindingCode.MOSAIC_UNEVEN, 1, low_mm=3.0, high_mm=24.0))],
    ids=["slabs", "a slab of more images", "no thickness", "fewer slices", "uneven"])
def test_what_a_protocol_leaves_unclear_is_reported_and_gives_no_affine(tmp_path, lines, tra, problem):
    write_mosaic(tmp_path, pattern(), series=protocol(*lines, tra=tra))
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.affine is None
    assert problem in volume.findings


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_slice_in_the_middle_of_the_magnet_has_no_position_in_the_protocol_and_is_counted(tmp_path, place):
    affine = AXIAL.copy()
    affine[2, 3] = -3 * place
    write_mosaic(tmp_path, pattern(), affine, series=protocol(tra=[3 * (index - place) for index in range(5)]))
    assert np.allclose(read_series(tmp_path).affine, affine)


def test_a_mosaic_of_which_only_the_number_of_slices_is_left_is_cut_and_has_no_affine(tmp_path):
    path = write_mosaic(tmp_path, pattern(), with_csa=False)[0]
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    dataset.add_new(0x0019100A, "US", 5)
    dataset.save_as(path)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.affine is None


def write_vframe(folder, voxels: np.ndarray, affine: np.ndarray = AXIAL, *, items: int | None = None,
                 private: bool = True, **header):
    """Slices as tiles of ceil(sqrt(n)) columns and as many rows as it takes, as United Imaging writes them."""
    count, rows, columns = voxels.shape
    across = int(np.ceil(np.sqrt(count)))
    grid = np.zeros((-(-count // across) * rows, across * columns), voxels.dtype)
    for index in range(count):
        top, left = index // across * rows, index % across * columns
        grid[top:top + rows, left:left + columns] = voxels[index]

    def change(_, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "VFRAME"]
        frames = []
        for index in range(count if items is None else items):
            frames.append(pydicom.Dataset())
            frames[-1].ImagePositionPatient = [f"{each:.6f}" for each in (affine @ [index, 0, 0, 1])[:3]]
        if private:
            dataset.add_new(0x0065_0010, "LO", "Image Private Header")
            dataset.add_new(0x0065_1050, "DS", str(count))
            dataset.add_new(0x0065_1051, "SQ", frames)

    return write_series(folder, grid[None], affine, change=change, **header)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.RLELossless])
@pytest.mark.parametrize("count", [2, 5, 6, 9])
def test_the_tiles_of_united_imaging_become_slices_in_their_places(tmp_path, count, syntax):
    voxels = pattern((count, 6, 8))
    write_vframe(tmp_path, voxels, syntax=syntax)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert np.allclose(volume.affine, AXIAL)
    assert volume.findings == ()


def test_a_sequence_whose_representation_was_lost_is_read(tmp_path):
    path = write_vframe(tmp_path, pattern((5, 6, 8)), syntax=uid.ImplicitVRLittleEndian)[0]
    dataset = pydicom.dcmread(path)
    with pydicom.filebase.DicomBytesIO() as items:
        items.is_implicit_VR = items.is_little_endian = True
        for item in pydicom.dcmread(write_vframe(tmp_path / "explicit", pattern((5, 6, 8)))[0])[0x0065_1051].value:
            pydicom.filewriter.write_sequence_item(items, item, ["iso8859"])
        content = items.getvalue()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset[0x0065_1051] = pydicom.DataElement(0x0065_1051, "UN", content)
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    assert np.allclose(read_series(path).affine, AXIAL)


def test_every_mosaic_of_united_imaging_is_a_volume_though_nothing_else_tells_them_apart(tmp_path):
    first = write_vframe(tmp_path / "a", pattern((5, 6, 8)), SeriesInstanceUID="1.2")[0]
    second = write_vframe(tmp_path / "b", pattern((5, 6, 8)) + np.uint16(500), first=2, SeriesInstanceUID="1.2")[0]
    second.rename(first.parent / second.name)
    volumes = read_volumes(tmp_path / "a")
    assert [int(volume.voxels.min()) for volume in volumes] == [1, 501]
    assert [volume.findings for volume in volumes] == [
        (finding(FindingCode.VOLUME, label=label),) for label in ("repeat 1", "repeat 2")]


def test_a_mosaic_of_united_imaging_lies_where_dcm2niix_puts_it(tmp_path):
    pytest.importorskip("dcm2niix")
    voxels = pattern((6, 12, 16))
    write_vframe(tmp_path / "in", voxels, Manufacturer="UIH", SliceThickness="3", SpacingBetweenSlices="3",
                 SeriesNumber=1)
    (theirs,) = dcm2niix_volumes(tmp_path / "in", tmp_path / "out")
    ours = read_series(tmp_path / "in")
    apart_mm, off = compare((ours.voxels, ours.affine), theirs)
    assert apart_mm < 1e-3 and off == 0


def test_a_mosaic_of_united_imaging_without_positions_has_no_affine_and_says_so(tmp_path):
    write_vframe(tmp_path, pattern(), items=3)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.affine is None
    assert everywhere(FindingCode.VFRAME_WITHOUT_POSITIONS, 1) in volume.findings


def test_a_mosaic_of_united_imaging_without_its_private_elements_is_set_aside_by_name(tmp_path):
    write_vframe(tmp_path, pattern(), private=False)
    with refused(FindingCode.NO_USABLE_IMAGE, causes=(finding(FindingCode.VFRAME_WITHOUT_HEADER, "Image-1.dcm"),)):
        read_series(tmp_path)


@pytest.mark.parametrize("newer", [True, False])
def test_a_damaged_csa_header_gives_what_could_be_read(newer):
    content = csa({"a": ["1", "2"], "b": ["3"]}, newer)
    assert _parse_csa(content) == {"a": ["1", "2"], "b": ["3"]}
    for length in range(0, len(content), 7):
        assert set(_parse_csa(content[:length])) <= {"a", "b"}
    assert _parse_csa(b"\xff" * 300) == {}
