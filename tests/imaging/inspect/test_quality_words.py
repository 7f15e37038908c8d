"""What rows of the quality table and of the table of masks say in words; built by hand, so that every case is there."""

import numpy as np
import pandas as pd
import pytest

from radiogen.imaging.findings import FindingCode
from radiogen.imaging.inspect.masks import COLUMNS as MASK_COLUMNS
from radiogen.imaging.inspect.masks import _millilitres, _same_grid, summarise_masks
from radiogen.imaging.inspect.nifti import picture_sides, volume_cells
from radiogen.imaging.inspect.quality import COLUMNS, Series, caption, name_of, note, slice_picture, summarise
from radiogen.imaging.volume import Volume

MISSING = FindingCode.SERIES_MISSING.name
AXIAL = np.array([[0, 0, 2, -10], [0, 1, 0, 5], [3, 0, 0, 0], [0, 0, 0, 1]], float)
"""From slice, row, column: slices of 3 mm towards the head, rows of 1 mm to the back, columns of 2 mm to the left."""


def _row(**cells):
    return {**dict.fromkeys(COLUMNS, ""), "case": "00001", "split": "train", "sequence": "FLAIR", "plane": "axial",
            "rows": 256, "columns": 240, "slices": 22, "missing_slices": 0, "reader": "fast", "file_names": "same",
            "instance_numbers": "same", **cells}


def _table(*rows):
    return pd.DataFrame([_row(**cells) for cells in rows])


@pytest.mark.parametrize(("cells", "text"), [
    ({}, "axial, 256 x 240, 22 slices"), ({"slices": 1}, "axial, 256 x 240, 1 slice"),
    ({"plane": ""}, "plane not known, 256 x 240, 22 slices"), ({"refused": "damaged"}, "refused"),
    ({"refused": "missing", "refused_code": MISSING}, "")])
def test_a_caption_says_plane_size_and_slices_or_why_there_is_no_picture(cells, text):
    assert caption(pd.Series(_row(**cells))) == text


@pytest.mark.parametrize(("cells", "text"), [
    ({}, "00001 FLAIR"), ({"split": "test"}, "00001 FLAIR (test)"), ({"sequence": "", "split": ""}, "00001")])
def test_a_name_says_whether_it_is_a_test_cases(cells, text):
    assert name_of(pd.Series(_row(**cells))) == text


@pytest.mark.parametrize(("cells", "text"), [
    ({}, ""), ({"known_bad": "blank"}, "known bad case"), ({"refused": "damaged"}, "damaged"),
    ({"refused": "missing", "refused_code": MISSING}, "missing"),
    ({"known_bad": "blank", "refused": "missing", "refused_code": MISSING}, "known bad case"),
    ({"known_bad": "blank", "refused": "damaged"}, "known bad case; damaged"),
    ({"finding_codes": "INVERTED LOSSY"}, f"{FindingCode.INVERTED.meaning}; {FindingCode.LOSSY.meaning}")])
def test_a_note_says_what_is_wrong_and_nothing_where_nothing_is(cells, text):
    assert note(pd.Series(_row(**cells))) == text


@pytest.mark.parametrize(("parts", "name"), [
    (("train", "00000", "FLAIR"), "train/00000/FLAIR"), (("", "a/b", ""), "a/b"), (("", "a", "FLAIR"), "a/FLAIR")])
def test_a_series_is_named_by_the_parts_that_it_has(tmp_path, parts, name):
    assert Series(*parts, tmp_path).name == name


def test_a_summary_counts_cases_series_refused_and_missing_ones():
    lines = summarise(_table({}, {"sequence": "T1w", "refused": "damaged"}, {"case": "00002", "refused": "missing",
                                                                         "refused_code": MISSING}), ("FLAIR", "T1w"))
    assert lines[0] == "cases: 2; series: 3, of which 1 can be read, 1 refused, 1 missing"
    assert lines[-3:] == ["not read:", "  train/00001/T1w: damaged", "  train/00002/FLAIR: missing"]


def test_a_sequence_that_no_case_has_is_named_of_a_data_set_and_not_of_a_folder_of_series():
    assert "in no case: T2w" in summarise(_table({}), ("FLAIR", "T2w"))
    assert not [line for line in summarise(_table({"split": ""}), ("FLAIR", "T2w")) if "in no case" in line]


@pytest.mark.parametrize(("slices", "few"), [(63, 1), (64, 0), (1, 1)])
def test_a_series_with_fewer_than_64_slices_is_counted(slices, few):
    assert f"fewer than 64 slices: {few} of 1 series" in summarise(_table({"slices": slices}), ("FLAIR",))


def test_orders_are_counted_and_where_none_is_known_that_is_said():
    lines = summarise(_table({}, {"file_names": "reversed", "instance_numbers": ""}, {"file_names": ""}), ("FLAIR",))
    assert "order by file names against the order of the slices: 1 same, 1 reversed" in lines
    lines = summarise(_table({"file_names": ""}), ("FLAIR",))
    assert "order by file names against the order of the slices: not reported" in lines


