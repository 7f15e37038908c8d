"""Pixels come out as the values that were meant, however their bits are stored."""

import dataclasses
import threading

import numpy as np
import pydicom
import pytest
from pydicom import uid

from benchmarks.synthetic.series_files import pack_twelve_bits, pattern, write_enhanced, write_series
from radiogen.imaging import read_series
from radiogen.imaging.dicom import pixels as pixels_module
from radiogen.imaging.dicom.decoding import SYNTAXES
from radiogen.imaging.dicom.headers import NotAnImage, SliceHeader, read_headers
from radiogen.imaging.dicom.pixels import read_pixels, real_values, stored_dtype
from radiogen.imaging.findings import FindingCode


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
    assert next(read_pixels(headers)).finding.code is FindingCode.FILE_UNREADABLE


def rescaled(header: SliceHeader, **values) -> SliceHeader:
    return dataclasses.replace(header, **values)


def test_rescaled_values_are_float32_of_the_exact_product(tmp_path):
    (header,), _ = read_headers(write_series(tmp_path, pattern((1, 3, 4)))[0])
    values = np.array([[4095, 1], [2, 3]], np.uint16)
    real = real_values(values, rescaled(header, slope=2.36166056166056, intercept=-1024.0), True)
    assert real.dtype == np.float32
    assert np.array_equal(real, (values * 2.36166056166056 - 1024.0).astype(np.float32))


@pytest.mark.parametrize("syntax", sorted(SYNTAXES))
def test_damage_says_nothing_on_the_terminal(tmp_path, capfd, syntax):
    bits = 8 if syntax == uid.JPEGBaseline8Bit else 12
    noise = np.random.default_rng(1).integers(0, 1 << bits, (1, 32, 40)).astype(f"u{1 if bits == 8 else 2}")
    path = write_series(tmp_path, noise, syntax=syntax, BitsStored=bits, HighBit=bits - 1)[0]
    whole = path.read_bytes()
    for place in (-300, -600, whole.index(b"\xfe\xff\x00\xe0") + 200):
        content = bytearray(whole)
        content[place:place + 200] = b"\x55" * 200
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
    assert stored(path)[0].finding.code is FindingCode.STREAM_TOO_LONG


def mixed(folder) -> list[SliceHeader]:
    """Slices of files that are native, compressed, damaged, gone, of several frames and mosaics' tiles, interleaved."""
    paths = [*write_series(folder / "native", pattern((4, 6, 8))),
             *write_series(folder / "rle", pattern((4, 6, 8)) + np.uint16(1), syntax=uid.RLELossless),
             write_enhanced(folder / "frames.dcm", pattern((7, 6, 8)), syntax=uid.JPEGLSLossless)]
    paths[5].write_bytes(paths[5].read_bytes()[:-40])
    slices = [header for path in paths for header in read_headers(path)[0]]
    paths[1].unlink()
    mosaic = [dataclasses.replace(slices[4], rows=3, columns=4, tile=(top, left)) for top in (0, 3) for left in (0, 4)]
    order = np.random.default_rng(2).permutation(len(slices))
    return [*mosaic, *(slices[number] for number in order)]


@pytest.mark.parametrize("threads", [2, 3, 16])
def test_values_order_and_problems_are_the_same_for_every_number_of_threads(tmp_path, threads):
    slices = mixed(tmp_path)
    alone, together = list(read_pixels(slices)), list(read_pixels(slices, threads))
    assert [isinstance(each, NotAnImage) for each in alone].count(True) == 2
    assert len(alone) == len(together) == len(slices)
    for one, other in zip(alone, together, strict=True):
        assert one.finding == other.finding if isinstance(one, NotAnImage) else np.array_equal(one, other)


def test_no_more_than_twice_as_many_frames_as_threads_are_kept_ahead(tmp_path, monkeypatch):
    begun = []
    decode = pixels_module.decode_frame
    monkeypatch.setattr(pixels_module, "decode_frame", lambda *arguments: begun.append(1) or decode(*arguments))
    path = write_enhanced(tmp_path / "all.dcm", pattern((40, 6, 8)), syntax=uid.RLELossless)
    for number, _ in enumerate(read_pixels(read_headers(path)[0], 3), start=1):
        assert len(begun) <= number + 2 * 3
    assert len(begun) == 40


def test_a_reader_that_stops_early_leaves_no_thread_behind(tmp_path):
    path = write_enhanced(tmp_path / "all.dcm", pattern((40, 6, 8)), syntax=uid.RLELossless)
    before = set(threading.enumerate())
    frames = read_pixels(read_headers(path)[0], 3)
    next(frames)
    frames.close()
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_no_fault_of_the_file_is_raised_from_every_thread(tmp_path, monkeypatch, threads):
    monkeypatch.setattr(pixels_module, "decode_frame", lambda *_: 1 // 0)
    path = write_enhanced(tmp_path / "all.dcm", pattern((4, 6, 8)), syntax=uid.RLELossless)
    with pytest.raises(ZeroDivisionError):
        list(read_pixels(read_headers(path)[0], threads))


def test_several_threads_decode_at_once(tmp_path, monkeypatch):
    together = threading.Barrier(3)
    decode = pixels_module.decode_frame
    path = write_enhanced(tmp_path / "all.dcm", pattern((3, 6, 8)), syntax=uid.RLELossless)
    monkeypatch.setattr(pixels_module, "decode_frame",
                        lambda *arguments: (together.wait(60), decode(*arguments))[1])
    assert np.array_equal(list(read_pixels(read_headers(path)[0], 3)), pattern((3, 6, 8)))
