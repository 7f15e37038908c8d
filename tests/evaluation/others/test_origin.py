"""Where predictions of others come from: kept in the run's record, read again, and said in words that claim no more."""

import json
from dataclasses import asdict

import pytest

from radiogen.evaluation.others.origin import KEY, Origin, origin_facts, origin_of, origin_sentence, origin_text

TABLE = Origin("predictions", "deep.csv", "ab" * 32, folds=True)
FEATURES = Origin("features", "radiomics.csv", "cd" * 32, folds=True, learner="random forest", features=1234)


@pytest.mark.parametrize("origin", [
    TABLE, FEATURES, Origin("predictions", "p.csv", "", False, True, {"rows of the training set": 7}, "logits", True,
                            True)])
def test_an_origin_comes_back_from_the_record_of_a_run_as_it_was(origin):
    kept = json.loads(json.dumps({"data": "input/mine", **origin_facts(origin)}))
    assert json.dumps(asdict(origin_of(kept))) == json.dumps(asdict(origin))


def test_pairs_and_features_that_nearly_are_the_label_are_kept_with_their_names():
    pair = ({"case": "a", "fold": "0"}, {"case": "b", "fold": "1"})
    origin = Origin("features", "f.csv", "", True, same_features=(pair,), near_label={"volume": 0.99})
    kept = origin_of(json.loads(json.dumps(origin_facts(origin))))
    assert kept.near_label == {"volume": 0.99}
    assert [tuple(one) for one in kept.same_features] == [pair]


def test_a_run_that_was_trained_here_has_no_origin():
    assert origin_of({"recipe": "demo-3d"}) is None
    assert origin_of({KEY: None}) is None and origin_of({KEY: "deep.csv"}) is None


def test_what_a_later_version_adds_to_an_origin_does_not_keep_it_from_being_read():
    facts = origin_facts(TABLE)
    facts[KEY] = {**facts[KEY], "weather": "fair"}
    assert origin_of(facts) == TABLE


def test_predictions_are_named_by_their_file_and_features_by_learner_number_and_file():
    assert origin_text(TABLE) == "predictions of another program, from deep.csv"
    assert origin_text(FEATURES) == "random forest on 1,234 features of radiomics.csv"


def test_selection_before_the_split_is_called_leakage_in_heading_and_sentence():
    wrong = Origin("features", "f.csv", "", True, learner="logistic regression", features=20, select_before=True)
    assert "LEAKAGE" in origin_text(wrong) and "LEAKAGE" not in origin_text(FEATURES)
    assert "no figure of this run is a result" in origin_sentence(wrong)


def test_of_predictions_with_folds_the_training_is_unknown_and_without_it_is_taken_on_trust():
    assert "not known here" in origin_sentence(TABLE)
    alone = Origin("predictions", "p.csv", "", folds=False)
    assert "taken on trust" in origin_sentence(alone) and "not known here" not in origin_sentence(alone)


def test_of_features_the_folds_are_ours_and_another_cohort_is_named():
    assert "by a model of the other folds" in origin_sentence(FEATURES) and "Held out" not in origin_sentence(FEATURES)
    tested = Origin("features", "f.csv", "", True, learner="nearest centroid", features=3, cohort="rome.csv")
    assert "Held out is another cohort, rome.csv" in origin_sentence(tested)
    assert origin_sentence(tested)[0] == "N"  # a sentence begins with a capital
