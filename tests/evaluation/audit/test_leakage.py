"""The leakage review: each planted leak is found and named, and a clean run raises no alarm."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from radiogen.core import files
from radiogen.evaluation.audit.finding_text import sentence
from radiogen.evaluation.audit.findings import Code, ReviewFinding, Severity
from radiogen.evaluation.audit.leakage import (
    record_holdout_scoring,
    review_auc,
    review_first_weights,
    review_holdout,
    review_lineage,
    review_patients,
    review_pixels,
    review_run,
    suspicious_auc,
)
from radiogen.evaluation.audit.near_hashes import HASH_DISTANCE_LIMIT, hash_distance_limit
from radiogen.runs.lineage import folds_fingerprint
from radiogen.runs.predictions import complete
from radiogen.task import RSNA_MICCAI

from ..acquisitions import drawn_hash


def _run(cases: int = 60, test: int = 6, effect: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Folds, arrays with unrelated hashes, predictions."""
    random = np.random.default_rng(0)
    ids = [f"{number:05d}" for number in range(cases + test)]
    labels = np.arange(cases) // 6 % 2
    folds = pd.DataFrame({"case": ids[:cases], "label": labels,
                          "fold": np.resize(["0", "1", "2", "3", "4", "holdout"], cases)})
    arrays = pd.DataFrame({"case": ids, "split": ["train"] * cases + ["test"] * test,
                           "sha256": [hashlib.sha256(case.encode()).hexdigest() for case in ids],
                           "perceptual_hash": [drawn_hash(random) for _ in ids]})
    predictions = complete(pd.DataFrame({
        "case": ids, "fold": [*folds["fold"], *["test"] * test],
        "label": pd.array([*labels, *[None] * test], dtype="Int64"),
        "probability": np.clip(random.normal(0.5 + effect * np.append(labels, np.zeros(test)), 0.1), 0, 1)}))
    return folds, arrays, predictions


def _flipped(perceptual_hash: str, bits: int) -> str:
    return f"{int(perceptual_hash[:64], 16) ^ (2**bits - 1):064x}{drawn_hash(np.random.default_rng(99))[64:]}"


def _severities(findings: list[ReviewFinding]) -> list[str]:
    return [finding.severity for finding in findings]


def test_a_clean_run_passes_every_check_of_patients_and_pixels():
    folds, arrays, predictions = _run()
    assert _severities(review_patients(folds, predictions, arrays)) == ["passed"]
    assert _severities(review_pixels(folds, arrays)) == ["passed"]


def test_a_patient_in_two_folds_is_named():
    folds, _, predictions = _run()
    found, = review_patients(pd.concat([folds, folds.iloc[[7]].assign(fold="3")]), predictions)
    assert found == ReviewFinding(Code.PATIENT_TWICE, {"patients": ["00007"]})


def test_a_training_case_in_the_test_set_is_named():
    folds, arrays, predictions = _run()
    both = pd.concat([arrays, arrays.iloc[[3]].assign(split="test")])
    found, = review_patients(folds, predictions, both)
    assert found == ReviewFinding(Code.PATIENT_IN_TEST, {"patients": ["00003"]})


def test_a_case_scored_by_a_network_that_saw_it_is_named():
    folds, _, predictions = _run()
    moved = predictions.assign(fold=["1", *predictions["fold"][1:]])
    found, = review_patients(folds, moved)
    assert found == ReviewFinding(Code.PATIENT_IN_OTHER_FOLD, {"patients": ["00000"]})
    found, = review_patients(folds[folds["case"] != "00005"], predictions)
    assert found == ReviewFinding(Code.PATIENT_IN_NO_FOLD, {"patients": ["00005"]})


def test_a_case_without_a_label_of_a_patient_who_was_trained_on_is_no_leak_and_a_test_case_is():
    folds, arrays, predictions = _run()
    case = folds.loc[folds["fold"] == "0", "case"].iloc[0]
    patients = pd.DataFrame({"case": [case, "00900"], "patient": ["A", "A"]})
    more = pd.DataFrame({"case": ["00900"], "fold": ["test"], "probability": [0.5], "predicted": [1]})
    for split, code in (("train", Code.PATIENTS_APART), ("test", Code.PATIENT_SPLIT)):
        table = pd.concat([arrays, pd.DataFrame({"case": ["00900"], "split": [split]})])
        found, = review_patients(folds, pd.concat([predictions, more]), table, patients)
        assert found.code is code


