"""The steps that commands call: preprocess, begin a run, train its folds, find moved data.

In: a data set, recipes, folders. Out: caches under `input/cache`, a run under `models`. What exists and is still
up to date is not made again; everything else is logged.
"""

import contextlib
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from radiogen.arrays.cache import build_caches, cache_folder
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.memory import DID_NOT_FIT, OutOfMemory
from radiogen.core.wording import parameter
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.dataset.known_cases import known_bad, same_patients
from radiogen.dataset.labels import data_labels
from radiogen.dataset.layout import PATIENTS_TABLE, case_ids, case_path, labels_path
from radiogen.dataset.patients import PATIENT, SITE, data_patients
from radiogen.runs.fold_locks import hold_fold, hold_free_folds
from radiogen.runs.folds import Groups, make_folds, site_of_folds
from radiogen.runs.layout import HISTORY, HISTORY_PICTURE, RECIPE, RUN
from radiogen.task import ID, read_task
from radiogen.training.execution.devices import Devices
from radiogen.training.first_weights import copy_seen_cases, find_first_weights
from radiogen.training.locator.crops import keep_crop_masks
from radiogen.training.locator.networks import open_locator, with_digest
from radiogen.training.locator.predicted_masks import predict_masks
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.recipe.settings import SplitSettings
from radiogen.training.runs import (
    Run,
    arrays_fingerprint,
    cache_settings,
    open_run,
    prepare_run,
    record_place,
    trained_folds,
)
from radiogen.training.starting import check_start, check_start_arrays, kept_lineage, start_lineage

_LOG = logging.getLogger(__name__)


def preprocess(data: Path, recipes: Sequence[Recipe], cache: Path, *, leave_out: Collection[str] = (),
               workers: int | None = None, scheduler: str | None = None, fast: bool = True,
               models: Path = Path("models")) -> list[pd.DataFrame]:
    """Bring the recipes' arrays up to date; returns their indexes. Raises UserError, at the end, if a case failed.

    models: the folder of the runs, where the locators are that recipes name.
    """
    recipes = [with_digest(recipe, models) for recipe in recipes]
    with files.reading_folder(data):
        made = _make_arrays(data, recipes, cache, models, leave_out, scheduler or workers, fast)
    return [index for _, index in made]


def begin_run(data: Path, recipe: Recipe, folder: Path, cache: Path, *, leave_out: Collection[str] = (),
              workers: int | None = None, start_from: Path | None = None) -> Run:
    """Make a run's arrays, folds and tables, or check that they are unchanged. Returns the run.

    start_from: the folder of a run whose weights a new one starts with, fold by fold (starting.py).
    Raises UserError where the run was made from something else, or may not start from that one.
    """
    run, index = _with_arrays(data, recipe, folder, cache, leave_out=leave_out, workers=workers, start_from=start_from)
    with files.working_folder(run.folder):
        run = _prepared(run, index, start_from)
        record_place(run)
    return run


def join_run(data: Path, recipe: Recipe, folder: Path, cache: Path, *, leave_out: Collection[str] = (),
             workers: int | None = None, start_from: Path | None = None) -> Run:
    """`begin_run` on a machine that trains together with another one, which locks the run's folder for all."""
    run, index = _with_arrays(data, recipe, folder, cache, leave_out=leave_out, workers=workers, start_from=start_from)
    run = _prepared(run, index, start_from)
    record_place(run)
    return run


