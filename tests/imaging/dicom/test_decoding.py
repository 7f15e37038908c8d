"""Compressed frames come out as they were written; a stream that is cut off or contradicts its header is refused."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate, generate_fragments

from benchmarks.synthetic.series_files import encode, pattern, write_enhanced, write_series
from radiogen.imaging import read_series
from radiogen.imaging.dicom.decoding import SYNTAXES
from radiogen.imaging.dicom.headers import NotAnImage, read_headers
from radiogen.imaging.dicom.pixels import read_pixels
from radiogen.imaging.findings import FindingCode

from ..made.expected import finding

HTJ2K = (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL)
JPEG_FAMILY = (uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless, *HTJ2K)
"""Those without loss whose streams end with a marker."""
LOSSLESS = (*JPEG_FAMILY, uid.RLELossless)
LOSSY = {uid.JPEGBaseline8Bit: 0.05, uid.JPEGExtended12Bit: 0.05, uid.JPEGLSNearLossless: 0.001, uid.JPEG2000: 0.05,
         uid.HTJ2K: 0.0}
"""The error that is allowed, as a share of the range of values."""
DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"


def frames_of(*paths: Path, threads: int = 1) -> list[np.ndarray | NotAnImage]:
    return list(read_pixels([header for path in paths for header in read_headers(path)[0]], threads))


def smooth(frames: int = 3, bits: int = 12, signed: bool = False, shape: tuple[int, int] = (36, 44)) -> np.ndarray:
    """Waves with noise over the whole range of `bits` bits."""
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    phase = np.arange(frames)[:, None, None]
    waves = (np.sin(columns / 9 + phase) + np.cos(rows / 7) + 2) / 4
    noise = np.random.default_rng(bits).normal(0, 0.01, (frames, *shape))
    values = np.clip(waves + noise, 0, 1) * ((1 << bits) - 1) - (1 << bits - 1) * signed
    return np.round(values).astype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


def written(folder: Path, syntax: str, voxels: np.ndarray, bits: int = 12, **header: object) -> Path:
    return write_enhanced(folder / "all.dcm", voxels, syntax=syntax, BitsStored=bits, HighBit=bits - 1, **header)


def with_streams(path: Path, streams: list[bytes], fragments: int = 1, table: bool = True, **header: object) -> Path:
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate(streams, fragments_per_frame=fragments, has_bot=table)
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


def pixel_data(path: Path) -> int:
    """The first byte of the value of Pixel Data."""
    (header, *_), _ = read_headers(path)
    return header.storage.offset


def test_the_syntaxes_of_these_tests_are_all_that_are_decoded():
    assert {str(each) for each in (*LOSSLESS, *LOSSY)} == SYNTAXES


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [5, 6, 7, 8, 10, 12, 13, 16])
@pytest.mark.parametrize("syntax", LOSSLESS)
def test_lossless_frames_come_out_as_they_were_written(tmp_path, syntax, bits, signed):
    voxels = smooth(bits=bits, signed=signed)
    read = frames_of(written(tmp_path, syntax, voxels, bits))
    assert np.array_equal(read, voxels)
    assert read[0].dtype == voxels.dtype


@pytest.mark.parametrize("syntax", LOSSY)
def test_lossy_frames_come_out_within_their_loss(tmp_path, syntax):
    bits = 8 if syntax == uid.JPEGBaseline8Bit else 12
    voxels = smooth(bits=bits)
    read = np.array(frames_of(written(tmp_path, syntax, voxels, bits)), int)
    assert np.abs(read - voxels).max() <= LOSSY[syntax] * (1 << bits)


@pytest.mark.parametrize("syntax", [each for each in (*LOSSLESS, *LOSSY) if each not in (*HTJ2K, uid.HTJ2K)])
def test_simpleitk_decodes_the_same_values(tmp_path, syntax):
    itk = pytest.importorskip("SimpleITK")
    bits = 8 if syntax == uid.JPEGBaseline8Bit else 12
    path = write_series(tmp_path, smooth(1, bits), syntax=syntax, BitsStored=bits, HighBit=bits - 1)[0]
    assert np.array_equal(frames_of(path)[0], itk.GetArrayFromImage(itk.ReadImage(str(path)))[0])


@pytest.mark.parametrize("name", ["MR_small_RLE", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless"])
def test_pydicoms_own_compressed_files_decode_to_their_uncompressed_twin(name):
    files = Path(pydicom.__file__).parent / "data" / "test_files"
    assert np.array_equal(frames_of(files / f"{name}.dcm")[0], pydicom.dcmread(files / "MR_small.dcm").pixel_array)


@pytest.mark.parametrize("name", ["JPGExtended", "JPEG-lossy", "JPEGLSNearLossless_08", "JPEGLSNearLossless_16"])
def test_pydicoms_own_lossy_files_have_the_values_that_simpleitk_decodes(name):
    itk = pytest.importorskip("SimpleITK")
    path = Path(pydicom.__file__).parent / "data" / "test_files" / f"{name}.dcm"
    header = read_headers(path)[0][0]
    values = frames_of(path)[0] * header.slope + header.intercept
    assert np.array_equal(values, itk.GetArrayFromImage(itk.ReadImage(str(path)))[0])


@pytest.mark.parametrize("name", ["generic_jpegls", "siemens_xa_t1_jpegll"])
def test_real_compressed_series_have_the_values_that_simpleitk_decodes(real_data, name):
    itk = pytest.importorskip("SimpleITK")
    for path in sorted((real_data / "dicom" / name).iterdir()):
        header = read_headers(path)[0][0]
        values = frames_of(path)[0] * header.slope + header.intercept
        assert np.array_equal(values, itk.GetArrayFromImage(itk.ReadImage(str(path)))[0])


def test_one_real_image_is_the_same_in_all_its_transfer_syntaxes(real_data):
    files = sorted((real_data / "dicom" / "siemens_ts_matrix").iterdir())
    first, *others = (np.array(frames_of(path)) for path in files)
    assert len({read_headers(path)[0][0].storage.syntax for path in files}) >= 7
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_a_file_cut_off_anywhere_in_its_pixels_gives_them_whole_or_not_at_all(tmp_path, syntax):
    path = written(tmp_path, syntax, smooth(1))
    whole, content = frames_of(path)[0], path.read_bytes()
    start, end = pixel_data(path), len(content) - len(DELIMITER)
    for length in [*range(start + 8, end, 41), end - 3, end - 2, end - 1]:
        path.write_bytes(content[:length])
        read, = frames_of(path)
        assert read.finding == finding(FindingCode.PIXELS_CUT_OFF)
    path.write_bytes(content[:end])
    assert np.array_equal(frames_of(path)[0], whole)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("fragments", [1, 3])
def test_of_a_file_cut_off_the_whole_frames_are_used_and_no_other(tmp_path, syntax, table, fragments):
    if syntax == uid.RLELossless and fragments > 1:
        pytest.skip("a run-length frame is one fragment (PS3.5, A.4.2)")
    voxels = smooth(4)
    streams = [encode(frame, syntax, 12) for frame in voxels]
    path = with_streams(written(tmp_path, syntax, voxels), streams, fragments, table)
    content, start = path.read_bytes(), pixel_data(path)
    assert np.array_equal(frames_of(path), voxels)
    ends = [content.index(stream[-60:]) + 60 for stream in streams]
    for length in range(start + 64, len(content) - len(DELIMITER), 307):
        path.write_bytes(content[:length])
        read = frames_of(path)
        whole = sum(end <= length for end in ends)
        used = [number for number, frame in enumerate(read) if isinstance(frame, np.ndarray)]
        assert used in (list(range(whole)), list(range(whole - 1)))  # a frame whose padding is cut off may go, too
        assert all(np.array_equal(read[number], voxels[number]) for number in used)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_cut_stream_is_seen_behind_delimiters_that_were_written_again(tmp_path, syntax, share):
    voxels = smooth(3)
    path = written(tmp_path, syntax, voxels)
    streams = [encode(frame, syntax, 12) for frame in voxels]
    for padding in (b"", b"\0", b"\0" * 6, b"\xff"):
        cut = streams[1][:int(share * len(streams[1]))] + padding
        first, second, third = frames_of(with_streams(path, [streams[0], cut, streams[2]]))
        assert isinstance(second, NotAnImage)
        assert np.array_equal([first, third], voxels[[0, 2]])


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEGLosslessSV1])
def test_a_cut_slice_is_set_aside_by_name_and_the_others_are_used(tmp_path, syntax):
    voxels = smooth(6)
    paths = write_series(tmp_path, voxels, syntax=syntax, BitsStored=12, HighBit=11)
    stream = encode(voxels[2], syntax, 12)
    with_streams(paths[2], [stream[:int(0.6 * len(stream))]])
    volume = read_series(tmp_path)
    assert finding(FindingCode.PIXELS_CUT_OFF, paths[2].name) in volume.findings
    assert np.array_equal(volume.voxels[[0, 1, 3, 4, 5]], voxels[[0, 1, 3, 4, 5]])


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_a_fragment_longer_than_the_file_is_a_cut_one(tmp_path, syntax):
    voxels = smooth(2)
    path = written(tmp_path, syntax, voxels)
    content = bytearray(path.read_bytes())
    stream = encode(voxels[1], syntax, 12)
    place = content.rindex(stream) - 4
    content[place:place + 4] = struct.pack("<I", len(stream) + 5000)
    path.write_bytes(content)
    first, second = frames_of(path)
    assert np.array_equal(first, voxels[0])
    assert second.finding == finding(FindingCode.PIXELS_CUT_OFF)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("frames", [1, 3])
def test_whole_frames_without_the_delimiter_of_their_sequence_are_used(tmp_path, syntax, frames):
    path = written(tmp_path, syntax, smooth(frames))
    assert path.read_bytes().endswith(DELIMITER)
    path.write_bytes(path.read_bytes()[:-len(DELIMITER)])
    assert np.array_equal(frames_of(path), smooth(frames))


@pytest.mark.parametrize("syntax", JPEG_FAMILY)
@pytest.mark.parametrize("padding", [b"\0", b"\xff", b"\0" * 7, b"\xff\0", b"\0\xff\xff"])
def test_padding_behind_the_end_marker_is_no_damage(tmp_path, syntax, padding):
    voxels = smooth(2)
    path = written(tmp_path, syntax, voxels)
    with_streams(path, [encode(frame, syntax, 12) + padding for frame in voxels])
    assert np.array_equal(frames_of(path), voxels)


@pytest.mark.parametrize("syntax", JPEG_FAMILY)
@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("frames", [1, 3])
def test_frames_in_several_fragments_are_put_together(tmp_path, syntax, table, frames):
    voxels = smooth(frames)
    path = written(tmp_path, syntax, voxels)
    with_streams(path, [encode(frame, syntax, 12) for frame in voxels], 4, table)
    assert sum(1 for _ in generate_fragments(pydicom.dcmread(path).PixelData)) == 4 * frames + 1
    assert np.array_equal(frames_of(path), voxels)


@pytest.mark.parametrize("offsets", [(0, 0, 0), (0, 9, 18), (4, 100, 200), (0, 1)])
def test_an_offset_table_that_does_not_fit_the_fragments_is_not_used(tmp_path, offsets):
    voxels = smooth(3)
    path = written(tmp_path, uid.JPEGLosslessSV1, voxels)
    streams = encapsulate([encode(frame, uid.JPEGLosslessSV1, 12) for frame in voxels], has_bot=False)[8:]
    dataset = pydicom.dcmread(path)
    dataset.PixelData = struct.pack(f"<HHI{len(offsets)}I", 0xFFFE, 0xE000, 4 * len(offsets), *offsets) + streams
    dataset.save_as(path)
    assert np.array_equal(frames_of(path), voxels)


@pytest.mark.parametrize("syntax", JPEG_FAMILY)
@pytest.mark.parametrize(("header", "expected"), [
    ({"Rows": 35}, finding(FindingCode.STREAM_OTHER_SIZE, rows=36, columns=44, header_rows=35, header_columns=44)),
    ({"Columns": 88, "Rows": 18},
     finding(FindingCode.STREAM_OTHER_SIZE, rows=36, columns=44, header_rows=18, header_columns=88)),
    ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7},
     finding(FindingCode.STREAM_OTHER_BITS, precision=12, allocated=8))], ids=["rows", "matrix", "bits"])
def test_a_stream_that_declares_another_image_than_the_header_is_refused(tmp_path, syntax, header, expected):
    path = written(tmp_path, syntax, smooth(1))
    if syntax in HTJ2K and "precision" in expected.values:  # what these tests' encoder writes
        expected = finding(expected.code, **{**expected.values, "precision": 16})
    with_streams(path, [encode(smooth(1)[0], syntax, 12)], **header)
    assert frames_of(path)[0].finding == expected


def test_a_colour_stream_under_a_grey_header_is_refused(tmp_path):
    import imagecodecs

    path = written(tmp_path, uid.JPEGBaseline8Bit, smooth(1, 8), 8)
    with_streams(path, [imagecodecs.jpeg8_encode(np.stack([smooth(1, 8)[0]] * 3, axis=-1))])
    assert frames_of(path)[0].finding == finding(FindingCode.STREAM_COLOUR, components=3, codec="JPEG")


@pytest.mark.parametrize("signed", [False, True])
def test_what_loss_lifted_above_the_stored_bits_is_clipped_and_does_not_wrap(tmp_path, signed):
    voxels = smooth(1, 12, signed)
    voxels[0, 3:6, 3:6] = 2047 if signed else 4095
    lifted = (voxels[0] + 1).astype(np.uint16)
    path = written(tmp_path, uid.JPEGLSNearLossless, voxels)
    with_streams(path, [encode(lifted, uid.JPEGLSLossless, 16)])
    assert np.array_equal(frames_of(path)[0], np.minimum(voxels[0] + 1, 2047 if signed else 4095))


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless])
def test_a_sign_that_the_stream_does_not_keep_is_taken_from_the_header(tmp_path, syntax):
    voxels = smooth(2, 12, signed=True)
    path = written(tmp_path, syntax, voxels)
    with_streams(path, [encode((frame & 0x0FFF).view(np.uint16), syntax, 12) for frame in voxels])
    assert np.array_equal(frames_of(path), voxels)


def test_a_sign_that_is_lost_in_a_stream_of_fewer_bits_is_refused_where_it_counts(tmp_path):
    values = smooth(1, 12)
    path = written(tmp_path, uid.JPEGLosslessSV1, values.astype(np.int16), 16)
    with_streams(path, [encode(values[0], uid.JPEGLosslessSV1, 12)])
    assert frames_of(path)[0].finding == finding(FindingCode.STREAM_SIGN_LOST, precision=12, stored=16)
    with_streams(path, [encode(values[0] >> 1, uid.JPEGLosslessSV1, 12)])
    assert np.array_equal(frames_of(path)[0], values[0] >> 1)


def test_a_stream_of_another_kind_than_its_transfer_syntax_is_decoded_as_what_it_is(tmp_path):
    path = written(tmp_path, uid.JPEGLosslessSV1, smooth(2))
    with_streams(path, [encode(frame, uid.JPEGLSLossless, 12) for frame in smooth(2)])
    assert np.array_equal(frames_of(path), smooth(2))


def test_run_lengths_keep_whole_cells_so_that_a_high_bit_at_the_top_shifts_them(tmp_path):
    cells = pattern((2, 6, 8)) << 4
    path = write_enhanced(tmp_path / "all.dcm", cells, syntax=uid.RLELossless, BitsStored=12, HighBit=15)
    assert np.array_equal(frames_of(path), cells >> 4)


def test_the_fragments_of_a_file_are_searched_once_for_all_its_frames(tmp_path, monkeypatch):
    from radiogen.imaging.dicom import decoding, pixels

    searched = []
    monkeypatch.setattr(pixels, "find_frames",
                        lambda *arguments: searched.append(1) or decoding.find_frames(*arguments))
    voxels = np.repeat(pattern((4, 6, 8)), 50, axis=0)
    path = write_enhanced(tmp_path / "all.dcm", voxels, syntax=uid.RLELossless)
    for threads in (1, 2):
        assert np.array_equal(frames_of(path, threads=threads), voxels)
    assert len(searched) == 2


FUZZ = """
import sys
import numpy as np
from dataclasses import replace
from pathlib import Path
from radiogen.imaging.dicom.headers import NotAnImage, read_headers
from radiogen.imaging.dicom.pixels import read_pixels

path, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
random, refused = np.random.default_rng(seed), 0
headers, _ = read_headers(path)
storage = headers[0].storage
whole = path.read_bytes()[storage.offset:storage.offset + storage.length]
for number in range(count):
    content = bytearray(whole)
    last = int(random.choice([160, len(content)]))
    place = int(random.integers(8, last))
    if number % 4 == 0:
        content[place:place + random.integers(1, 40)] = random.bytes(random.integers(1, 40))
    elif number % 4 == 1:
        del content[place:place + random.integers(1, 60)]
    else:
        for _ in range(random.integers(1, 6)):
            content[random.integers(8, last)] = random.choice([random.integers(0, 256), 0, 1, 127, 128, 255])
    if len(sys.argv) > 4:
        Path(sys.argv[4]).write_bytes(content)
    damaged = replace(storage, content=bytes(content), offset=0, length=len(content))
    for frame in read_pixels([replace(header, storage=damaged) for header in headers]):
        refused += isinstance(frame, NotAnImage)
print(refused)
"""


@pytest.mark.parametrize("syntax", [*LOSSLESS, *LOSSY])
def test_damaged_streams_neither_end_the_process_nor_write_on_its_terminal(tmp_path, syntax):
    bits = 8 if syntax == uid.JPEGBaseline8Bit else 12
    path = written(tmp_path, syntax, smooth(2, bits), bits)
    ended = subprocess.run([sys.executable, "-c", FUZZ, str(path), "1", "150"], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert int(ended.stdout) > 10
