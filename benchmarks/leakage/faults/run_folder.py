"""The folder of a run of the benchmark, written as training and prediction write theirs.

In: tables. Out: models/<run>: recipe, folds, arrays, geometry, scanners, a file of weights for each fold with its
record, predictions. A fault takes the tables apart and writes them again, or changes a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.leakage.faults.source import SIGNAL, Source
from radiogen.core import files
from radiogen.evaluation.stats.power import half_width
from radiogen.phantom.data_set import ceiling_auc
from radiogen.runs import layout
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.folds import HOLDOUT, fold_names
from radiogen.runs.predictions import write_predictions
from radiogen.runs.records import write_facts, write_recipe
from radiogen.runs.tables import write_arrays, write_folds, write_patients
from radiogen.task import LABEL, RSNA_MICCAI


@dataclass(frozen=True)
class Tables:
    """What lies in a run's folder, as tables; patients: None where nobody knows anything of them."""

    folds: pd.DataFrame
    predictions: pd.DataFrame
    geometry: pd.DataFrame
    scanner: pd.DataFrame
    arrays: pd.DataFrame
    patients: pd.DataFrame | None = None


def with_scores(tables: Tables, probabilities: np.ndarray) -> Tables:
    """The tables with other predictions of the same cases, in the order of the folds."""
    from radiogen.runs.predictions import complete

    return replace(tables, predictions=complete(tables.folds.assign(probability=probabilities)))


def write_run(folder: Path, tables: Tables, source: Source, network: Mapping[str, Any] | None = None,
              facts: Mapping[str, Any] | None = None) -> None:
    """Write the run's folder; network, facts: more fields of the recipe's network and of run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_recipe(folder, {"name": "features", "seed": 0, "suspicious_auc": auc_limit(tables.folds),
                          "network": {"weights": None, **(network or {})}})
    write_facts(folder, {"recipe": "features", "rank": 3, "data": str(source.data), "cache": str(source.cubes),
                         "leave_out": [], **(facts or {})})
    write_folds(folder, tables.folds)
    write_arrays(folder, tables.arrays)
    write_patients(folder, tables.patients)
    for name, table in ((layout.GEOMETRY, tables.geometry), (layout.SCANNER, tables.scanner)):
        files.write_csv(folder / name, RSNA_MICCAI.to_file(table))
    for fold in fold_names(tables.folds):
        place = layout.fold_folder(folder, fold)
        place.mkdir(exist_ok=True)
        write_weights(place, lambda part, fold=fold: part.write_bytes(f"{folder.name} {fold}".encode()))
    write_predictions(folder / layout.PREDICTIONS, tables.predictions)


def write_look(folder: Path, predictions: pd.DataFrame, source: Source) -> None:
    """Write a run of which only its predictions matter."""
    folder.mkdir(parents=True)
    write_facts(folder, {"recipe": "features", "data": str(source.data), "cache": str(source.cubes), "leave_out": []})
    write_predictions(folder / layout.PREDICTIONS, predictions)


def auc_limit(folds: pd.DataFrame) -> float:
    """The AUC from which on nobody should believe: what is possible at best, and half an interval of the smaller set.
    """
    held = folds.loc[folds["fold"] == HOLDOUT, LABEL]
    judged = held if len(held) else folds[LABEL]
    positive = int((judged == 1).sum())
    ceiling = ceiling_auc(SIGNAL)
    return min(0.99, ceiling + half_width(positive, len(judged) - positive, ceiling))
