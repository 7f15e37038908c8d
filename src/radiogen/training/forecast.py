"""The cost of a run on this machine: a forecast before it begins, compared with the actual cost at the end.

In: a run, its folds, how many train at once. Out: a `Cost`: seconds, bytes of memory, bytes on disk. A few steps of the
real network on real batches are timed, without the first, which compiles; in as many processes of their own as will
train at once, whose networks are discarded: the run's result does not depend on it.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.files import PART
from radiogen.core.wording import duration, parameter, size
from radiogen.networks.backend import backend, keras
from radiogen.runs.layout import WEIGHTS
from radiogen.runs.training_records import read_timings
from radiogen.training.checkpoints import FoldState, epochs_done, save_checkpoint
from radiogen.training.execution.devices import Devices, alone, one_gpu_each, placed, synchronise
from radiogen.training.execution.processes import map_in_subprocesses, run_in_subprocess
from radiogen.training.fit import (
    CHECKPOINT,
    FoldBatches,
    compile_network,
    fold_batches,
    peak_memory,
    set_precision,
    set_seed,
    translate_batch_errors,
    translate_memory_errors,
    untrained,
)
from radiogen.training.input.batches import Batches
from radiogen.training.runs import Run, fold_folder

FEW = 3
"""Steps of the first measurement; the first of them, which compiles, does not count."""
SECONDS, EPOCHS = 4.0, 4
"""How long the second measurement may take, and in how many epochs: whole ones where they are that short."""


@dataclass(frozen=True)
class Cost:
    """The cost of training: seconds; memory: bytes resident in its processes; disk: bytes of its results, and
    checkpoints: additional bytes while it trains.
    """

    seconds: float
    memory: int
    disk: int
    checkpoints: int


@dataclass(frozen=True)
class Pace:
    """Measurements of one fold. start: seconds from its process's start to its first step; epoch: seconds of an epoch
    with validation and checkpoint; end: seconds from its last epoch to its process's end; bytes of memory, weights and
    checkpoint.
    """

    start: float
    epoch: float
    end: float
    memory: int
    weights: int
    checkpoint: int


def forecast_run(run: Run, folds: Sequence[str], parallel_folds: int = 1,
                 devices: Devices | None = None) -> Cost | None:
    """What training those of `folds` that are not finished will cost; None where all are.

    With early stopping it is the most that it can cost. Raises UserError where a step runs out of memory.
    """
    todo, devices = untrained(run, list(folds)), alone(devices or Devices())
    if not todo:
        return None
    run_in_subprocess(peak_memory, name="forecast")  # starts the server of processes, which the folds find running
    parallel = min(parallel_folds, len(todo))
    paces = map_in_subprocesses(measure_fold, [(run, fold, devices, time.monotonic()) for fold in todo[:parallel]],
                                [f"forecast of fold {fold}" for fold in todo[:parallel]], parallel,
                                one_gpu_each(devices, parallel))
    for pace in paces:
        if isinstance(pace, UserError):
            raise pace
    start, epoch, end, memory, weights, checkpoint = np.mean(
        [[pace.start, pace.epoch, pace.end, pace.memory, pace.weights, pace.checkpoint] for pace in paces], axis=0)
    busy = [0.0] * parallel
    for fold in todo:  # whichever process is free first takes the next fold
        left = run.recipe.optimisation.epochs - epochs_done(fold_folder(run, fold) / CHECKPOINT)
        busy[busy.index(min(busy))] += start + left * epoch + end
    return Cost(float(max(busy)), int(memory) * parallel, int(weights) * len(todo), int(checkpoint) * parallel)


def actual_cost(run: Run, folds: Sequence[str], parallel_folds: int, seconds: float) -> Cost:
    """The actual cost of training these folds, from their `timings.json` and their files."""
    timings = [read_timings(fold_folder(run, fold)) for fold in folds]
    parallel = min(parallel_folds, len(folds))
    memory = sorted((each["peak_memory_mb"] for each in timings), reverse=True)[:parallel]
    return Cost(seconds, int(sum(memory) * 1e6),
                sum((fold_folder(run, fold) / WEIGHTS).stat().st_size for fold in folds),
                max(each["checkpoint_bytes"] for each in timings) * parallel)


def forecast_text(cost: Cost, run: Run, folds: int) -> str:
    """The forecast in two lines, and a line for each resource that is too small."""
    memory_left, free_disk = free_memory(), shutil.disk_usage(run.folder).free
    settings = run.recipe.optimisation
    at_most = "at most " if settings.early_stopping_fraction else ""
    lines = [f"forecast for {folds} fold{'s' * (folds != 1)} of {settings.epochs} "
             f"epoch{'s' * (settings.epochs != 1)}: {at_most}{duration(cost.seconds)}",
             f"  memory {size(cost.memory)} ({size(memory_left)} free), disk {size(cost.disk)}, while it trains "
             f"{size(cost.checkpoints)} more ({size(free_disk)} free)"]
    if cost.memory > memory_left:
        lines.append("  that is more memory than is free: take a smaller micro-batch or fewer parallel folds")
    if cost.disk + 2 * cost.checkpoints > free_disk:  # the old checkpoint stays until the new one is whole
        lines.append(f"  that is more than {run.folder} has room for: free some, or give other {parameter('models')}")
    return "\n".join(lines)


def compared_text(forecast: Cost, actual: Cost) -> str:
    """Forecast and actual side by side, a line each for time, memory and disk."""
    rows = [("", "forecast", "actual", "")]
    for name, form in (("seconds", duration), ("memory", size), ("disk", size), ("checkpoints", size)):
        one, other = getattr(forecast, name), getattr(actual, name)
        title = {"seconds": "time", "checkpoints": "while it trains"}.get(name, name)
        rows.append((title, form(one), form(other), f"{other / one - 1:+.0%}" if one else ""))
    return "\n".join(f"{a:<16}{b:>12}{c:>12}{d:>8}".rstrip() for a, b, c, d in rows)


def measure_fold(run: Run, fold: str, devices: Devices, requested: float) -> Pace:
    """Train a few steps of a fold in this process and discard them; requested: time.monotonic() when the process was
    started, which is the same clock in all processes.

    Raises UserError where memory runs out.
    """
    with placed(devices) as share, translate_memory_errors(run.recipe.optimisation):
        set_precision(run.recipe.optimisation.precision)
        parts = fold_batches(run, fold, share)
        set_seed(run.recipe.seed, int(fold))
        model = compile_network(run.recipe, len(parts.train.inputs), parts.train.num_batches)
        synchronise(model, share)
        epoch = _epoch_seconds(model, parts, FEW, 1)
        start = time.monotonic() - requested - epoch.measured
        many = min(parts.train.num_batches, int(SECONDS / EPOCHS / max(epoch.step, 1e-6)))
        if many >= min(FEW, parts.train.num_batches):
            epoch = _epoch_seconds(model, parts, many, EPOCHS)
        saving, weights, checkpoint = _save_seconds(fold_folder(run, fold), model, parts)
        return Pace(start, epoch.whole + saving, saving, peak_memory(), weights, checkpoint)


@dataclass(frozen=True)
class _Epoch:
    """whole: seconds of a whole epoch, extrapolated; step: of a step; measured: of the steps that were timed."""

    whole: float
    step: float
    measured: float


def _epoch_seconds(model: keras.Model, parts: FoldBatches, many: int, epochs: int) -> _Epoch:
    """Time `many` batches of each part in `epochs` epochs, without the first epoch, and extrapolate to all batches.

    Of a single epoch only the later steps count: its first ones compile.
    """
    clock = _Clock()
    train, scored = _First(parts.train, many), _First(parts.scored, many)
    with translate_batch_errors(parts):
        model.fit(backend().feed(train), validation_data=backend().feed(scored), epochs=epochs, verbose=0,
                  shuffle=False, callbacks=[clock])
    step, score = _interval(clock.steps), _interval(clock.scored)
    if epochs > 1:
        whole = float(np.mean(clock.took[1:])) + step * (parts.train.num_batches - train.num_batches) \
            + score * (parts.scored.num_batches - scored.num_batches)
    else:
        whole = step * parts.train.num_batches + score * parts.scored.num_batches
    measured = step * (train.num_batches - 1) + score * (scored.num_batches - 1)
    if parts.stop is not None:
        stop = _First(parts.stop, many)
        began = time.perf_counter()
        model.evaluate(backend().feed(stop), verbose=0)
        took = time.perf_counter() - began
        whole += took + score * (parts.stop.num_batches - stop.num_batches)
        measured += took
    return _Epoch(whole, step, measured)


def _save_seconds(folder: Path, model: keras.Model, parts: FoldBatches) -> tuple[float, int, int]:
    """Seconds of a checkpoint in the fold's folder, which is locked; bytes of the weights and of the checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".forecast-", suffix=PART, dir=folder) as room:
        weights, checkpoint = Path(room) / WEIGHTS, Path(room) / CHECKPOINT
        model.save_weights(weights)
        best = tuple(model.get_weights()) if parts.stop is not None else ()
        took: list[float] = []
        for _ in range(2):
            began = time.perf_counter()
            save_checkpoint(checkpoint, model, FoldState(best_weights=best))
            took.append(time.perf_counter() - began)
        return min(took), weights.stat().st_size, checkpoint.stat().st_size


class _First(keras.utils.PyDataset):
    """The first `many` batches of another dataset."""

    def __init__(self, batches: Batches, many: int):
        super().__init__(workers=batches.workers, max_queue_size=batches.max_queue_size)
        self.batches, self.many = batches, many

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        return min(self.many, self.batches.num_batches)

    def __getitem__(self, number: int) -> Any:
        return self.batches[number]


class _Clock(keras.callbacks.Callback):
    """How long each epoch took, and when each step and validation step of the last one ended."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.took: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.began = time.perf_counter()
        self.steps: list[float] = []
        self.scored: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.steps.append(time.perf_counter())

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.scored.append(time.perf_counter())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.took.append(time.perf_counter() - self.began)


def _interval(ends: list[float]) -> float:
    """Mean seconds between two ends; 0 where there is only one end, whose step compiled."""
    return (ends[-1] - ends[0]) / (len(ends) - 1) if len(ends) > 1 else 0.0


def free_memory() -> int:
    """Bytes that are available without swapping, from /proc/meminfo."""
    lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    kilobytes, = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return min(int(kilobytes) * 1024, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
