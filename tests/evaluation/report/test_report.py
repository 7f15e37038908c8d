"""The report: all files at their places, lines that fit a terminal, and words that the numbers bear."""

import json
import threading

import numpy as np
import pandas as pd
import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.evaluation.report.assess import assess, assess_run
from radiogen.evaluation.report.report import evaluate_runs, write_tables
from radiogen.evaluation.report.text import report_text
from radiogen.evaluation.stats.intervals import delong_difference
from radiogen.evaluation.stats.verdicts import Outcome
from radiogen.evaluation.text_tables import rounded, short_paths, text_table
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions
from radiogen.task import RSNA_MICCAI


def _run(models, name, effect, seed=0, cases=90, data=None):
    random = np.random.default_rng(seed)
    folds = np.resize(["0", "1", "2", "3", "4", "holdout"], cases)
    labels = random.permutation(np.arange(cases) % 2)
    common = np.random.default_rng(99).normal(size=cases)
    scores = 1 / (1 + np.exp(-(effect * (labels - 0.5) + common + 0.3 * random.normal(size=cases))))
    table = complete(pd.DataFrame({"case": [f"{number:05d}" for number in range(cases)], "fold": folds,
                                   "label": pd.array(labels, dtype="Int64"), "probability": scores}))
    write_predictions(models / name / "predictions.csv", table)
    (models / name / "run.json").write_text(json.dumps({"recipe": "demo-2d", "rank": 2, "data": data}))
    return table


def _text(models, names):
    return report_text(assess([open_predictions(models, name) for name in names]))


def test_every_run_gets_its_tables_and_pictures_and_the_last_one_the_comparison(tmp_path):
    _run(tmp_path, "a", 2)
    _run(tmp_path, "b", 3)
    text, written = evaluate_runs(tmp_path, ["a", "b"])
    assert text == _text(tmp_path, ["a", "b"])
    assert text.count("no image:    not checked: geometry.csv is missing") == 2
    expected = {f"{run}/{name}" for run in "ab" for name in (
        "fold_metrics.csv", "fold_metrics_rounded.csv", "confusion_matrix_holdout.png", "roc.png", "calibration.png",
        "probabilities.png", "decision_curve.png", "precision_recall.png", "decision_curve.csv",
        "calibration.csv", "thresholds.csv", "leakage.csv", "provenance.csv",
        *(f"fold-{fold}/confusion_matrix.png" for fold in range(5)))}
    expected |= {"b/comparison.csv", "b/roc_comparison.png", "b/forest.png", "b/report.html", "b/assessment.json"}
    assert {str(path.relative_to(tmp_path)) for path in written} == expected
    assert all(path.stat().st_size > 0 for path in written)


def test_evaluate_reads_each_file_of_weights_once(tmp_path, monkeypatch):
    _run(tmp_path, "a", 2)
    for fold in "01":
        write_weights(tmp_path / "a" / f"fold-{fold}", lambda path, fold=fold: path.write_text(fold, encoding="utf-8"))
    hashed, sha256 = [], files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: hashed.append(path.name) or sha256(path))
    text, _ = evaluate_runs(tmp_path, ["a"])
    assert "networks" in text and hashed.count("model.weights.h5") == 2


def test_evaluate_judges_the_predictions_that_are_there_when_the_run_is_free(tmp_path):
    _run(tmp_path, "a", 2)
    texts = []
    with files.working_folder(tmp_path / "a"):  # as predict does
        judge = threading.Thread(target=lambda: texts.append(evaluate_runs(tmp_path, ["a"])[0]))
        judge.start()
        judge.join(1)
        _run(tmp_path, "a", 6, seed=1)
    judge.join(120)
    assert texts[0] == _text(tmp_path, ["a"])


def test_the_comparison_has_the_runs_in_the_order_of_the_command_line(tmp_path):
    _run(tmp_path, "a", 2)
    _run(tmp_path, "b", 2)
    evaluate_runs(tmp_path, ["b", "a", "b"])
    assert pd.read_csv(tmp_path / "a" / "comparison.csv")["run"].tolist() == ["b", "a"]


def test_the_rounded_table_has_three_decimals_and_the_other_all(tmp_path):
    _run(tmp_path, "a", 2)
    write_tables(assess_run(open_predictions(tmp_path, "a")))
    exact = pd.read_csv(tmp_path / "a" / "fold_metrics.csv")
    short = pd.read_csv(tmp_path / "a" / "fold_metrics_rounded.csv", dtype=str)
    assert short["fold"].tolist() == ["0", "1", "2", "3", "4", "mean", "standard deviation"]
    assert short["brier"].str.fullmatch(r"\d\.\d{3}").all()
    assert np.allclose(short["brier"].astype(float), exact["brier"], atol=0.0005)
    assert not np.allclose(short["brier"].astype(float), exact["brier"], atol=1e-9)


def test_the_text_fits_100_columns_and_says_positive_class_threshold_and_ceiling(tmp_path):
    data = tmp_path / "input" / "phantom"
    data.mkdir(parents=True)
    (data / "phantom.json").write_text('{"ceiling_auc": 0.983}')
    _run(tmp_path, "phantom-demo-2d", 3, data=str(data))
    text = _text(tmp_path, ["phantom-demo-2d"])
    assert max(len(line) for line in text.splitlines() if str(tmp_path) not in line) <= 100
    for phrase in ("positive class: 1, methylated", "probability of 0.5 up", "75 cases call an AUC of",
                   "out-of-fold: better than chance", "no method can do better than an AUC of 0.983"):
        assert phrase in " ".join(text.split())


