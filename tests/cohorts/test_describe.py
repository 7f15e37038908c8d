"""A folder of images is described by the names of its files and by its tables, and never written to."""

import json
import re

import pandas as pd
import pytest

from radiogen.cohorts.describe import describe_dataset
from radiogen.cohorts.published import published
from radiogen.core.errors import UserError
from radiogen.dataset.labels import data_labels
from radiogen.dataset.layout import case_ids, mask_path, sequences_present
from radiogen.dataset.patients import data_patients
from radiogen.dataset.source import read_source
from radiogen.task import read_task

UCSF = ("UCSF-PDGM-{}_nifti/UCSF-PDGM-{}_FLAIR_bias.nii.gz", "UCSF-PDGM-{}_nifti/UCSF-PDGM-{}_T1_bias.nii.gz",
        "UCSF-PDGM-{}_nifti/UCSF-PDGM-{}_T2_bias.nii.gz", "UCSF-PDGM-{}_nifti/UCSF-PDGM-{}_T1.nii.gz",
        "UCSF-PDGM-{}_nifti/UCSF-PDGM-{}_tumor_segmentation.nii.gz")
NAMES = {
    "brats21": ["BraTS2021_00000/BraTS2021_00000_flair.nii.gz", "BraTS2021_00000/BraTS2021_00000_t1ce.nii.gz",
                "BraTS2021_00000/BraTS2021_00000_seg.nii.gz"],
    "ucsf-pdgm": ["UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_FLAIR_bias.nii.gz",
                  "UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_T1gad_bias.nii.gz",
                  "UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_tumor_segmentation.nii.gz"],
    "upenn-gbm": ["images_structural/UPENN-GBM-00001_11/UPENN-GBM-00001_11_FLAIR.nii.gz",
                  "images_structural/UPENN-GBM-00001_11/UPENN-GBM-00001_11_T1GD.nii.gz",
                  "images_segm/UPENN-GBM-00001_11_segm.nii.gz"],
    "bids": ["sub-01/anat/sub-01_FLAIR.nii.gz", "sub-01/anat/sub-01_ce-gadolinium_T1w.nii.gz",
             "derivatives/masks/sub-01/anat/sub-01_label-tumour_mask.nii.gz"],
    "bids-sessions": ["sub-01/ses-1/anat/sub-01_ses-1_FLAIR.nii.gz",
                      "sub-01/ses-1/anat/sub-01_ses-1_ce-gadolinium_T1w.nii.gz",
                      "derivatives/masks/sub-01/ses-1/anat/sub-01_ses-1_label-tumour_mask.nii.gz"]}


@pytest.fixture
def make(tmp_path):
    """Makes empty files below a folder of images; returns the folder."""
    def call(*paths, folder="images"):
        for path in paths:
            (tmp_path / folder / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / path).write_bytes(b"")
        return tmp_path / folder
    return call


def _table(folder, text, name="given.csv"):
    (folder / name).write_text(text)
    return folder / name


def _state(folder):
    return sorted((str(path), path.stat().st_mtime_ns) for path in [folder, *folder.rglob("*")])


@pytest.mark.parametrize("key", NAMES)
@pytest.mark.parametrize("below", ["", "NIfTI-files/"])
def test_each_layout_is_recognised_wherever_it_begins_and_nothing_is_written_there(make, tmp_path, key, below):
    images = make(*(below + path for path in NAMES[key]))
    before = _state(images)
    made = describe_dataset(images, tmp_path / "described")
    assert _state(images) == before
    case, = case_ids(made.folder, "train")
    assert re.fullmatch(next(one for one in published() if one.key == key).id_pattern, case)
    assert sequences_present(made.folder, "train", case) == ("FLAIR", "T1wCE")
    assert mask_path(made.folder, "train", case).name == NAMES[key][2].split("/")[-1]
    assert any("T1w: 1 case has none" in line for line in made.undecided)
    assert any(line.startswith("the label: no table says it") for line in made.undecided)


