"""What lies where in a data set, and what is no data set."""

import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.layout import case_ids, sequences_present


def test_cases_are_the_five_digit_folders_in_order(tmp_path):
    for name in ("00010", "00002"):
        (tmp_path / "train" / name / "T1wCE").mkdir(parents=True)
    (tmp_path / "train" / ".00003.part").mkdir()
    (tmp_path / "train" / "notes.txt").write_text("")
    assert case_ids(tmp_path, "train") == ["00002", "00010"]
    assert case_ids(tmp_path, "test") == []
    assert sequences_present(tmp_path, "train", "00002") == ("T1wCE",)


@pytest.mark.parametrize("name", ["2", "000002", "patient", "0000a"])
def test_a_folder_that_is_no_case_is_named(tmp_path, name):
    (tmp_path / "train" / name).mkdir(parents=True)
    with pytest.raises(UserError, match=f"{name}: is not a case"):
        case_ids(tmp_path, "train")


def test_a_missing_data_set_says_how_to_get_one(tmp_path):
    with pytest.raises(UserError, match="there is no such data set.*make_phantom"):
        case_ids(tmp_path / "none", "train")
    with pytest.raises(UserError, match="holds neither train/ nor test/"):
        case_ids(tmp_path, "train")
