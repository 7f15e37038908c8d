"""Pixels come out as the values that were meant, however their bits are stored."""

import dataclasses

import numpy as np
import pydicom
import pytest
from pydicom import uid

from radiogen.imaging import read_series
from radiogen.imaging.headers import NotAnImage, SliceHeader, read_headers
from radiogen.imaging.pixels import read_pixels, real_values, stored_dtype

from .series_files import pack_twelve_bits, pattern, write_enhanced, write_series


def stored(path) -> list[np.ndarray]:
    return list(read_pixels(read_headers(path)[0]))


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian])
@pytest.mark.parametrize("shape", [(4, 6), (5, 7)])
def test_twelve_bits_packed_are_unpacked(tmp_path, syntax, shape):
    pixels = (pattern((1, *shape))[0] * np.uint16(97)) % np.uint16(4096)
    content = pack_twelve_bits(pixels)
    content += b"\0" * (len(content) % 2)
    if syntax == uid.ExplicitVRBigEndian:
        content = np.frombuffer(content, "u2").byteswap().tobytes()
    path = write_series(tmp_path, pixels[None], syntax=syntax, BitsAllocated=12, BitsStored=12, HighBit=11,
                        PixelData=content)[0]
    assert np.array_equal(stored(path)[0], pixels)


def test_twelve_bits_packed_frames_may_begin_within_a_byte(tmp_path):
    voxels = (pattern((4, 3, 5)) * np.uint16(61)) % np.uint16(4096)
    path = write_enhanced(tmp_path / "all.dcm", voxels, BitsAllocated=12, BitsStored=12, HighBit=11,
                          PixelData=pack_twelve_bits(voxels))
    assert np.array_equal(stored(path), voxels)


def test_twelve_signed_bits_keep_their_sign_whether_or_not_it_was_carried_up(tmp_path):
    values = np.array([[-2048, -1, 0], [1, 2047, -77]], np.int16)
    for number, cells in enumerate((values, values & 0x0FFF)):
        path = write_series(tmp_path / str(number), cells.astype(np.int16)[None], BitsStored=12, HighBit=11)[0]
        assert np.array_equal(stored(path)[0], values)


def test_overlay_bits_above_the_pixel_are_cut_off(tmp_path):
    values = np.array([[5, 4095], [0, 77]], np.uint16)
    path = write_series(tmp_path, (values | 0x8000)[None], BitsStored=12, HighBit=11)[0]
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x60000102, "US", 15)
    dataset.save_as(path)
    assert np.array_equal(stored(path)[0], values)


@pytest.mark.parametrize("dtype", ["uint16", "int16"])
@pytest.mark.parametrize("frames", [1, 3])
def test_bits_above_high_bit_are_no_part_of_the_value_whether_or_not_an_overlay_is_declared(tmp_path, dtype, frames):
    values = np.random.default_rng(3).integers(*((0, 4096) if dtype == "uint16" else (-2048, 2048)), (frames, 4, 6))
    cells = (values & 0x0FFF) | np.random.default_rng(4).integers(0, 16, values.shape) << 12
    cells = cells.astype(np.uint16).view(dtype)
    path = write_enhanced(tmp_path / "all.dcm", cells, BitsStored=12, HighBit=11)
    assert np.array_equal(stored(path), values)
    assert np.array_equal(np.reshape(pydicom.dcmread(path).pixel_array, values.shape), values)
    for fast in (True, False):
        write_series(tmp_path / f"classic-{fast}", np.concatenate([cells] * 2), BitsStored=12, HighBit=11)
        assert np.array_equal(read_series(tmp_path / f"classic-{fast}", fast=fast).voxels, np.concatenate([values] * 2))


def test_twelve_bits_packed_keep_their_sign(tmp_path):
    values = np.array([[-2048, -1, 0], [1, 2047, -77]], np.int16)
    content = pack_twelve_bits(values.view(np.uint16) & 0x0FFF)
    path = write_series(tmp_path, values[None], BitsAllocated=12, BitsStored=12, HighBit=11,
                        PixelData=content + b"\0")[0]
    assert np.array_equal(stored(path)[0], values)


def test_a_high_bit_at_the_top_shifts_the_value_down(tmp_path):
    values = np.array([[5, 4095], [0, 77]], np.uint16)
    assert np.array_equal(stored(write_series(tmp_path, (values << 4)[None], BitsStored=12, HighBit=15)[0])[0], values)


