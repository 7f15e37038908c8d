"""A run that starts with the weights of another one, fold by fold: what has to agree, and how weights are loaded.

In: a new run, its folds, the source's folder, models/<run>. Out: its lineage for run.json, and at the start of each
fold the source's weights of the same fold, checked against their recorded hash. Only weights are taken: optimiser,
schedule and the count of epochs start from zero.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.runs.fold_locks import fold_holders, training_text
from radiogen.runs.fold_weights import check_weights
from radiogen.runs.folds import fold_names
from radiogen.runs.layout import RUN, WEIGHTS_RECORD
from radiogen.runs.lineage import Ancestor, folds_fingerprint, read_lineage
from radiogen.runs.training_records import epochs_of
from radiogen.task import ID, LABEL
from radiogen.training.recipe.recipe import Recipe, as_flat_dict
from radiogen.training.runs import Run, fold_folder, open_run, trained_folds

if TYPE_CHECKING:  # a run starts without Keras
    from radiogen.networks.backend import keras

SAME = ("data.", "network.", "split.folds", "split.folds_by", "split.holdout_fraction")
"""Fields of images, network and folds, in which a run may not differ from the one that it starts from."""


def check_start(folder: Path, recipe: Recipe, folds: pd.DataFrame, source: Path) -> Run:
    """The run in `source`, if a run in `folder` of this recipe and these folds may start from it, as far as is known
    without images. Raises UserError, naming the difference.
    """
    where = parameter("start_from", Path(source).name)
    if Path(source).resolve() == Path(folder).resolve():
        raise UserError(where, "is the run itself", f"give the new run another name: {parameter('run')} NAME")
    if Path(source).resolve().parent != Path(folder).resolve().parent:
        raise UserError(where, f"is in another folder than {folder}", "copy the run beside it")
    start = open_run(source)
    other = f"train from scratch: leave out {where}"
    _check_recipes(where, start.recipe, recipe, other)
    _check_folds(where, start.folds, folds, other)
    strange = [one.run for one in start.lineage if one.folds != folds_fingerprint(folds)]
    if strange:
        raise UserError(where, f"started with weights of {strange[0]}, which had other folds", other)
    missing = [fold for fold in fold_names(start.folds) if fold not in trained_folds(start)]
    if missing:
        training = training_text(start.folder, fold_holders(start.folder, missing))
        raise UserError(where, f"fold {', '.join(missing)} is not trained{''.join(f' ({line})' for line in training)}",
                        f"{command('train')} --run {as_run(start.folder)} --fold all")
    for fold in trained_folds(start):
        if not (fold_folder(start, fold) / WEIGHTS_RECORD).is_file():
            raise UserError(fold_folder(start, fold), f"has no {WEIGHTS_RECORD}: nothing shows that its weights are "
                            "this fold's", other)
        check_weights(fold_folder(start, fold))
    return start


def check_start_arrays(run: Run, source: Run) -> None:
    """Raise UserError unless both runs are trained on the same images of the same cases."""
    if run.arrays != source.arrays:
        raise UserError(parameter("start_from", source.folder.name),
                        f"was trained on other images than those of {run.data}",
                        f"give its data set, or a copy, with {parameter('data')} (it was {source.data})")


def start_lineage(source: Run) -> tuple[Ancestor, ...]:
    """The lineage of a run that starts from `source`: that run, and its own ancestors."""
    folds = trained_folds(source)
    own = Ancestor(source.folder.name, {fold: check_weights(fold_folder(source, fold)) for fold in folds},
                   {fold: epochs_of(fold_folder(source, fold)) for fold in folds}, folds_fingerprint(source.folds))
    return (own, *source.lineage)


def kept_lineage(folder: Path, source: Path | None) -> tuple[Ancestor, ...]:
    """The lineage of the existing run in `folder`; `source`: the run that `start_from` names now, or None.

    Raises UserError where that is another run than it was started from.
    """
    lineage = read_lineage(folder)
    if source is not None and (not lineage or lineage[0].run != Path(source).name):
        before = f"with the weights of {lineage[0].run}" if lineage else "from scratch"
        raise UserError(folder, f"was started {before}, not with those of {Path(source).name}",
                        f"choose another {parameter('run')} name, or leave out {parameter('start_from')} to "
                        "resume it")
    return lineage


def load_start(model: "keras.Model", run: Run, fold: str) -> dict[str, Any]:
    """Load the weights of the same fold of the run's nearest ancestor into `model`; returns a record of it.

    Raises UserError where they are gone, or no longer those that the run started with.
    """
    from radiogen.training.model import load_trained, make_network

    parent = run.lineage[0]
    place = run.folder.parent / parent.run
    needs = (f"fold {fold} of {run.folder.name} has not started and needs its weights: copy the run back, or train "
             f"another {parameter('run')}")
    if not (place / RUN).is_file():
        raise UserError(place, f"is missing, and {run.folder.name} starts from it", needs)
    source = open_run(place)
    if fold not in trained_folds(source) or check_weights(fold_folder(source, fold)) != parent.weights.get(fold):
        raise UserError(fold_folder(source, fold), f"does not have the weights that {run.folder.name} was started with",
                        needs)
    # not compiled: Keras keeps the optimiser beside the weights
    fresh = make_network(run.recipe.network, run.recipe.data)
    load_trained(fresh, source, fold)
    model.set_weights(fresh.get_weights())
    message = f"fold {fold} starts from that of {parent.run}, after {parent.epochs.get(fold, '?')} epochs"
    return {"run": parent.run, "fold": fold, "sha256": parent.weights[fold], "message": message}


def _check_recipes(where: str, there: Recipe, here: Recipe, other: str) -> None:
    """Raise UserError where images or networks differ, or the epoch would be chosen on training cases."""
    kept = as_flat_dict(there)
    for path, value in as_flat_dict(here).items():
        if path.startswith(SAME) and kept[path] != value:
            raise UserError(where, f"was made with {parameter(path)} {kept[path]}, not {value}",
                            f"leave out {parameter(path)}, or {other}")
    fraction, before = (one.optimisation.early_stopping_fraction for one in (here, there))
    if fraction and (fraction, here.seed) != (before, there.seed):
        field = "optimisation.early_stopping_fraction"
        raise UserError(f"{parameter(field, fraction)} with {parameter('seed', here.seed)}",
                        "would choose the epoch on cases "
                        f"that trained the networks of {where.split()[-1]} (its own: {before}, seed {there.seed})",
                        f"give its own, or {parameter(field, 0)}")


def _check_folds(where: str, there: pd.DataFrame, here: pd.DataFrame, other: str) -> None:
    """Raise UserError unless each case has the same label and is in the same fold, or in the holdout, in both."""
    pairs = there.merge(here, on=ID, how="outer", suffixes=("_there", "_here"), indicator=True).sort_values(ID)
    for row in pairs.to_dict("records"):
        problem = ""
        if row["_merge"] != "both":
            problem = f"{'has no' if row['_merge'] == 'right_only' else 'also has'} case {row[ID]}"
        elif row[f"{LABEL}_there"] != row[f"{LABEL}_here"]:
            problem = f"has another label for {row[ID]}"
        elif row["fold_there"] != row["fold_here"]:
            problem = f"has {row[ID]} in {_place(row['fold_there'])}, not in {_place(row['fold_here'])}"
        if problem:
            raise UserError(where, f"{problem}: a fold's weights have seen the cases of the other folds",
                            f"take its data set, {parameter('leave_out')}, {parameter('seed')} and "
                            f"{parameter('split_seed')}, or {other}")


def _place(fold: str) -> str:
    return f"fold {fold}" if fold.isdigit() else f"the {fold}"