def test_cases_of_one_patient_in_two_folds_are_an_alarm_with_their_places():
    folds, _, predictions = _run()
    first, other = (folds.loc[folds["fold"] == fold, "case"].iloc[0] for fold in ("0", "1"))
    patients = pd.DataFrame({"case": [first, other], "patient": ["A", "A"]})
    found, = review_patients(folds, predictions, None, patients)
    assert found.code is Code.PATIENT_SPLIT and found.severity is Severity.ALARM
    assert found.values["splits"] == {"A": {first: "0", other: "1"}}
    assert f"A ({first} in fold 0, {other} in fold 1)" in sentence(found)


def test_cases_of_one_patient_in_one_fold_are_one_patient():
    folds, _, predictions = _run()
    pair = folds.loc[folds["fold"] == "0", "case"].iloc[:2]
    found, = review_patients(folds, predictions, None, pd.DataFrame({"case": pair, "patient": "A"}))
    assert found.code is Code.PATIENTS_APART and found.values["patients"] == len(folds) - 1


@pytest.mark.parametrize(("one", "other", "places"), [(0, 1, ("0", "1")), (4, 5, ("4", "holdout")),
                                                     (2, 62, ("2", "test"))])
def test_the_same_pixels_on_both_sides_of_a_split_are_an_alarm(one, other, places):
    folds, arrays, _ = _run()
    arrays.loc[other, ["sha256", "perceptual_hash"]] = arrays.loc[one, ["sha256", "perceptual_hash"]]
    found, = review_pixels(folds, arrays)
    assert found.code is Code.SAME_PIXELS_ACROSS
    assert found.values["pairs"] == [[{"case": f"{number:05d}", "fold": place} for number, place in
                                      zip((one, other), places, strict=True)]]


def test_the_same_pixels_within_a_fold_leak_nothing_and_are_a_note():
    folds, arrays, _ = _run()
    arrays.loc[6, "sha256"] = arrays.loc[0, "sha256"]
    found, = review_pixels(folds, arrays)
    assert found.code is Code.SAME_PIXELS_WITHIN and found.severity == "note"
    assert found.values["pairs"] == [[{"case": "00000", "fold": "0"}, {"case": "00006", "fold": "0"}]]


@pytest.mark.parametrize(("bits", "severity"), [(1, "note"), (HASH_DISTANCE_LIMIT, "note"),
                                                   (HASH_DISTANCE_LIMIT + 1, "passed")])
def test_nearly_the_same_pixels_are_found_up_to_the_limit(bits, severity):
    folds, arrays, _ = _run()
    arrays.loc[1, "perceptual_hash"] = _flipped(arrays.loc[0, "perceptual_hash"], bits)
    found, = review_pixels(folds, arrays)
    assert found.severity == severity


def test_a_case_without_perceptual_hash_or_fold_is_passed_over():
    folds, arrays, _ = _run()
    arrays.loc[[0, 1], "perceptual_hash"] = ""
    assert _severities(review_pixels(folds.iloc[:-1], arrays)) == ["passed"]


def test_a_set_whose_heads_are_alike_gets_a_lower_limit_and_raises_no_false_alarm():
    random = np.random.default_rng(1)
    close = random.normal(40, 9, 170_000)  # 583 cases; some pairs of different patients within ten bits
    assert (close <= HASH_DISTANCE_LIMIT).sum() > 20
    assert (close <= hash_distance_limit(close)).sum() <= 3
    assert hash_distance_limit(random.normal(80, 10, 170_000)) == HASH_DISTANCE_LIMIT
    assert hash_distance_limit(np.array([3.0])) == HASH_DISTANCE_LIMIT