def test_a_phantom_whose_tumour_tells_nothing_says_so_instead_of_a_ceiling(tmp_path):
    (tmp_path / "phantom.json").write_text('{"ceiling_auc": null, "ceiling": "the tumour tells nothing"}')
    _run(tmp_path, "a", 0, data=str(tmp_path))
    assert "the tumour tells nothing" in _text(tmp_path, ["a"])


def test_noise_is_called_not_distinguishable_from_chance(tmp_path):
    _run(tmp_path, "a", 0, seed=4)
    assert [one.verdict.outcome for one in assess_run(open_predictions(tmp_path, "a")).sets] == [Outcome.UNCLEAR] * 2
    text = _text(tmp_path, ["a"])
    assert "out-of-fold: not distinguishable from chance" in " ".join(text.split())
    assert "verdict:     not distinguishable from chance" in text and "better than chance:" not in text


def test_a_run_beside_itself_is_not_called_better_and_one_beside_noise_is(tmp_path):
    _run(tmp_path, "noise", 0, seed=4)
    _run(tmp_path, "signal", 5, seed=4)
    _run(tmp_path, "again", 5, seed=4)
    text = _text(tmp_path, ["noise", "again", "signal"])
    assert "signal against noise: signal is better" in text
    assert "signal against again: no difference shown" in text


def test_a_significant_difference_below_what_the_cases_resolve_is_not_called_better(tmp_path):
    table = _run(tmp_path, "a", 1, cases=240)
    labels, noise = table["label"].to_numpy(int) == 1, np.random.default_rng(7).normal(size=240)
    logits = np.log(table["probability"] / (1 - table["probability"])).to_numpy() + 0.5 * noise
    judged = (table["fold"] != "holdout").to_numpy()
    for shift in np.linspace(0, 2, 201):  # the first shift whose p is below 0.05 lies just above the threshold
        better = (1 / (1 + np.exp(-logits - shift * labels)))
        gap = delong_difference(labels[judged], better[judged], table["probability"].to_numpy()[judged])
        if gap.p < 0.05 and gap.value > 0:
            break
    assert 0.02 < gap.p < 0.05
    write_predictions(tmp_path / "b" / "predictions.csv", complete(table.assign(probability=better)))
    assert "b against a: no difference shown" in _text(tmp_path, ["a", "b"])


def test_runs_without_a_common_case_are_not_compared(tmp_path):
    _run(tmp_path, "a", 2)
    table = _run(tmp_path, "b", 2)
    other = table.assign(case=[f"{number + 500:05d}" for number in range(len(table))])
    write_predictions(tmp_path / "b" / "predictions.csv", other)
    assert "share too few cases" in _text(tmp_path, ["a", "b"])


def test_figures_per_slice_are_distinguished_from_those_per_case(tmp_path):
    table = _run(tmp_path, "a", 2)
    slices = table.loc[table.index.repeat(3)].assign(sequence="FLAIR", slice=1)
    RSNA_MICCAI.to_file(slices).to_csv(tmp_path / "a" / "predictions_slices.csv", index=False)
    assert "per slice, not per case: 225 slices out-of-fold" in _text(tmp_path, ["a"])


def test_a_fold_trained_alone_is_judged_without_the_others(tmp_path):
    table = _run(tmp_path, "a", 2)
    write_predictions(tmp_path / "a" / "predictions.csv", table[table["fold"] == "3"])
    text, written = evaluate_runs(tmp_path, ["a"])
    assert "holdout" not in text
    assert [path.parent.name for path in written if path.name == "confusion_matrix.png"] == ["fold-3"]


def test_nothing_is_written_when_one_of_the_runs_is_not_predicted(tmp_path):
    _run(tmp_path, "a", 2)
    with pytest.raises(UserError, match="b: there is no such run"):
        evaluate_runs(tmp_path, ["a", "b"])
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"predictions.csv", "run.json"}


def test_predictions_without_a_label_cannot_be_judged(tmp_path):
    table = _run(tmp_path, "a", 2)
    write_predictions(tmp_path / "a" / "predictions.csv",
                      table.assign(fold="test", label=pd.array([None] * len(table), dtype="Int64")))
    with pytest.raises(UserError, match="no labelled case"):
        evaluate_runs(tmp_path, ["a"])


def test_a_text_table_is_aligned_and_shows_a_gap_as_a_dash():
    table = rounded(pd.DataFrame({"fold": ["0", "mean"], "cases": [3.0, 2.5], "average_precision": [0.12345, np.nan]}))
    assert text_table(table, rule="mean").splitlines() == [
        "               average",
        "fold  cases  precision",
        "----------------------",
        "0         3      0.123",
        "----------------------",
        "mean    2.5          -"]


def test_paths_of_several_folds_stand_in_one_line(tmp_path):
    paths = [tmp_path / "a" / f"fold-{fold}" / "x.png" for fold in range(3)] + [tmp_path / "a" / "roc.png"]
    assert short_paths(paths) == [f"{tmp_path}/a/fold-{{0,1,2}}/x.png", f"{tmp_path}/a/roc.png"]
