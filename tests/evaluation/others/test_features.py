"""Tables of features: what becomes a number, what is left out, what two cohorts share, and the label itself."""

import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.features import common_features, near_label, read_features, same_features


def _table(path, text):
    path.write_text(text, encoding="utf-8")
    return read_features(path, Naming(), ("label",))


def test_words_become_columns_of_0_and_1_and_free_text_and_constants_are_left_out(tmp_path):
    rows = "\n".join(f"c{number},{number},{'FM'[number % 2]},note {number},7,{number % 2}" for number in range(12))
    table = _table(tmp_path / "f.csv", f"case,age,sex,remark,scanner,label\n{rows}\n")
    assert table.names == ("age", "sex=M") and list(table.inputs[:3, 1]) == [0, 1, 0]
    assert table.dropped == {"the same in every case": ("scanner",), "free text": ("remark",)}


def test_a_cell_that_is_no_number_is_missing(tmp_path):
    table = _table(tmp_path / "f.csv", "case,x,y\na,1,1\nb,NA,2\nc,inf,3\nd,4,4\n")
    assert np.isnan(table.inputs[1:3, 0]).all() and not np.isnan(table.inputs[:, 1]).any()
    assert np.array_equal(table.rows(["d", "a"])[:, 1], [4, 1])


def test_a_table_without_a_number_is_refused(tmp_path):
    with pytest.raises(UserError, match="no column of numbers"):
        _table(tmp_path / "f.csv", "case,remark\n" + "\n".join(f"c{number},n{number}" for number in range(12)))


def test_common_features_are_in_one_order_whatever_their_spelling(tmp_path):
    first = _table(tmp_path / "f.csv", "case,Volume,mean T1,only\na,1,2,3\nb,2,3,4\n")
    second = _table(tmp_path / "g.csv", "case,mean_t1,x,volume\nc,20,0,10\nd,30,1,20\n")
    own, other = common_features(first, second)
    assert own.names == ("Volume", "mean T1") and np.array_equal(other.inputs, [[10, 20], [20, 30]])


def test_cohorts_with_a_case_or_no_feature_in_common_are_refused(tmp_path):
    first = _table(tmp_path / "f.csv", "case,u\na,1\nb,2\n")
    with pytest.raises(UserError, match="b is in"):
        common_features(first, _table(tmp_path / "g.csv", "case,u\nb,1\nd,2\n"))
    with pytest.raises(UserError, match="no feature of"):
        common_features(first, _table(tmp_path / "h.csv", "case,v\nc,1\nd,2\n"))


def test_a_feature_that_is_the_label_is_found_either_way_round_and_noise_is_not():
    random, labels = np.random.default_rng(0), np.arange(60) % 2 == 1
    inputs = np.column_stack([labels, -1.0 * labels, random.normal(size=(60, 3))])
    assert near_label(inputs, ("same", "mirrored", "a", "b", "c"), labels) == {"same": 1.0, "mirrored": 1.0}


def test_cases_with_the_same_features_are_found_across_folds_unless_they_are_of_one_patient():
    inputs = np.random.default_rng(0).normal(size=(6, 12))
    inputs[4], inputs[5] = inputs[0], inputs[1]
    folds = pd.DataFrame({"case": list("abcdef"), "fold": ["0", "0", "0", "1", "1", "0"]})
    patients = np.array(list("abcdef"))
    assert [(one["case"], other["case"]) for one, other in same_features(inputs, folds, patients)] == [("a", "e")]
    assert same_features(inputs, folds, np.array(list("abcdaf"))) == ()
    assert same_features(inputs[:, :3], folds, patients) == ()


def test_columns_of_labels_and_of_ids_are_no_features(tmp_path):
    table = _table(tmp_path / "f.csv", "case,label,x\na,1,2\nb,0,3\n")
    assert table.names == ("x",) and table.cases == ("a", "b")


def test_three_words_are_three_columns_and_a_missing_one_is_missing_in_all(tmp_path):
    table = _table(tmp_path / "f.csv", "case,plane\na,axial\nb,coronal\nc,sagittal\nd,NA\n")
    assert table.names == ("plane=axial", "plane=coronal", "plane=sagittal")
    assert table.inputs[:3].tolist() == np.eye(3).tolist() and np.isnan(table.inputs[3]).all()


def test_a_column_that_is_mostly_numbers_is_of_numbers(tmp_path):
    table = _table(tmp_path / "f.csv", "case,x\na,1\nb,2\nc,below\nd,4\n")
    assert np.array_equal(table.inputs[:, 0], [1, 2, np.nan, 4], equal_nan=True)


def test_an_infinite_value_is_missing(tmp_path):
    table = _table(tmp_path / "f.csv", "case,x\na,1\nb,inf\nc,-inf\nd,4\n")
    assert np.array_equal(table.inputs[:, 0], [1, np.nan, np.nan, 4], equal_nan=True)


def test_rows_come_in_the_order_that_is_asked_for(tmp_path):
    table = _table(tmp_path / "f.csv", "case,x\na,1\nb,2\nc,3\n")
    assert table.rows(["c", "a"]).tolist() == [[3], [1]]
    with pytest.raises(KeyError):
        table.rows(["d"])


def test_a_feature_of_few_known_cases_is_not_held_against_the_label():
    labels = np.arange(40) % 2 == 1
    few = np.where(np.arange(40) < 8, labels, np.nan)  # four cases of each class
    assert near_label(few[:, None], ["few"], labels) == {}
    more = np.where(np.arange(40) < 10, labels, np.nan)
    assert near_label(more[:, None], ["more"], labels) == {"more": 1.0}


def test_equal_rows_of_few_features_are_no_sign_of_a_copy():
    folds = pd.DataFrame({"case": ["a", "b"], "fold": ["0", "1"]})
    patients = np.array(["a", "b"])
    assert same_features(np.ones((2, 9)), folds, patients) == ()
    assert same_features(np.ones((2, 10)), folds, patients) == (
        ({"case": "a", "fold": "0"}, {"case": "b", "fold": "1"}),)


def test_equal_rows_within_a_fold_are_no_pair():
    folds = pd.DataFrame({"case": ["a", "b"], "fold": ["0", "0"]})
    assert same_features(np.ones((2, 10)), folds, np.array(["a", "b"])) == ()