def test_cases_in_several_planes_are_named_and_counted_by_split():
    table = _table({}, {"sequence": "T1w", "plane": "sagittal"}, {"split": "test"}, {"case": "00002"})
    lines = summarise(table, ("FLAIR", "T1w"))
    assert "cases whose series are not all in one plane: 1 of 3: 00001" in lines


def test_of_many_refused_series_the_first_twenty_are_named():
    lines = summarise(_table(*({"case": f"{number:05d}", "refused": "damaged"} for number in range(23))), ("FLAIR",))
    assert lines[-1] == "  and 3 more: see the table" and lines[-2] == "  train/00019/FLAIR: damaged"


def test_readers_other_than_the_compiled_one_are_counted_by_their_reasons():
    other = {"reader": "pydicom", "reader_reason": "big endian"}
    lines = summarise(_table({}, other, other), ("FLAIR",))
    place = lines.index("read by the compiled reader: 1 of 3 series")
    assert lines[place + 1] == "      2 by pydicom: big endian"


def _masks(*rows):
    cells = {**dict.fromkeys(MASK_COLUMNS, ""), "split": "train", "mask": "present", "grid_of": "FLAIR"}
    return pd.DataFrame([{**cells, "case": f"{number:05d}", **row} for number, row in enumerate(rows)])


def test_a_summary_of_masks_says_only_what_is_odd():
    assert summarise_masks(_masks({}, {})) == ["masks of the tumour: 2 of 2 cases have one, 2 can be read"]


def test_numbers_without_a_name_are_counted_once_each_in_their_order():
    lines = summarise_masks(_masks({"unnamed_numbers": "10 2"}, {"unnamed_numbers": "2"}, {"mask": "missing"}))
    assert lines == ["masks of the tumour: 2 of 3 cases have one, 2 can be read", "      1 without a mask: 00002",
                     "      2 with numbers that mask_values does not name, 2 and 10, which count as background: "
                     "00000 and 00001"]


def test_a_refused_mask_is_named_and_on_no_grid_without_being_counted_as_such():
    lines = summarise_masks(_masks({"mask": "refused", "refused": "is empty", "grid_of": ""}, {"grid_of": ""}))
    assert lines[-2:] == ["      1 on a grid that none of its series has (it is resampled): 00001",
                          "  train/00000/mask: is empty"]


def _volume(shape=(3, 4, 5), affine=AXIAL):
    return Volume(np.ones(shape, np.uint8), affine)


def test_a_grid_is_the_same_whatever_the_order_and_direction_of_its_axes():
    turned = AXIAL[:, [1, 0, 2, 3]]
    flipped = AXIAL @ np.array([[-1, 0, 0, 2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert _same_grid(_volume(), _volume()) and _same_grid(_volume(), _volume((4, 3, 5), turned))
    assert _same_grid(_volume(), _volume(affine=flipped))


@pytest.mark.parametrize("other", [
    None, _volume(affine=None), _volume((3, 5, 4)), _volume((3, 4, 6)), _volume(affine=AXIAL @ np.diag([1, 1, 1.2, 1])),
    _volume(affine=AXIAL + [[0, 0, 0, 0.2], [0] * 4, [0] * 4, [0] * 4])])
def test_a_grid_of_another_size_place_or_spacing_is_another(other):
    assert not _same_grid(_volume(), other)
    assert not _same_grid(_volume(affine=None), _volume())


def test_a_grid_may_be_moved_by_less_than_a_twentieth_of_a_voxel():
    assert _same_grid(_volume(), _volume(affine=AXIAL + [[0, 0, 0, 0.08], [0] * 4, [0] * 4, [0] * 4]))


def test_a_tumour_of_a_mask_without_a_place_has_no_size():
    assert _millilitres(_volume()) == pytest.approx(60 * 6 / 1000) and _millilitres(_volume(affine=None)) is None


def test_the_sides_of_a_picture_are_those_from_which_rows_and_columns_come():
    assert picture_sides(_volume()) == ("R", "A") and picture_sides(_volume(affine=None)) == ("", "")


def test_blank_slices_are_a_share_and_values_that_are_no_numbers_have_no_part_in_the_range():
    voxels = np.zeros((4, 2, 2), np.float32)
    voxels[0, 0] = [1, np.nan]
    voxels[1, 0] = [np.inf, 3]
    cells = volume_cells(Volume(voxels, None))
    assert (cells["slices"], cells["blank_share"], cells["lowest"], cells["highest"]) == (4, 0.5, 0, 3)
    assert (cells["reader"], cells["reader_reason"], cells["refused"]) == ("", "", "")


@pytest.mark.parametrize(("shape", "spacing", "size"), [
    ((1, 10, 20), (1.0, 1.0), (96, 192)), ((1, 10, 20), (2.0, 1.0), (192, 192)), ((3, 4, 4), (1.0, 3.0), (64, 192)),
    ((1, 1, 400), (1.0, 1.0), (1, 192))])
def test_a_picture_is_192_pixels_long_in_the_patients_proportions(shape, spacing, size):
    voxels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    picture = slice_picture(voxels[len(voxels) // 2], spacing)
    assert picture.shape == size and picture.dtype == np.uint8
