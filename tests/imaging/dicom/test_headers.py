"""What one file says is checked value by value; what it does not say is None, never a guess."""

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from benchmarks.synthetic.series_files import AXIAL, pattern, write_enhanced, write_series
from radiogen.imaging.dicom.headers import NotAnImage, read_headers
from radiogen.imaging.findings import Finding, FindingCode

from ..made.expected import finding, refused


def header(folder, **values):
    return read_headers(write_series(folder, pattern((1, 4, 6)), **values)[0])[0][0]


def notes(folder, **values) -> list[Finding]:
    return read_headers(write_series(folder, pattern((1, 4, 6)), **values)[0])[1]


def overwrite(path, tag: bytes, value: bytes) -> None:
    """Write `value` over the beginning of an element's value, whatever pydicom would say to it."""
    content = bytearray(path.read_bytes())
    at = content.index(tag) + 8
    content[at:at + len(value)] = value
    path.write_bytes(content)


def test_geometry_is_read_as_declared(tmp_path):
    one = header(tmp_path)
    assert one.position == (-10, -20, 30)
    assert one.orientation == (1, 0, 0, 0, 1, 0)
    assert one.pixel_spacing == (0.75, 0.5)
    assert (one.rows, one.columns, one.instance) == (4, 6, 1)


def test_the_pixels_lie_where_the_header_says(tmp_path):
    path = write_series(tmp_path, pattern((1, 4, 6)))[0]
    storage = read_headers(path)[0][0].storage
    assert path.read_bytes()[storage.offset:storage.offset + storage.length] == pattern((1, 4, 6)).tobytes()


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing",
                                     "InstanceNumber"])
def test_what_is_absent_is_none(tmp_path, keyword):
    one = header(tmp_path, **{keyword: None})
    name = {"ImagePositionPatient": "position", "ImageOrientationPatient": "orientation",
            "PixelSpacing": "pixel_spacing", "InstanceNumber": "instance"}[keyword]
    assert getattr(one, name) is None


@pytest.mark.parametrize("value", [b"abc", b"NaN", b"inf"])
def test_a_position_that_is_not_three_finite_numbers_is_none(tmp_path, value):
    path = write_series(tmp_path, pattern((1, 4, 6)))[0]
    overwrite(path, b"\x20\x00\x32\x00DS", value)
    assert read_headers(path)[0][0].position is None


def test_decimal_strings_longer_than_the_standard_allows_are_read(tmp_path):
    path = write_series(tmp_path, pattern((1, 4, 6)))[0]
    dataset = pydicom.dcmread(path)
    long = b"-10.12345678901234567\\-20\\30 "
    dataset[0x00200032] = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(0x00200032), "DS", len(long), long, 0, False, True)
    dataset.save_as(path)
    assert read_headers(path)[0][0].position == pytest.approx((-10.12345678901234567, -20, 30))


def test_directions_are_made_exactly_one_long(tmp_path):
    orientation = header(tmp_path, ImageOrientationPatient=["0.999", "0", "0", "0", "1.002", "0"]).orientation
    assert orientation == (1, 0, 0, 0, 1, 0)


@pytest.mark.parametrize(("values", "note"), [
    ({"LossyImageCompression": "01"}, finding(FindingCode.LOSSY)),
    ({"RescaleSlope": "0"}, finding(FindingCode.RESCALE_SLOPE_ZERO)),
    ({"PixelSpacing": [0, 1]}, finding(FindingCode.PIXEL_SPACING_IMPOSSIBLE, rows_mm=0, columns_mm=1)),
    ({"PixelSpacing": [1e-300, 1]}, finding(FindingCode.PIXEL_SPACING_IMPOSSIBLE, rows_mm=1e-300, columns_mm=1)),
    ({"PixelSpacing": [1, 1e308]}, finding(FindingCode.PIXEL_SPACING_IMPOSSIBLE, rows_mm=1, columns_mm=1e308)),
    ({"ImageOrientationPatient": [0] * 6}, finding(FindingCode.ORIENTATION_IMPOSSIBLE)),
    ({"ModalityLUTSequence": [Dataset()]}, finding(FindingCode.LOOKUP_TABLE))], ids=lambda value: "")