def test_a_table_whose_ids_have_other_zeros_says_labels_patients_age_and_sex(make, tmp_path):
    images = make(*(path.replace("{}", case) for case in ("0004", "0429", "0429_FU003d", "0005") for path in UCSF))
    table = _table(tmp_path, "ID,Sex,Age at MRI,MGMT status,BraTS21 ID\nUCSF-PDGM-004,M,66,negative,BraTS2021_00097\n"
                             "UCSF-PDGM-0429_FU003d,F,58,positive,\nUCSF-PDGM-429,F,58,positive,\n"
                             "UCSF-PDGM-005,F,80,indeterminate,\nUCSF-PDGM-099,F,,positive,\n")
    made = describe_dataset(images, tmp_path / "described", [table])
    labels, without = data_labels(made.folder)
    assert dict(zip(labels["case"], labels["label"], strict=True)) == {
        "UCSF-PDGM-0004": 0, "UCSF-PDGM-0429": 1, "UCSF-PDGM-0429_FU003d": 1}
    assert without == {"indeterminate": ["UCSF-PDGM-0005"]}
    known = data_patients(made.folder).set_index("case")
    assert known["patient"]["UCSF-PDGM-0429_FU003d"] == known["patient"]["UCSF-PDGM-0429"] == "UCSF-PDGM-0429"
    assert known.loc["UCSF-PDGM-0004", ["age", "sex", "site", "aliases"]].tolist() == [
        66.0, "M", "UCSF", "BraTS2021_00097"]
    assert any("1 row is of no case here: UCSF-PDGM-099" in line for line in made.found)
    assert read_task(made.folder).label_column == "MGMT status"


def test_cases_of_which_no_table_has_a_row_are_counted_and_named(make, tmp_path):
    images = make(*(path.replace("{}", case) for case in ("0004", "0005", "0006", "0007") for path in UCSF))
    table = _table(tmp_path, "ID,MGMT status\nUCSF-PDGM-004,negative\nUCSF-PDGM-006,positive\n")
    made = describe_dataset(images, tmp_path / "described", [table])
    assert any(line.endswith("methylated 1; without a label 2, left out: UCSF-PDGM-0005, UCSF-PDGM-0007")
               for line in made.found)
    whole = describe_dataset(images, tmp_path / "whole", [_table(tmp_path, "ID,MGMT status\n" + "".join(
        f"UCSF-PDGM-{number:03d},{('negative', 'positive')[number % 2]}\n" for number in range(4, 8)), "all.csv")])
    assert not any("without a label" in line for line in whole.found)


def _graded(make, tmp_path):
    images = make(*(path.replace("{}", case) for case in ("0004", "0005", "0006", "0007") for path in UCSF))
    return images, _table(tmp_path, "ID,WHO CNS Grade,MGMT status,BraTS21 ID\nUCSF-PDGM-004,4,negative,\n"
                                    "UCSF-PDGM-005,2,positive,\nUCSF-PDGM-006,4,positive,BraTS2021_00097\n"
                                    "UCSF-PDGM-007,3,negative,\n")


@pytest.mark.parametrize(("only", "kept", "said"), [
    (("WHO CNS Grade=4",), ["0004", "0006"], "WHO CNS Grade is not '4': 2 cases left out: UCSF-PDGM-0005"),
    (("WHO CNS Grade=4", "WHO CNS Grade=3"), ["0004", "0006", "0007"], "is not '4' or '3': 1 case left out"),
    (("WHO CNS Grade=4", "BraTS21 ID="), ["0004"], "BraTS21 ID is not '': 1 case left out: UCSF-PDGM-0006"),
    (("BraTS21 ID=BraTS2021_00097",), ["0006"], "3 cases left out")])
def test_only_cases_of_which_a_table_says_so_keep_their_label(make, tmp_path, only, kept, said):
    images, table = _graded(make, tmp_path)
    made = describe_dataset(images, tmp_path / "described", [table], only=only)
    assert pd.read_csv(made.folder / "train_labels.csv")["case"].tolist() == [f"UCSF-PDGM-{case}" for case in kept]
    assert case_ids(made.folder, "train") == [f"UCSF-PDGM-000{number}" for number in range(4, 8)]
    assert any(said in line for line in made.found)


@pytest.mark.parametrize("only", ["WHO CNS Grade", "Grade=4", "=4"])
def test_a_condition_that_is_none_is_refused_with_the_columns_that_there_are(make, tmp_path, only):
    images, table = _graded(make, tmp_path)
    with pytest.raises(UserError, match=r"is no COLUMN=VALUE.*MGMT status, WHO CNS Grade"):
        describe_dataset(images, tmp_path / "described", [table], only=(only,))
    assert not (tmp_path / "described").exists()

