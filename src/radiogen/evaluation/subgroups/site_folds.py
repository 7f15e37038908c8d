"""Runs whose folds leave sites out beside runs whose folds do not: what recognising the hospital was worth.

In: predicted runs, each with its own `patients.csv`. Out: a row a run. A run is *by site* where each site lies in one
fold, whatever its recipe says.
"""

from collections.abc import Sequence

import pandas as pd

from radiogen.dataset.patients import SITE, read_patients
from radiogen.evaluation.audit.image_free import within_fold
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import out_of_fold
from radiogen.task import ID, LABEL

COLUMNS = ["run", "folds_by", "sites", "cases", "auc", "low", "high", "p"]


def site_fold_table(runs: Sequence[PredictedRun]) -> pd.DataFrame:
    """`COLUMNS`, a row a run of which sites are known; without rows where the folds of none are sites.

    auc: within folds, for the network of another site knows another share of positive cases. sites: how many.
    """
    rows = []
    for run in runs:
        patients, cases = read_patients(run.folder), out_of_fold(run.predictions)
        cases = cases[cases[LABEL].notna()]
        if patients is None or cases.empty:
            continue
        sites = cases.merge(patients.loc[patients[SITE] != "", [ID, SITE]], on=ID)
        if sites[SITE].nunique() < 2:
            continue
        apart = bool((sites.groupby(SITE)["fold"].nunique() == 1).all()) and sites["fold"].nunique() > 1
        found = within_fold(cases)
        rows.append({"run": run.name, "folds_by": "site" if apart else "patient", "sites": int(sites[SITE].nunique()),
                     "cases": len(cases), "auc": found.value, "low": found.low, "high": found.high, "p": found.p})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table if (table["folds_by"] == "site").any() else table.iloc[:0]