def test_what_is_odd_is_noted(tmp_path, values, note):
    assert notes(tmp_path, **values) == [note]


def test_a_plain_file_has_no_notes(tmp_path):
    assert notes(tmp_path) == []


@pytest.mark.parametrize(("kind", "component"), [
    (["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"], "magnitude"), (["ORIGINAL", "PRIMARY", "PHASE MAP", "P"], "phase"),
    (["DERIVED", "PRIMARY", "MPR"], None), (["ORIGINAL", "PRIMARY", "IMAGINARY"], "imaginary part"),
    ("ORIGINAL", None)])
def test_magnitude_and_phase_are_taken_from_the_image_type(tmp_path, kind, component):
    assert header(tmp_path, ImageType=kind).traits.component == component


def test_enhanced_frames_take_their_own_values_before_the_shared_ones(tmp_path):
    def change(frame, groups):
        if frame == 1:
            item = Dataset()
            item.PixelSpacing = [9, 9]
            groups.PixelMeasuresSequence = [item]

    slices, _ = read_headers(write_enhanced(tmp_path / "all.dcm", pattern((3, 4, 6)), change=change))
    assert [one.pixel_spacing for one in slices] == [(0.75, 0.5), (9, 9), (0.75, 0.5)]
    assert [one.position[2] for one in slices] == [30, 33, 36]
    assert slices[1].name == "all.dcm frame 2"


def test_a_multiframe_file_without_frame_positions_does_not_lend_them_all_the_files_own(tmp_path):
    path = write_enhanced(tmp_path / "all.dcm", pattern((3, 4, 6)), PerFrameFunctionalGroupsSequence=None,
                          ImagePositionPatient=[0, 0, 0])
    assert [one.position for one in read_headers(path)[0]] == [None] * 3


@pytest.mark.parametrize(("values", "expected"), [
    ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, finding(FindingCode.COLOUR_IMAGE, photometric="RGB")),
    ({"PhotometricInterpretation": "PALETTE COLOR"}, finding(FindingCode.COLOUR_IMAGE, photometric="PALETTE COLOR")),
    ({"BitsAllocated": 1, "BitsStored": 1}, finding(FindingCode.BITS_IMPOSSIBLE, stored=1, allocated=1)),
    ({"Rows": 0}, finding(FindingCode.SIZE_IMPOSSIBLE, frames=1, rows=0, columns=6)),
    ({"Rows": 20_000, "Columns": 20_000}, finding(FindingCode.SIZE_IMPOSSIBLE, frames=1, rows=20_000, columns=20_000)),
    ({"Rows": 8}, finding(FindingCode.PIXELS_CUT_OFF)), ({"PixelData": None}, finding(FindingCode.NO_PIXELS)),
    ({"Rows": None}, finding(FindingCode.NO_IMAGE))], ids=lambda value: "")
def test_files_that_are_no_grey_image_say_why(tmp_path, values, expected):
    path = write_series(tmp_path, pattern((1, 4, 6)), **values)[0]
    with refused(expected.code, **expected.values):
        read_headers(path)


@pytest.mark.parametrize(("content", "code"), [
    (b"", FindingCode.FILE_EMPTY), (b"text" * 200, FindingCode.FILE_NOT_DICOM),
    (b"\0" * 128 + b"DICM", FindingCode.FILE_NOT_DICOM),
    (b"\x08\x00\x05\x00" + b"\xff" * 300, FindingCode.FILE_DAMAGED)])
def test_files_that_are_not_dicom_say_so(tmp_path, content, code):
    path = tmp_path / "file"
    path.write_bytes(content)
    with refused(code):
        read_headers(path)


def test_compressed_pixels_under_an_uncompressed_syntax_are_refused(tmp_path):
    path = write_series(tmp_path, pattern((1, 4, 6)), syntax=uid.RLELossless)[0]
    content = path.read_bytes()
    path.write_bytes(content.replace(uid.RLELossless.encode() + b"\0", uid.ExplicitVRLittleEndian.encode() + b"\0"))
    with refused(FindingCode.SYNTAX_WITHOUT_COMPRESSION):
        read_headers(path)


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian,
                                    uid.DeflatedExplicitVRLittleEndian])