def test_a_holdout_scored_again_with_other_predictions_is_recorded_and_the_same_ones_are_not(tmp_path):
    _, _, predictions = _run()
    assert len(record_holdout_scoring(tmp_path, predictions)) == 1
    shuffled = predictions.sample(frac=1, random_state=0)
    assert len(record_holdout_scoring(tmp_path, shuffled)) == 1
    other = predictions.assign(probability=predictions["probability"].where(predictions["fold"] == "holdout", 0.5))
    assert len(record_holdout_scoring(tmp_path, other)) == 1  # only folds differ
    table = record_holdout_scoring(tmp_path, predictions.assign(probability=0.5))
    assert len(table) == 2 and table["sha256"].nunique() == 2
    found = review_holdout(pd.read_csv(tmp_path / "holdout_scorings.csv", dtype=str))
    assert found.code is Code.HOLDOUT_SCORED_AGAIN and len(found.values["dates"]) == 2


def test_predictions_read_back_are_the_same_scoring(tmp_path):
    from radiogen.runs.predictions import read_predictions, write_predictions

    _, _, predictions = _run()
    record_holdout_scoring(tmp_path, predictions)
    again = read_predictions(write_predictions(tmp_path / "predictions.csv", predictions))
    assert len(record_holdout_scoring(tmp_path, again)) == 1


def test_without_a_holdout_nothing_is_recorded(tmp_path):
    _, _, predictions = _run()
    assert record_holdout_scoring(tmp_path, predictions[predictions["fold"] != "holdout"]).empty
    assert not list(tmp_path.iterdir())


def test_an_auc_too_good_to_be_true_is_an_alarm_and_an_honest_one_passes():
    _, _, predictions = _run(effect=0.5)
    found = review_auc(predictions, 0.75)
    assert found.code is Code.AUC_SUSPICIOUS and set(found.values["auc"]) == {"out-of-fold", "holdout"}
    assert review_auc(_run()[2], 0.75).severity == "passed"
    assert review_auc(predictions, None).severity == "not checked"


def test_the_limit_comes_from_the_recipe_else_from_the_competitions_data_and_a_phantom_has_none(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"data": "input/phantom"}))
    assert suspicious_auc(tmp_path) is None
    (tmp_path / "run.json").write_text(json.dumps({"data": f"input/{RSNA_MICCAI.name}"}))
    assert suspicious_auc(tmp_path) == 0.75
    (tmp_path / "recipe.json").write_text(json.dumps({"suspicious_auc": 0.9}))
    assert suspicious_auc(tmp_path) == 0.9
    (tmp_path / "recipe.json").write_text(json.dumps({"suspicious_auc": None}))
    assert suspicious_auc(tmp_path) == 0.75


def test_an_ensemble_is_reviewed_by_the_arrays_and_the_limit_of_its_members(tmp_path):
    folds, arrays, predictions = _run()
    for name, limit in (("first", 0.9), ("second", 0.8)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recipe.json").write_text(json.dumps({"suspicious_auc": limit}))
    RSNA_MICCAI.to_file(arrays).to_csv(tmp_path / "second" / "arrays.csv", index=False)
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "run.json").write_text(json.dumps({"members": ["first", "second"]}))
    RSNA_MICCAI.to_file(folds).to_csv(tmp_path / "both" / "folds.csv", index=False)
    found = {one.check: one for one in review_run(tmp_path / "both", predictions)}
    assert found["pixels"].severity == "passed"
    assert found["implausible AUC"] == ReviewFinding(Code.AUC_BELOW_LIMIT, {"limit": 0.8})


def test_what_is_missing_is_said_to_be_unchecked_and_alarms_come_first(tmp_path):
    folds, arrays, predictions = _run()
    findings = review_run(tmp_path, predictions)
    assert set(_severities(findings)) == {"not checked"}
    assert [one.values.get("file") for one in findings] == ["folds.csv", "arrays.csv", "holdout_scorings.csv", None]
    RSNA_MICCAI.to_file(folds).to_csv(tmp_path / "folds.csv", index=False)
    arrays.loc[1, "sha256"] = arrays.loc[0, "sha256"]
    RSNA_MICCAI.to_file(arrays).to_csv(tmp_path / "arrays.csv", index=False)
    record_holdout_scoring(tmp_path, predictions)
    findings = review_run(tmp_path, predictions)
    assert _severities(findings) == ["alarm", "not checked", "passed", "passed"]
    assert findings[0].code is Code.SAME_PIXELS_ACROSS


