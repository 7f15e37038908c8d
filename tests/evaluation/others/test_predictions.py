"""Tables of predictions as programs write them: what is judged, what is left out, and what is refused with its row."""

import numpy as np
import pytest

from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.labels import read_label_table
from radiogen.evaluation.others.predictions import check_same_labels, read_other_predictions
from radiogen.runs.predictions import scored


def _read(tmp_path, text, labels=None, name="p.csv", **naming):
    (tmp_path / name).write_text(text, encoding="utf-8")
    naming = Naming(**naming)
    if labels is not None:
        (tmp_path / "labels.csv").write_text(labels, encoding="utf-8")
        labels = read_label_table(tmp_path / "labels.csv", naming)
    return read_other_predictions(tmp_path / name, naming, labels)


def test_folds_of_any_name_become_numbers_and_without_folds_all_is_one_holdout(tmp_path):
    named = _read(tmp_path, "id,fold,label,p\na,fold_1,1,.9\nb,fold_2,0,.1\nc,fold_2,1,.6\n")
    assert list(named.table["fold"]) == ["1", "2", "2"] and named.folds
    words = _read(tmp_path, "id,fold,label,p\na,Rome,1,.9\nb,Bonn,0,.1\n")
    assert list(words.table["fold"]) == ["1", "0"]
    without = _read(tmp_path, "id,label,p\na,1,.9\nb,0,.1\n")
    assert set(without.table["fold"]) == {"holdout"} and not without.folds


def test_one_fold_alone_is_a_holdout(tmp_path):
    assert set(_read(tmp_path, "id,fold,label,p\na,3,1,.9\nb,3,0,.1\n").table["fold"]) == {"holdout"}


def test_training_rows_are_left_out_and_validation_rows_beside_a_test_set_too(tmp_path):
    read = _read(tmp_path, "id,split,label,p\na,train,1,.9\nb,val,0,.1\nc,test,1,.6\nd,test,0,.5\n")
    assert list(read.table["case"]) == ["c", "d"] and sum(read.left_out.values()) == 2 and not read.validation
    alone = _read(tmp_path, "id,split,label,p\na,train,1,.9\nb,val,0,.1\nc,val,1,.6\n")
    assert list(alone.table["case"]) == ["b", "c"] and alone.validation


def test_two_test_sets_are_not_pooled(tmp_path):
    text = "id,split,label,p\na,test,1,.9\nb,external,0,.1\nc,test,0,.2\nd,external,1,.7\n"
    with pytest.raises(UserError, match="external and test.*--split external"):
        _read(tmp_path, text)
    assert list(_read(tmp_path, text, split="External").table["case"]) == ["b", "d"]


def test_folds_and_a_split_together_are_folds_and_a_holdout(tmp_path):
    read = _read(tmp_path, "id,fold,split,label,p\na,0,cv,1,.9\nb,1,cv,0,.1\nc,,test,1,.6\nd,,test,0,.3\n")
    assert list(read.table["fold"]) == ["0", "1", "holdout", "holdout"]


def test_a_submission_has_its_probability_in_the_labels_column(tmp_path):
    read = _read(tmp_path, "CaseID,status\n7,0.7\n8,0.2\n", "CaseID,status\n7,1\n8,0\n9,1\n")
    assert list(read.table["probability"]) == [0.7, 0.2] and list(read.table["label"]) == [1, 0]


@pytest.mark.parametrize(("text", "message"), [
    ("id,label,p\na,1,.9\nb,0,.1\na,1,.8\n", "rows 2, 4: id 'a' stands more than once.*mean first"),
    ("id,label,p\na,1,.9\nb,0,1.5\n", "row 3: p is 1.5, and a probability lies from 0 to 1.*--scores logits"),
    ("id,label,p\na,1,.9\nb,0,-0.1\n", "row 3: p is -0.1"),
    ("id,label,p\na,1,.9\nb,0,nan\n", "row 3: p is empty"),
    ("id,label,p\na,1,.9\nb,0,inf\n", "row 3: p is 'inf'"),
    ("id,label,p\na,1,high\nb,0,.1\n", "row 2: p is 'high'"),
    ("id,label,p\na,1,.9\nb,,.1\nc,0,.1\n", "row 3: label of 'b' is missing.*--positive"),
    ("id,label,p\na,1,.9\nb,0,.1\nc,2,.1\n", "row 4: label is '2', a third value"),
    ("id,label,p\na,1,.9\n,0,.1\n", "row 3: id is empty"),
    ("id,label,u,v\na,1,.9,.1\nb,0,.1,.9\n", "no column is recognised as the probability.*--probability-column"),
    ("id,p\na,.9\nb,.1\n", "no column is recognised as the labels"),
    ("id,split,label,p\na,train,1,.9\nb,train,0,.1\n", "every row is of a training set"),
    ("id,label,p\n", "a heading and no row")])
