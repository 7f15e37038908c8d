"""The wording of findings: one sentence a code, made of its files and values; what else holds for every code.

No other test of the reader compares sentences.
"""

import pickle

import pytest

from radiogen.core.wording import listing
from radiogen.imaging.findings import Finding, FindingCode, Policy, codes, codes_text
from radiogen.imaging.folder import SeriesError

C = FindingCode
HOLES = ((2, "5.dcm", "8.dcm"), (1, "10.dcm", "12.dcm"))

SENTENCES = [
    (C.FILE_EMPTY, {}, "a set aside: empty"),
    (C.FILE_NOT_DICOM, {}, "a set aside: not a DICOM file"),
    (C.FILE_UNREADABLE, {"error": "Permission denied"}, "a set aside: not readable (Permission denied)"),
    (C.FILE_CHANGED, {}, "a set aside: changed while it was read"),
    (C.FILE_DAMAGED, {"error": "KeyError"}, "a set aside: damaged (KeyError)"),
    (C.FILE_INFLATES_TOO_MUCH, {"most_mib": 64},
     "a set aside: not readable (it holds more than 64 MiB, deflated)"),
    (C.HEADER_CUT_OFF, {}, "a set aside: cut off in its header"),
    (C.HEADER_BEHIND_PIXELS, {}, "a set aside: not readable (elements of its header follow its pixels)"),
    (C.NO_IMAGE, {}, "a set aside: no image in it"),
    (C.NO_PIXELS, {}, "a set aside: no pixels: cut off in its header, or no image"),
    (C.TRANSFER_SYNTAX_UNKNOWN, {"syntax": "1.2"}, "a set aside: of a transfer syntax that is not known here (1.2)"),
    (C.COLOUR_IMAGE, {"photometric": "RGB"}, "a set aside: a colour image (RGB)"),
    (C.SIZE_IMPOSSIBLE, {"frames": 1, "rows": 0, "columns": 6},
     "a set aside: declares 1 x 0 x 6 pixels, so its header is damaged"),
    (C.BITS_IMPOSSIBLE, {"stored": 1, "allocated": 8},
     "a set aside: 1 bits stored of 8 a pixel, which is no image of grey values"),
    (C.SYNTAX_WITHOUT_COMPRESSION, {},
     "a set aside: compressed pixels under a transfer syntax without compression"),
    (C.PIXELS_CUT_OFF, {}, "a set aside: cut off in its pixels"),
    (C.COMPRESSION_UNKNOWN, {"syntax": "1.2"},
     "a set aside: compressed in a way that is not known here (transfer syntax 1.2)"),
    (C.STREAM_UNKNOWN, {}, "a set aside: damaged pixels (no JPEG, JPEG-LS or JPEG 2000 stream)"),
    (C.STREAM_WITHOUT_MARKER, {},
     "a set aside: damaged pixels (no marker where the stream's header has to have one)"),
    (C.STREAM_WITHOUT_FRAME_HEADER, {}, "a set aside: damaged pixels (a stream without a frame header)"),
    (C.STREAM_DAMAGED, {"error": "bad code"}, "a set aside: damaged pixels (bad code)"),
    (C.RUN_LENGTHS_DAMAGED, {"segments": 3, "bytes": 2},
     "a set aside: damaged pixels (3 segments of run lengths for 2 bytes a pixel)"),
    (C.STREAM_COLOUR, {"components": 3, "codec": "JPEG"},
     "a set aside: a colour image (3 components in its JPEG stream)"),
    (C.STREAM_OTHER_SIZE, {"rows": 36, "columns": 44, "header_rows": 35, "header_columns": 40},
     "a set aside: compressed as 36 x 44 pixels where its header has 35 x 40"),
    (C.STREAM_OTHER_BITS, {"precision": 12, "allocated": 8},
     "a set aside: compressed with 12 bits a pixel where its header has 8"),
    (C.STREAM_SIGN_LOST, {"precision": 12, "stored": 16},
     "a set aside: compressed with 12 bits a pixel, so that the sign of its 16 bits is lost"),
    (C.STREAM_TOO_LONG, {}, "a set aside: decodes to more pixels than its rows and columns declare"),
    (C.MOSAIC_WITHOUT_HEADER, {},
     "a set aside: a mosaic that no longer says of how many slices (its CSA header was removed)"),
    (C.VFRAME_WITHOUT_HEADER, {}, "a set aside: a United Imaging mosaic (VFRAME) without its private elements: export "
                                  "it with them, or one file a slice"),
    (C.MOSAIC_RESIZED, {"tiles": 5, "rows": 16, "columns": 17},
     "a set aside: a mosaic of 5 slices whose matrix of 16 x 17 is no whole number of tiles"),
    (C.MOSAIC_SLABS, {"slabs": 2, "everywhere": True},
     "every file: a mosaic of 2 slabs: their distance is not known"),
    (C.MOSAIC_SLAB_UNCLEAR, {"tiles": 5, "everywhere": True},
     "every file: a mosaic of 5 slices from a slab that its protocol does not describe"),
    (C.MOSAIC_OTHER_COUNT, {"tiles": 5, "declared": 3, "everywhere": False},
     "a: a mosaic of 5 slices, 3 in its protocol"),
    (C.MOSAIC_UNEVEN, {"low_mm": 3, "high_mm": 24.0, "everywhere": False},
     "a: a mosaic of slices 3.00 to 24.00 mm apart in its protocol"),
    (C.VFRAME_WITHOUT_POSITIONS, {"everywhere": False},
     "a: a United Imaging mosaic that does not say where each of its slices lies"),
    (C.ELEMENT_UNREADABLE, {"tag": "(0028,0103)", "everywhere": False}, "a: (0028,0103) cannot be read, not used"),
    (C.ORIENTATION_IMPOSSIBLE, {"everywhere": True},
     "every file: an orientation that is not two directions at right angles, not used"),
    (C.PIXEL_SPACING_IMPOSSIBLE, {"rows_mm": 1e-300, "columns_mm": 1.0, "everywhere": False},
     "a: a pixel spacing that cannot be (1e-300 x 1 mm), not used"),
    (C.RESCALE_NO_NUMBER, {"name": "slope", "text": "x", "everywhere": False},
     "a: a rescale slope that is no number (x), not applied"),
    (C.RESCALE_SLOPE_ZERO, {"everywhere": False}, "a: a rescale slope of 0, not applied"),
    (C.RESCALE_DIFFERS, {}, "slices have different rescale factors: each is rescaled by its own"),
    (C.LOOKUP_TABLE, {"everywhere": False}, "a: a modality lookup table, not applied"),
    (C.LOSSY, {"everywhere": True}, "every file: compressed with loss"),
    (C.FRAMES_CUT_OFF, {"whole": 7, "frames": 9, "everywhere": False}, "a: cut off after 7 of its 9 frames"),
    (C.PIXELS_IN_EXCESS, {"everywhere": False}, "a: more pixel data than its rows and columns declare"),
    (C.INVERTED, {}, "MONOCHROME1: inverted, so that bright means more"),
    (C.FOLDER_INSIDE, {}, "not read: what is in a, inside this folder"),
    (C.SPECIAL_FILE, {}, "not read: a, no file but a pipe, a socket or a device"),
    (C.LOCALISER, {}, "a set aside: localiser"),
    (C.OTHER_SERIES, {}, "a set aside: another series"),
    (C.OTHER_MATRIX, {"rows": 8, "columns": 9, "main_rows": 6, "main_columns": 7},
     "a set aside: 8 x 9 pixels, not 6 x 7"),
    (C.OTHER_PLACELESS, {}, "a set aside: no position or orientation"),
    (C.OTHER_PIXEL_SPACING, {}, "a set aside: another pixel spacing"),
    (C.OTHER_ORIENTATION, {}, "a set aside: another orientation"),
    (C.SERIES_UID_IN_EVERY_FILE, {}, "every file has a SeriesInstanceUID of its own, which is not used"),
    (C.VOLUMES, {"volumes": 2, "label": "magnitude"},
     "2 volumes in one series: magnitude is used, the others are set aside"),
    (C.VOLUME, {"label": "echo 20 ms"}, "echo 20 ms"),
    (C.VOLUME_UNNAMED, {"slices": 5}, "5 slices, a"),
    (C.COPIES, {}, "a is a copy of other slices: each kept once"),
    (C.REPEATS_ALIKE, {},
     "slices at the same place differ and nothing in their headers explains it: separated by their order"),
    (C.REPEATS_MIXED, {"traits": ("echo_ms", "flip_angle_degrees", "image_type")},
     "slices at the same place differ in echo time, flip angle and image type, but not volume by volume: separated by "
     "their order"),
    (C.ONE_PLACE, {}, "all slices are said to lie at the same place, which is not used"),
    (C.POSITION_MISSING, {"ordered_by": "InstanceNumber"},
     "no position reported: slices ordered by InstanceNumber, no affine"),
    (C.ORIENTATION_MISSING, {"ordered_by": "InstanceNumber"},
     "no orientation reported: slices ordered by InstanceNumber, no affine"),
    (C.PIXEL_SPACING_MISSING, {}, "no pixel spacing reported: no affine"),
    (C.SINGLE_SLICE, {}, "a single slice: the distance to its neighbours is not known, no affine"),
    (C.SPACING_IMPOSSIBLE, {"spacing_mm": 12345.6}, "slices lie 1.23e+04 mm apart, which cannot be: no affine"),
    (C.SLICES_MISSING, {"missing": 3, "total": 12, "holes": HOLES, "off_mm": None},
     "3 of 12 slices are missing, interpolated from their neighbours: 2 between 5.dcm and 8.dcm, 1 between 10.dcm and "
     "12.dcm"),
    (C.SLICES_UNEVEN, {"low_mm": 3.0, "high_mm": 4.0, "off_mm": 0.4},
     "uneven spacing, gaps of 3.00 to 4.00 mm: taken as even, which puts slices up to 0.40 mm from their true place"),
    (C.SLICES_UNEVEN_INTERPOLATED, {"low_mm": 3.0, "high_mm": 5.0, "slices": 17, "spacing_mm": 4.2},
     "uneven spacing, gaps of 3.00 to 5.00 mm: interpolated to 17 slices of 4.20 mm"),
    (C.SLICES_SHIFTED, {"shift_mm": 0.25}, "slices are shifted sideways by up to 0.25 mm from a straight stack"),
    (C.SLICES_SHIFTED_FAR, {"shift_mm": 5.0},
     "slices are shifted sideways by up to 5.0 mm, each by its own: no affine"),
    (C.GANTRY_TILT, {"degrees": 14.0}, "gantry tilt of 14.0 degrees: kept as a shear in the affine"),
    (C.SLICES_BLANK, {"blank": 1, "total": 5}, "1 of 5 slices blank: a"),
    (C.SERIES_MISSING, {}, "is missing"),
    (C.FOLDER_MISSING, {}, "there is no such folder or file"),
    (C.FOLDER_UNREADABLE, {"error": "Permission denied"}, "cannot be read (Permission denied)"),
    (C.FOLDER_EMPTY, {}, "holds no files"),
    (C.NO_USABLE_IMAGE, {"causes": (Finding(C.FILE_EMPTY, "xyz"), Finding(C.FILE_NOT_DICOM, "n"))},
     "no usable image (x, y and 1 more: empty; n: not a DICOM file)"),
    (C.SEVERAL_STACKS, {"parts": ((5, "1.dcm", None), (4, "9.dcm", Finding(C.OTHER_SERIES)))},
     "holds 2 stacks that are not one volume: 5 slices from 1.dcm on and 4 slices from 9.dcm on (another series)"),
    (C.SERIES_BLANK, {"slices": 4, "value": 9.0}, "is blank: every pixel of its 4 slices is 9"),
    (C.SLICES_LACKING, {"missing": 4, "total": 12, "holes": HOLES[:1]},
     "4 of 12 slices are missing: 2 between 5.dcm and 8.dcm"),
    (C.POSITION_FAR_OFF, {"gap_mm": 1e9, "between": ("1.dcm", "2.dcm"), "usual_mm": 3.0},
     "1e+09 mm lie between 1.dcm and 2.dcm, 3 mm between others"),
    (C.SERIES_TOO_LARGE, {"slices": 9, "rows": 8, "columns": 7},
     "declares 9 x 8 x 7 voxels, more than fit into memory"),
    (C.PLACE_UNKNOWN, {}, "does not report where it lies"),
    (C.NIFTI_FORMS_DIFFER, {"apart_mm": 3.14}, "sform and qform put a corner 3.1 mm apart: the sform is used"),
    (C.NIFTI_FORM_IMPOSSIBLE, {"form": "qform"},
     "a qform that is no affine between 1 micrometre and 1 metre a voxel, not used"),
    (C.NIFTI_PLACE_MISSING, {}, "neither sform nor qform says where the voxels lie: no affine"),
    (C.NIFTI_UNITS, {"unit": "meter"}, "an affine in meters: converted to mm"),
    (C.VALUES_NOT_FINITE, {"count": 3, "total": 60}, "3 of 60 voxels are NaN or infinite: they count as 0"),
    (C.NIFTI_UNKNOWN, {}, "is not a NIfTI file"),
    (C.NIFTI_ANALYZE, {}, "is an ANALYZE 7.5 file, which does not say where left is"),
    (C.NIFTI_HALF_PAIR, {"lacking": "x.img"}, "is half a pair: x.img is missing"),
    (C.NIFTI_DAMAGED, {"error": "bad"}, "is damaged (bad)"),
    (C.NIFTI_CUT_OFF, {"held": 7, "declared": 60}, "is cut off: 7 of 60 bytes of voxels are there"),
    (C.NIFTI_INFLATES_TOO_MUCH, {"declared_mib": 8192.0, "held_mib": 0.25},
     "declares 8192 MiB of voxels in 0.25 MiB of compressed file"),
    (C.NIFTI_SEVERAL_VOLUMES, {"volumes": 65}, "holds 65 volumes, not one"),
    (C.NIFTI_FLAT, {"axes": 2}, "has 2 axes, not three"),
    (C.NIFTI_NOT_GREY, {"kind": "complex numbers"}, "holds complex numbers, not grey values"),
    (C.VALUES_LOST, {}, "holds no voxel that is a finite number"),
    (C.MASK_MISSING, {}, "is missing"),
    (C.MASK_EMPTY, {}, "marks no voxel as tumour"),
    (C.MASK_NOT_LABELS, {"value": 0.25}, "has the value 0.25: no label"),
    (C.MASK_OUTSIDE, {"sequence": "T2w"}, "its tumour lies wholly outside of T2w"),
    (C.MASK_OTHER_SHAPE, {"voxels": (4, 5, 6), "sequence": "T2w", "other_voxels": (4, 5, 7)},
     "has 4 x 5 x 6 voxels, T2w 4 x 5 x 7, and not both say where they lie"),
    (C.MASK_BY_INDEX, {"sequence": "T2w"}, "laid over T2w voxel by voxel: not both say where they lie"),
    (C.MASK_VALUES_UNNAMED, {"numbers": (2, 7)},
     "has the values 2 and 7 that mask_values does not name: not taken for tumour"),
    (C.MASK_BEYOND_SERIES, {"share": 0.126}, "13% of the tumour lies outside"),
    (C.LOCATOR_NOTHING, {}, "none was found by the locator"),
    (C.LOCATOR_SEVERAL, {"places": 3, "apart_mm": 41.7}, "lies in 3 places, up to 42 mm apart, as the locator finds"),
    (C.LOCATOR_SIZE, {"tumour_ml": 0.0625, "low_ml": 1.25, "high_ml": 200.0},
     "has 0.0625 ml, and 1.25 to 200 ml trained the locator"),
    (C.LOCATOR_INPUT, {}, "is not predicted: the locator lacks a series"),
    (C.LOCATOR_TRAINED, {}, "is not predicted: each network of the locator was trained on this patient"),
    (C.WINDOW_OF_INVERTED, {}, "MONOCHROME1: the window is not applied"),
    (C.WINDOW_MISSING, {"everywhere": False}, "not windowed (no window reported): a"),
    (C.WINDOW_UNREADABLE, {"error": "KeyError", "everywhere": False},
     "not windowed (the window cannot be read (KeyError)): a"),
    (C.WINDOW_IMPOSSIBLE, {"error": "width 0", "everywhere": True},
     "not windowed (the window cannot be applied (width 0)): every slice"),
    (C.WINDOW_NO_NUMBER, {"everywhere": False}, "not windowed (the window is no number): a"),
    (C.WINDOWS_SEVERAL, {}, "several windows: the first is used"),
    (C.WINDOWS_UNASSIGNED, {}, "the windows are not applied: nobody knows which slice is whose"),
    (C.GROWN, {"axes": (("slices", 5, 8), ("rows", 6, 8))}, "grown by interpolation: 5 slices to 8, 6 rows to 8"),
    (C.INTERPOLATED, {"axes": (("slices", 3.0, 1.0),)}, "interpolated: slices 3 mm apart to 1 mm"),
    (C.PADDED, {"share": 0.5}, "padded: 50% of the new grid lies outside the series and is 0"),
    (C.SLICES_PADDED, {"slices": 2}, "padded: 2 slices of zeros appended"),
    (C.SLICES_PADDED_AIR, {"slices": 2}, "padded: 2 slices of air appended"),
    (C.HEAD_CUT_OFF, {"share": 0.126}, "cropped: 13% of the head lies outside the new grid"),
    (C.HEAD_NOT_FOUND, {}, "not cropped: no head found"),
    (C.CROPPED_TO_HEAD, {"margin_mm": 8.0, "axes": (("slices", 3, 18, 20), ("rows", 7, 44, 50))},
     "cropped to the head and 8 mm around it: slices 3 to 18 of 20, rows 7 to 44 of 50"),
    (C.CROPPED_TO_TUMOUR, {"margin_mm": 7.5, "axes": (("slices", 3, 9, 20), ("rows", 1, 5, 8))},
     "cropped to the tumour with 7.5 mm around: slices 3 to 9 of 20, rows 1 to 5 of 8"),
    (C.TUMOUR_CUT_OFF, {"share": 0.031}, "cropped: 3% of the tumour is cut off"),
    (C.SLAB, {"middle": 6, "centre": "head area", "axes": (("slices", 3, 8, 12),)},
     "slab around slice 6, largest head area: slices 3 to 8 of 12"),
    (C.SLAB_OF_SLICES, {"first": 3, "last": 8, "total": 12, "middle": 6}, "slices 3 to 8 of 12, around 6"),
    (C.STRETCHED, {"spacing_mm": (6.0, 3.75, 1.0)}, "stretched: voxels of 6 x 3.75 x 1 mm, anatomy is distorted"),
]
OF_NO_FILE = {code for code in C if code.policy is Policy.REFUSED}


