"""Cases side by side: the same function on many items, on this machine's cores or on a Dask cluster.

In: a function that can be pickled and a list of items. Out: the results in the items' order, with a progress bar.
joblib does the work; with `scheduler` its Dask backend sends the same tasks to the cluster's workers.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any

from radiogen.errors import UserError
from radiogen.progress import progress


def map_items(function: Callable[[Any], Any], items: Sequence[Any], description: str, *, workers: int | None = None,
              scheduler: str | None = None, unit: str = "case") -> list[Any]:
    """`[function(item) for item in items]`, in parallel.

    workers: processes on this machine (default: the cores that this process may use).
    scheduler: address of a Dask scheduler, such as `tcp://10.0.0.1:8786`; the cluster must see the same files.
    Raises UserError where the cluster cannot be reached, and whatever `function` raises.
    """
    import joblib

    workers = workers or len(os.sched_getaffinity(0))
    if scheduler is None and (workers == 1 or len(items) < 2):
        return [function(item) for item in progress(items, description, len(items), unit)]
    with contextlib.ExitStack() as stack:
        if scheduler is not None:
            client = stack.enter_context(cluster_client(scheduler))
            stack.enter_context(joblib.parallel_config(backend="dask", scheduler_host=scheduler))
            workers = max(1, sum(client.nthreads().values()))
        else:  # joblib keeps its idle processes: what follows needs their memory, and Python complains of them at exit
            stack.callback(lambda: joblib.externals.loky.get_reusable_executor().shutdown(wait=True))
        pool = joblib.Parallel(n_jobs=workers, return_as="generator", batch_size=1)
        results = pool(joblib.delayed(function)(item) for item in items)
        return list(progress(results, description, len(items), unit))


def cluster_client(scheduler: str) -> Any:
    """A `distributed.Client` of the Dask scheduler at this address. Raises UserError where none answers."""
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--scheduler", "needs Dask", "pip install dask distributed") from None
    try:
        return Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise UserError(scheduler, f"no Dask scheduler answers ({error})",
                        "start one with `dask scheduler` or leave --scheduler out") from error
