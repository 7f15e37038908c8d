"""Searches as tasks on a Dask cluster: one at a time on each worker, each in a process of its own.

In: a run that is tuned, a scheduler's address. Out: the same files as on one machine, each search with its own file of
trials; the cluster sees the same folders. The search of a worker that dies goes to another, which resumes it. A worker
starts the process `python -m radiogen.tuning.cluster`.
"""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from radiogen.core.errors import UserError
from radiogen.core.parallel import cluster_client
from radiogen.core.progress import progress
from radiogen.runs import layout
from radiogen.training.execution.cluster import end_with_worker, run_order
from radiogen.training.runs import Run, open_run
from radiogen.tuning.nested import outer_folds
from radiogen.tuning.procedure import Searches, search
from radiogen.tuning.recipe_learner import RecipeLearner
from radiogen.tuning.space import Space, read_space


def tune_on_cluster(run: Run, space: Space, searches: Searches, scheduler: str) -> None:
    """Finish every search, on as many workers as the cluster has; `procedure.tune_here` then reads what they found.

    Raises UserError naming the searches that failed, after the others, and where the scheduler cannot be reached.
    """
    import distributed

    names = outer_folds(run.folds)
    failed = []
    with cluster_client(scheduler) as client:
        futures = [client.submit(run_order, __name__, _order(run, fold, searches), pure=False,
                                 key=f"{run.folder.name} search {fold}") for fold in names]
        for future in progress(distributed.as_completed(futures), "tune", len(futures), "search"):
            if reason := str(future.exception()) if future.status == "error" else future.result():
                failed.append(f"{future.key}: {reason}")
    if failed:
        raise UserError(scheduler, f"{len(failed)} of {len(names)} searches failed: {failed[0]}",
                        "repair that, then run the same command again: finished trials are kept")


def _order(run: Run, fold: str, searches: Searches) -> dict[str, Any]:
    """What a worker has to know, all paths absolute: it was started in another folder."""
    return {"folder": str(run.folder.resolve()), "data": str(run.data.resolve()), "cache": str(run.cache.resolve()),
            "fold": fold, "searches": asdict(searches)}


def _search(order: dict[str, Any]) -> None:
    run = open_run(Path(order["folder"]))
    run = replace(run, data=Path(order["data"]), cache=Path(order["cache"]))
    space = read_space(layout.space_path(run.folder), run.recipe)
    search(run, order["fold"], space, Searches(**order["searches"]), RecipeLearner(run))


def main() -> None:
    """The process of one search: the order is its only argument."""
    end_with_worker()
    _search(json.loads(sys.argv[1]))


if __name__ == "__main__":
    from radiogen.core.errors import run_command

    run_command(main)