def test_what_is_wrong_is_one_line_with_file_row_and_remedy(text, message, tmp_path):
    with pytest.raises(UserError, match=f"p.csv: .*{message}") as raised:
        _read(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_ids_that_no_label_has_are_an_error_that_shows_both_spellings(tmp_path):
    with pytest.raises(UserError, match="'2'.*as 00002 and 00003"):
        _read(tmp_path, "id,p\n2,.5\n3,.4\n", "id,label\n00002,1\n00003,0\n")
    with pytest.raises(UserError, match=r"row 4: label of 'c' is missing"):
        _read(tmp_path, "id,p\na,.5\nb,.4\nc,.1\n", "id,label\na,1\nb,0\n")


def test_scores_keep_their_order_whatever_their_scale(tmp_path):
    scores = np.array([-300.0, 2.5, 40.0, 41.0, 700.0, -1.0])
    rows = "\n".join(f"c{number},{number % 2},{score}" for number, score in enumerate(scores))
    text = f"id,label,score\n{rows}\n"
    with pytest.raises(UserError, match="no logit.*--scores any"):
        _read(tmp_path, text, scores="logits")
    read = _read(tmp_path, text, scores="any")
    assert auc(*scored(read.table)) == auc(np.arange(6) % 2 == 1, scores)
    assert read.table["probability"].between(0, 1).all()


def test_logits_become_the_probabilities_that_they_are_of(tmp_path):
    read = _read(tmp_path, "id,label,logit\na,1,0\nb,0,-2.1972245773\n", scores="logits")
    assert np.allclose(read.table["probability"], [0.5, 0.1])


def test_calls_alone_are_noticed(tmp_path):
    assert _read(tmp_path, "id,label,p\na,1,1\nb,0,0\n").calls
    assert not _read(tmp_path, "id,label,p\na,1,1\nb,0,0.2\n").calls


def test_two_tables_that_contradict_each_other_about_a_label_are_refused(tmp_path):
    first = _read(tmp_path, "id,label,p\na,1,.9\nb,0,.1\n")
    second = _read(tmp_path, "id,label,p\na,0,.9\nb,1,.1\n", name="q.csv")
    with pytest.raises(UserError, match="q.csv: a is class 0, and in .*p.csv class 1"):
        check_same_labels([first, second])


def test_ids_become_names_that_a_file_may_have_and_the_order_of_rows_stays(tmp_path):
    read = _read(tmp_path, "id,label,p\nscans/02.nii,1,.9\nscans/01.nii,0,.1\n")
    assert list(read.table["case"]) == ["scans-02.nii", "scans-01.nii"]
    assert list(read.table["predicted"]) == [1, 0]


def test_which_column_was_read_for_what_is_told(tmp_path):
    read = _read(tmp_path, "Patient_ID,cv_fold,y_true,y_prob,note\na,1,1,.9,x\nb,2,0,.1,y\n")
    assert read.columns == {"case": "Patient_ID", "fold": "cv_fold", "label": "y_true", "probability": "y_prob"}


def test_the_only_column_that_is_left_is_the_probability_whatever_its_name(tmp_path):
    read = _read(tmp_path, "id,label,resnet50\na,1,.9\nb,0,.1\n")
    assert read.columns["probability"] == "resnet50"


def test_the_columns_that_the_user_names_go_before_the_known_ones(tmp_path):
    text = "id,label,p,other,part\na,1,.9,.2,1\nb,0,.1,.3,2\n"
    read = _read(tmp_path, text, probability_column="other", fold_column="part")
    assert list(read.table["probability"]) == [0.2, 0.3] and list(read.table["fold"]) == ["1", "2"]
    with pytest.raises(UserError, match="has no column 'round'.*--fold-column"):
        _read(tmp_path, text, fold_column="round")


def test_numbers_of_folds_with_a_decimal_point_are_the_same_folds(tmp_path):
    read = _read(tmp_path, "id,fold,label,p\na,1.0,1,.9\nb,2.0,0,.1\nc,1.0,0,.2\n")
    assert list(read.table["fold"]) == ["1", "2", "1"]


def test_folds_whose_last_numbers_are_alike_stay_different_folds(tmp_path):
    read = _read(tmp_path, "id,fold,label,p\na,Rome 1,1,.9\nb,Bonn 1,0,.1\nc,Bonn 1,0,.2\n")
    assert list(read.table["fold"]) == ["1", "0", "0"]


def test_a_column_of_more_than_fifty_folds_is_taken_for_none(tmp_path):
    rows = "\n".join(f"c{number},{number},{number % 2},.5" for number in range(60))
    with pytest.raises(UserError, match="has 60 different folds.*--fold-column"):
        _read(tmp_path, f"id,fold,label,p\n{rows}\n")


def test_a_split_that_is_not_there_is_an_error_with_those_that_are(tmp_path):
    with pytest.raises(UserError, match="has no row of --split rome; name one that is there: test and val"):
        _read(tmp_path, "id,split,label,p\na,val,1,.9\nb,test,0,.1\n", split="rome")
    with pytest.raises(UserError, match="the table has no folds and no splits"):
        _read(tmp_path, "id,label,p\na,1,.9\nb,0,.1\n", split="test")


def test_a_split_that_is_asked_for_leaves_out_the_others_and_counts_them(tmp_path):
    read = _read(tmp_path, "id,split,label,p\na,val,1,.9\nb,val,0,.1\nc,test,0,.1\n", split="val")
    assert list(read.table["case"]) == ["a", "b"] and read.left_out == {"another split or fold": 1}
    assert read.validation


def test_cases_of_a_third_value_are_left_out_and_counted_where_both_classes_are_named(tmp_path):
    text = "id,label,p\na,yes,.9\nb,no,.1\nc,maybe,.1\nd,,.2\n"
    read = _read(tmp_path, text, positive="yes", negative="no")
    assert list(read.table["case"]) == ["a", "b"] and read.left_out == {"label is maybe": 1, "label is empty": 1}


def test_labels_from_their_own_table_are_matched_by_id_and_not_by_row(tmp_path):
    read = _read(tmp_path, "id,p\nb,.2\na,.9\n", "id,label\na,1\nb,0\nc,1\n")
    assert list(read.table["label"]) == [0, 1]


def test_a_case_without_a_label_in_their_own_table_is_an_error_with_its_row(tmp_path):
    with pytest.raises(UserError, match="row 3: label of 'x' is missing"):
        _read(tmp_path, "id,p\na,.9\nx,.2\n", "id,label\na,1\nb,0\n")
    read = _read(tmp_path, "id,p\na,.9\nb,.1\nx,.2\n", "id,label\na,1\nb,0\n", positive="1", negative="0")
    assert read.left_out == {"label is not in the table of labels": 1}


def test_a_number_that_is_no_logit_is_refused_as_one(tmp_path):
    with pytest.raises(UserError, match="which is no logit.*--scores any"):
        _read(tmp_path, "id,label,p\na,1,900\nb,0,800\nc,0,1\n", scores="logits")


def test_scores_that_are_equal_stay_equal_by_rank(tmp_path):
    read = _read(tmp_path, "id,label,p\na,1,7\nb,0,7\nc,0,-3\n", scores="any")
    assert read.table["probability"][0] == read.table["probability"][1] > read.table["probability"][2]


def test_a_file_is_known_by_its_hash(tmp_path):
    one = _read(tmp_path, "id,label,p\na,1,.9\nb,0,.1\n")
    again = _read(tmp_path, "id,label,p\na,1,.9\nb,0,.1\n", name="copy.csv")
    other = _read(tmp_path, "id,label,p\na,1,.9\nb,0,.2\n")
    assert one.sha256 == again.sha256 != other.sha256 and len(one.sha256) == 64


def test_tables_of_different_cases_cannot_contradict_each_other(tmp_path):
    one = _read(tmp_path, "id,label,p\na,1,.9\nb,0,.1\n")
    check_same_labels([one, _read(tmp_path, "id,label,p\nc,1,.9\nd,0,.1\n", name="q.csv")])