@pytest.mark.parametrize(("code", "values", "sentence"), SENTENCES, ids=[code.name for code, *_ in SENTENCES])
def test_the_sentence_of_a_code(code, values, sentence):
    assert str(Finding(code, () if code in OF_NO_FILE else ("a",), values)) == sentence


def test_every_code_has_its_sentence_here():
    assert [code for code, *_ in SENTENCES] == list(FindingCode)


@pytest.mark.parametrize(("finding", "sentence"), [
    (Finding(C.FILE_EMPTY, "abcdefgh"), "a, b, c, d, e and 3 more set aside: empty"),
    (Finding(C.COPIES, "ab"), "a and b are copies of other slices: each kept once"),
    (Finding(C.VOLUME_UNNAMED, "abcd", {"slices": 4}), "4 slices, a, b and 2 more"),
    (Finding(C.SERIES_BLANK, "ab", {"slices": 2, "value": 0.5}),
     "a and b set aside: is blank: every pixel of its 2 slices is 0.5"),
    (Finding(C.SLICES_LACKING, (), {"missing": 7, "total": 20, "holes": ((1, "a", "b"),) * 7}),
     f"7 of 20 slices are missing: {', '.join(['1 between a and b'] * 5)} and 2 more holes"),
    (Finding(C.SLICES_MISSING, (), {"missing": 1, "total": 9, "holes": ((1, "a", "b"),), "off_mm": 0.44}),
     "1 of 9 slices are missing, interpolated from their neighbours: 1 between a and b, which puts slices up to 0.44 "
     "mm from their true place")])
