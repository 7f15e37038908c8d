"""Published layouts: each describes a data set that can be read; the one with most cases comes first."""

import json

import pytest

from radiogen.cohorts import published as module
from radiogen.cohorts.published import published, recognise, usual_cells
from radiogen.dataset.source import read_source
from radiogen.task import read_task

FLAIR = "{0}/{0}_flair.nii.gz"


def _touch(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")


@pytest.mark.parametrize("cohort", published(), ids=lambda one: one.key)
def test_the_description_of_every_layout_is_one_of_a_data_set(tmp_path, cohort):
    (tmp_path / "dataset.json").write_text(json.dumps(cohort.description))
    task, source = read_task(tmp_path), read_source(tmp_path)
    assert set(source.files) == set(task.sequences) and source.mask and cohort.title


@pytest.mark.parametrize(("key", "case", "patient"), [
    ("ucsf-pdgm", "UCSF-PDGM-0429_FU003d", "UCSF-PDGM-0429"), ("ucsf-pdgm", "UCSF-PDGM-0429", "UCSF-PDGM-0429"),
    ("upenn-gbm", "UPENN-GBM-00001_21", "UPENN-GBM-00001"), ("bids-sessions", "sub-01_ses-2", "sub-01"),
    ("bids", "sub-01", "sub-01"), ("ucsf-pdgm", "another", "another")])
def test_the_visits_of_a_patient_are_one_patients_and_other_ids_are_patients_of_their_own(key, case, patient):
    cohort, = (one for one in published() if one.key == key)
    assert cohort.patient_of(case) == patient


def test_usual_cells_are_pairs_of_words_as_they_are_looked_up():
    pairs = usual_cells()
    assert all(len(pair) == 2 and pair[0] != pair[1] for pair in pairs)
    assert all(word == word.casefold() for pair in pairs for word in pair)


def test_the_layout_with_most_cases_comes_first(tmp_path):
    _touch(tmp_path, "sub-01/anat/sub-01_FLAIR.nii.gz",
           *(f"b/{FLAIR.format(case)}" for case in ("BraTS2021_00001", "BraTS2021_00000")))
    first, second = recognise(tmp_path)
    assert (first.cohort.key, first.images, first.cases) == (
        "brats21", tmp_path / "b", ["BraTS2021_00000", "BraTS2021_00001"])
    assert (second.cohort.key, second.images, second.cases) == ("bids", tmp_path, ["sub-01"])


@pytest.mark.parametrize(("below", "found"), [("", True), ("a/", True), ("a/b/", True), ("a/b/c/", False),
                                              (".hidden/", False)])
def test_images_are_looked_for_two_levels_below_and_in_no_hidden_folder(tmp_path, below, found):
    _touch(tmp_path, below + FLAIR.format("BraTS2021_00001"))
    assert [one.images for one in recognise(tmp_path)] == ([tmp_path / below] if found else [])


@pytest.mark.parametrize(("most", "found"), [(3, True), (2, False)])
def test_below_a_level_of_many_folders_no_layout_begins(tmp_path, monkeypatch, most, found):
    monkeypatch.setattr(module, "MOST_FOLDERS", most)
    _touch(tmp_path, "a/" + FLAIR.format("BraTS2021_00001"), "b/1", "c/1")
    assert bool(recognise(tmp_path)) is found


def test_a_folder_that_cannot_be_listed_has_no_layout(tmp_path):
    assert recognise(tmp_path / "none") == []
