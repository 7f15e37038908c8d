"""The label-permutation test: a run's own training repeated on permuted labels.

In: a trained run, a number of draws. Out: `models/<run>/permutations.csv`, a row a draw with the AUC of that training,
out-of-fold. Recipe, folds, cases and arrays are the run's; only the labels are permuted, and with them every seed
changes. What is chosen or leaked anywhere in training is so in each draw, too: permuting the scored labels alone would
not show it. The holdout has no part in it.
"""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.arrays.stored_arrays import check_arrays, read_index
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.dataset.geometry import planes_together, read_geometry
from radiogen.runs.folds import HOLDOUT, fold_names
from radiogen.runs.label_permutations import FOLDS, PLANES, draw_folder, permutations_folder, write_draw
from radiogen.runs.layout import GEOMETRY, PERMUTATIONS, PREDICTIONS
from radiogen.runs.predictions import complete, out_of_fold, read_predictions, write_predictions
from radiogen.runs.records import write_facts
from radiogen.runs.tables import write_folds
from radiogen.runs.training_records import read_timings
from radiogen.task import ID, LABEL, write_task
from radiogen.training.runs import Run, fold_folder, trained_folds

_LOG = logging.getLogger(__name__)


def announce(run: Run, draws: int) -> str:
    """What is about to be done, and how long it takes, in a line."""
    minutes = draws * draw_seconds(run) / 60
    return f"label-permutation test of {run.folder.name}, {draws} draws: {minutes:.1f} minutes if new"


def draw_seconds(run: Run) -> float:
    """Seconds that one draw will take, from what the run's folds took; NaN where no fold has timings.

    The epochs of all folds one after another, as measured when they were trained; `timings.json` of each fold keeps
    them. A fold without timings counts as the mean of the others; scoring, some percent, is not in it.
    """
    seconds = []
    for fold in fold_names(run.folds):
        if timings := read_timings(fold_folder(run, fold)):
            seconds.append(sum(timings["seconds_an_epoch"]))
    return float(np.mean(seconds)) * len(fold_names(run.folds)) if seconds else np.nan


def run_permutations(run: Run, draws: int, within_planes: bool = False, parallel_folds: int = 1) -> Path:
    """Train the run on `draws` permutations of its labels; returns the path of `permutations.csv`.

    parallel_folds: as in training. Finished draws are kept, an interrupted one resumes; draw k does not depend on
    `draws`. `permutations.csv` has `draw, within, auc`, with `within` FOLDS or PLANES, and keeps the rows of both. A
    draw leaves its `predictions.csv`, and in `run.json` what they were predicted by, in
    `permutations/<within>-<draw>/`; its networks are removed.
    Raises UserError where the run is not trained whole, started from another one, or its planes are not known.
    """
    missing = sorted(set(fold_names(run.folds)) - set(trained_folds(run)))
    if missing:
        raise UserError(run.folder, f"fold {', '.join(missing)} is not trained",
                        f"{command('train')} --run {as_run(run.folder)} --fold all")
    if draws < 1:
        raise UserError(parameter("permutations", draws), "is no number of draws",
                        "give 1 or more; 19 are the least for p = 0.05")
    within, strata = (PLANES, plane_strata(run)) if within_planes else (FOLDS, None)
    if run.lineage:
        raise UserError(run.folder, f"began with the networks of {run.lineage[0].run}, which were trained on the true "
                        "labels: trainings on permuted labels would not be like it",
                        "test a run that was trained from scratch")
    with files.working_folder(permutations_folder(run.folder)):
        for number in range(draws):
            permuted = draw_run(run, number, within, strata)
            if not (permuted.folder / PREDICTIONS).is_file():
                _LOG.info(f"label-permutation test of {run.folder.name}, within {within}: draw {number + 1} of {draws}")
                _prepare_draw(run, permuted)
                _finish_draw(permuted, parallel_folds)
            _check_draw(permuted)
            _write_table(run, number, within, permuted)
    return run.folder / PERMUTATIONS


def draw_run(run: Run, draw: int, within: str = FOLDS, strata: np.ndarray | None = None) -> Run:
    """The run that a draw trains, from nothing: the same in all but its labels, its seed and its folder.

    The seed of training and permutation follows from the run's, `within` and `draw`.
    """
    seed, order = (int(word) for word in np.random.SeedSequence(
        [run.recipe.seed, draw, (FOLDS, PLANES).index(within)]).generate_state(2))
    return replace(run, folder=draw_folder(run.folder, within, draw), recipe=replace(run.recipe, seed=seed),
                   folds=permute_labels(run.folds, order, strata), lineage=())


