"""What is said of a run without being asked: thresholds, what no image tells, leakage, the null mirror."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.audit.confounds import ABOVE_BASELINE, EXPLAINED
from radiogen.evaluation.report.judgement import judge_run, judgement_text, write_judgement
from radiogen.runs.predictions import write_predictions

from ..acquisitions import made, run_from


def _folder(path, predictions, folds, geometry=None):
    path.mkdir(parents=True)
    write_predictions(path / "predictions.csv", predictions)
    folds.to_csv(path / "folds.csv", index=False)
    if geometry is not None:
        geometry.to_csv(path / "geometry.csv", index=False)
    return path


@pytest.fixture
def tied(tmp_path):
    """A run that sees nothing but the plane, which goes with the label."""
    folds, geometry = made(tied="plane")
    plane = geometry[geometry["sequence"] == "FLAIR"].set_index("BraTS21ID")["plane"]
    seen = (folds["BraTS21ID"].map(plane) == "coronal").to_numpy()
    predictions = run_from(folds, 3.0 * seen, 0.5)
    return _folder(tmp_path / "tied", predictions, folds, geometry), predictions


def test_a_run_that_sees_the_plane_alone_is_called_explained_in_text_and_tables(tied):
    folder, predictions = tied
    judged = judge_run(folder, predictions)
    assert EXPLAINED in judged.confounds.words and ABOVE_BASELINE not in judged.confounds.words
    assert EXPLAINED in judgement_text(judged)
    written = {path.name for path in write_judgement(folder, judged)}
    assert written == {"thresholds.csv", "leakage.csv", "image_free.csv", "image_free_gain.csv", "within_planes.csv",
                       "correlations.csv"}


def test_an_ensemble_takes_the_geometry_of_its_first_member(tied):
    folder, predictions = tied
    folds = predictions[["BraTS21ID", "MGMT_value", "fold"]]
    both = _folder(folder.parent / "both", predictions, folds)
    assert judge_run(both, predictions).confounds is None
    assert EXPLAINED in judge_run(both, predictions, ["tied", "other"]).confounds.words


def test_lines_fit_100_columns_and_passed_checks_take_one_line(tied):
    lines = judgement_text(judge_run(*tied)).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("passed:") for line in lines) == 1


def test_a_null_mirror_that_was_run_is_told_and_drawn(tmp_path):
    folds, _ = made(60)
    predictions = run_from(folds, 4.0 * folds["MGMT_value"].to_numpy(), 0.5)
    folder = _folder(tmp_path / "run", predictions, folds)
    areas = np.random.default_rng(0).uniform(0.4, 0.6, 19)
    pd.DataFrame({"draw": range(19), "within": "folds", "auc": areas}).to_csv(folder / "null.csv", index=False)
    judged = judge_run(folder, predictions)
    assert "p = 0.050" in judgement_text(judged)
    assert folder / "null_folds.png" in write_judgement(folder, judged)