@pytest.mark.parametrize(("keyword", "dtype"), [("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")])
def test_float_pixels_are_read(tmp_path, keyword, dtype):
    values = np.linspace(-1, 1, 12).reshape(3, 4).astype(dtype)
    path = write_series(tmp_path, pattern((1, 3, 4)))[0]
    dataset = pydicom.dcmread(path)
    del dataset.PixelData
    setattr(dataset, keyword, values.tobytes())
    dataset.BitsAllocated = values.itemsize * 8
    del dataset.BitsStored
    dataset.save_as(path)
    read = stored(path)[0]
    assert read.dtype == np.dtype(dtype)
    assert np.array_equal(read, values)


def test_bytes_in_big_endian_words_are_not_swapped(tmp_path):
    values = pattern((1, 3, 4), "uint8")[0]
    def swap(_, dataset):
        dataset.PixelData = values.view("u2").byteswap().tobytes()
        dataset["PixelData"].VR = "OW"

    path = write_series(tmp_path, values[None], syntax=uid.ExplicitVRBigEndian, change=swap)[0]
    assert np.array_equal(stored(path)[0], values)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32"])
def test_the_dtype_is_known_before_the_pixels_are_read(tmp_path, dtype):
    path = write_series(tmp_path, pattern((1, 3, 4), "uint16" if dtype == "float32" else dtype))[0]
    (header,), _ = read_headers(path)
    storage = dataclasses.replace(header.storage, floating=True, bits_allocated=32) if dtype == "float32" else (
        header.storage)
    assert stored_dtype(storage) == np.dtype(dtype)


def test_a_slice_that_cannot_be_decoded_is_handed_back_as_such_and_the_rest_is_read(tmp_path):
    paths = write_series(tmp_path, pattern(), syntax=uid.RLELossless)
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[:-40] + b"\xff" * 40)
    headers = [read_headers(path)[0][0] for path in paths]
    read = list(read_pixels(headers))
    assert isinstance(read[1], NotAnImage)
    assert [np.array_equal(read[index], pattern()[index]) for index in (0, 2, 3, 4)] == [True] * 4


def test_a_file_that_vanished_after_its_header_was_read_is_handed_back_as_such(tmp_path):
    path = write_series(tmp_path, pattern((1, 3, 4)))[0]
    headers, _ = read_headers(path)
    path.unlink()
    assert "not readable" in str(next(read_pixels(headers)))


def rescaled(header: SliceHeader, **values) -> SliceHeader:
    return dataclasses.replace(header, **values)


def test_rescaled_values_are_float32_of_the_exact_product(tmp_path):
    (header,), _ = read_headers(write_series(tmp_path, pattern((1, 3, 4)))[0])
    values = np.array([[4095, 1], [2, 3]], np.uint16)
    real = real_values(values, rescaled(header, slope=2.36166056166056, intercept=-1024.0), True)
    assert real.dtype == np.float32
    assert np.array_equal(real, (values * 2.36166056166056 - 1024.0).astype(np.float32))


def test_damage_says_nothing_on_the_terminal(tmp_path, capfd):
    noise = np.random.default_rng(1).integers(0, 60_000, (1, 32, 40)).astype(np.uint16)
    for syntax in (uid.RLELossless, uid.JPEG2000Lossless):
        path = write_series(tmp_path / syntax, noise, syntax=syntax)[0]
        content = bytearray(path.read_bytes())
        content[-300:-100] = b"\x55" * 200
        path.write_bytes(content)
        list(read_pixels(read_headers(path)[0]))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("rows", "columns"), [(8, 7), (7, 8), (1, 8)])
def test_runs_that_decode_to_another_matrix_are_refused_and_padding_is_not(tmp_path, rows, columns):
    path = write_series(tmp_path / "whole", pattern((1, 7, 7)), syntax=uid.RLELossless)[0]
    assert np.array_equal(stored(path)[0], pattern((1, 7, 7))[0])
    path = write_series(tmp_path / "fewer", pattern((1, 8, 8)), syntax=uid.RLELossless)[0]
    dataset = pydicom.dcmread(path)
    dataset.Rows, dataset.Columns = rows, columns
    dataset.save_as(path)
    assert "more pixels than its rows and columns tell" in str(stored(path)[0])