def train(run: Run, folds: list[str], parallel_folds: int = 1, *, devices: Devices | None = None,
          forecast: bool = False, tensorboard: bool = False) -> None:
    """Train these folds, `parallel_folds` at a time, each in a process of its own; finished ones are kept.

    A fold that another process trains is logged, waited for once the others are trained, and trained here where that
    process left it unfinished.
    forecast: log the expected cost before training, and the actual cost beside it at the end.
    """
    devices, todo = devices or Devices(), [fold for fold in folds if fold not in trained_folds(run)]
    with contextlib.ExitStack() as stack:
        if devices.machines > 1:  # all of them train the folds in one order; the first one locks them for all
            for fold in todo if devices.machine == 0 else ():
                stack.enter_context(hold_fold(run.folder, fold))
            free = folds
        else:
            held = stack.enter_context(hold_free_folds(run.folder, todo))
            free = [fold for fold in folds if fold in held or fold not in todo]
        if free:
            _train_locked(run, free, parallel_folds, devices, forecast=forecast, tensorboard=tensorboard)
    for fold in folds:
        if fold not in free:
            with hold_fold(run.folder, fold):
                _train_locked(run, [fold], 1, devices, forecast=forecast, tensorboard=tensorboard)


def check_tensorboard(wanted: bool) -> None:
    """Raise UserError, before anything is made, where TensorBoard's files are wanted and cannot be written."""
    if wanted and not (find_spec("tensorboard") and find_spec("tensorflow")):
        raise UserError(parameter("tensorboard"), "needs TensorBoard and TensorFlow, which writes its files",
                        f"pip install tensorboard tensorflow, or leave it out: {HISTORY} and {HISTORY_PICTURE} "
                        "are always written")


def renew_arrays(run: Run, data: Path | None = None, *, workers: int | None = None) -> Run:
    """The run with its arrays brought up to date, from `data` if there is one: the run's data set, moved or copied.

    Raises UserError, and leaves the run as it was, where labels or images are not the same. Arrays go where the run's
    are, or to input/cache where the run comes from another machine and that folder is missing here. The recorded place
    of the data set is not changed (`record_place`).
    """
    cache = run.cache.parent.parent
    if data is not None and not cache.is_dir():
        cache = Path("input/cache")
    run, index = _with_arrays(run.data if data is None else data, run.recipe, run.folder, cache,
                              leave_out=run.leave_out, workers=workers)
    with files.working_folder(run.folder):
        return _prepared(run, index)


def usable_labels(data: Path, leave_out: Collection[str]) -> pd.DataFrame:
    """The label table of a data set; cases without a label are logged and not used.

    Raises UserError where a labelled case has no images and is neither in `leave_out` nor known to be bad.
    """
    there = set(case_ids(data, "train"))
    labels, without = data_labels(data)
    spared = there | set(leave_out) | set(known_bad(data))
    absent = [case for case in labels[ID] if case not in spared]
    if absent:
        raise UserError(case_path(data, "train", absent[0]), f"is missing, with {len(absent) - 1} more of the cases "
                        f"that {labels_path(data).name} names",
                        f"restore them, or run again with {parameter('leave_out')} {' '.join(absent)}")
    for cell, cases in without.items():
        named = [case for case in cases if case in there]
        if named:
            _LOG.info(f"{len(named)} cases have {read_task(data).label_column} {cell!r} and are neither trained on nor "
                      f"judged: {', '.join(named)}")
    spare = sorted(there - set(labels[ID]) - {case for cases in without.values() for case in cases})
    if spare:
        _LOG.info(f"{len(spare)} cases of {data} have no label and are neither trained on nor judged: {spare[0]} ...")
    return labels


def _locate_data(run: Run, data: Path | None = None, *, workers: int | None = None) -> Run:
    """`renew_arrays`, and record where the data set is now."""
    run = renew_arrays(run, data, workers=workers)
    with files.working_folder(run.folder):
        record_place(run)
    return run


def locate_runs(folders: Sequence[Path], data: Path | None) -> None:
    """Record `data` as the data set of the runs in these folders; ensembles, which read no images, are skipped.

    data None: it is where it was, and nothing is recorded.
    """
    for folder in folders:
        if data is not None and (Path(folder) / RECIPE).is_file():
            _locate_data(open_run(folder), data)


