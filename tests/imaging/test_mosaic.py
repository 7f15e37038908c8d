"""Siemens mosaics are cut into their slices, each in its own place."""

import struct

import numpy as np
import pydicom
import pytest

from radiogen.imaging import SeriesError, read_series
from radiogen.imaging.mosaic import parse_csa

from .series_files import AXIAL, pattern, write_series

PROTOCOL = "\n".join(f"sSliceArray.asSlice[{index}].sPosition.dTra = {30 + 3 * index}" for index in range(5)).encode()


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
                 with_csa: bool = True, first: int = 1, header: dict | None = None):
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
            dataset.add_new(0x00291020, "OB", PROTOCOL + b"\n" * (1 + len(PROTOCOL) % 2))

    return write_series(folder, mosaic[None], affine, change=change, first=first, **(header or {}))


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
    with pytest.raises(SeriesError, match="mosaic that no longer says of how many slices"):
        read_series(tmp_path)


def test_a_mosaic_without_its_protocol_has_no_affine_and_keeps_its_order(tmp_path):
    path = write_mosaic(tmp_path, pattern())[0]
    dataset = pydicom.dcmread(path)
    del dataset[0x00291020]
    dataset.save_as(path)
    volume = read_series(tmp_path)
    assert np.array_equal(volume.voxels, pattern())
    assert volume.affine is None


@pytest.mark.parametrize("newer", [True, False])
def test_a_damaged_csa_header_gives_what_could_be_read(newer):
    content = csa({"a": ["1", "2"], "b": ["3"]}, newer)
    assert parse_csa(content) == {"a": ["1", "2"], "b": ["3"]}
    for length in range(0, len(content), 7):
        assert set(parse_csa(content[:length])) <= {"a", "b"}
    assert parse_csa(b"\xff" * 300) == {}