def test_a_header_cut_anywhere_raises_nothing_but_not_an_image(tmp_path, syntax):
    path = write_series(tmp_path, pattern((1, 4, 6)), AXIAL, syntax=syntax)[0]
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 11):
        path.write_bytes(content[:length])
        with pytest.raises(NotAnImage):
            read_headers(path)


def test_headers_of_both_byte_orders_are_alike(tmp_path):
    little, big = header(tmp_path / "a"), header(tmp_path / "b", syntax=uid.ExplicitVRBigEndian)
    assert np.allclose(little.position, big.position)
    assert (little.rows, little.storage.length) == (big.rows, big.storage.length)


def test_the_same_bytes_are_another_number_in_the_other_byte_order(tmp_path):
    for rows, syntax in ((256, uid.ExplicitVRLittleEndian), (1, uid.ExplicitVRBigEndian)):  # both 00 01
        folder = tmp_path / str(rows)
        assert read_headers(write_series(folder, pattern((1, rows, 6)), syntax=syntax)[0])[0][0].rows == rows


def test_the_same_bytes_are_the_value_of_each_element_that_holds_them(tmp_path):
    one = header(tmp_path, EchoTime=7, FlipAngle=7, InstanceNumber=7, AcquisitionNumber=7)
    assert (one.traits.echo_ms, one.traits.flip_angle_degrees, one.traits.acquisition, one.instance) == (7, 7, 7, 7)


def test_an_element_whose_value_cannot_be_parsed_is_reported(tmp_path):
    path = write_series(tmp_path, pattern((1, 4, 6)))[0]
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x28\x00\x03\x01US", b"\x28\x00\x03\x01FD"))  # PixelRepresentation
    assert read_headers(path)[1] == [finding(FindingCode.ELEMENT_UNREADABLE, tag="(0028,0103)")]


@pytest.mark.parametrize(("rows", "columns"), [(3, 6), (4, 5), (1, 1)])
def test_more_pixel_data_than_rows_and_columns_declare_is_reported(tmp_path, rows, columns):
    assert notes(tmp_path / "fewer", Rows=rows, Columns=columns) == [finding(FindingCode.PIXELS_IN_EXCESS)]
    assert notes(tmp_path / "whole") == []


def test_the_byte_that_makes_the_pixel_data_even_is_no_finding(tmp_path):
    assert read_headers(write_series(tmp_path, pattern((1, 3, 5), "uint8"))[0])[1] == []


AGAIN = {"its pixels": b"\xe0\x7f\x10\x00OW\0\0" + (48).to_bytes(4, "little") + bytes(48),
         "its rows": b"\x28\x00\x10\x00US" + (2).to_bytes(2, "little") + (9).to_bytes(2, "little"),
         "a foreign element, then its slope": b"\x09\x00\x01\x10LO\x02\x00ab\x28\x00\x53\x10DS\x02\x009 "}


@pytest.mark.parametrize("again", AGAIN)
def test_a_file_that_tells_an_element_again_behind_its_pixels_is_refused(tmp_path, again):
    path = write_series(tmp_path, pattern((1, 4, 6)))[0]
    path.write_bytes(path.read_bytes() + AGAIN[again])
    with refused(FindingCode.HEADER_BEHIND_PIXELS):
        read_headers(path)


