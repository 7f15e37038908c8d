"""Cases side by side: the same function on many items, on this machine's cores or on a Dask cluster.

In: a function that can be pickled and a list of items. Out: the results in the items' order, with a progress bar.
joblib does the work; with `scheduler` its Dask backend sends the same tasks to the cluster's workers. Processes on this
machine end with the one that started them, however that ends: joblib's own would wait for work for five minutes.
"""

import contextlib
import contextvars
import functools
import os
import select
import threading
from collections.abc import Callable, Sequence
from typing import Any

from radiogen.errors import UserError
from radiogen.progress import progress

_SHARE: contextvars.ContextVar[int | None] = contextvars.ContextVar("cores of this process", default=None)


def map_items(function: Callable[[Any], Any], items: Sequence[Any], description: str, *, workers: int | None = None,
              scheduler: str | None = None, unit: str = "case") -> list[Any]:
    """`[function(item) for item in items]`, in parallel.

    workers: processes on this machine (default: the cores that this process may use).
    scheduler: address of a Dask scheduler, such as `tcp://10.0.0.1:8786`; the cluster must see the same files.
    Raises UserError where the cluster cannot be reached, and whatever `function` raises.
    """
    import joblib

    workers = workers or available_cores()
    if scheduler is None and (workers == 1 or len(items) < 2):
        return [function(item) for item in progress(items, description, len(items), unit)]
    with contextlib.ExitStack() as stack:
        if scheduler is not None:
            client = stack.enter_context(cluster_client(scheduler))
            stack.enter_context(joblib.parallel_config(backend="dask", scheduler_host=scheduler))
            workers = max(1, sum(client.nthreads().values()))
        else:  # joblib keeps its idle processes: what follows needs their memory, and Python complains of them at exit
            stack.callback(lambda: joblib.externals.loky.get_reusable_executor().shutdown(wait=True))
            share = max(1, available_cores() // workers)
            function = functools.partial(_call, functools.partial(_with_cores, function, share), os.getpid())
        pool = joblib.Parallel(n_jobs=workers, return_as="generator", batch_size=1)
        results = pool(joblib.delayed(function)(item) for item in items)
        return list(progress(results, description, len(items), unit))


def available_cores() -> int:
    """Cores that work in this process may use: all that the system allows it, or its share where it is one of many."""
    return _SHARE.get() or len(os.sched_getaffinity(0))


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


def _with_cores(function: Callable[[Any], Any], cores: int, item: Any) -> Any:
    token = _SHARE.set(cores)
    try:
        return function(item)
    finally:
        _SHARE.reset(token)


def _call(function: Callable[[Any], Any], parent: int, item: Any) -> Any:
    _end_with(parent)
    return function(item)


@functools.cache
def _end_with(parent: int) -> None:
    """Let this process end as soon as the one that started it is gone: else it would write beside the next one."""
    try:
        gone = os.pidfd_open(parent)
    except ProcessLookupError:
        os._exit(1)
    except OSError:  # Linux before 5.3
        return

    def wait() -> None:
        select.select([gone], [], [])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