@pytest.fixture
def started(tmp_path):
    """The runs `a` and `b`, which began with the networks of `a`, as far as their records go; rewrites b's run.json."""
    folds, _, _ = _run()
    digests = {run: {fold: hashlib.sha256(f"{run}{fold}".encode()).hexdigest() for fold in "01"} for run in "ab"}
    lineage = [{"run": "a", "weights": digests["a"], "epochs": {"0": 40, "1": 40}, "folds": folds_fingerprint(folds)}]
    for run in "ab":
        files.write_csv(tmp_path / run / "folds.csv", folds)
        for fold in "01":
            files.write_json(tmp_path / run / f"fold-{fold}" / "weights.json", {"sha256": digests[run][fold]})
    for fold in "01":
        files.write_json(tmp_path / "b" / f"fold-{fold}" / "first_weights.json",
                         {"run": "a", "fold": fold, "sha256": digests["a"][fold]})

    def call(**change):
        files.write_json(tmp_path / "b" / "run.json", {"lineage": [{**lineage[0], **change}]})
        return tmp_path / "b"

    call()
    return call


def test_a_run_that_started_from_one_with_the_same_folds_passes(started):
    found, = review_lineage(started())
    assert found.code is Code.LINEAGE_SAME_FOLDS and [one.run for one in found.values["lineage"]] == ["a"]
    assert review_lineage(started().parent / "a") == []


def test_a_lineage_with_other_folds_is_an_alarm(started):
    found, = review_lineage(started(folds="0" * 64))
    assert found == ReviewFinding(Code.LINEAGE_OTHER_FOLDS, {"run": "a"})


def test_other_folds_of_the_source_are_an_alarm_whatever_run_json_tells(started):
    folder = started()
    table = pd.read_csv(folder.parent / "a" / "folds.csv", dtype=str)
    table.loc[[0, 1], "fold"] = table.loc[[1, 0], "fold"].to_numpy()
    files.write_csv(folder.parent / "a" / "folds.csv", table)
    found, = review_lineage(folder)
    assert found == ReviewFinding(Code.ANCESTOR_FOLDS_CHANGED, {"run": "a"})
    files.write_json(folder.parent / "a" / "fold-0" / "weights.json", {"sha256": "another run of that name"})
    assert _severities(review_lineage(folder)) == ["passed"]


def test_a_fold_that_began_with_the_network_of_another_fold_is_an_alarm(started):
    folder = started()
    weights = json.loads((folder / "run.json").read_text())["lineage"][0]["weights"]
    first = folder / "fold-0" / "first_weights.json"
    files.write_json(first, {"run": "a", "fold": "0", "sha256": weights["1"]})
    found, = review_lineage(folder)
    assert found == ReviewFinding(Code.LINEAGE_WRONG_FOLD, {"run": "a", "fold": "0", "source_fold": "1"})


def test_a_lineage_that_was_taken_out_of_run_json_is_an_alarm(started):
    folder = started()
    files.write_json(folder / "run.json", {})
    found, = review_lineage(folder)
    assert found == ReviewFinding(Code.LINEAGE_UNRECORDED, {"sources": {"0": "a", "1": "a"}})


def test_the_lineage_is_part_of_the_review_of_a_run_and_of_an_ensemble(started):
    folder, (_, _, predictions) = started(folds="0" * 64), _run()
    (folder / "fold-0" / "weights.json").unlink()
    files.write_json(folder.parent / "both" / "run.json", {"members": ["a", "b"]})
    for place in (folder, folder.parent / "both"):
        assert "lineage" in [one.check for one in review_run(place, predictions) if one.severity == "alarm"]


