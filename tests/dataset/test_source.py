"""A data set whose files lie elsewhere is found by the patterns of its dataset.json, and is never written to."""

import json

import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.layout import (
    case_ids,
    case_path,
    is_data_set,
    labels_path,
    mask_path,
    sequences_present,
    series_path,
)
from radiogen.dataset.source import read_source

BRATS = {"sequences": ["FLAIR", "T1wCE"], "images": "../images",
         "files": {"FLAIR": "{case}/{case}_flair.nii.gz",
                   "T1wCE": ["{case}/{case}_t1ce.nii.gz", "{case}/{case}_t1gd.*"]},
         "mask": "{case}/{case}_seg.nii.gz"}


@pytest.fixture
def described(tmp_path):
    """Makes a described data set: its description and the files below its folder of images."""
    def make(content, *paths):
        data = tmp_path / "described"
        data.mkdir(exist_ok=True)
        (data / "dataset.json").write_text(json.dumps(content))
        (tmp_path / "images").mkdir(exist_ok=True)
        for path in paths:
            (tmp_path / "images" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "images" / path).write_bytes(b"")
        return data
    return make


def test_series_are_found_by_their_patterns(described):
    data = described(BRATS, "B_1/B_1_flair.nii.gz", "B_1/B_1_t1ce.nii.gz", "B_1/B_1_seg.nii.gz", "B_2/B_2_t1gd.nii",
                     "notes.txt")
    images = data.parent / "images"
    assert is_data_set(data) and case_ids(data, "train") == ["B_1", "B_2"] and case_ids(data, "test") == []
    assert sequences_present(data, "train", "B_1") == ("FLAIR", "T1wCE")
    assert sequences_present(data, "train", "B_2") == ("T1wCE",)
    assert series_path(data, "train", "B_1", "FLAIR").samefile(images / "B_1" / "B_1_flair.nii.gz")
    assert series_path(data, "train", "B_2", "T1wCE").samefile(images / "B_2" / "B_2_t1gd.nii")
    assert mask_path(data, "train", "B_1").samefile(images / "B_1" / "B_1_seg.nii.gz")
    assert mask_path(data, "train", "B_2") is None
    assert case_path(data, "train", "B_1").samefile(images / "B_1")


def test_a_series_that_is_missing_has_the_place_where_it_would_be(described):
    data = described(BRATS, "B_1/B_1_t1ce.nii.gz")
    path = series_path(data, "train", "B_1", "FLAIR")
    assert path.name == "B_1_flair.nii.gz" and not path.exists()


def test_the_id_in_a_path_is_the_same_everywhere(described):
    data = described(BRATS, "B_1/B_2_flair.nii.gz", "B_3/B_3_flair.nii.gz")
    assert case_ids(data, "train") == ["B_3"]


def test_an_id_pattern_keeps_other_files_out(described):
    content = {"sequences": ["T1w"], "images": "../images", "id_pattern": "sub-[0-9]+_ses-[0-9]+",
               "files": {"T1w": "*/*/anat/{case}_T1w.nii.gz"}}
    data = described(content, "sub-1/ses-1/anat/sub-1_ses-1_T1w.nii.gz",
                     "sub-1/ses-1/anat/sub-1_ses-1_ce-gadolinium_T1w.nii.gz", "sub-1/ses-2/anat/sub-1_ses-2_T1w.nii.gz")
    assert case_ids(data, "train") == ["sub-1_ses-1", "sub-1_ses-2"]
    assert series_path(data, "train", "sub-1_ses-2", "T1w").parent.parent.name == "ses-2"


def test_hidden_files_are_no_cases(described):
    content = {"sequences": ["T1w"], "images": "../images", "files": {"T1w": "{case}_T1w.nii.gz"}}
    assert case_ids(described(content, "P1_T1w.nii.gz", "._P1_T1w.nii.gz"), "train") == ["P1"]


def test_two_files_of_one_sequence_are_refused(described):
    content = {"sequences": ["T1w"], "images": "../images", "files": {"T1w": "{case}/*_T1w.nii.gz"}}
    data = described(content, "P1/run-1_T1w.nii.gz", "P1/run-2_T1w.nii.gz")
    with pytest.raises(UserError, match="run-1_T1w.nii.gz: is one of 2 that P1 has as T1w: run-2_T1w.nii.gz"):
        sequences_present(data, "train", "P1")


