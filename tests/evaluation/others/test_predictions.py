"""Tables of predictions as programs write them: what is judged, what is left out, and what is refused with its row."""

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.labels import read_label_table
from radiogen.evaluation.others.predictions import check_same_labels, read_other_predictions
from radiogen.evaluation.stats.metrics import auc, scored


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
