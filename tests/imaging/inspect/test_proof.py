"""The proof of the geometry: it names what was taken from where, and what contradicts it."""

import numpy as np
import pytest

from benchmarks.synthetic.series_files import AXIAL, pattern, write_enhanced, write_series
from radiogen.core.errors import UserError
from radiogen.imaging.findings import FindingCode
from radiogen.imaging.inspect.proof import CONSISTENT, INCONSISTENT, NEITHER, explain_case, explain_series

from ..made.expected import finding


def _sections(lines):
    """{head: text} of the proof, with its line breaks undone."""
    sections, head = {}, ""
    for line in lines:
        head = line[2:18].strip() or head
        sections[head] = " ".join([sections.get(head, ""), line[18:].strip()]).strip()
    return sections


def _proof(folder, *arguments, **header):
    write_series(folder / "s", *(arguments or (pattern(),)), **header)
    return _sections(explain_series(folder / "s"))


def test_a_spacing_between_slices_of_1_mm_is_named_as_contradicting_the_positions(tmp_path):
    proof = _proof(tmp_path, SpacingBetweenSlices="1.0")
    assert "SpacingBetweenSlices says 1 mm, the positions say 3.000 mm; not used" in proof[INCONSISTENT]
    assert proof["slice spacing"].startswith("3.000 mm = 12.00 mm from the first to the last position / 4 steps")


def test_a_right_spacing_between_slices_is_consistent_with_the_geometry(tmp_path):
    proof = _proof(tmp_path, SpacingBetweenSlices="3.0")
    assert "SpacingBetweenSlices" in proof[CONSISTENT] and proof[INCONSISTENT] == "nothing was found"


def test_a_spacing_that_varies_from_file_to_file_is_reported_with_its_range(tmp_path):
    proof = _proof(tmp_path, change=lambda index, dataset: setattr(dataset, "SpacingBetweenSlices", 1 + index))
    assert "SpacingBetweenSlices says 1 to 5 mm" in proof[INCONSISTENT]


def test_the_thickness_is_reported_with_the_gap_that_it_leaves(tmp_path):
    assert "2.00 mm between slices); not used" in _proof(tmp_path, SliceThickness="1.0")[NEITHER]


def test_files_that_run_from_head_to_feet_are_reported_to_run_the_other_way(tmp_path):
    proof = _proof(tmp_path, numbers=(5, 4, 3, 2, 1))
    assert proof["first slice"].startswith("Image-5.dcm at (-10, -20, 30): 30.00 mm")
    assert proof["last slice"].startswith("Image-1.dcm at (-10, -20, 42): 42.00 mm")
    assert "InstanceNumber runs the other way, to the feet; not used" in proof[INCONSISTENT]
    assert "file name runs the other way, to the feet; not used" in proof[INCONSISTENT]


def test_the_directions_are_named_by_the_patients_sides(tmp_path):
    proof = _proof(tmp_path)
    assert proof["plane"].startswith("axial, not oblique (ImageOrientationPatient of Image-1.dcm)")
    assert proof["row"].startswith("runs to the left") and proof["column"].startswith("runs to the back")
    assert proof["normal"].startswith("row x column, points to the head")
    assert proof["picture"] == "has R at its left edge and A at its upper edge"
    assert proof["handedness"].startswith("right-handed, nothing is mirrored") and "+1.125 mm3" in proof["handedness"]


def test_positions_that_are_missing_are_reported_and_no_affine_is_claimed(tmp_path):
    proof = _proof(tmp_path, ImagePositionPatient=None)
    assert proof["order"].startswith("by InstanceNumber, because there are no positions to go by")
    assert proof["slice spacing"].startswith("not known") and proof["handedness"] == "not known: no affine"


def test_a_slice_location_that_steps_otherwise_is_named(tmp_path):
    proof = _proof(tmp_path, change=lambda index, dataset: setattr(dataset, "SliceLocation", 5.0 * index))
    assert "SliceLocation steps by 5 mm, up to 2.00 mm off those of the positions" in proof[INCONSISTENT]


def test_a_slice_location_that_runs_the_other_way_in_the_same_steps_is_no_contradiction(tmp_path):
    proof = _proof(tmp_path, change=lambda index, dataset: setattr(dataset, "SliceLocation", -3.0 * index))
    assert "SliceLocation steps as the positions do" in proof[CONSISTENT]


def test_orientations_that_differ_a_little_are_reported(tmp_path):
    turned = [1, 0, 0, 0, np.cos(5e-4), np.sin(5e-4)]
    proof = _proof(tmp_path, change=lambda index, dataset: setattr(
        dataset, "ImageOrientationPatient", [f"{each:.8f}" for each in turned] if index == 2 else [1, 0, 0, 0, 1, 0]))
    assert "ImageOrientationPatient differs by up to 0.029 degrees: that of Image-1.dcm is taken" in proof[INCONSISTENT]


def test_files_that_are_set_aside_are_named_with_the_reason(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "notes.dcm").write_bytes(b"no image")
    proof = _proof(tmp_path)
    assert proof["files"] == f"5 of 6 files used, 5 slices in them {finding(FindingCode.FILE_NOT_DICOM, 'notes.dcm')}"
    assert proof["findings"] == "none"


def test_a_finding_that_sets_nothing_aside_is_listed_by_itself(tmp_path):
    proof = _proof(tmp_path, PhotometricInterpretation="MONOCHROME1")
    assert proof["files"] == "5 of 5 files used, 5 slices in them"
    assert proof["findings"] == str(finding(FindingCode.INVERTED))


def test_the_frames_of_one_file_are_reported_as_frames(tmp_path):
    path = write_enhanced(tmp_path / "s" / "1.dcm", pattern(), order=(4, 3, 2, 1, 0))
    proof = _sections(explain_series(path.parent))
    assert proof["order"].startswith("by ImagePositionPatient of each frame")
    assert proof["first slice"].startswith("1.dcm frame 5") and "a file holds several slices" in proof[NEITHER]


def test_a_refused_series_is_reported_with_its_reason_and_remedy(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "1.dcm").write_bytes(b"no image")
    proof = _sections(explain_series(tmp_path / "s"))
    assert proof["refused"] == finding(FindingCode.NO_USABLE_IMAGE, causes=(
        finding(FindingCode.FILE_NOT_DICOM, "1.dcm"),)).reason and proof["remedy"]


def test_a_single_slice_has_a_proof(tmp_path):
    proof = _proof(tmp_path, pattern((1, 6, 8)), AXIAL)
    assert proof["slice spacing"].startswith("not known") and "last slice" not in proof


def test_a_case_is_explained_series_by_series_and_what_is_missing_is_said(tmp_path, as_competition):
    write_series(tmp_path / "train" / "00109" / "T1w", pattern())
    write_series(tmp_path / "train" / "00002" / "FLAIR", pattern())
    (tmp_path / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00002,1\n00109,0\n")
    assert "known bad" not in "\n".join(explain_case(tmp_path, "00109"))
    as_competition(tmp_path)
    text = "\n".join(explain_case(tmp_path, "00109"))
    assert text.index("train/00109/FLAIR") < text.index("missing: there is no such folder") < text.index("00109/T1w")
    assert "its FLAIR holds no image; left out where training reads that" in text and "00002" not in text


def test_a_case_that_is_not_there_is_reported_with_those_that_are(tmp_path):
    for case in ("00002", "00031"):
        write_series(tmp_path / "train" / case / "FLAIR", pattern())
    with pytest.raises(UserError, match="no such case; choose one of 00002 to 00031"):
        explain_case(tmp_path, "00003")