def test_series_folders_are_found_as_well(described):
    content = {"sequences": ["FLAIR"], "images": "../images", "files": {"FLAIR": "dicom/{case}/flair"}}
    data = described(content, "dicom/P1/flair/1.dcm")
    assert case_ids(data, "train") == ["P1"] and series_path(data, "train", "P1", "FLAIR").is_dir()


def test_the_competitions_layout_needs_no_patterns(tmp_path):
    (tmp_path / "train" / "00001" / "FLAIR").mkdir(parents=True)
    assert labels_path(tmp_path) == tmp_path / "train_labels.csv" and read_source(tmp_path).files == {}
    assert mask_path(tmp_path, "train", "00001") is None
    (tmp_path / "train" / "00001" / "mask.nii.gz").write_bytes(b"")
    assert mask_path(tmp_path, "train", "00001") == tmp_path / "train" / "00001" / "mask.nii.gz"


def test_images_that_are_not_there_are_named(described):
    data = described({**BRATS, "images": "../elsewhere"})
    with pytest.raises(UserError, match="elsewhere: is missing: the images.*correct `images` in .*dataset.json"):
        case_ids(data, "train")


@pytest.mark.parametrize(("content", "wrong"), [
    ({"files": {"FLAIR": "{case}_flair.nii"}}, "files and sequences do not agree: T1wCE"),
    ({"files": {"FLAIR": "flair.nii"}}, "files is .*wildcards"), ({"files": {"FLAIR": "../{case}.nii"}}, "files is"),
    ({"files": {"FLAIR": "/{case}.nii"}}, "files is"), ({"files": {"FLAIR": "**/{case}.nii"}}, "files is"),
    ({"files": {"FLAIR": []}}, "files is"), ({"files": {}}, "files is"), ({"mask": 3}, "mask is 3"),
    ({"images": ""}, "images is ''"), ({"labels": 7}, "labels is 7"),
    ({"label_values": {"negative": 0}}, "label_values is"),
    ({"label_values": {"negative": 0, "positive": 2}}, "label_values is"),
    ({"label_values": {"negative": False, "positive": True}}, "label_values is")])
def test_what_describes_no_source_is_named_with_its_field(described, content, wrong):
    data = described({"sequences": ["FLAIR", "T1wCE"], **content})
    with pytest.raises(UserError, match=f"dataset.json: {wrong}"):
        read_source(data)


def test_a_mask_is_no_sequence(described):
    with pytest.raises(UserError, match="sequences is.*mask is the name of the tumour's mask"):
        read_source(described({"sequences": ["FLAIR", "mask"]}))


@pytest.mark.parametrize("content", [{}, {"sequences": ["FLAIR", "DWI"]}, {"mask": "{case}_seg.nii.gz"}])
def test_a_description_without_patterns_keeps_the_competitions_layout(described, content):
    data = described({**content, "images": "../images", "labels": "given.csv"})
    source = read_source(data)
    assert source.files == {} and source.images.samefile(data.parent / "images")
    assert (labels_path(data), source.mask) == (data / "given.csv", tuple(filter(None, [content.get("mask")])))


def test_a_mask_that_has_a_pattern_is_found_by_it_in_the_competitions_layout_too(described):
    data = described({"images": "../images", "mask": ["masks/{case}.nii.gz", "masks/{case}_v?.nii.gz"]},
                     "train/P1/FLAIR/1.dcm", "masks/P1_v2.nii.gz", "train/P2/mask.nii.gz")
    assert mask_path(data, "train", "P1").name == "P1_v2.nii.gz" and mask_path(data, "train", "P2") is None


def test_the_first_pattern_that_finds_a_file_counts_and_a_wildcard_stays_within_a_name(described):
    content = {"sequences": ["T1w"], "images": "../images", "files": {"T1w": ["{case}/best.nii", "{case}/*.nii"]}}
    data = described(content, "P1/best.nii", "P1/other.nii", "P2/deep/other.nii", "P3/a.nii")
    assert series_path(data, "train", "P1", "T1w").name == "best.nii"
    assert case_ids(data, "train") == ["P1", "P3"] and sequences_present(data, "train", "P2") == ()


@pytest.mark.parametrize("pattern", ["{case}[12].nii", "{case}\\a.nii", "a/../{case}.nii", 7, None, ["{case}.nii", 7]])
def test_a_pattern_that_could_leave_the_images_or_means_more_than_it_says_is_refused(described, pattern):
    with pytest.raises(UserError, match="mask is .*; write a path below the images with {case} for the id"):
        read_source(described({"sequences": ["FLAIR"], "mask": pattern}))
