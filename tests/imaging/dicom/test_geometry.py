"""Order, step and affine follow from positions; holes and unevenness are reported and mended."""

import dataclasses

import numpy as np
import pytest

from radiogen.imaging.dicom.geometry import OrderedBy, fill, keep, place, room_for
from radiogen.imaging.dicom.headers import PixelStorage, SliceHeader, Traits
from radiogen.imaging.findings import FindingCode

from ..made.expected import finding, only, refused

STORAGE = PixelStorage(path=None, syntax="", offset=0, length=0, compressed=False, big_endian=False, words=True,
                       floating=False, frames=1, rows=4, columns=4, bits_allocated=16, bits_stored=16, high_bit=15,
                       signed=False, inverted=False)


def slices(tmp_path, heights, **values) -> list[SliceHeader]:
    """Axial slices at these heights in mm."""
    fields = {"orientation": (1.0, 0, 0, 0, 1, 0), "pixel_spacing": (2.0, 0.5), **values}
    return [SliceHeader(path=tmp_path / f"{number}.dcm", frame=0, rows=4, columns=4, position=(0, 0, float(height)),
                        slope=1.0, intercept=0.0, instance=number, series="1", traits=Traits(), localiser=False,
                        storage=STORAGE, **fields) for number, height in enumerate(heights, 1)]


def test_order_ascends_along_the_cross_product_of_row_and_column(tmp_path):
    assert place(slices(tmp_path, [4, 0, 2])).order == (1, 2, 0)
    feet_first = slices(tmp_path, [4, 0, 2], orientation=(1, 0, 0, 0, -1, 0))
    assert place(feet_first).order == (0, 2, 1)


def test_columns_of_the_affine_are_slice_step_row_step_and_column_step(tmp_path):
    affine = place(slices(tmp_path, [1, 4, 7])).affine
    assert np.allclose(affine, [[0, 0, 0.5, 0], [0, 2, 0, 0], [3, 0, 0, 1], [0, 0, 0, 1]])


def test_rounding_of_positions_to_a_tenth_is_not_uneven(tmp_path):
    heights = np.round(np.arange(60) * 1.234, 1)
    assert place(slices(tmp_path, heights)).findings == ()
    assert place(slices(tmp_path, heights)).at is None


def test_holes_are_found_though_positions_are_rounded(tmp_path):
    heights = np.delete(np.round(np.arange(300) * 0.987, 1), [50, 51, 200])
    found = place(slices(tmp_path, heights))
    missing = only(found.findings, FindingCode.SLICES_MISSING).values
    assert (missing["missing"], missing["total"], missing["off_mm"]) == (3, 300, None)
    assert missing["holes"] == ((2, "50.dcm", "51.dcm"), (1, "198.dcm", "199.dcm"))
    assert len(found.at) == 300
    assert np.linalg.norm(found.affine[:3, 0]) == pytest.approx((heights[-1] - heights[0]) / 299)


@pytest.mark.parametrize("step", [1e4, 1e18, 1e-4])
def test_slices_as_far_apart_as_no_patient_is_long_or_nearer_than_a_cell_have_no_affine(tmp_path, step):
    found = place(slices(tmp_path, [0, step, 2 * step]))
    assert found.affine is None and found.findings == (finding(FindingCode.SPACING_IMPOSSIBLE, spacing_mm=step),)


def test_a_second_slab_far_away_is_refused(tmp_path):
    with refused(FindingCode.SLICES_LACKING, missing=16, total=24, holes=((16, "4.dcm", "5.dcm"),)):
        place(slices(tmp_path, [0, 1, 2, 3, 20, 21, 22, 23]))


def test_filling_interpolates_between_neighbours_and_leaves_the_rest_alone():
    voxels = np.array([0, 30, 90], np.uint8).reshape(3, 1, 1)
    filled = fill(voxels, np.array([0, 1 / 3, 2 / 3, 1, 1.5, 2]))
    assert filled.ravel().tolist() == [0, 10, 20, 30, 60, 90]
    assert filled.dtype == np.uint8
    assert fill(voxels, None) is voxels


@pytest.mark.parametrize("at", [[0, 0.5, 1, 1.5, 2], [0, 1, 2], [0, 1 / 3, 2 / 3, 1, 2], [0, 1.2, 2]])
def test_filling_within_a_room_gives_what_filling_apart_gives(at):
    voxels, at = np.array([7, 30, 90], np.uint16).reshape(3, 1, 1), np.array(at)
    room = room_for(3, (1, 1), np.uint16, at)
    room[-3:] = voxels
    filled = fill(room, at, 3)
    assert filled.ravel().tolist() == fill(voxels.copy(), np.append(at, [2, 2, 2]))[:len(at)].ravel().tolist()
    assert np.shares_memory(filled, room)


def test_what_is_kept_stands_at_the_end_of_the_room_in_its_order():
    room = np.arange(7).reshape(7, 1, 1)
    keep(room, 5, [0, 2, 3])
    assert room[-3:].ravel().tolist() == [2, 4, 5]


def test_sideways_jitter_below_a_pixel_keeps_the_affine_and_is_reported(tmp_path):
    stack = slices(tmp_path, [0, 1, 2, 3, 4])
    stack[2] = dataclasses.replace(stack[2], position=(0.4, 0, 2.0))
    found = place(stack)
    assert found.affine is not None
    assert only(found.findings, FindingCode.SLICES_SHIFTED).values["shift_mm"] == pytest.approx(0.4)


def test_numbers_decide_only_where_positions_are_unknown(tmp_path):
    stack = [dataclasses.replace(one, position=None, instance=number)
             for one, number in zip(slices(tmp_path, [0, 1, 2]), [3, 1, 2], strict=True)]
    found = place(stack)
    assert found.order == (1, 2, 0)
    assert found.affine is None
    assert found.ordered_by is OrderedBy.INSTANCE_NUMBER


@pytest.mark.parametrize("height", [1e19, 1e300, -1e300, 1e12])
def test_a_position_that_cannot_be_is_refused_by_the_slices_beside_it(tmp_path, height):
    beside = ("4.dcm", "5.dcm") if height > 0 else ("5.dcm", "1.dcm")
    with refused(FindingCode.POSITION_FAR_OFF, between=beside, usual_mm=1.0):
        place(slices(tmp_path, [0, 1, 2, 3, height]))
