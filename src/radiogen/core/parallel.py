"""Parallel work: the same function on many items, on this machine's cores or on a Dask cluster.

In: a function that can be pickled and a list of items. Out: the results in the items' order, with a progress bar.
joblib does the work; with `scheduler` its Dask backend sends the same tasks to the cluster's workers. Processes on this
machine end with the one that started them, however that ends: joblib's own would stay idle for five minutes.
"""

import contextlib
import contextvars
import functools
import logging
import os
import re
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from radiogen.core.console import follow_console
from radiogen.core.errors import UserError
from radiogen.core.memory import DID_NOT_FIT, OutOfMemory
from radiogen.core.progress import progress
from radiogen.core.wording import parameter

_LOG = logging.getLogger(__name__)
_ANSWER_WITHIN = "10s"
_SHARE: contextvars.ContextVar[int | None] = contextvars.ContextVar("cores of this process", default=None)


def map_items(function: Callable[[Any], Any], items: Sequence[Any], description: str, *, workers: int | None = None,
              scheduler: str | None = None, unit: str = "case",
              on_crash: Callable[[Any, UserError], Any] | None = None) -> list[Any]:
    """`[function(item) for item in items]`, in parallel; a single worker is this process.

    workers: processes on this machine (default: the cores that this process may use).
    scheduler: address of a Dask scheduler, such as `tcp://10.0.0.1:8786`; the cluster must see the same files.
    on_crash: as in `map_in_processes`.
    Raises UserError where the cluster cannot be reached, and whatever `function` raises.
    """
    if scheduler is not None:
        return _map_on_cluster(function, items, description, scheduler, unit)
    workers = workers or available_cores()
    if workers == 1 or len(items) < 2:
        return [function(item) for item in progress(items, description, len(items), unit)]
    return map_in_processes(function, items, description, workers=workers, unit=unit, on_crash=on_crash)


def map_in_processes(function: Callable[[Any], Any], items: Sequence[Any], description: str, *, workers: int,
                     unit: str = "case", on_crash: Callable[[Any, UserError], Any] | None = None) -> list[Any]:
    """`[function(item) for item in items]` in worker processes, also where there is but one.

    on_crash: called with an item whose process was killed, as by the system where memory runs out, or crashed, and with
    the error; returns the item's result (None: the error is raised). The others continue; unfinished items are
    tried once more, one at a time.
    """
    import joblib

    with contextlib.ExitStack() as stack:
        # joblib keeps its idle processes: later steps need their memory, and Python complains about them at exit
        stack.callback(lambda: joblib.externals.loky.get_reusable_executor().shutdown(wait=True))
        share = max(1, available_cores() // workers)
        function = functools.partial(_call, functools.partial(_with_cores, function, share), os.getpid())
        numbered = _in_processes(function, items, workers, on_crash or _raise)
        results = dict(progress(numbered, description, len(items), unit))
        return [results[number] for number in range(len(items))]


def available_cores() -> int:
    """Cores that this process may use: all that the system allows, or a share of them in one of several workers."""
    return _SHARE.get() or len(os.sched_getaffinity(0))


def cluster_client(scheduler: str) -> Any:
    """A `distributed.Client` of the Dask scheduler at this address. Raises UserError where none answers."""
    try:
        from distributed import Client
    except ImportError:
        raise UserError(parameter("scheduler"), "needs Dask", "pip install dask distributed") from None
    try:
        return Client(scheduler, timeout=_ANSWER_WITHIN)
    except (OSError, ValueError) as error:
        raise UserError(scheduler, f"no Dask scheduler answers ({error})",
                        f"start one with `dask scheduler` or leave {parameter('scheduler')} out") from error


def _map_on_cluster(function: Callable[[Any], Any], items: Sequence[Any], description: str, scheduler: str,
                    unit: str) -> list[Any]:
    import joblib

    with cluster_client(scheduler) as client, joblib.parallel_config(backend="dask", scheduler_host=scheduler):
        workers = max(1, sum(client.nthreads().values()))
        pool = joblib.Parallel(n_jobs=workers, return_as="generator", batch_size=1)
        results = pool(joblib.delayed(function)(item) for item in items)
        return list(progress(results, description, len(items), unit))


def _in_processes(function: Callable[[Any], Any], items: Sequence[Any], workers: int,
                  on_crash: Callable[[Any, UserError], Any]) -> Iterator[tuple[int, Any]]:
    """The number of each item and its result, in order of completion; after a crash with one process fewer."""
    todo = list(range(len(items)))
    while todo:
        started: list[int] = []
        done: set[int] = set()
        try:
            for number, result in _pool_results(function, items, todo, workers, started):
                done.add(number)
                yield number, result
        except BrokenProcessPool:
            _LOG.warning("a worker process was killed or crashed: unfinished items are tried again, one at a time")
            for number in [number for number in started if number not in done]:
                done.add(number)
                try:
                    (_, result), = _pool_results(function, items, [number], 1, [])
                except BrokenProcessPool as end:
                    result = on_crash(items[number], _worker_error(end))
                yield number, result
            workers = max(1, workers - 1)
        todo = [number for number in todo if number not in done]


def _pool_results(function: Callable[[Any], Any], items: Sequence[Any], numbers: Sequence[int], workers: int,
                  started: list[int]) -> Iterator[tuple[int, Any]]:
    """In order of completion; appends to `started` what a process gets, and none gets more than it works on."""
    import joblib

    def calls() -> Iterator[Any]:
        for number in numbers:
            started.append(number)
            yield joblib.delayed(_numbered)(function, number, items[number])

    # joblib starts no process for a single worker
    pool = joblib.Parallel(n_jobs=max(2, workers), pre_dispatch=workers, batch_size=1,
                           return_as="generator_unordered")
    yield from pool(calls())


def _numbered(function: Callable[[Any], Any], number: int, item: Any) -> tuple[int, Any]:
    return number, function(item)


def _worker_error(end: BrokenProcessPool) -> UserError:
    """The error for a process's end; joblib names the signal."""
    if "SIGKILL" in str(end):
        return OutOfMemory("a worker", f"its process was killed by the system, most likely because it {DID_NOT_FIT}")
    signals = ", ".join(dict.fromkeys(re.findall(r"SIG[A-Z]+", str(end)))) or "no reason known"
    return UserError("a worker", f"its process crashed ({signals})", "leave out the item it worked on, and report it")


def _raise(item: Any, error: UserError) -> Any:
    raise error


def _with_cores(function: Callable[[Any], Any], cores: int, item: Any) -> Any:
    token = _SHARE.set(cores)
    try:
        return function(item)
    finally:
        _SHARE.reset(token)


def _call(function: Callable[[Any], Any], parent: int, item: Any) -> Any:
    _end_with(parent)
    follow_console()
    return function(item)


@functools.cache
def _end_with(parent: int) -> None:
    """End this process as soon as the one that started it is gone: else it would write beside the next one."""
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
