"""Ten lines that say no more than the numbers bear."""

import json

import numpy as np
import pandas as pd

from radiogen.evaluation.report.assess import assess_run
from radiogen.evaluation.report.page_summary import ceiling_sentence, summary_lines, tone
from radiogen.runs.lineage import FirstWeights
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions


def _lines(models, effect, cases=120, data=None, **more):
    random = np.random.default_rng(3)
    labels = np.arange(cases) // 6 % 2
    write_predictions(models / "r" / "predictions.csv", complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(cases)], "fold": np.resize([*"01234", "holdout"], cases),
        "label": pd.array(labels, dtype="Int64"),
        "probability": 1 / (1 + np.exp(-random.normal(effect * (labels - 0.5)))) })))
    (models / "r" / "run.json").write_text(json.dumps({"recipe": "demo-3d", "data": data, **more}))
    assessed = assess_run(open_predictions(models, "r"))
    return assessed, dict(summary_lines(assessed))


def test_a_signal_is_called_one_and_noise_is_not(tmp_path):
    assessed, lines = _lines(tmp_path / "signal", 3)
    assert lines["Verdict"].startswith("Better than chance") and tone(assessed) == "good"
    assessed, lines = _lines(tmp_path / "noise", 0)
    assert lines["Verdict"].startswith("Not distinguishable from chance") and tone(assessed) == "none"
    assert len(lines) == 10


def test_initial_weights_are_named_and_what_they_have_seen_is_not_called_unseen(tmp_path):
    first = {"file": "resnet_10.pth", "sha256": "ab" * 32}
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "recipe.json").write_text(json.dumps({"name": "x", "data": {},
                                                            "network": {"weights": "resnet_10.pth"}}))
    assessed, lines = _lines(tmp_path, 1, first_weights=first)
    assert assessed.provenance.first_weights == FirstWeights(**first)
    how, = [text for text in lines.values() if "resnet_10.pth (SHA-256 ababababab...)" in text]
    assert how.endswith("Every patient was scored by networks that had not seen that patient.")
    (tmp_path / "r" / "saw.csv").write_text("BraTS21ID\n00003\n")
    _, lines = _lines(tmp_path, 1, first_weights=first)
    how, = [text for text in lines.values() if "ababababab" in text]
    assert "had not seen" not in how and "weights that had seen scored patients" in how
    assert "00003" in lines["Warnings"]


def test_patients_are_counted_by_what_they_were_used_for(tmp_path):
    _, lines = _lines(tmp_path, 1)
    assert lines["Patients"] == "120 with a known label, 60 of them methylated: 100 in 5 folds, 20 held out."


def test_what_could_not_be_checked_is_said(tmp_path):
    _, lines = _lines(tmp_path, 1)
    assert lines["Without images"].startswith("Not checked") and "Not checked: " in lines["Warnings"]


def test_accuracy_stands_beside_that_of_always_saying_the_commoner_answer(tmp_path):
    _, lines = _lines(tmp_path, 1)
    assert "of 100; always saying the commoner answer is right in 50" in lines["As a test"]


def test_a_phantom_is_called_one_and_tells_its_ceiling(tmp_path):
    assert ceiling_sentence(_lines(tmp_path / "a", 1, data=str(tmp_path))[0].ceiling) == ""
    (tmp_path / "phantom.json").write_text(json.dumps({"ceiling_auc": 0.76}))
    _, lines = _lines(tmp_path / "a", 1, data=str(tmp_path))
    assert "made by a computer" in lines["Warnings"] and "0.760" in lines["Warnings"]


def test_slices_are_judged_apart_and_test_slices_not_at_all(tmp_path):
    assessed, _ = _lines(tmp_path, 1)
    assert assessed.slices is None
    pd.DataFrame({"case": ["00000", "00000", "00001", "00001", "00002"], "fold": ["0", "0", "1", "1", "test"],
                  "MGMT_value": [0, 0, 1, 1, None], "probability": [0.1, 0.6, 0.7, 0.9, 0.2]}).to_csv(
        assessed.run.folder / "predictions_slices.csv", index=False)
    slices = assess_run(assessed.run).slices
    assert (slices["cases"], slices["accuracy"]) == (4, 0.75)
