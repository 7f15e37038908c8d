"""The quality table: what it says of series whose oddities are known, and that it leaves everything as it was."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic.series_files import AXIAL, pattern, planes, write_enhanced, write_series
from radiogen.core.errors import UserError
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.findings import FindingCode
from radiogen.imaging.inspect.evidence import gather
from radiogen.imaging.inspect.quality import (
    inspect_dataset,
    inspect_series,
    list_series,
    note,
    output_folder,
    summarise,
)
from radiogen.imaging.series import read_series
from radiogen.task import RSNA_MICCAI

SAGITTAL = next(affine for name, affine in planes() if name == "sagittal")


def _set(keyword, value):
    """A change of `write_series` that gives each file a value of its own."""
    return lambda index, dataset: setattr(dataset, keyword, value(index))


def _no_position(_, dataset):
    del dataset.ImagePositionPatient


def _tilted(index, dataset):
    dataset.ImagePositionPatient = [-10, -20 + index, 30 + 3 * index]


def _uneven(index, dataset):
    dataset.ImagePositionPatient = [-10, -20, 30 + 3 * index + (0.4 if index == 5 else 0)]


def _inverted(_, dataset):
    dataset.PhotometricInterpretation = "MONOCHROME1"


@pytest.fixture
def data(tmp_path):
    """Two training cases and a test case; the second case has a damaged T1w, an empty T2w and no FLAIR."""
    data = tmp_path / "set"
    for split, case in (("train", "00000"), ("train", "00109"), ("test", "00007")):
        for sequence in ("FLAIR", "T1w", "T2w"):
            write_series(data / split / case / sequence, pattern(), SAGITTAL if sequence == "T2w" else AXIAL)
    shutil.rmtree(data / "train" / "00109" / "FLAIR")
    for path in (data / "train" / "00109" / "T1w").iterdir():
        path.write_bytes(b"no image")
    for path in (data / "train" / "00109" / "T2w").iterdir():
        path.unlink()
    return data


def _table(data, **options):
    table, pictures = inspect_dataset(data, workers=1, **options)
    return table.set_index(["split", "case", "sequence"]).sort_index(), pictures


def _snapshot(folder):
    return {path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
            for path in sorted([folder, *folder.rglob("*")])}


@pytest.mark.parametrize(("numbers", "expected"), [
    ((1, 2, 3, 4, 5), "same"), ((11, 10, 9, 8, 7), "reversed"), ((2, 10, 1, 4, 3), "mixed")])
def test_the_order_of_files_is_reported_against_that_of_positions(tmp_path, numbers, expected):
    write_series(tmp_path / "s", pattern(), numbers=numbers)
    row = inspect_series(tmp_path / "s")
    assert (row["file_names"], row["instance_numbers"], row["ordered_by"]) == (expected, expected, "position")


def test_file_names_and_instance_numbers_are_judged_apart(tmp_path):
    write_series(tmp_path / "s", pattern(), change=_set("InstanceNumber", lambda index: 50 - index))
    row = inspect_series(tmp_path / "s")
    assert (row["file_names"], row["instance_numbers"]) == ("same", "reversed")


def test_an_instance_number_that_repeats_orders_nothing(tmp_path):
    write_series(tmp_path / "s", pattern(), InstanceNumber=1)
    assert inspect_series(tmp_path / "s")["instance_numbers"] == ""


@pytest.mark.parametrize(("name", "affine"), planes(), ids=[name for name, _ in planes()])
def test_plane_and_angle_are_those_of_the_stack(tmp_path, name, affine):
    write_series(tmp_path / "s", pattern(), affine)
    row = inspect_series(tmp_path / "s")
    step = affine[:3, 0] / np.linalg.norm(affine[:3, 0])
    assert row["oblique_degrees"] == pytest.approx(np.degrees(np.arccos(np.abs(step).max())), abs=0.01)
    assert row["plane"] == ("sagittal", "coronal", "axial")[int(np.abs(step).argmax())]
    assert name.startswith(row["plane"]) or name == "doubly oblique"
    assert (row["slice_spacing_mm"], row["row_spacing_mm"], row["column_spacing_mm"]) == pytest.approx((2.5, 0.75, 0.5))
    assert (row["slices"], row["rows"], row["columns"]) == (5, 6, 8)


def test_missing_slices_are_counted_and_their_gaps_measured(tmp_path):
    paths = write_series(tmp_path / "s", pattern((14, 6, 8)))
    for index in (3, 7, 8):
        paths[index].unlink()
    row = inspect_series(tmp_path / "s")
    assert (row["missing_slices"], row["slices"], row["files"], row["uneven"]) == (3, 14, 11, "")
    assert (row["smallest_gap_mm"], row["largest_gap_mm"], row["slice_spacing_mm"]) == (3.0, 9.0, 3.0)


def test_uneven_slices_are_marked_and_none_is_missing(tmp_path):
    write_series(tmp_path / "s", pattern((12, 6, 8)), change=_uneven)
    row = inspect_series(tmp_path / "s")
    assert (row["uneven"], row["missing_slices"]) == ("yes", 0)
    assert (row["smallest_gap_mm"], row["largest_gap_mm"]) == (2.6, 3.4)


def test_the_share_of_blank_slices_and_the_range_are_reported(tmp_path):
    voxels = pattern((8, 6, 8))
    voxels[[0, 7]] = 0
    write_series(tmp_path / "s", voxels)
    row = inspect_series(tmp_path / "s")
    assert (row["blank_share"], row["dtype"], row["lowest"], row["highest"]) == (0.25, "uint16", 0, 7 * 48)


def test_signed_and_rescaled_series_are_marked(tmp_path):
    write_series(tmp_path / "plain", pattern())
    write_series(tmp_path / "odd", pattern(dtype="int16"), RescaleSlope=2, RescaleIntercept=-500)
    plain, odd = inspect_series(tmp_path / "plain"), inspect_series(tmp_path / "odd")
    assert (plain["signed"], plain["rescaled"], odd["signed"], odd["rescaled"]) == ("", "", "yes", "yes")
    assert (odd["lowest"], odd["highest"], odd["dtype"]) == (-498, -20, "float32")


def test_a_slice_that_is_damaged_inside_its_compressed_pixels_counts_as_missing(tmp_path):
    paths = write_series(tmp_path / "s", pattern((9, 64, 64)), syntax="1.2.840.10008.1.2.4.90")
    content = paths[4].read_bytes()
    start = content.index(b"\xff\x4f\xff\x51")
    paths[4].write_bytes(content[:start] + b"\0" * (len(content) - start))
    row = inspect_series(tmp_path / "s")
    assert (row["missing_slices"], row["slices"]) == (1, 9)
    assert row["finding_codes"] == "STREAM_UNKNOWN SLICES_MISSING" and "Image-5.dcm" in row["findings"]


def test_a_refused_a_missing_and_an_empty_series_are_rows_and_the_rest_is_read(data):
    table, _ = _table(data)
    assert len(table) == 9 and (table["refused"] == "").sum() == 6
    bad = table.loc[("train", "00109")]
    assert bad["refused_code"].to_dict() == {
        "FLAIR": "SERIES_MISSING", "T1w": "NO_USABLE_IMAGE", "T2w": "FOLDER_EMPTY"}
    assert (bad["refused"] != "").all() and (bad["finding_codes"] == "").all()
    assert table.loc[("train", "00000", "FLAIR"), "slices"] == 5


def _labelled(data):
    (data / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00000,1\n00109,0\n")
    return data


def test_an_id_that_is_bad_in_the_competition_is_not_marked_elsewhere(data):
    for folder in (data, _labelled(data)):
        assert set(_table(folder)[0]["known_bad"]) == {""}


def test_known_bad_cases_are_marked_in_train_only(data, as_competition):
    as_competition(_labelled(data))
    shutil.copytree(data / "train" / "00000", data / "test" / "00123")
    table, _ = _table(data)
    assert set(table.loc[("train", "00109"), "known_bad"]) == {"its FLAIR holds no image"}
    assert set(table.loc["test", "known_bad"]) == set(table.loc[("train", "00000"), "known_bad"]) == {""}


def test_the_input_stays_as_it_was_byte_for_byte(data):
    before = _snapshot(data)
    inspect_dataset(data, drawn=3, workers=1)
    assert _snapshot(data) == before


def test_an_output_inside_the_data_set_is_refused(data, tmp_path):
    with pytest.raises(UserError, match="inside the data set"):
        output_folder(data, data / "train" / "out")
    assert output_folder(data, tmp_path / "out") == tmp_path / "out"
    assert output_folder(data, None) == Path("input/cache") / f"set-{data_fingerprint(data).key}"


def test_a_series_that_changes_gets_a_table_of_its_own_also_in_another_layout(tmp_path):
    write_series(tmp_path / "any" / "anna" / "FLAIR", pattern())
    before = output_folder(tmp_path / "any", None, tmp_path)
    assert before.parent == tmp_path and output_folder(tmp_path / "any", None, tmp_path) == before
    write_series(tmp_path / "any" / "berta" / "FLAIR", pattern())
    assert output_folder(tmp_path / "any", None, tmp_path) != before


def test_a_folder_of_other_series_is_inspected_by_its_folders_names(tmp_path):
    write_series(tmp_path / "anna" / "FLAIR", pattern())
    write_series(tmp_path / "berta", pattern())
    (tmp_path / "notes.txt").write_text("no series")
    assert [each.name for each in list_series(tmp_path)] == ["anna/FLAIR", "berta"]
    assert [each.name for each in list_series(tmp_path / "berta")] == ["berta"]


def test_a_nifti_file_is_a_series_of_its_own_and_the_mask_of_a_case_is_none(tmp_path):
    write_series(tmp_path / "anna" / "FLAIR", pattern())
    for name in ("T1w.nii.gz", "mask.nii.gz", "old.hdr", "old.img"):
        (tmp_path / "anna" / name).write_bytes(b"")
    assert [each.name for each in list_series(tmp_path)] == ["anna/T1w.nii.gz", "anna/old.hdr", "anna/FLAIR"]


def test_a_folder_that_is_not_there_or_empty_is_reported(tmp_path):
    with pytest.raises(UserError, match="there is no such data set"):
        list_series(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no series"):
        list_series(tmp_path)


def test_the_summary_counts_planes_refusals_and_cases_of_several_planes(data, as_competition):
    as_competition(_labelled(data))
    lines = summarise(inspect_dataset(data, workers=1)[0], RSNA_MICCAI.sequences)
    assert lines[0] == "cases: 3; series: 9, of which 6 can be read, 2 refused, 1 missing"
    counts = {line.split()[0]: line.split()[1:] for line in lines[2:6]}
    assert counts == {"sequence": ["axial", "sagittal", "not", "read"], "FLAIR": ["2", "0", "1"],
                      "T1w": ["2", "0", "1"], "T2w": ["0", "2", "1"]}
    assert "in no case: T1wCE" in lines
    assert "cases whose series are not all in one plane: 2 of 2: 00000 and 00007" in lines
    assert "fewer than 64 slices: 6 of 6 series" in lines
    assert "  train/00109/FLAIR: missing" in lines
    assert lines[-1] == "known-bad cases, left out where training reads that: 00109 (its FLAIR holds no image)"


def test_a_data_set_of_refused_series_only_has_a_summary(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.dcm").write_bytes(b"no image")
    lines = summarise(inspect_dataset(tmp_path, workers=1)[0], RSNA_MICCAI.sequences)
    assert lines[0] == "cases: 2; series: 2, of which 0 can be read, 2 refused, 0 missing"


def _odd_series(folder):
    """Series that each have one oddity."""
    write_series(folder / "no position", pattern(), change=_no_position)
    write_series(folder / "tilt", pattern(), change=_tilted)
    write_series(folder / "uneven", pattern((12, 6, 8)), change=_uneven)
    write_series(folder / "inverted", pattern(), change=_inverted)
    write_series(folder / "single", pattern((1, 6, 8)))
    write_series(folder / "no spacing", pattern(), PixelSpacing=None)
    write_series(folder / "bad spacing", pattern(), PixelSpacing=[0, 1])
    write_series(folder / "bad orientation", pattern(), ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    write_series(folder / "one place", pattern(), ImagePositionPatient=[0, 0, 0])
    write_series(folder / "lossy", pattern(), LossyImageCompression="01")
    write_series(folder / "slope 0", pattern(), RescaleSlope=0, RescaleIntercept=1)
    write_series(folder / "slopes", pattern(), change=_set("RescaleSlope", lambda index: index + 1))
    write_series(folder / "series", pattern(), change=_set("SeriesInstanceUID", lambda index: f"1.2.{index}"))
    paths = write_series(folder / "copies", pattern((9, 6, 8)))
    shutil.copy(paths[0], folder / "copies" / "again.dcm")
    write_series(folder / "two", pattern(), EchoTime=1)
    write_series(folder / "two", pattern() + 7, first=20, EchoTime=2)
    path = write_enhanced(folder / "cut" / "1.dcm", pattern((9, 16, 16)))
    path.write_bytes(path.read_bytes()[:-600])


ODD_CODES = {
    "no position": "POSITION_MISSING", "tilt": "GANTRY_TILT", "uneven": "SLICES_UNEVEN", "inverted": "INVERTED",
    "single": "SINGLE_SLICE", "no spacing": "PIXEL_SPACING_MISSING",
    "bad spacing": "PIXEL_SPACING_IMPOSSIBLE PIXEL_SPACING_MISSING",
    "bad orientation": "ORIENTATION_IMPOSSIBLE ORIENTATION_MISSING", "one place": "ONE_PLACE POSITION_MISSING",
    "lossy": "LOSSY", "slope 0": "RESCALE_SLOPE_ZERO", "slopes": "RESCALE_DIFFERS",
    "series": "SERIES_UID_IN_EVERY_FILE", "copies": "COPIES", "two": "VOLUMES", "cut": "FRAMES_CUT_OFF"}


def test_the_codes_of_findings_stand_beside_their_sentences(tmp_path):
    _odd_series(tmp_path)
    table, _ = inspect_dataset(tmp_path, workers=1)
    assert (table["refused"] == "").all(), table["refused"].tolist()
    assert dict(zip(table["case"], table["finding_codes"], strict=True)) == ODD_CODES
    assert [len(text.split("; ")) for text in table["findings"]] == [
        len(cell.split()) for cell in table["finding_codes"]]


def test_findings_are_counted_by_what_their_codes_mean(tmp_path):
    write_series(tmp_path / "plain", pattern())
    for name in ("a", "b"):
        write_series(tmp_path / name, pattern((1, 6, 8)), change=_inverted)
    table, _ = inspect_dataset(tmp_path, workers=1)
    lines = summarise(table, RSNA_MICCAI.sequences)
    assert "series without a finding: 1 of 3" in lines
    for code in (FindingCode.SINGLE_SLICE, FindingCode.INVERTED):
        assert f"      2 with {code.meaning}" in lines
        assert code.meaning in note(table.iloc[0])
    assert note(table.iloc[2]) == ""


def test_pictures_are_of_cases_spread_evenly_and_none_for_a_series_that_is_refused(data):
    for number in range(1, 4):
        shutil.copytree(data / "train" / "00000", data / "train" / f"{number:05d}")
    table, pictures = inspect_dataset(data, drawn=2, workers=1)
    drawn = table.loc[list(pictures)]
    assert list(dict.fromkeys(zip(drawn["split"], drawn["case"], strict=True))) == [
        ("train", "00000"), ("test", "00007")]
    _, everything = inspect_dataset(data, drawn=99, workers=1)
    assert [table["refused"][number] != "" for number in everything] == [
        picture is None for picture in everything.values()]


def test_a_picture_has_true_proportions_and_the_patients_sides(tmp_path):
    voxels = pattern((5, 20, 40))
    write_series(tmp_path / "a", voxels)  # 20 rows of 0.75 mm, 40 columns of 0.5 mm: 15 x 20 mm
    picture = inspect_dataset(tmp_path, drawn=1, workers=1)[1][0]
    assert picture.pixels.shape == (144, 192) and picture.pixels.dtype == np.uint8
    assert (picture.left, picture.top) == ("R", "A")


@pytest.mark.slow
def test_what_the_headers_say_anew_is_the_affine_of_every_real_series(real_data):
    read = 0
    for folder in sorted(path for path in (real_data / "dicom").iterdir() if path.is_dir()):
        try:
            evidence = gather(folder)
        except UserError:
            continue
        read += 1
        np.testing.assert_allclose(evidence.placement.affine, evidence.volume.affine, atol=1e-9, err_msg=folder.name)
        assert len(evidence.volume.voxels) == len(evidence.slices) + evidence.missing, folder.name
    assert read == 19


def test_nifti_files_are_counted_and_nothing_is_said_of_the_order_of_slices_that_they_do_not_have(tmp_path):
    write_series(tmp_path / "dicom" / "a" / "FLAIR", pattern())
    volume = read_series(tmp_path / "dicom" / "a" / "FLAIR")
    for folder, name in (("nifti", "a"), ("both", "a")):
        write_nifti(tmp_path / folder / "train" / name / "FLAIR.nii.gz", volume)
    write_series(tmp_path / "both" / "train" / "b" / "FLAIR", pattern())
    for folder in ("nifti", "both"):
        (tmp_path / folder / "dataset.json").write_text('{"name": "any"}')
    alone, both = ("\n".join(summarise(inspect_dataset(tmp_path / folder, workers=1)[0], RSNA_MICCAI.sequences))
                   for folder in ("nifti", "both"))
    assert "NIfTI files: 1 of 1 series" in alone and "order by" not in alone and "compiled reader" not in alone
    assert "NIfTI files: 1 of 2 series" in both and "read by the compiled reader: 1 of 1 series" in both


def test_readers_are_counted_and_their_reasons_listed(tmp_path):
    import pydicom

    write_series(tmp_path / "set" / "a", pattern())
    for name in ("b", "c"):
        write_series(tmp_path / "set" / name, pattern(), syntax=pydicom.uid.RLELossless)
    table, _ = inspect_dataset(tmp_path / "set", workers=1)
    assert table["reader"].tolist() == ["fast", "imagecodecs", "imagecodecs"]
    assert table["reader_reason"].tolist() == ["", "compressed pixels", "compressed pixels"]
    lines = summarise(table, RSNA_MICCAI.sequences)
    assert "read by the compiled reader: 1 of 3 series" in lines
    assert any(line.split() == ["2", "by", "imagecodecs:", "compressed", "pixels"] for line in lines)
