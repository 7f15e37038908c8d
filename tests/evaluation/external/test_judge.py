"""A run inside and outside: frozen threshold, the drop that is there, what differs, whose networks, how many looks."""

import json

import numpy as np
import pandas as pd
import pytest

from radiogen.core.auc import auc
from radiogen.evaluation.external.judge import judge_external
from radiogen.evaluation.external.sentences import claim_sentence, external_lines, looks_sentence, measures_table
from radiogen.evaluation.external.written import validate_run
from radiogen.evaluation.stats.thresholds import fold_thresholds, youden_threshold
from radiogen.evaluation.stats.verdicts import Change
from radiogen.runs.external.cohorts import write_intensities
from radiogen.runs.ledger.looks import Look, append_look
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import out_of_fold, read_predictions, scored, write_predictions
from radiogen.task import RSNA_MICCAI

from ..acquisitions import made, run_from
from ..cohorts import DATE, intensities, write_cohort


@pytest.fixture
def models(tmp_path):
    """models/r: a run whose label goes with the plane, its geometry and its intensities."""
    folds, geometry = made(200, tied="plane", holdout_fraction=0.2)
    folder = tmp_path / "models" / "r"
    write_predictions(folder / "predictions.csv", run_from(folds, 1.4 * (2.0 * folds["label"].to_numpy() - 1), 1.0))
    for name, content in (("folds", folds), ("geometry", geometry)):
        RSNA_MICCAI.to_file(content).to_csv(folder / f"{name}.csv", index=False)
    write_intensities(folder, intensities(folds["case"], 0.02))
    (folder / "run.json").write_text(json.dumps({"recipe": "demo-3d", "data": "input/mine"}))
    return tmp_path / "models"


def _judged(models):
    cohort, = judge_external(open_predictions(models, "r")).cohorts
    return cohort


def test_a_run_without_a_cohort_is_not_validated(models):
    found = judge_external(open_predictions(models, "r"))
    assert (found.cohorts, found.stale) == ((), ())


def test_inside_is_out_of_fold_outside_the_cohort_and_the_drop_is_seen(models):
    write_cohort(models / "r")
    judged = _judged(models)
    own = out_of_fold(read_predictions(models / "r" / "predictions.csv"))
    assert judged.inside.verdict.pooled.value == auc(*scored(own)) and judged.inside.verdict.cases == 160
    assert judged.outside.verdict.estimate.value == auc(*scored(judged.predictions))
    gap = judged.difference.estimate
    assert gap.value == pytest.approx(judged.outside.verdict.estimate.value - judged.inside.verdict.estimate.value)
    assert judged.difference.outcome is Change.WORSE and gap.high < 0


def test_the_threshold_is_frozen_from_all_own_folds_and_inside_each_fold_is_called_by_the_others(models):
    write_cohort(models / "r")
    judged, own = _judged(models), out_of_fold(read_predictions(models / "r" / "predictions.csv"))
    assert judged.threshold == youden_threshold(*scored(own))
    labels, probabilities = scored(judged.predictions)
    assert judged.outside.sensitivity.found == int((probabilities[labels] >= judged.threshold).sum())
    assert judged.outside.specificity.cases == int((~labels).sum())
    limits = fold_thresholds(own)
    called = np.array([row["probability"] >= limits[row["fold"]] for row in own.to_dict("records")])
    assert judged.inside.sensitivity.found == int(called[own["label"] == 1].sum())
    assert judged.inside.sensitivity.low < judged.inside.sensitivity.value < judged.inside.sensitivity.high


def test_a_model_that_sees_planes_alone_is_good_inside_and_at_chance_where_planes_mean_nothing(models):
    write_cohort(models / "r")
    planes = _judged(models).image_free.set_index("model").loc["planes"]
    assert planes["inside_auc"] > 0.75 and planes["outside_low"] < 0.5 < planes["outside_high"]


def test_the_noise_of_the_other_scanner_is_the_largest_shift_and_counted(models):
    write_cohort(models / "r")
    judged = _judged(models)
    largest = judged.shift.sort_values("psi", ascending=False).iloc[0]
    assert (largest["sequence"], largest["field"]) == ("FLAIR", "noise")
    assert judged.intensities and judged.changed >= 1 and judged.large >= 1
    (models / "r" / "intensities.csv").unlink()
    assert not _judged(models).intensities
    assert "Raw intensities were not compared" in dict(external_lines(_judged(models)))["shift"]


