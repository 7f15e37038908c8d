"""A trained run scores every case by networks that were not trained on it.

In: a run with one or more trained folds. Out: `predictions.csv` (one row a case: out-of-fold by the one network that
did not see it, holdout and test by the mean of all), `reference.npz`, which a new patient is compared with, and, in
2D, `predictions_slices.csv`. Probabilities are of
class 1; a case's is the mean over its inputs, with test-time augmentation over all of their flips.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.arrays.stored_arrays import check_arrays, open_array, read_index
from radiogen.arrays.summary import array_summary
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.dataset.source import read_source
from radiogen.inference.engine import open_engine
from radiogen.inference.reference import Reference, write_reference
from radiogen.networks.architecture import probabilities
from radiogen.runs.fold_weights import unrecorded
from radiogen.runs.folds import HOLDOUT, TEST, fold_names
from radiogen.runs.layout import PREDICTIONS
from radiogen.runs.predictions import complete, write_predictions
from radiogen.runs.records import read_facts, write_facts
from radiogen.runs.tables import write_slices
from radiogen.task import ID, LABEL
from radiogen.training.input.augmentation import tta_flips
from radiogen.training.input.inputs import CachedImages, InputBatches, list_inputs
from radiogen.training.model import load_trained
from radiogen.training.runs import Run, refuse_locator, trained_folds

_LOG = logging.getLogger(__name__)


def predict_run(run: Run) -> Path:
    """Write the run's predictions; returns the path of `predictions.csv`.

    With some folds trained, out-of-fold rows are those folds' only. Raises UserError where none is.
    """
    refuse_locator(run)
    folds = trained_folds(run)
    if not folds:
        raise UserError(run.folder, "is not trained",
                        f"{command('train')} --run {as_run(run.folder)} --fold all")
    index = read_index(run.cache)
    cases = _cases(run, index, folds)
    check_arrays(run.cache, index, cases[ID])
    scores = score_inputs(run, index, cases, folds)
    if run.recipe.data.rank == 2:
        write_slices(run.folder, scores.inputs)
    write_reference(run.folder, make_reference(run, index))
    write_facts(run.folder, {**read_facts(run.folder), "predicted_by": scores.engine})
    return write_predictions(run.folder / PREDICTIONS, complete(cases.merge(scores.by_case(), on=ID)))


def make_reference(run: Run, index: pd.DataFrame) -> Reference:
    """What the arrays of the cases in folds look like; index: of the run's cache, whose arrays are there."""
    cases = run.folds.loc[run.folds["fold"] != HOLDOUT, ID].tolist()
    slices, sequences = index.set_index(ID)["slices"], run.recipe.data.sequences
    return Reference(np.array(cases), np.stack([array_summary(open_array(run.cache, case), slices[case], sequences)
                                                for case in cases]))


@dataclass(frozen=True)
class Scores:
    """inputs: the rows of `list_inputs` with `fold, LABEL, probability`, float64; engine: what computed them, in
    words."""

    inputs: pd.DataFrame
    engine: str

    def by_case(self) -> pd.DataFrame:
        """`ID, probability`: the mean over each case's inputs."""
        return self.inputs.groupby(ID, sort=False)["probability"].mean().reset_index()


def score_inputs(run: Run, index: pd.DataFrame, cases: pd.DataFrame, folds: list[str]) -> Scores:
    """The probability of each input of the cases, from networks that may judge it."""
    from radiogen.core.progress import progress

    recipe = run.recipe
    if line := unrecorded(run.folder):
        _LOG.warning(line)
    images = CachedImages(run.cache, recipe.data)
    inputs = list_inputs(recipe.data, index, cases[ID].tolist()).merge(cases, on=ID)
    rows = {fold: np.flatnonzero(inputs["fold"].isin([fold, HOLDOUT, TEST])) for fold in folds}
    flips = tta_flips(recipe.augmentation, recipe.data.rank)
    scored = {fold: inputs.iloc[rows[fold]].reset_index(drop=True) for fold in folds}
    batches = {fold: [InputBatches(recipe, images, scored[fold], flip=flip) for flip in flips] for fold in folds}
    engine, choice = open_engine(recipe, max(sum(one.num_batches for one in batches[fold]) for fold in folds))
    total, answers = np.zeros(len(inputs)), np.zeros(len(inputs))
    for fold in progress(folds, f"predict {run.folder.name}", len(folds), "fold"):
        load_trained(engine, run, fold)
        for flipped in batches[fold] if len(rows[fold]) else ():  # a fold may have no case of these
            total[rows[fold]] += probabilities(engine.outputs(flipped.images_alone()))
            answers[rows[fold]] += 1
    return Scores(inputs.assign(probability=total / answers), choice.text)


def _cases(run: Run, index: pd.DataFrame, folds: list[str]) -> pd.DataFrame:
    """`ID, fold, LABEL` of every case that has an array and a network that may judge it.

    A described data set has no test/: its cases without a label are its test set.
    """
    judged = run.folds[run.folds["fold"].isin([*folds, HOLDOUT])][[ID, "fold", LABEL]]
    test = index[(index["sha256"] != "") & ((index["split"] == TEST) | _without_label(run, index))]
    test = pd.DataFrame({ID: test[ID], "fold": TEST, LABEL: pd.NA})
    if set(fold_names(run.folds)) - set(folds):
        _LOG.info(f"trained so far: fold {', '.join(folds)}; holdout and test are judged by these alone")
    return pd.concat([judged.astype({LABEL: "Int64"}), test.astype({LABEL: "Int64"})], ignore_index=True)


def _without_label(run: Run, index: pd.DataFrame) -> pd.Series:
    """Which cases of a data set that names its files by patterns have no label, bool (cases,)."""
    if not read_source(run.data).files:
        return pd.Series(False, index.index)
    return ~index[ID].isin([*run.folds[ID], *run.leave_out, *run.known_bad])
