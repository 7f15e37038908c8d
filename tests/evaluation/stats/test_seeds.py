"""The spread between seeds: only runs that differ in nothing else are compared, and its figures are plain ones."""

import json

import numpy as np
import pandas as pd
import pytest

from radiogen.core.auc import auc
from radiogen.evaluation.report.report import evaluate_runs
from radiogen.evaluation.stats.seeds import seed_groups, seed_table
from radiogen.evaluation.wording import seed_sentences
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, out_of_fold, scored, write_predictions


def _run(models, name, seed, epochs=3, shift=0, arrays="a"):
    labels = np.arange(60) // 6 % 2
    scores = np.random.default_rng(seed).normal(labels, 1)
    folds = np.roll(np.resize([*"01234", "holdout"], 60), shift)
    write_predictions(models / name / "predictions.csv", complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(60)], "fold": folds,
        "label": pd.array(labels, dtype="Int64"), "probability": 1 / (1 + np.exp(-scores))})))
    (models / name / "recipe.json").write_text(json.dumps(
        {"seed": seed, "optimisation": {"epochs": epochs}, "split": {"split_seed": None}}))
    (models / name / "run.json").write_text(json.dumps({"recipe": "demo-3d", "arrays": arrays}))
    return open_predictions(models, name)


def test_only_runs_that_differ_in_nothing_but_the_seed_are_one_group(tmp_path):
    same = [_run(tmp_path, "r", 42), _run(tmp_path, "r-seed-43", 43)]
    others = [_run(tmp_path, "longer", 42, epochs=4), _run(tmp_path, "folds", 44, shift=1),
              _run(tmp_path, "images", 45, arrays="b")]
    assert [[run.name for run in group] for group in seed_groups([*same, *others])] == [["r", "r-seed-43"]]
    assert seed_table(others).empty and seed_sentences(seed_table(others)) == []


def test_a_tuned_procedure_is_no_seed_of_the_recipe_it_began_with(tmp_path):
    runs = [_run(tmp_path, "r", 42), _run(tmp_path, "tuned", 43), _run(tmp_path, "tuned-again", 44)]
    for run in runs[1:]:
        facts = json.loads((run.folder / "run.json").read_text())
        (run.folder / "run.json").write_text(json.dumps({**facts, "tuning": {"trials": 10, "inner_folds": 3}}))
    runs = [open_predictions(tmp_path, run.name) for run in runs]
    assert [[run.name for run in group] for group in seed_groups(runs)] == [["tuned", "tuned-again"]]


def test_two_runs_of_one_seed_say_nothing_of_seeds(tmp_path):
    assert seed_groups([_run(tmp_path, "r", 42), _run(tmp_path, "copy", 42)]) == []


def test_the_spread_is_that_of_the_pooled_figures(tmp_path):
    runs = [_run(tmp_path, f"r-seed-{seed}", seed) for seed in (42, 43, 44)]
    areas = [auc(*scored(out_of_fold(run.predictions))) for run in runs]
    row = seed_table(runs).set_index("measure").loc["auc"]
    assert row["seeds"] == 3 and row["run"] == "r-seed-42"
    assert row["between_seeds"] == pytest.approx(np.std(areas, ddof=1)) and row["mean"] == pytest.approx(np.mean(areas))
    assert (row["low"], row["high"]) == (min(areas), max(areas))
    own = [[auc(*scored(cases)) for _, cases in out_of_fold(run.predictions).groupby("fold")] for run in runs]
    assert row["between_folds"] == pytest.approx(np.mean([np.std(fold, ddof=1) for fold in own]))


def test_the_report_tells_it_and_keeps_the_table(tmp_path):
    _run(tmp_path, "r", 42)
    _run(tmp_path, "r-seed-43", 43)
    text, written = evaluate_runs(tmp_path, ["r", "r-seed-43"])
    assert "between seeds" in text and tmp_path / "r-seed-43" / "seeds.csv" in written
    assert "between seeds" in (tmp_path / "r-seed-43" / "report.html").read_text()