def test_several_tables_say_different_things_of_the_same_cases(make, tmp_path):
    images = make(*(path.replace("00000", case) for case in ("00000", "00002") for path in NAMES["brats21"]))
    labels = _table(tmp_path, "BraTS21ID,MGMT_value\n00000,1\n00002,0\n")
    sites = _table(tmp_path, "BraTS21ID,site,local_id\n00000,18,\n00002,1,TCGA-02-0085\n", "sites.csv")
    made = describe_dataset(images, tmp_path / "described", [labels, sites])
    assert data_labels(made.folder)[0]["label"].tolist() == [1, 0]
    assert "label_values" not in json.loads((made.folder / "dataset.json").read_text())
    known = data_patients(made.folder)
    assert known["site"].tolist() == ["18", "1"] and known["aliases"].tolist() == ["", "TCGA-02-0085"]


def test_participants_of_bids_are_read_and_every_session_has_the_subjects_label(make, tmp_path):
    images = make(*(path.replace("ses-1", session) for session in ("ses-1", "ses-2")
                    for path in NAMES["bids-sessions"]))
    _table(images, "participant_id\tage\tsex\tidh\nsub-01\t61\tF\tmutant\n", "participants.tsv")
    made = describe_dataset(images, tmp_path / "described", label_column="idh")
    known = data_patients(made.folder)
    assert known["case"].tolist() == ["sub-01_ses-1", "sub-01_ses-2"] and set(known["patient"]) == {"sub-01"}
    assert known["age"].tolist() == [61, 61]
    assert any("what the cells of 'idh' mean: 'mutant' (2)" in line for line in made.undecided)


@pytest.mark.parametrize(("cells", "meanings"), [
    (("Wildtype", "Mutant"), {"Wildtype": 0, "Mutant": 1}), (("no", "yes"), {"no": 0, "yes": 1}), (("0", "1"), None)])
def test_usual_cells_of_a_label_column_are_understood(make, tmp_path, cells, meanings):
    images = make(*(path.replace("sub-01", case) for case in ("sub-01", "sub-02") for path in NAMES["bids"]))
    table = _table(tmp_path, f"participant_id,idh\nsub-01,{cells[0]}\nsub-02,{cells[1]}\n")
    made = describe_dataset(images, tmp_path / "described", [table], "idh")
    assert data_labels(made.folder)[0]["label"].tolist() == [0, 1]
    assert (read_source(made.folder).label_values or None) == meanings


def test_a_column_that_no_table_has_is_named_with_those_that_are_there(make, tmp_path):
    images = make(*NAMES["bids"])
    table = _table(tmp_path, "participant_id,idh\nsub-01,1\n")
    with pytest.raises(UserError, match="is no column of these tables; choose among idh"):
        describe_dataset(images, tmp_path / "described", [table], "mgmt")


def test_a_table_of_other_cases_is_refused(make, tmp_path):
    table = _table(tmp_path, "participant_id,idh\nsub-77,1\n")
    with pytest.raises(UserError, match="given.csv: has no column with ids of these cases, such as sub-01"):
        describe_dataset(make(*NAMES["bids"]), tmp_path / "described", [table])


def test_ids_that_differ_in_zeros_alone_are_not_mixed_up(make, tmp_path):
    images = make(*(path.replace("sub-01", case) for case in ("sub-1", "sub-01") for path in NAMES["bids"]))
    table = _table(tmp_path, "participant_id,idh\nsub-001,1\nsub-1,0\n")
    made = describe_dataset(images, tmp_path / "described", [table], "idh")
    assert data_labels(made.folder)[0]["case"].tolist() == ["sub-1"]


def test_a_layout_that_nobody_knows_shows_what_its_files_are_called(make, tmp_path):
    images = make("p1/scan-1/brain.nii.gz", "p2/scan-1/brain.nii.gz", "notes.txt")
    with pytest.raises(UserError, match=r"no layout that is known.*p#/scan-#/brain.nii.gz \(2\); write a dataset.json"):
        describe_dataset(images, tmp_path / "described")
    with pytest.raises(UserError, match="holds neither NIfTI nor DICOM"):
        describe_dataset(make("a.txt", folder="empty"), tmp_path / "described")
    assert not (tmp_path / "described").exists()


def test_the_competitions_layout_needs_no_description(make, tmp_path):
    with pytest.raises(UserError, match="has the competition's layout, which needs no description"):
        describe_dataset(make("train/00000/FLAIR/1.dcm"), tmp_path / "described")


def test_a_description_is_neither_written_beside_the_images_nor_over_another(make, tmp_path):
    images = make(*NAMES["bids"])
    with pytest.raises(UserError, match="lies inside the images' folder"):
        describe_dataset(images, images / "described")
    describe_dataset(images, tmp_path / "described")
    written = _state(tmp_path / "described")
    with pytest.raises(UserError, match="exists already"):
        describe_dataset(images, tmp_path / "described")
    assert _state(tmp_path / "described") == written