def test_groups_are_judged_outside_and_inside_where_patients_are_known(models):
    write_cohort(models / "r")
    assert set(_judged(models).groups["cohort"]) == {"elsewhere"}
    ids = read_predictions(models / "r" / "predictions.csv")["case"]
    pd.DataFrame({"BraTS21ID": ids, "sex": np.resize(["F", "M"], len(ids))}).to_csv(
        models / "r" / "patients.csv", index=False)
    groups = _judged(models).groups
    assert set(groups.loc[groups["cohort"] == "inside", "group"]) == {"F", "M"}


def test_predictions_of_other_networks_are_stale_and_not_shown_as_the_runs(models):
    write_cohort(models / "r")
    write_cohort(models / "r", "old", networks="0" * 64)
    found = judge_external(open_predictions(models, "r"))
    assert [one.name for one in found.cohorts] == ["elsewhere"] and found.stale == ("old",)


def test_every_look_at_the_cohort_by_any_run_counts_and_refused_ones_are_told_apart(models):
    append_look(models, Look("2026-01-01 00:00:00", "other", "x", "input/x", "f" * 12, 80, 40, "l", "r", "n", "judged",
                             "0.600000"))
    write_cohort(models / "r")
    append_look(models, Look("2026-12-01 00:00:00", "r", "x", "input/x", "f" * 12, 80, 40, "l", "r", "n"))
    append_look(models, Look("2026-12-01 00:00:00", "r", "y", "input/y", "another", 80, 40, "l", "r", "n", "judged"))
    looks = _judged(models).looks
    assert (looks.number, looks.judged, looks.runs, len(looks.rows)) == (2, 2, 2, 3)
    assert looks_sentence(looks) == "look 2 of 2 at this cohort, by 2 runs; 1 refused for an overlap"


def test_a_look_that_is_not_on_record_and_a_record_that_was_changed_are_said(models):
    write_cohort(models / "r", looked=False)
    assert "this look is not on record" in looks_sentence(_judged(models).looks)
    for number in range(2):
        path = append_look(models, Look(DATE, f"run{number}", "x", "input/x", "f" * 12, 80, 40, "l", "r", "n",
                                        "judged"))
    path.write_text(path.read_text().replace("run0", "run9"))
    assert "the record was changed after it was written" in looks_sentence(_judged(models).looks)


def test_the_tables_the_pictures_and_the_json_are_written_beside_the_predictions(models):
    folder = write_cohort(models / "r")
    text, written = validate_run(models, "r", "elsewhere")
    assert {path.name for path in written} == {"measures.csv", "groups.csv", "shift.csv", "image_free.csv",
                                               "external.json", "roc.png", "calibration.png", "shift.png"}
    record = json.loads((folder / "external.json").read_text())
    assert record["outside"]["verdict"]["cases"] == 80 and "predictions" not in record
    assert record["facts"]["ceiling"] == 0.921 and "no method does better than 0.921" in " ".join(text.split())
    measures = pd.read_csv(folder / "measures.csv").set_index("measure")
    assert measures.loc["AUC", "outside"] == record["outside"]["verdict"]["estimate"]["value"]
    assert max(map(len, text.splitlines())) <= 100


def test_the_sentence_for_claim_has_the_auc_outside_the_drop_and_the_looks(models):
    write_cohort(models / "r")
    judged = _judged(models)
    text = claim_sentence(judged)
    assert text.startswith(f"elsewhere: 80 cases, AUC {judged.outside.verdict.estimate.value:.3f} (")
    assert f"{judged.difference.estimate.value:+.3f}" in text and text.endswith("look 1 of 1 at this cohort, by 1 run")


def test_a_case_that_was_left_out_one_without_a_label_and_equal_ids_are_said(models):
    write_cohort(models / "r")
    lines = dict(external_lines(_judged(models)))
    assert "1 case without a label is predicted and not judged (unlabelled.csv)" in lines["outside"]
    assert "Left out by hand: 00900" in lines["outside"]
    assert "not checked: names (patients.csv)" in lines["overlap"]
    assert "3 case ids are in both, which alone means nothing" in lines["overlap"]
    assert measures_table(_judged(models))["measure"].tolist()[:3] == ["AUC", "sensitivity", "specificity"]
