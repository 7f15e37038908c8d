"""Folds of many runs as tasks on a Dask cluster: one fold at a time on each worker, each in a process of its own.

In: runs, their folds, a scheduler's address. Out: the same files as on one machine; the cluster sees the same folders.
Start one worker a GPU (`CUDA_VISIBLE_DEVICES=0 dask worker ADDRESS --nthreads 1`). The fold of a worker that dies goes
to another, which resumes from the checkpoint. A worker starts the process
`python -m radiogen.training.execution.cluster`.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from radiogen.core.errors import UserError
from radiogen.core.parallel import cluster_client
from radiogen.core.progress import progress
from radiogen.runs.fold_locks import worker_fold
from radiogen.runs.layout import WEIGHTS
from radiogen.training.execution.devices import Devices
from radiogen.training.runs import Run, fold_folder, open_run

_one_at_a_time = threading.Lock()


def train_on_cluster(jobs: Sequence[tuple[Run, str]], scheduler: str, devices: Devices | None = None) -> None:
    """Train each (run, fold) that is not finished, on as many workers as the cluster has.

    Raises UserError naming the folds that failed, after the others, and where the scheduler cannot be reached.
    """
    import distributed

    todo = [(run, fold) for run, fold in jobs if not (fold_folder(run, fold) / WEIGHTS).is_file()]
    orders = [_fold_order(run, fold, devices or Devices()) for run, fold in todo]
    failed = []
    with cluster_client(scheduler) as client:
        futures = [client.submit(run_order, __name__, order, pure=False, key=f"{order['folder']} fold {order['fold']}")
                   for order in orders]
        names = {future.key: f"{run.folder.name} fold {fold}"
                 for future, (run, fold) in zip(futures, todo, strict=True)}
        for future in progress(distributed.as_completed(futures), "train", len(futures), "fold"):
            reason = str(future.exception()) if future.status == "error" else future.result()
            if reason:
                failed.append(f"{names[future.key]}: {reason}")
    if failed:
        raise UserError(scheduler, f"{len(failed)} of {len(todo)} folds failed: {failed[0]}",
                        "repair that, then run the same command again: finished folds are kept")


def run_order(module: str, order: dict[str, Any]) -> str | None:
    """On a worker: a new process of `module`, whose argument is the order; returns why it failed, None where it did
    not."""
    with _one_at_a_time:
        process = subprocess.Popen([sys.executable, "-m", module, json.dumps(order)], stdin=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None  # it is a pipe
            printed = process.stderr.read()
            process.wait()
        finally:
            process.kill()
    if process.returncode == 0:
        return None
    lines = [line for line in printed.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else f"its process ended with code {process.returncode}"


def _fold_order(run: Run, fold: str, devices: Devices) -> dict[str, Any]:
    """What a worker has to know, all paths absolute: it was started in another folder."""
    return {"folder": str(run.folder.resolve()), "data": str(run.data.resolve()), "cache": str(run.cache.resolve()),
            "fold": fold, "devices": dataclasses.asdict(devices)}


def end_with_worker() -> None:
    """End this process with its worker: what was killed must not write beside what another worker starts."""
    def wait() -> None:
        sys.stdin.read()  # nothing is ever written: this returns when the worker's end is closed
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _train(order: dict[str, Any]) -> None:
    from radiogen.training.fit import train_fold

    run = open_run(Path(order["folder"]))
    run = dataclasses.replace(run, data=Path(order["data"]), cache=Path(order["cache"]))
    folder, devices = fold_folder(run, order["fold"]), Devices(**order["devices"])
    # A client that was killed and started again may have sent the fold twice. Of several machines, which wait for each
    # other, the first one holds the folder for all.
    with worker_fold(run.folder, order["fold"]) if devices.machine == 0 else contextlib.nullcontext():
        if not (folder / WEIGHTS).is_file():
            train_fold(run, order["fold"], devices)


def main() -> None:
    """The process of one fold: the order is its only argument."""
    end_with_worker()
    _train(json.loads(sys.argv[1]))


if __name__ == "__main__":
    from radiogen.core.errors import run_command

    run_command(main)
