"""What is known of the competition's data holds for that data, recognised by its labels, and for who reads it."""

import pandas as pd
import pytest

from radiogen.dataset.known_cases import known_bad, labels_fingerprint, published_labels
from radiogen.dataset.labels import read_labels, read_sample_submission
from radiogen.task import RSNA_MICCAI, Task, write_task

BLANK = RSNA_MICCAI.blank_series


@pytest.fixture
def competition(tmp_path, rsna_tables):
    """A data set with the competition's label table, under another name."""
    (tmp_path / "train_labels.csv").write_bytes((rsna_tables / "train_labels.csv").read_bytes())
    return tmp_path


def test_the_competition_is_recognised_by_its_labels_wherever_it_lies(competition):
    assert known_bad(competition) == {"00109": "its FLAIR holds no image", "00123": "its T1w holds no image",
                                      "00709": "its FLAIR holds no image"}


@pytest.mark.parametrize(("sequences", "bad"), [
    (("FLAIR",), {"00109", "00709"}), (("T1w", "T1wCE"), {"00123"}), (("T1wCE", "T2w"), set())])
def test_a_case_is_bad_for_who_reads_its_blank_sequence(competition, sequences, bad):
    assert set(known_bad(competition, sequences)) == bad


def test_the_order_of_rows_and_the_bad_rows_themselves_make_no_difference(competition):
    labels = read_labels(competition / "train_labels.csv")
    assert len(labels) == 585 and labels_fingerprint(labels, BLANK) == RSNA_MICCAI.labels_sha256
    good = labels[~labels["case"].isin(BLANK)]
    assert labels_fingerprint(good.sample(frac=1, random_state=1), BLANK) == RSNA_MICCAI.labels_sha256


def test_one_other_label_makes_another_data_set(competition):
    path = competition / "train_labels.csv"
    path.write_text(path.read_text().replace("00000,1", "00000,0"))
    assert known_bad(competition) == {}


@pytest.mark.parametrize("content", [None, "", "BraTS21ID,MGMT_value\n00109,2\n", "BraTS21ID,MGMT_value\n00109,1\n"])
def test_nothing_is_known_of_another_table_a_wrong_one_or_none(tmp_path, content):
    if content is not None:
        (tmp_path / "train_labels.csv").write_text(content)
    assert known_bad(tmp_path) == {}


def test_an_order_of_digits_that_pandas_would_lose_is_kept():
    labels = pd.DataFrame({"case": ["00001"], "label": [1]})
    assert labels_fingerprint(labels, ()) != labels_fingerprint(labels.assign(case="1"), ())


def test_of_the_competitions_test_cases_those_of_ucsf_have_a_published_label_and_of_others_none(tmp_path,
                                                                                               as_competition):
    (tmp_path / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00000,1\n00002,0\n")
    assert published_labels(["00001", "00013"], tmp_path) == []  # a phantom: the same ids, other labels
    as_competition(tmp_path)
    assert published_labels(["00001", "00002", "00013"], tmp_path) == ["00001", "00013"]


def test_another_task_has_no_published_labels(competition):
    write_task(competition, Task("another"))
    assert published_labels(["00001", "00013"], competition) == []


def test_no_training_case_is_among_those_with_a_published_label(competition, rsna_tables):
    labels = read_labels(rsna_tables / "train_labels.csv")
    sample = read_sample_submission(rsna_tables / "sample_submission.csv")
    assert published_labels(labels["case"], competition) == []
    assert len(published_labels(sample["case"], competition)) == 36