def permute_labels(folds: pd.DataFrame, seed: int, strata: np.ndarray | None = None) -> pd.DataFrame:
    """The table with its labels exchanged at random within each fold, so that its share of positive cases stays.

    strata: text (cases,); labels are exchanged within each of them only. The holdout keeps its labels.
    """
    random, drawn = np.random.default_rng(seed), folds[LABEL].to_numpy().copy()
    place = folds["fold"].to_numpy(str)
    groups = place if strata is None else np.char.add(np.char.add(place, "|"), strata.astype(str))
    for group in np.unique(groups[place != HOLDOUT]):
        inside = groups == group
        drawn[inside] = random.permutation(drawn[inside])
    return folds.assign(**{LABEL: drawn})


def plane_strata(run: Run) -> np.ndarray:
    """The planes of each case's series as one text, (cases,), in the order of the run's folds.

    Raises UserError where `geometry.csv` is missing, or no case could exchange its label: then all draws are the run.
    """
    planes = planes_together(read_geometry(run.folder / GEOMETRY), run.folds[ID])
    judged = run.folds.assign(planes=planes)[(run.folds["fold"] != HOLDOUT).to_numpy()]
    kinds = judged.groupby(["fold", "planes"])[LABEL].transform("nunique")
    if not (kinds > 1).any():
        raise UserError(run.folder / GEOMETRY, "in no fold have two cases of the same planes different labels",
                        f"leave out {parameter('within_planes')}")
    _LOG.info(f"within planes {int((kinds > 1).sum())} of {len(judged)} cases can change their label")
    return planes


def _score_draw(run: Run) -> tuple[pd.DataFrame, str]:
    """The out-of-fold predictions of a draw whose folds are trained, and what computed them; neither holdout nor test
    is looked at."""
    from radiogen.inference.prediction import score_inputs

    index, folds = read_index(run.cache), fold_names(run.folds)
    cases = run.folds[run.folds["fold"].isin(folds)][[ID, "fold", LABEL]].astype({LABEL: "Int64"})
    check_arrays(run.cache, index, cases[ID])
    scores = score_inputs(run, index, cases.reset_index(drop=True), folds)
    return complete(cases.merge(scores.by_case(), on=ID)), scores.engine


def _prepare_draw(run: Run, permuted: Run) -> None:
    """Write what a training reads from the draw's folder: its task, its folds, and the geometry of the run."""
    write_task(permuted.folder, permuted.task)
    write_folds(permuted.folder, permuted.folds)
    if (run.folder / GEOMETRY).is_file():
        files.write_bytes(permuted.folder / GEOMETRY, (run.folder / GEOMETRY).read_bytes())


def _finish_draw(permuted: Run, parallel_folds: int) -> None:
    """Train and score; the table of predictions comes before the networks go, so a cut-off draw can go on."""
    from radiogen.training.execution.processes import run_in_subprocess
    from radiogen.training.fit import remove_fold, train_folds

    train_folds(permuted, fold_names(permuted.folds), parallel_folds)
    # what Keras leaks ends with the process
    table, engine = run_in_subprocess(_score_draw, permuted, name=f"scoring of {permuted.folder.name}")
    write_facts(permuted.folder, {"predicted_by": engine})
    write_predictions(permuted.folder / PREDICTIONS, table)
    for fold in fold_names(permuted.folds):
        remove_fold(fold_folder(permuted, fold))


def _check_draw(permuted: Run) -> None:
    """A draw that is kept has the labels that this run's draw has, or it is another run's."""
    kept = read_predictions(permuted.folder / PREDICTIONS).set_index(ID)[LABEL]
    wanted = permuted.folds[permuted.folds["fold"] != HOLDOUT].set_index(ID)[LABEL]
    if len(kept) != len(wanted) or (kept.reindex(wanted.index).astype(float) != wanted.astype(float)).any():
        raise UserError(permuted.folder, "was drawn for other labels or folds",
                        "delete this folder and run the same command again")


def _write_table(run: Run, draw: int, within: str, permuted: Run) -> None:
    from sklearn.metrics import roc_auc_score

    judged = out_of_fold(read_predictions(permuted.folder / PREDICTIONS))
    write_draw(run.folder, within, draw, roc_auc_score(judged[LABEL].astype(int), judged["probability"]))