def test_long_lists_are_cut_short_and_clauses_left_out_in_the_sentence_alone(finding, sentence):
    assert str(finding) == sentence


def test_the_reason_of_a_file_that_is_no_image_names_no_file():
    assert Finding(C.PIXELS_CUT_OFF, ("a",)).reason == str(Finding(C.PIXELS_CUT_OFF)) == "cut off in its pixels"


def test_lists_of_names_are_short():
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "b"]) == "a and b"
    assert listing(list("abcdefgh")) == "a, b, c, d, e and 3 more"


def test_a_finding_keeps_every_file_once_and_cannot_be_changed():
    finding = Finding(C.COPIES, ["a", "b", "a", *"cdefgh"], {"number": 1})
    assert finding.files == tuple("abcdefgh")
    with pytest.raises(TypeError):
        finding.values["number"] = 2


def test_equal_findings_are_one_and_survive_a_process():
    first, second = (Finding(C.SLICES_BLANK, ("a",), {"blank": 1, "total": total}) for total in (5, 6))
    assert first != second and len({first, second, pickle.loads(pickle.dumps(first))}) == 2


def test_a_refused_series_carries_its_finding_through_a_process():
    error = pickle.loads(pickle.dumps(SeriesError("folder", Finding(C.FOLDER_EMPTY), "fill it")))
    assert (error.finding, error.code, str(error)) == (
        Finding(C.FOLDER_EMPTY), "FOLDER_EMPTY", "folder: holds no files; fill it")


def test_codes_are_counted_once_in_their_order():
    found = [Finding(C.LOSSY), Finding(C.INVERTED), Finding(C.LOSSY)]
    assert codes(found) == (C.LOSSY, C.INVERTED, C.LOSSY)
    assert codes_text(found) == "LOSSY INVERTED"


def test_no_two_codes_mean_the_same():
    assert len({code.meaning for code in FindingCode}) == len(FindingCode)
