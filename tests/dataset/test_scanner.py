"""The table of scanners is read as it was written, and what is wrong with one is named with its row."""

import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.scanner import COLUMNS, read_scanner

HEAD = "BraTS21ID,split,sequence,manufacturer,field_strength_t,air_mean\n"


def test_texts_stay_text_and_empty_numbers_become_nan(tmp_path):
    (tmp_path / "scanner.csv").write_text(HEAD + "00001,train,FLAIR,3,1.5,\n00001,train,T1w,,,12.5\n")
    table = read_scanner(tmp_path)
    assert tuple(table.columns) == COLUMNS
    assert table["manufacturer"].tolist() == ["3", ""] and table["case"].tolist() == ["00001", "00001"]
    assert table["air_mean"].isna().tolist() == [True, False] and table["air_mean"][1] == 12.5


def test_no_table_is_none(tmp_path):
    assert read_scanner(tmp_path) is None


@pytest.mark.parametrize(("rows", "fault"), [
    ("1,train,FLAIR,a,3,1\n", "row 2"), ("00001,train,FLAIR,a,3,many\n", "row 2: air_mean is 'many'"),
    ("00001,train,FLAIR,a,3,1\n00001,train,FLAIR,a,3,1\n", "row 3: FLAIR of train case 00001 stands twice")])
def test_a_fault_is_named_with_its_row(tmp_path, rows, fault):
    (tmp_path / "scanner.csv").write_text(HEAD + rows)
    with pytest.raises(UserError, match=fault):
        read_scanner(tmp_path)
