"""One function call in a process of its own: memory that `fit` leaks is freed, and a crash ends nothing else.

In: a function that can be imported, its arguments. Out: what it returned, or raised. The process is forked from a
server that has imported Keras once, so it costs no import. It ends when its parent does, even if that is killed.
"""

import concurrent.futures
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import forkserver, resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from radiogen.core.console import follow_console
from radiogen.core.errors import UserError
from radiogen.core.progress import close_of_worker, one_display, show_of_worker
from radiogen.core.terminal.relay import relay_to
from radiogen.core.wording import parameter


def run_in_subprocess(function: Callable[..., Any], *arguments: Any, name: str, threads: int = 0,
                      gpu: str | None = None, children: list[BaseProcess] | None = None,
                      stopped: threading.Event | None = None) -> Any:
    """`function(*arguments)`, in a new process which the system's tools show under `name`.

    threads: how many of the cores it uses (0: all); gpu: number of the only GPU it sees (None: all that are visible).
    children: lists the process while it runs, so that others can end it; stopped: set where no process is to start.
    Raises the UserError that the function raised, and one with the exit code where the process died; the traceback of
    other errors is on standard error.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["radiogen.training.fit"])
    _start_server()
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(function, arguments, threads, gpu, theirs), name=name)
    process.start()
    if children is not None:
        children.append(process)
    if stopped is not None and stopped.is_set():  # while it was started, which takes seconds where Keras is imported
        process.terminate()
    theirs.close()
    answer, error = _receive(ours)
    process.join(30)  # closing first would cut off its clean-up, and the system's semaphores with it
    ours.close()
    process.join()
    code = process.exitcode
    if children is not None:
        children.remove(process)
    process.close()  # it keeps two files open until then
    if error == "died":
        raise _worker_error(name, code)
    if error is not None:
        raise error
    return answer


def _receive(connection: multiprocessing.connection.Connection) -> tuple[Any, Any]:
    """What a process returns, and the error that it raised; what it has to show meanwhile is shown here."""
    rows: set[str] = set()
    try:
        while show_of_worker(message := connection.recv(), rows):
            pass
        answer, error = message
        return answer, error
    except EOFError:
        return None, "died"
    finally:
        close_of_worker(rows)


def _start_server() -> None:
    """Start the server of processes, where it is not there, with Ctrl-C blocked in it and in all that it forks.

    It would be interrupted with a traceback while it imports Keras. This process ends it and what it forked.
    """
    resource_tracker.ensure_running()  # else the server's start does it, and unblocks the signal
    kept = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, kept)


def map_in_subprocesses(function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], names: Sequence[str],
                        parallel: int = 1, gpus: Sequence[str | None] = (None,)) -> list[Any]:
    """`function(*call)` for each of `calls`, `parallel` at a time, each in a process of its own.

    names: what each process is called; gpus: one for each of `parallel`, as in `run_in_subprocess`. In parallel they
    share the cores. Returns what each call returned, or the UserError that it raised.
    """
    threads = max(1, len(os.sched_getaffinity(0)) // parallel) if parallel > 1 else 0
    children: list[BaseProcess] = []
    free: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    stopped = threading.Event()
    for number in range(parallel):
        free.put(gpus[number % len(gpus)])

    def call(arguments: tuple[Any, ...], name: str) -> Any:
        gpu = free.get()
        try:
            return run_in_subprocess(function, *arguments, name=name, threads=threads, gpu=gpu, children=children,
                                     stopped=stopped)
        except UserError as error:
            return error
        finally:
            free.put(gpu)

    with one_display(), concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        try:
            return list(pool.map(call, calls, names))
        except BaseException:  # Ctrl-C: nothing more is started, and what runs is ended
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for child in list(children):
                with contextlib.suppress(ValueError):  # it has ended meanwhile
                    child.terminate()
            raise


def _run(function: Callable[..., Any], arguments: tuple[Any, ...], threads: int, gpu: str | None,
         connection: multiprocessing.connection.Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its children
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(connection,), daemon=True).start()
    with contextlib.suppress(OSError):  # `top` and the kernel's out-of-memory log then name the fold
        Path("/proc/self/comm").write_text(multiprocessing.current_process().name, encoding="utf-8")
    send = relay_to(connection.send)
    follow_console()
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    if threads:
        from radiogen.networks.backend import backend

        backend().limit_threads(threads)  # processes in parallel share the cores; each would take all of them
    try:
        send((function(*arguments), None))
    except UserError as error:
        send((None, error))


def _end_with_parent(connection: multiprocessing.connection.Connection) -> None:
    """A fold whose parent was killed must not write beside the one that is started in its place."""
    with contextlib.suppress(EOFError, OSError):
        connection.recv()  # nothing is ever sent: this returns when the parent's end is closed
    os._exit(1)


def _worker_error(name: str, code: int | None) -> UserError:
    if code == -signal.SIGKILL:
        return UserError(name, "was killed by the system, most likely for memory",
                         f"try a smaller {parameter('optimisation.micro_batch_size')}")
    return UserError(name, f"its process ended with code {code}", "its last messages are above")