def _with_arrays(data: Path, recipe: Recipe, folder: Path, cache: Path, *, leave_out: Collection[str],
                 workers: int | None, start_from: Path | None = None) -> tuple[Run, pd.DataFrame]:
    """A run as it would be made now, its arrays up to date, and their index; nothing of the run is written."""
    recipe, models = with_digest(recipe, Path(folder).parent), Path(folder).parent
    with files.reading_folder(data):
        labels = usable_labels(data, leave_out)
        bad = _known_bad(data, recipe.data.sequences, labels)
        patients = data_patients(data)
        folds = make_folds(labels, folds=recipe.split.folds, holdout_fraction=recipe.split.holdout_fraction,
                           seed=recipe.seed_of_split, leave_out=[*bad, *leave_out], last=known_bad(data),
                           groups=(groups := _groups(data, patients, recipe.split)))
        _log_sites(folds, groups)
        _start(Path(folder), recipe, folds, start_from)  # refuse before arrays are made
        first = find_first_weights(Path(folder), recipe, read_task(data), start_from)
        (arrays, index), = _make_arrays(data, [recipe], cache, models, leave_out, workers)
    return Run(Path(folder), recipe, Path(data), arrays, folds, tuple(leave_out), bad,
               arrays_fingerprint(folds, index), task=read_task(data), patients=patients,
               first_weights=first), index


def _log_sites(folds: pd.DataFrame, groups: Groups) -> None:
    for fold, sites in site_of_folds(folds, groups.sites).items() if groups.sites is not None else ():
        _LOG.info(f"fold {fold} is judged without {', '.join(f'{name} ({count})' for name, count in sites.items())}")


def _groups(data: Path, patients: pd.DataFrame | None, split: SplitSettings) -> Groups:
    """Which cases the split keeps together. Raises UserError where folds are by site and no site is known."""
    in_table = patients is not None and (data / PATIENTS_TABLE).is_file()
    known = patients if in_table else None
    groups = Groups({} if known is None else dict(zip(known[ID], known[PATIENT], strict=True)),
                    () if in_table else same_patients(data))
    if split.folds_by == "patient":
        return groups
    if known is None or (known[SITE] == "").all():
        raise UserError(data / PATIENTS_TABLE, "names no site" if in_table else "is missing, and with it the sites",
                        f"write a site a case, or leave out {parameter('split.folds_by', 'site')}")
    return replace(groups, sites=dict(zip(known[ID], known[SITE], strict=True)))


def _make_arrays(data: Path, recipes: Sequence[Recipe], cache: Path, models: Path, leave_out: Collection[str],
                 workers: int | str | None, fast: bool = True) -> list[tuple[Path, pd.DataFrame]]:
    """By recipe the folder of its arrays, brought up to date, and their index; the data set is held by the caller."""
    settings, mark = [cache_settings(recipe.data) for recipe in recipes], data_fingerprint(data)
    _log_left_out(data, recipes, leave_out)
    indexes: dict[int, pd.DataFrame] = {}
    for source in dict.fromkeys(recipe.data.mask for recipe in recipes):  # all recipes with the same masks at once
        numbers = [number for number, recipe in enumerate(recipes) if recipe.data.mask == source]
        located = None if source is None else predict_masks(
            data, open_locator(recipes[numbers[0]].data, models), cache, mark, leave_out=leave_out, workers=workers,
            fast=fast)
        made = build_caches(data, [settings[number] for number in numbers], cache, leave_out=leave_out,
                            workers=workers, fast=fast, fingerprint=mark, located=located)
        indexes |= dict(zip(numbers, made, strict=True))
    ordered = [indexes[number] for number in range(len(recipes))]
    folders = [cache_folder(data, each, cache, mark) for each in settings]
    for recipe, folder, index in zip(recipes, folders, ordered, strict=True):
        _log_made(recipe, folder, index)
    _check_failed(data, ordered)
    return list(zip(folders, ordered, strict=True))


def _prepared(run: Run, index: pd.DataFrame, start_from: Path | None = None) -> Run:
    """The run with its lineage, its tables written or checked; its folder is locked."""
    source = _start(run.folder, run.recipe, run.folds, start_from)  # another process may have started the run meanwhile
    if source is not None:
        check_start_arrays(run, source)
    run = replace(run, lineage=start_lineage(source) if source else kept_lineage(run.folder, start_from))
    copy_seen_cases(run)
    prepare_run(run, index)
    keep_crop_masks(run)
    return run


