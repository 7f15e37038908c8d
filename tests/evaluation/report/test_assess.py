"""What is said of a run without being asked: thresholds, what no image tells, leakage, permuted labels."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.audit.confounds import Conclusion
from radiogen.evaluation.report.assess import assess_run
from radiogen.evaluation.report.report import write_run
from radiogen.evaluation.report.text import review_text
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import write_predictions
from radiogen.runs.records import write_facts
from radiogen.task import RSNA_MICCAI

from ..acquisitions import made, run_from


def _folder(path, predictions, folds, geometry=None):
    path.mkdir(parents=True)
    write_predictions(path / "predictions.csv", predictions)
    RSNA_MICCAI.to_file(folds).to_csv(path / "folds.csv", index=False)
    if geometry is not None:
        RSNA_MICCAI.to_file(geometry).to_csv(path / "geometry.csv", index=False)
    return path


@pytest.fixture
def tied(tmp_path):
    """A run that sees nothing but the plane, which goes with the label."""
    folds, geometry = made(tied="plane")
    plane = geometry[geometry["sequence"] == "FLAIR"].set_index("case")["plane"]
    seen = (folds["case"].map(plane) == "coronal").to_numpy()
    predictions = run_from(folds, 3.0 * seen, 0.5)
    return _folder(tmp_path / "tied", predictions, folds, geometry)


def _assessed(folder):
    return assess_run(open_predictions(folder.parent, folder.name))


def test_a_run_that_sees_the_plane_alone_is_called_explained_in_text_and_tables(tied):
    assessed = _assessed(tied)
    assert assessed.conclusions == (Conclusion.NOT_ABOVE_BASELINE, Conclusion.EXPLAINED)
    assert Conclusion.EXPLAINED in review_text(assessed)
    written = {path.name for path in write_run(assessed)}
    assert written >= {"thresholds.csv", "leakage.csv", "image_free.csv", "image_free_gain.csv", "within_planes.csv",
                       "correlations.csv"}


def test_an_ensemble_takes_the_geometry_of_its_first_member(tied):
    run = open_predictions(tied.parent, "tied")
    both = _folder(tied.parent / "both", run.predictions, run.predictions[["case", "label", "fold"]])
    assert _assessed(both).confounds is None
    write_facts(both, {"members": ["tied", "other"]})
    assert Conclusion.EXPLAINED in _assessed(both).conclusions


def test_lines_fit_100_columns_and_passed_checks_take_one_line(tied):
    lines = review_text(_assessed(tied)).splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(line.startswith("passed:") for line in lines) == 1


def test_a_label_permutation_test_that_was_run_is_reported_and_drawn(tmp_path):
    folds, _ = made(60)
    folder = _folder(tmp_path / "run", run_from(folds, 4.0 * folds["label"].to_numpy(), 0.5), folds)
    areas = np.random.default_rng(0).uniform(0.4, 0.6, 19)
    pd.DataFrame({"draw": range(19), "within": "folds", "auc": areas}).to_csv(folder / "permutations.csv", index=False)
    assessed = _assessed(folder)
    assert [one.p for one in assessed.permutations] == [0.05] and "p = 0.050" in review_text(assessed)
    assert folder / "permutations_folds.png" in write_run(assessed)
