"""A table of features is judged as runs are: a folder a learner, age and sex beside, leakage named, permuted labels."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.audit.findings import Code, Severity
from radiogen.evaluation.others.columns import Naming
from radiogen.evaluation.others.study import Sources, judge_features, write_feature_runs
from radiogen.evaluation.others.study_options import CENTROID, LOGISTIC, StudyOptions
from radiogen.evaluation.report.assess import assess
from radiogen.evaluation.report.summary import cohort_lines, summarise
from radiogen.evaluation.report.text import report_text
from radiogen.runs.predicted_run import open_predictions

CASES = 80


def _write(root, name, prefix, seed):
    """A table of 30 features, one with a signal, and labels; every second pair of cases is one patient."""
    random, labels = np.random.default_rng(seed), np.arange(CASES) // 2 % 2
    inputs = random.normal(size=(CASES, 30))
    inputs[:, 4] += 2.0 * labels
    ids = [f"{prefix}{number}" for number in range(CASES)]
    table = pd.DataFrame(inputs, columns=[f"f{number}" for number in range(30)])
    table.insert(0, "SubjectID", ids)
    table.to_csv(root / f"{name}.csv", index=False)
    clinical = pd.DataFrame({"ID": [*ids, "nobody"], "marker": [*np.where(labels == 1, "High", "Low"), "Not done"],
                             "patient": [*(f"{prefix}p{number // 2}" for number in range(CASES)), "nobody"],
                             "Age": [*random.integers(30, 80, CASES), 50], "Sex": [*np.resize(["F", "M"], CASES), "F"]})
    clinical.to_csv(root / f"{name}-clinical.csv", index=False)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    root = tmp_path_factory.mktemp("features")
    _write(root, "own", "a", 0)
    _write(root, "other", "b", 1)
    options = StudyOptions(learners=(LOGISTIC, CENTROID), features=5, permutations=19, select_before=True)
    sources = Sources(root / "own.csv", root / "own-clinical.csv", root / "own-clinical.csv", root / "other.csv",
                      root / "other-clinical.csv")
    models, naming = root / "models", Naming(label_column="marker", positive="High", negative="Low")
    names, _, lines = write_feature_runs(sources, models, naming, options)
    assessment = assess([open_predictions(models, name) for name in names])
    return models, f"{lines}\n{report_text(assessment)}", {one.name: one for one in assessment.runs}


def test_each_learner_their_choice_age_and_sex_and_the_wrong_way_are_runs_the_choice_last(judged):
    assert list(judged[2]) == ["own-leakage", "own-age-sex", "own-logistic", "own-centroid", "own-chosen"]


def test_a_signal_is_found_inside_and_in_the_other_cohort_and_age_and_sex_know_nothing(judged):
    inside, outside = judged[2]["own-chosen"].sets
    assert inside.measures["auc"] > 0.8 and outside.measures["auc"] > 0.8
    assert inside.measures["cases"] == outside.measures["cases"] == CASES
    assert judged[2]["own-age-sex"].main.measures["auc"] < 0.7


def test_what_is_found_in_the_other_cohort_stands_beside_what_was_found_inside(judged):
    chosen = judged[2]["own-chosen"]
    inside, outside = chosen.sets
    gap = chosen.cohort_difference.estimate.value
    assert gap == pytest.approx(outside.verdict.estimate.value - inside.verdict.estimate.value)
    lines = dict(cohort_lines(chosen))
    assert f"AUC {gap:+.3f}" in lines["difference"] and "80 cases of other.csv" in lines["outside"]
    assert "own-chosen on another cohort" in judged[1]
    assert f"{CASES} held out (other.csv)" in summarise(chosen).judged


def test_selection_before_the_split_is_an_alarm_and_is_named_in_text_and_page(judged):
    alarms = [one.code for one in judged[2]["own-leakage"].of_severity(Severity.ALARM)]
    assert alarms == [Code.FEATURES_SELECTED_BEFORE] and "LEAKAGE, shown on" in judged[1]
    assert "no figure of this run is a result" in dict(summarise(judged[2]["own-leakage"]).lines)["How judged"]
    assert not judged[2]["own-chosen"].of_severity(Severity.ALARM)


def test_patients_stay_in_one_fold(judged):
    folds = pd.read_csv(judged[0] / "own-chosen" / "folds.csv", dtype=str)
    folds = folds[folds["fold"] != "holdout"]
    patient = folds["case"].str[1:].astype(int) // 2
    assert (folds.groupby(patient)["fold"].nunique() == 1).all() and folds["fold"].nunique() == 5
    assert Code.PATIENTS_APART in {one.code for one in judged[2]["own-chosen"].findings}


def test_the_permuted_trainings_are_of_each_learner_and_reach_less_than_the_signal(judged):
    for name in ("own-logistic", "own-chosen"):
        test, = judged[2][name].permutations
        assert len(test.areas) == 19 and test.p == 0.05 and 0.3 < test.median < 0.7
    assert not judged[2]["own-leakage"].permutations


def test_choices_of_the_inner_folds_are_written_with_the_selected_features(judged):
    choices = pd.read_csv(judged[0] / "own-chosen" / "choices.csv", dtype={"fold": str})
    assert choices["names"].str.split("; ").map(lambda names: "f4" in names).all()
    assert set(choices["fold"]) == {*"01234", "holdout"}


def test_a_learner_that_is_none_and_labels_of_other_ids_are_errors(tmp_path):
    _write(tmp_path, "own", "a", 0)
    _write(tmp_path, "other", "b", 0)
    naming = Naming(label_column="marker", positive="High", negative="Low")
    with pytest.raises(UserError, match="choose among logistic, centroid, forest"):
        judge_features(Sources(tmp_path / "own.csv"), tmp_path, naming, StudyOptions(learners=("svm",)))
    with pytest.raises(UserError, match="ids are as in a0, there as in b0"):
        judge_features(Sources(tmp_path / "own.csv", tmp_path / "other-clinical.csv"), tmp_path, naming, StudyOptions())


def test_too_few_cases_for_the_folds_are_an_error_that_names_the_table(tmp_path):
    (tmp_path / "t.csv").write_text("id,label,x\na,1,1\nb,0,2\nc,0,3\nd,1,4\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"t\.csv: has 2 labelled cases of one class for 5 folds; .*--folds 2"):
        judge_features(Sources(tmp_path / "t.csv"), tmp_path, Naming(), StudyOptions())


def test_judging_tables_loads_neither_tensorflow_nor_keras():
    program = ("import sys, radiogen.evaluation.others.study, radiogen.evaluation.others.judge\n"
               "print([name for name in ('tensorflow', 'keras', 'cv2') if name in sys.modules])")
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


def test_a_table_with_its_own_labels_does_not_learn_from_them(tmp_path):
    random = np.random.default_rng(0)
    rows = "\n".join(f"c{number},{number % 2},{random.normal():.4f}" for number in range(60))
    (tmp_path / "t.csv").write_text(f"id,label,x\n{rows}\n", encoding="utf-8")
    text, _ = judge_features(Sources(tmp_path / "t.csv"), tmp_path / "models", Naming(),
                             StudyOptions(learners=(CENTROID,), permutations=0))
    assert "1 feature;" in text and "not distinguishable from chance" in text