@pytest.fixture
def pretrained(tmp_path):
    """A run whose networks began with a file of weights; writes what that has seen, if anything. Returns its review."""
    _, _, predictions = _run()

    def call(seen=None, weights="there/resnet_10.pth", data="input/hospital"):
        folder = tmp_path / "a"
        files.write_json(folder / "recipe.json", {"name": "x", "data": {}, "network": {"weights": weights}})
        files.write_json(folder / "run.json", {"data": data})
        (folder / "saw.csv").unlink(missing_ok=True)
        if seen is not None:
            files.write_csv(folder / "saw.csv", RSNA_MICCAI.to_file(pd.DataFrame(seen)))
        return review_first_weights(folder, predictions)

    return call


def test_initial_weights_that_have_seen_a_scored_case_are_an_alarm_that_names_it(pretrained):
    found, = pretrained({"case": ["00003", "00059", "99999"]})
    assert found == ReviewFinding(Code.FIRST_WEIGHTS_SAW, {"run": "a", "weights": "resnet_10.pth",
                                                           "patients": ["00003", "00059"]})
    assert found.severity == "alarm" and found.check == "initial weights"


def test_a_patient_whom_they_have_seen_under_another_case_is_an_alarm_too(pretrained):
    found, = pretrained({"case": ["99999"], "patient": ["00003"]})
    assert found.values["patients"] == ["00003"] and found.severity == "alarm"


@pytest.mark.parametrize("seen", [{"case": ["99999"]}, {"case": ["00061"]}, {"case": []}, {"case": [], "cohort": []}],
                         ids=["strangers", "test set", "nobody", "nobody of any cohort"])
def test_weights_that_have_seen_none_of_the_scored_cases_pass(pretrained, seen):
    """Cases of the test set have no label: nothing is scored on them."""
    found, = pretrained(seen)
    assert found.code is Code.FIRST_WEIGHTS_UNSEEN and found.severity == "passed"


def test_without_a_table_of_seen_cases_nothing_was_checked(pretrained):
    found, = pretrained()
    assert found.code is Code.FIRST_WEIGHTS_UNKNOWN and found.severity == "not checked"


def test_a_scored_case_under_the_name_that_it_has_in_another_data_set_is_an_alarm(pretrained):
    found, = pretrained({"case": ["BraTS2021_00003"], "cohort": ["brats21"]})
    assert found.code is Code.FIRST_WEIGHTS_SAW and found.values["patients"] == ["00003"]


def test_ids_that_are_written_as_no_id_of_the_task_check_nothing(pretrained):
    found, = pretrained({"case": ["TCGA-02-0003"]})
    assert found.code is Code.FIRST_WEIGHTS_OTHER_IDS and found.severity == "not checked"


@pytest.mark.parametrize(("cohort", "severity"), [("", "alarm"), ("Hospital", "alarm"), (RSNA_MICCAI.name, "alarm"),
                                                  ("elsewhere", "note")])
def test_an_id_of_another_cohort_is_a_namesake_and_a_note(pretrained, cohort, severity):
    found, = pretrained({"case": ["00003"], "cohort": [cohort]})
    assert found.severity == severity and found.values["patients"] == ["00003"]
    if severity == "note":
        assert found.values["cohorts"] == ["elsewhere"]


def test_a_case_and_a_namesake_are_both_named(pretrained):
    findings = pretrained({"case": ["00003", "00004"], "cohort": ["hospital", "elsewhere"]})
    assert _severities(findings) == ["alarm", "note"]
    assert [one.values["patients"] for one in findings] == [["00003"], ["00004"]]


def test_imagenets_photographs_have_seen_no_patient(pretrained):
    found, = pretrained(weights="imagenet")
    assert found.code is Code.FIRST_WEIGHTS_PHOTOGRAPHS and found.severity == "passed"


def test_networks_that_began_at_random_have_no_such_finding(pretrained):
    assert pretrained(weights=None) == []


def test_the_initial_weights_are_part_of_the_review_of_a_run_and_of_an_ensembles_members(pretrained, tmp_path):
    pretrained({"case": ["00003"]})
    files.write_json(tmp_path / "both" / "run.json", {"members": ["a"]})
    _, _, predictions = _run()
    for place in (tmp_path / "a", tmp_path / "both"):
        found, = [one for one in review_run(place, predictions) if one.check == "initial weights"]
        assert found.severity == "alarm" and found.values["run"] == "a"