@pytest.mark.parametrize("behind", [bytes(600), b"\xff" * 7, b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0abcd"])
def test_padding_behind_the_pixels_is_let_pass(tmp_path, behind):
    path = write_series(tmp_path, pattern((1, 4, 6)))[0]
    kept = read_headers(path)
    path.write_bytes(path.read_bytes() + behind)
    assert [header.rows for header in read_headers(path)[0]] == [4] and read_headers(path)[1] == kept[1]


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_an_image_cut_anywhere_before_its_rows_is_cut_off_in_its_header(tmp_path, syntax):
    path = write_series(tmp_path, pattern((1, 4, 6)), syntax=syntax)[0]
    content = path.read_bytes()
    rows = content.rindex(b"\x00\x28\x00\x10" if syntax == uid.ExplicitVRBigEndian else b"\x28\x00\x10\x00")
    for length in range(141, rows, 7):
        path.write_bytes(content[:length])
        with refused(FindingCode.HEADER_CUT_OFF):
            read_headers(path)


OBJECTS = [uid.RawDataStorage, uid.ComprehensiveSRStorage, uid.GrayscaleSoftcopyPresentationStateStorage,
           "1.3.46.670589.11.0.0.12.4"]


@pytest.mark.parametrize("kind", OBJECTS)
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_an_object_without_pixels_is_no_image_and_not_cut_off(tmp_path, kind, syntax):
    path = write_series(tmp_path, pattern((1, 4, 6)), SOPClassUID=kind, Rows=None, Columns=None, PixelData=None,
                        syntax=syntax)[0]
    with refused(FindingCode.NO_IMAGE):
        read_headers(path)


def test_an_object_without_pixels_that_ends_within_an_element_is_cut_off(tmp_path):
    path = write_series(tmp_path, pattern((1, 4, 6)), SOPClassUID=uid.RawDataStorage, Rows=None, PixelData=None)[0]
    path.write_bytes(path.read_bytes()[:-1])
    with refused(FindingCode.HEADER_CUT_OFF):
        read_headers(path)


KINDS = [(["ORIGINAL", "PRIMARY", *kind], component) for kind, component in [
    (["SW_M", "SW"], "magnitude"), (["SW_P", "SW"], "phase"), (["SW_M_FFE", "M_SWI", "FFE"], "magnitude"),
    (["SW_P_FFE", "P_SWI", "FFE"], "phase"), (["SW_P"], "phase"), (["M_SE", "M", "SE"], "magnitude"),
    (["R_FFE", "R", "FFE"], "real part"), (["I_IR", "I", "IR"], "imaginary part"), (["R", "FFE"], "real part"),
    (["M_B0", "M", "B0"], "magnitude"), (["B0 MAP", "B0", "UNSPECIFIED"], "field map"), (["B0", "B0"], "field map"),
    (["VELOCITY MAP", "P", "PCA"], "phase"), (["VELOCITY MAP"], "phase"), (["PHASE CONTRAST M", "P", "PCA"], "phase"),
    (["M_PCA", "M", "PCA"], "magnitude"), (["P_FFE"], "phase"), (["M", "ND", "NORM"], "magnitude"),
    (["P", "ND"], "phase"), (["MAGNITUDE"], "magnitude"), (["REAL"], "real part"),
    (["MPR"], None), (["PROJECTION IMAGE", "MIP"], None), (["MIP_COR"], None), (["MINIP"], None), (["OTHER"], None),
    (["T1 MAP", "T1"], None), (["IP", "OP"], None), (["MR_TRA"], None), (["DIFFUSION", "NONE"], None)]]


@pytest.mark.parametrize(("kind", "component"), [*KINDS, (["M", "P"], None), (["P", "M", "MPR"], None)])
def test_the_vendors_words_for_a_component_are_known_as_values_3_and_4(tmp_path, kind, component):
    assert header(tmp_path, ImageType=kind).traits.component == component


def test_a_component_is_read_from_complex_image_component_where_the_image_type_names_none(tmp_path):
    assert header(tmp_path / "a", ComplexImageComponent="PHASE").traits.component == "phase"
    assert header(tmp_path / "b", ComplexImageComponent="MIXED").traits.component is None
    kind = ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"]  # Philips: dcm2niix, issue 256
    assert header(tmp_path / "c", ComplexImageComponent="REAL", ImageType=kind).traits.component == "magnitude"


def private(creator: str, tag: int, kind: str, value, block: int = 0x10):
    """For `change`: a private element in a block of its vendor's."""
    def change(_, dataset):
        group = tag >> 16
        dataset.add_new(group << 16 | block, "LO", creator)
        dataset.add_new(group << 16 | block << 8 | tag & 0xFF, kind, value)
    return change


@pytest.mark.parametrize(("value", "component"), [
    (0, "magnitude"), (1, "phase"), (2, "real part"), (3, "imaginary part"), (17, None), (-1, None)])
def test_ge_tells_the_component_in_a_private_element(tmp_path, value, component):
    assert header(tmp_path, change=private("GEMS_PARM_01", 0x0043_102F, "SS", value)).traits.component == component


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
@pytest.mark.parametrize(("creator", "tag", "kind", "value", "b_value"), [
    ("SIEMENS MR HEADER", 0x0019_100C, "IS", "1000", 1000), ("Philips Imaging DD 001", 0x2001_1003, "FL", 800.0, 800),
    ("GEMS_PARM_01", 0x0043_1039, "IS", ["1000000750", "8", "0", "0"], 750),
    ("Image Private Header", 0x0065_1009, "FD", 1500.0, 1500), ("ANOTHER VENDOR", 0x0019_100C, "IS", "1000", None)])
def test_b_values_are_read_from_the_block_of_their_vendor(tmp_path, syntax, creator, tag, kind, value, b_value):
    for block in (0x10, 0x12):
        traits = header(tmp_path, syntax=syntax, change=private(creator, tag, kind, value, block)).traits
        assert traits.b_value == b_value


def test_a_private_value_whose_representation_was_lost_is_decoded(tmp_path):
    lost = private("Image Private Header", 0x0065_1009, "UN", np.float64(1500).tobytes())
    assert header(tmp_path, change=lost).traits.b_value == 1500


@pytest.mark.parametrize(("creator", "elements"), [
    ("SIEMENS MR HEADER", {0x0019_100E: ("FD", [0.0, 0.6, 0.8])}),
    ("Image Private Header", {0x0065_1037: ("FD", [0.0, 0.6, 0.8])}),
    ("Philips MR Imaging DD 001", {0x2005_10B0: ("FL", 0.0), 0x2005_10B1: ("FL", 0.6), 0x2005_10B2: ("FL", 0.8)}),
    ("GEMS_ACQU_01", {0x0019_10BB: ("DS", "0"), 0x0019_10BC: ("DS", "0.6"), 0x0019_10BD: ("DS", "0.8")})])
def test_private_gradients_are_read_where_there_is_a_weighting(tmp_path, creator, elements):
    def change(_, dataset):
        for tag, (kind, value) in elements.items():
            private(creator, tag, kind, value)(_, dataset)

    assert header(tmp_path / "weighted", change=change, DiffusionBValue=800.0).traits.gradient == pytest.approx(
        (0, 0.6, 0.8))
    assert header(tmp_path / "not", change=change, DiffusionBValue=0.0).traits.gradient is None


def test_the_gradient_of_a_file_of_one_frame_stands_at_its_top_level(tmp_path):
    assert header(tmp_path, DiffusionGradientOrientation=[1.0, 0.0, 0.0]).traits.gradient == (1, 0, 0)


def test_echo_numbers_image_types_and_times_are_read(tmp_path):
    traits = header(tmp_path, EchoNumbers="2", EchoTime="40", AcquisitionTime="101530.25", ContentTime="101533",
                    ImageType=["ORIGINAL", "PRIMARY", "W"]).traits
    assert (traits.echo_number, traits.echo_ms, traits.acquired, traits.created) == (2, 40, 101530.25, 101533)
    assert traits.image_type == "ORIGINAL\\PRIMARY\\W"


@pytest.mark.parametrize("length", [b"\0\0\0\0", b"\xff\xff\xff\x7f"])
def test_a_wrong_length_of_the_meta_header_makes_no_file_cut_off(tmp_path, length):
    path = write_series(tmp_path, pattern((1, 4, 6)))[0]
    content = bytearray(path.read_bytes())
    content[140:144] = length
    path.write_bytes(content)
    assert read_headers(path)[0][0].position == (-10, -20, 30)
