"""The runs of a `train` command: every recipe with every seed, trained here or on a cluster.

In: the command's options, once for each recipe. Out: the runs and their folds, trained one after another on this
machine's devices, together with other machines, or as tasks on a Dask cluster.
"""

import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.runs import layout
from radiogen.runs.fold_locks import fold_holders, order_fold, training_text
from radiogen.runs.tuned.tuning import refuse_tuned
from radiogen.training.execution.devices import Devices, check_devices
from radiogen.training.recipe.options import TrainOptions
from radiogen.training.runs import Run, choose_folds, run_name, seeded_names, trained_folds

_LOG = logging.getLogger(__name__)


def check_options(chosen: Sequence[TrainOptions]) -> Devices:
    """The devices of these options. Raises UserError for what cannot be done, before anything is made."""
    options = chosen[0]
    for name in ("parallel_folds", "workers"):
        if (count := getattr(options, name)) is not None and count < 1:
            raise UserError(parameter(name, count), "is too few", "give 1 or more")
    if len(chosen) > 1 and options.run:
        raise UserError(parameter("run", options.run), f"names one run, and there are {len(chosen)} recipes",
                        "leave it out: each run gets a name of its own")
    if options.start_from and options.start_from == options.run:
        raise UserError(parameter("start_from", options.start_from), "is the run itself",
                        f"leave it out to resume that run, or give a new one another name with {parameter('run')}")
    if options.start_from and not options.run:
        raise UserError(parameter("start_from", options.start_from), "starts a new run, which needs a name",
                        f"give it one: {parameter('run')} NAME")
    if options.scheduler and options.machines > 1:
        raise UserError(parameter("scheduler"), f"trains each fold on one worker, {parameter('machines')} one fold "
                        "on all machines", "choose one")
    devices = Devices(options.devices, options.machines, options.machine, options.coordinator)
    if devices.machines > 1:
        from radiogen.networks.backend import backend

        return check_devices(devices, backend())
    return check_devices(devices)


def begin_runs(chosen: Sequence[TrainOptions]) -> list[tuple[Run, list[str]]]:
    """Start, or resume, the runs of all recipes and seeds; returns each with the folds to train."""
    from radiogen.training import workflow

    started = []
    begin = workflow.begin_run if chosen[0].machine == 0 else workflow.join_run
    for options in chosen:
        assert options.data is not None  # `parse_options` fills it in
        folds = choose_folds(options.settings.split.folds, options.fold)
        workflow.check_tensorboard(options.tensorboard)
        first = options.run or run_name(options.data, options.settings.name)
        _LOG.info(f"data set {options.data}; recipe {options.settings.name}; run {options.models / first}")
        start = options.models / options.start_from if options.start_from else None
        for name, recipe in seeded_names(first, options.settings, options.seeds).items():
            refuse_tuned(options.models / name)
            for line in others_training(options.models / name, folds):  # at once: arrays and tables come first
                _LOG.info(line)
            started.append((begin(options.data, recipe, options.models / name, options.cache,
                                  leave_out=options.leave_out, workers=options.workers, start_from=start), folds))
    return started


def others_training(folder: Path, folds: Sequence[str]) -> list[str]:
    """A line for each process that trains an unfinished one of `folds` of the run in `folder`."""
    todo = [fold for fold in folds if not (layout.fold_folder(folder, fold) / layout.WEIGHTS).is_file()]
    return training_text(folder, fold_holders(folder, todo))


def train_runs(started: Sequence[tuple[Run, list[str]]], options: TrainOptions, devices: Devices) -> None:
    """Train the folds of `begin_runs`. Raises UserError naming those that failed, after the others."""
    from radiogen.training import workflow

    if options.scheduler is None:
        failed = []
        for run, folds in started:
            try:
                workflow.train(run, folds, options.parallel_folds, devices=devices, forecast=options.forecast,
                               tensorboard=options.tensorboard)
            except UserError as error:
                if len(started) == 1:
                    raise
                failed.append(error)
                _LOG.info(f"failed: {error}")
        if failed:
            raise UserError(", ".join(error.where for error in failed), f"{len(failed)} of {len(started)} runs failed "
                            f"({'; '.join(error.problem for error in failed)})",
                            "repair that, then run the same command again: what is finished is kept")
        return
    from radiogen.training.execution.cluster import train_on_cluster

    jobs = [(run, fold) for run, folds in started for fold in folds]
    with contextlib.ExitStack() as stack:
        for run, fold in sorted(jobs, key=lambda job: (str(job[0].folder), int(job[1]))):
            if fold not in trained_folds(run):
                stack.enter_context(order_fold(run.folder, fold))
        train_on_cluster(jobs, options.scheduler, devices)