def _start(folder: Path, recipe: Recipe, folds: pd.DataFrame, start_from: Path | None) -> Run | None:
    """The run that a new one in `folder` starts from; None where it is trained from scratch or exists already."""
    if start_from is None:
        return None
    if (folder / RUN).is_file():
        kept_lineage(folder, start_from)
        return None
    return check_start(folder, recipe, folds, start_from)


def _train_locked(run: Run, folds: list[str], parallel_folds: int, devices: Devices, *, forecast: bool,
                tensorboard: bool) -> None:
    """Train folds that this process has locked."""
    from radiogen.training.fit import train_folds, untrained

    todo = untrained(run, folds)
    if devices.machines > 1 or not (forecast and todo):
        train_folds(run, folds, parallel_folds, devices, tensorboard=tensorboard)
        return
    from radiogen.training.forecast import actual_cost, compared_text, forecast_run, forecast_text

    cost = forecast_run(run, todo, parallel_folds, devices)
    assert cost is not None  # there are folds to train
    _LOG.info(forecast_text(cost, run, len(todo)))
    began = time.perf_counter()
    train_folds(run, folds, parallel_folds, devices, tensorboard=tensorboard)
    actual = actual_cost(run, todo, parallel_folds, time.perf_counter() - began)
    _LOG.info(compared_text(cost, actual))


def _log_made(recipe: Recipe, folder: Path, index: pd.DataFrame) -> None:
    made = index[index["failed"] == ""]
    found = int((made["finding_codes"] != "").sum())
    _LOG.info(f"{recipe.name}: {len(made)} of {len(index)} cases in {folder}; {found} with findings in its index.csv")


def _check_failed(data: Path, indexes: Sequence[pd.DataFrame]) -> None:
    """Log the cases that failed; raise UserError where a training case did, or memory ran out."""
    failed = pd.concat(indexes).query("failed != ''").drop_duplicates(ID)
    for line in failed["failed"]:
        _LOG.info(f"failed: {line}")
    short = failed[failed["failed_code"] == OutOfMemory.code]
    if len(short):  # a test case, too: it would be predicted as if it had no series
        raise UserError(data, f"{len(short)} cases {DID_NOT_FIT} (above)",
                        f"run again with fewer workers ({parameter('workers')} 1), or on a machine with more memory")
    broken = failed[failed["split"] == "train"][ID]
    if len(broken) and labels_path(data).is_file():  # one without a label is only not predicted, as a test case
        broken = broken[broken.isin(data_labels(data)[0][ID])]
    if len(broken):
        raise UserError(data, f"{len(broken)} training cases failed (above)",
                        f"repair their files, or run again with {parameter('leave_out')} {' '.join(broken)}")


def _log_left_out(data: Path, recipes: Sequence[Recipe], leave_out: Collection[str]) -> None:
    there = set(case_ids(data, "train"))
    for recipe in {recipe.name: recipe for recipe in recipes}.values():
        for case, why in known_bad(data, recipe.data.sequences).items():
            if case in there:
                _LOG.info(f"{case} is left out of {recipe.name}'s training: {why}, as its publisher says")
    unknown = sorted(set(leave_out) - there)
    if unknown:
        raise UserError(parameter("leave_out", " ".join(unknown)), f"is not a case of {data}/train",
                        f"give names of its folders, such as {min(there)}" if there else "that folder is empty")


def _known_bad(data: Path, sequences: Sequence[str], labels: pd.DataFrame) -> tuple[str, ...]:
    """The known-bad cases of `labels` whose blank sequence is one of `sequences`, or that were removed."""
    usable = set(case_ids(data, "train")) - set(known_bad(data, sequences))
    labelled = set(labels[ID])
    return tuple(case for case in known_bad(data) if case in labelled and case not in usable)
