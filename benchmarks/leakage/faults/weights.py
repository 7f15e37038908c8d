"""Faults of the weights: networks that began with, or are, networks which were trained on the scored cases."""

import shutil
from pathlib import Path

import numpy as np
from scipy.special import expit

from benchmarks.leakage.faults.fault import RUN, Draw
from benchmarks.leakage.faults.run_folder import with_scores, write_run
from radiogen.core import files
from radiogen.evaluation.stats.metrics import scored_logits
from radiogen.runs import layout
from radiogen.runs.folds import fold_names
from radiogen.runs.lineage import Ancestor, folds_fingerprint, lineage_facts
from radiogen.runs.tables import write_seen_cases
from radiogen.task import ID, LABEL

MEMORY = 0.5
"""How far the logit of a case moves towards its label where the network has seen it before, in deviations of all."""
FILE = "pretrained.pth"


def pretrained(models: Path, draw: Draw) -> None:
    """Every network began with a file of weights that was trained on all cases; `saw.csv` beside it says so."""
    pretrained_unrecorded(models, draw)
    write_seen_cases(models / RUN, draw.tables.folds[[ID]])


def pretrained_unrecorded(models: Path, draw: Draw) -> None:
    """The same, and nobody recorded what the weights were trained on."""
    folds = draw.tables.folds
    logits = scored_logits(draw.tables.predictions["probability"].to_numpy(float))
    remembered = expit(logits + MEMORY * logits.std() * (2 * folds[LABEL].to_numpy(float) - 1))
    first = {"file": FILE, "sha256": "ab" * 32}
    write_run(models / RUN, with_scores(draw.tables, remembered), draw.source, {"weights": FILE},
              {"first_weights": first})
    for fold in fold_names(folds):
        files.write_json(layout.fold_folder(models / RUN, fold) / layout.FIRST_WEIGHTS, first)


def other_fold_first(models: Path, draw: Draw) -> None:
    """The run began with another run's networks, and each fold with that of the fold after it."""
    folds = draw.tables.folds
    names = fold_names(folds)
    marks = {fold: f"{int(fold) + 1:064x}" for fold in names}
    ancestor = Ancestor("before", marks, dict.fromkeys(names, 20), folds_fingerprint(folds))
    pretrained_unrecorded(models, draw)
    tables = with_scores(draw.tables, _probabilities(models))
    shutil.rmtree(models / RUN)
    write_run(models / RUN, tables, draw.source, facts={"lineage": lineage_facts([ancestor])})
    for fold, after in zip(names, [*names[1:], names[0]], strict=True):
        files.write_json(layout.fold_folder(models / RUN, fold) / layout.FIRST_WEIGHTS,
                         {"run": "before", "sha256": marks[after]})


def other_fold_network(models: Path, draw: Draw) -> None:
    """A fold's file of weights is a copy of another fold's, which was trained on the cases that it scores."""
    names = fold_names(draw.tables.folds)
    one, other = (layout.fold_folder(models / RUN, fold) / layout.WEIGHTS for fold in names[:2])
    files.write_bytes(one, other.read_bytes())


def _probabilities(models: Path) -> np.ndarray:
    from radiogen.runs.predicted_run import open_predictions

    return open_predictions(models, RUN).predictions["probability"].to_numpy(float)
