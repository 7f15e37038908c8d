"""One fold of a recipe on each engine, beside a CPU's, and one that is killed and resumed.

In: orders as JSON. `make_data` makes a phantom, the recipes' arrays and a run a training, all runs of a recipe with the
same first weights: a checkpoint of no epoch. `train` trains fold 0 of one, `resume` kills it half-way and starts it
again. Out: the losses of the epochs so far whenever there are more, and at the end the AUC of the scored fold.
"""

import dataclasses
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import python_call
from benchmarks.speed.gpu_parts.results import Line, emit

FOLD = "0"
DATA, CACHE, MODELS = "phantom", "cache", "models"
TELL_SECONDS = 3


def make_data(text: str) -> None:
    """Make what folds need; text: JSON with `room`, `cases`, `recipes` (changes by name), `runs` and `workers`.

    Each of `runs` is [run's name, recipe, precision].
    """
    from radiogen.arrays.stored_arrays import read_index
    from radiogen.phantom.data_set import PhantomSettings, write_phantom
    from radiogen.training import workflow
    from radiogen.training.recipe.recipes import find_recipe
    from radiogen.training.runs import prepare_run

    order = json.loads(text)
    room, began = Path(order["room"]), time.perf_counter()
    write_phantom(room / DATA, PhantomSettings(cases=order["cases"], test_cases=0), order["workers"])
    phantom = time.perf_counter() - began
    for name, changes in order["recipes"].items():
        recipe = find_recipe(name).replace(precision="float32", **changes)
        first = workflow.begin_run(room / DATA, recipe, room / MODELS / f"first-{name}", room / CACHE,
                                   workers=order["workers"])
        index = read_index(first.cache)
        twins = [dataclasses.replace(first, folder=room / MODELS / run, recipe=recipe.replace(precision=precision))
                 for run, of, precision in order["runs"] if of == name]
        for twin in twins:
            prepare_run(twin, index)
        _write_first_weights(first, twins)
    emit(cases=order["cases"], phantom_s=round(phantom, 1), seconds=round(time.perf_counter() - began, 1))


def train(text: str) -> None:
    """Train fold 0 of a run; text: JSON with `room`, `run`, `recipe`, `precision`, `engine` and `devices`."""
    from radiogen.training.execution.devices import Devices
    from radiogen.training.fit import device_name, train_fold
    from radiogen.training.runs import open_run

    order = json.loads(text)
    run = open_run(Path(order["room"]) / MODELS / order["run"])
    ended = threading.Event()
    teller = threading.Thread(target=_tell, args=(run.folder, order, ended), daemon=True)
    teller.start()
    train_fold(run, FOLD, Devices(order["devices"]))
    ended.set()
    teller.join()
    emit(**_facts(order), **_curve(run.folder), device=device_name(), ended=True)


def resume(text: str) -> None:
    """Kill the fold's process half-way, start it again and emit its losses; text: as for `train`."""
    from radiogen.runs.layout import CHECKPOINT, fold_folder
    from radiogen.training.checkpoints import epochs_done
    from radiogen.training.runs import open_run

    order = json.loads(text)
    run = open_run(Path(order["room"]) / MODELS / order["run"])
    half = run.recipe.optimisation.epochs // 2
    command = python_call(__name__, "train", text)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while len(_losses(run.folder)) < half and process.poll() is None:
            time.sleep(0.02)
        process.kill()
    done = epochs_done(fold_folder(run.folder, FOLD) / CHECKPOINT)
    end = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if end.returncode:
        sys.exit(end.stderr)
    emit(**_facts(order), **_curve(run.folder), killed_after=done, ended=True)


def _write_first_weights(first: Any, twins: Sequence[Any]) -> None:
    """A checkpoint of no epoch in each of `twins`, runs of one recipe: every engine begins with these weights."""
    from radiogen.runs.layout import CHECKPOINT, fold_folder
    from radiogen.training.checkpoints import FoldState, save_checkpoint
    from radiogen.training.fit import compile_network, fold_batches, set_precision, set_seed
    from radiogen.training.recipe.recipe import as_flat_dict

    set_precision("float32")  # weights are in every precision
    batches = fold_batches(first, FOLD).train
    set_seed(first.recipe.seed, int(FOLD))
    model = compile_network(first.recipe, len(batches.inputs), batches.num_batches)
    for twin in twins:
        folder = fold_folder(twin.folder, FOLD)
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(folder / CHECKPOINT, model, FoldState(), {"fold": FOLD, **as_flat_dict(twin.recipe)})


def _tell(run: Path, order: dict[str, Any], ended: threading.Event) -> None:
    """Emit the losses every few seconds where there are more: the process may be stopped before its end."""
    reported = 0
    while not ended.wait(TELL_SECONDS):
        losses = _losses(run)
        if len(losses) > reported:
            reported = len(losses)
            emit(**_facts(order), losses=losses)


def _facts(order: dict[str, Any]) -> Line:
    return {name: order[name] for name in ("recipe", "engine", "precision", "devices")}


def _losses(run: Path) -> list[float]:
    """The loss of each epoch so far."""
    from radiogen.runs.training_records import read_histories

    table = read_histories(run).get(FOLD)
    return [] if table is None else [float(f"{loss:.7g}") for loss in table["loss"]]


def _curve(run: Path) -> Line:
    """Losses, the scored fold's AUC after the last epoch, and the median seconds of an epoch."""
    from radiogen.runs.layout import fold_folder
    from radiogen.runs.training_records import read_histories, read_timings

    seconds = read_timings(fold_folder(run, FOLD))["seconds_an_epoch"]
    return {"losses": _losses(run), "auc": round(float(read_histories(run)[FOLD]["val_auc"].iloc[-1]), 4),
            "epoch_s": round(statistics.median(seconds[1:] or seconds), 3)}
