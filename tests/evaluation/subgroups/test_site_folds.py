"""Runs whose folds leave sites out are shown beside those whose folds do not."""

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.subgroups.site_folds import COLUMNS, site_fold_table
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import complete

IDS = [f"{number:05d}" for number in range(40)]
SITES = np.repeat(["north", "east", "south", "west"], 10)


def _run(folder, folds, sites=SITES):
    folder.mkdir()
    if sites is not None:
        pd.DataFrame({"BraTS21ID": IDS, "site": sites}).to_csv(folder / "patients.csv", index=False)
    labels = np.tile([0, 1], 20)
    probabilities = np.random.default_rng(1).random(40) / 2 + 0.4 * labels
    table = complete(pd.DataFrame({"case": IDS, "label": labels, "fold": folds, "probability": probabilities}))
    return PredictedRun(folder.name, folder, {}, table)


@pytest.fixture
def runs(tmp_path):
    return (_run(tmp_path / "ordinary", np.tile(np.repeat(list("0123"), 2), 5)),
            _run(tmp_path / "apart", np.repeat(list("0123"), 10)))


def test_a_run_is_by_site_where_each_site_lies_in_one_fold(runs):
    table = site_fold_table(runs)
    assert list(table.columns) == COLUMNS
    assert table[["run", "folds_by", "sites", "cases"]].to_numpy().tolist() == [
        ["ordinary", "patient", 4, 40], ["apart", "site", 4, 40]]
    assert ((table["low"] <= table["auc"]) & (table["auc"] <= table["high"])).all()


def test_nothing_is_shown_where_no_run_leaves_sites_out(runs):
    assert site_fold_table(runs[:1]).empty


def test_a_run_without_sites_or_with_one_has_no_row(runs, tmp_path):
    folds = np.repeat(list("0123"), 10)
    more = (_run(tmp_path / "unknown", folds, None), _run(tmp_path / "single", folds, np.repeat("one", 40)))
    assert site_fold_table([*runs, *more])["run"].tolist() == ["ordinary", "apart"]
