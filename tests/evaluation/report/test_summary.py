"""A headline and ten lines that say no more than the numbers bear."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd

from radiogen.evaluation.audit.findings import Check
from radiogen.evaluation.others.origin import Origin, origin_facts
from radiogen.evaluation.report.assess import assess_run, join
from radiogen.evaluation.report.assessment_json import assessment_record, plain
from radiogen.evaluation.report.summary import ceiling_sentence, summarise
from radiogen.evaluation.stats.intervals import Estimate
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.runs.lineage import FirstWeights
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, read_predictions, write_predictions
from radiogen.task import RSNA_MICCAI


def _lines(models, effect, cases=120, data=None, **more):
    random = np.random.default_rng(3)
    labels = np.arange(cases) // 6 % 2
    write_predictions(models / "r" / "predictions.csv", complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(cases)], "fold": np.resize([*"01234", "holdout"], cases),
        "label": pd.array(labels, dtype="Int64"),
        "probability": 1 / (1 + np.exp(-random.normal(effect * (labels - 0.5)))) })))
    (models / "r" / "run.json").write_text(json.dumps({"recipe": "demo-3d", "data": data, **more}))
    assessed = assess_run(open_predictions(models, "r"))
    return assessed, _said(assessed)


def _said(assessed):
    """The headline and the lines, each by its name."""
    said = summarise(assessed)
    return {"Judged": said.judged, "Verdict": said.verdict, "Reason": said.reason, "AUC": " ".join(said.auc),
            "Alarms": said.alarms, "Unchecked": said.unchecked, **dict(said.lines)}


def test_a_signal_is_called_one_and_noise_is_not(tmp_path):
    assessed, lines = _lines(tmp_path / "signal", 3)
    assert lines["Verdict"] == "Better than chance" and assessed.verdict.tone == "good"
    assert lines["Reason"].startswith("The predictions rank cases better than chance (two-sided p < 0.001, corrected")
    assert len(summarise(assessed).lines) == 10
    assessed, lines = _lines(tmp_path / "noise", 0)
    assert lines["Verdict"] == "Not distinguishable from chance" and assessed.verdict.tone == "none"


def test_what_was_not_found_is_not_said_to_be_absent(tmp_path):
    assessed, lines = _lines(tmp_path, 0)
    high = assessed.main.verdict.estimate.high
    assert "Chance is not ruled out (two-sided p = " in lines["Reason"]
    assert f"and neither is an AUC of up to {high:.3f}" in lines["Reason"]
    assert "in 80 % of studies" in lines["Could be found"]
    assert "does not mean that there is none" in lines["Could be found"]


def test_the_headline_says_what_was_judged_how_surely_and_what_nobody_checked(tmp_path):
    assessed, lines = _lines(tmp_path, 1, data=str(tmp_path / "rsna"))
    found = assessed.main.verdict.estimate
    assert lines["Judged"].startswith("Data set rsna, 120 cases with a known label")
    assert lines["AUC"].startswith(f"AUC {found.value:.3f} 95 % interval {found.low:.3f} to {found.high:.3f}")
    assert lines["Alarms"].startswith("No alarm of the leakage review")
    assert lines["Unchecked"].startswith("Not checked: patients, pixels")
    assert "models without images, trained label permutations" in lines["Unchecked"]


def test_what_an_interval_does_not_allow_for_is_said(tmp_path):
    _, lines = _lines(tmp_path, 1)
    assert "DeLong's" in lines["Uncertainty"] and "do not allow for another training" in lines["Uncertainty"]
    assert "Nadeau and Bengio" in lines["Uncertainty"] and "not corrected for one another" in lines["Uncertainty"]


def test_an_interval_without_chance_and_a_p_above_the_level_are_explained(tmp_path):
    assessed, _ = _lines(tmp_path, 1)
    part = assessed.main
    found = replace(part.verdict, outcome=Outcome.UNCLEAR, estimate=Estimate(0.62, 0.51, 0.72, 0.08))
    lines = _said(replace(assessed, sets=(replace(part, verdict=found), *assessed.sets[1:])))
    assert "That is why the interval leaves out 0.5" in lines["Uncertainty"]
    assert "Chance is not ruled out (two-sided p = 0.080" in lines["Reason"]


def test_one_class_has_no_auc_and_the_summary_says_so(tmp_path):
    table = complete(pd.DataFrame({"case": ["00000", "00001"], "fold": ["0", "1"], "label": pd.array([1, 1], "Int64"),
                                   "probability": [0.4, 0.6]}))
    write_predictions(tmp_path / "r" / "predictions.csv", table)
    lines = _said(assess_run(open_predictions(tmp_path, "r")))
    assert lines["AUC"].startswith("No AUC") and "nan" not in " ".join(lines.values())


def test_initial_weights_are_named_and_what_they_have_seen_is_not_called_unseen(tmp_path):
    first = {"file": "resnet_10.pth", "sha256": "ab" * 32}
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "recipe.json").write_text(json.dumps({"name": "x", "data": {},
                                                            "network": {"weights": "resnet_10.pth"}}))
    assessed, lines = _lines(tmp_path, 1, first_weights=first)
    assert assessed.provenance.first_weights == FirstWeights(**first)
    how, = [text for text in lines.values() if "resnet_10.pth (SHA-256 ababababab...)" in text]
    assert "As far as it was checked, every patient was scored by networks that had not seen that patient" in how
    (tmp_path / "r" / "saw.csv").write_text("BraTS21ID\n00003\n")
    _, lines = _lines(tmp_path, 1, first_weights=first)
    how, = [text for text in lines.values() if "ababababab" in text]
    assert "had not seen" not in how and "weights that had seen scored patients" in how
    assert "00003" in lines["Warnings"]


def test_patients_are_counted_by_what_they_were_used_for(tmp_path):
    _, lines = _lines(tmp_path, 1)
    assert lines["Judged"] == ("120 cases with a known label, 60 of them methylated: 100 in 5 folds of "
                               "cross-validation, 20 held out.")


def test_what_could_not_be_checked_is_said(tmp_path):
    _, lines = _lines(tmp_path, 1)
    assert lines["Without images"].startswith("Not checked") and "in what it could check" in lines["Warnings"]


def test_accuracy_stands_beside_that_of_always_saying_the_commoner_answer(tmp_path):
    _, lines = _lines(tmp_path, 1)
    assert "of 100 (always the commoner class: 50)" in lines["As a test"]


def test_the_holdout_stands_beside_the_folds_as_a_test(tmp_path):
    assessed, lines = _lines(tmp_path, 1)
    assert [one.calls.matrix.cases for one in assessed.sets] == [100, 20]
    for one in assessed.sets:
        assert f"right in {one.calls.matrix.right} of {one.calls.matrix.cases}" in lines["As a test"]
    assert "by the network of its fold" in lines["As a test"] and "mean of all networks" in lines["As a test"]


def test_a_gap_between_pooled_and_within_folds_is_explained(tmp_path):
    _, lines = _lines(tmp_path, 3)
    assert "pairs of one fold" in lines["Cross-validation"] and "All folds pooled" not in lines["Cross-validation"]
    table = read_predictions(tmp_path / "r" / "predictions.csv")
    fold = pd.to_numeric(table["fold"], errors="coerce").fillna(0)
    squeezed = table.assign(probability=(table["probability"] + fold) / 5)
    write_predictions(tmp_path / "r" / "predictions.csv", complete(squeezed))
    lines = _said(assess_run(open_predictions(tmp_path, "r")))
    assert "All folds pooled: 0." in lines["Cross-validation"] and "different models" in lines["Cross-validation"]
    assert lines["Verdict"].startswith("Better than chance")


def _with_folds(models, folds):
    """The run of `_lines` with a signal, its folds.csv and a review of it."""
    assessed, _ = _lines(models, 3)
    table = assessed.run.predictions
    RSNA_MICCAI.to_file(folds(table[["case", "label", "fold"]])).to_csv(models / "r" / "folds.csv", index=False)
    assessed = assess_run(open_predictions(models, "r"))
    return assessed, _said(assessed)


def test_an_alarm_forbids_green_and_stands_in_the_verdict_and_no_network_is_called_new_to_its_patients(tmp_path):
    def moved(table):
        return table.assign(fold=["1" if row == 0 else fold for row, fold in enumerate(table["fold"])])

    assessed, lines = _with_folds(tmp_path / "moved", moved)
    assert assessed.main.verdict.outcome is Outcome.BETTER and assessed.outcome is Outcome.NOT_ESTABLISHED
    assert assessed.verdict.tone == "poor" and assessed.verdict.alarms == (Check.PATIENTS,)
    assert lines["Verdict"] == "Not established"
    assert lines["Reason"].startswith("Better than chance by the numbers alone (two-sided p < 0.001")
    assert "not to be relied on because of an alarm of the leakage review" in lines["Reason"]
    assert lines["Alarms"].startswith("1 alarm of the leakage review: patients")
    assert "had not seen that patient" not in " ".join(lines.values())
    assert plain(assessment_record(join([assessed])))["runs"][0]["verdict"]["outcome"] == "not_established"
    clean, lines = _with_folds(tmp_path / "clean", lambda table: table)
    assert clean.verdict.tone == "good" and "very patient was scored by networks that" in lines["How judged"]


def test_trainings_on_permuted_labels_that_do_as_well_forbid_green(tmp_path):
    _lines(tmp_path, 3)
    for areas, tone, why in ((np.linspace(0, 1, 19), "poor", "p ="), (np.full(19, 0.5), "good", ""),
                             (np.full(9, 0.5), "poor", "p ="), (np.full(19, 0.7), "poor", "AUC 0.700 (median)")):
        pd.DataFrame({"draw": range(len(areas)), "within": "folds", "auc": areas}).to_csv(
            tmp_path / "r" / "permutations.csv", index=False)
        assessed = assess_run(open_predictions(tmp_path, "r"))
        assert assessed.verdict.tone == tone
        lines = _said(assessed)
        assert (f"trainings on labels permuted within folds: {why}" in lines["Alarms"]) == (tone == "poor")
        assert ("do as well" in lines["Reason"]) == (areas[-1] == 1.0)
        assert ("too few trainings" in lines["Reason"]) == (len(areas) == 9)


def test_a_phantom_is_called_one_and_tells_its_ceiling(tmp_path):
    assert ceiling_sentence(_lines(tmp_path / "a", 1, data=str(tmp_path))[0].ceiling) == ""
    (tmp_path / "phantom.json").write_text(json.dumps({"ceiling_auc": 0.76}))
    _, lines = _lines(tmp_path / "a", 1, data=str(tmp_path))
    assert "made by a computer" in lines["Use"] and "0.760" in lines["Use"]


def test_slices_are_judged_apart_and_test_slices_not_at_all(tmp_path):
    assessed, _ = _lines(tmp_path, 1)
    assert assessed.slices is None
    pd.DataFrame({"case": ["00000", "00000", "00001", "00001", "00002"], "fold": ["0", "0", "1", "1", "test"],
                  "MGMT_value": [0, 0, 1, 1, None], "probability": [0.1, 0.6, 0.7, 0.9, 0.2]}).to_csv(
        assessed.run.folder / "predictions_slices.csv", index=False)
    slices = assess_run(assessed.run).slices
    assert (slices["cases"], slices["accuracy"]) == (4, 0.75)


def test_no_network_is_named_where_another_program_made_the_predictions(tmp_path):
    assessed, lines = _lines(tmp_path, 1)
    assert "mean of all networks" in lines["As a test"]
    facts = origin_facts(Origin("predictions", "theirs.csv", "ab", True))
    other = replace(assessed, run=replace(assessed.run, facts=facts),
                    provenance=replace(assessed.provenance, facts=facts))
    lines = _said(other)
    assert "network" not in lines["As a test"] and lines["Judged"].startswith("File theirs.csv, 120 cases")
