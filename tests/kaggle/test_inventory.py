"""Cases, series and files are counted, and what the competition has more is said."""

from radiogen.kaggle.inventory import Count, count, count_lines, published_counts
from radiogen.task import RSNA_MICCAI, Task


def _make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_cases_series_and_images_are_counted_and_other_files_are_not(tmp_path):
    _make(tmp_path, "train/00000/T1w/Image-1.dcm", "train/00000/T1w/Image-2.dcm", "train/00000/T1w/notes.txt",
          "train/00000/FLAIR/Image-1.dcm", "train/00002/T2w/Image-7.dcm", "test/00001/T2w/Image-1.dcm")
    (tmp_path / "train" / "00002" / "T1w").mkdir()
    assert count(tmp_path) == {"train": Count(2, 3, 4), "test": Count(1, 1, 1)}


def test_a_split_that_is_as_the_competitions_says_so_and_others_name_the_difference():
    whole = {"train": Count(585, 2340, 348_641), "test": Count(87, 348, 12)}
    assert count_lines(whole, published_counts(RSNA_MICCAI)) == [
        "train: 585 cases, 2340 series, 348641 files, as the competition",
        "test: 87 cases, 348 series, 12 files, as the competition"]
    assert count_lines({"train": Count(585, 2339, 348_641)}, published_counts(RSNA_MICCAI)) == [
        "train: 585 cases, 2339 series, 348641 files (warning: the competition has 2340 series)",
        "warning: test/ is missing"]


def test_a_data_set_of_no_competition_has_no_published_numbers():
    assert published_counts(Task("mine")) is None


def test_without_a_competition_to_compare_the_numbers_stand_alone():
    assert count_lines({"train": Count(1, 2, 3)}) == ["train: 1 cases, 2 series, 3 files"]
