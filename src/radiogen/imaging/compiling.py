"""How kernels are compiled by numba and kept, and that the user is told when it takes seconds.

In: a function. Out: the same, compiled on its first call or loaded from what an earlier process kept.
"""

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import numba
from numba.core import event


def compiled(**options: Any) -> Callable[[Callable], Callable]:
    """numba.njit whose result is kept between processes, where there is a folder to keep it in."""
    def decorate(function: Callable) -> Callable:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's can be written
            return numba.njit(**options)(function)
    return decorate


class _Announcement(event.Listener):
    """Says once a process that kernels are being compiled."""

    said = False

    def on_start(self, event: event.Event) -> None:
        if not self.said and event.data["dispatcher"].py_func.__module__.startswith("radiogen."):
            self.said = True
            print("compiling the reading kernels: some 15 seconds, once on this machine", file=sys.stderr, flush=True)

    def on_end(self, event: event.Event) -> None:
        """Nothing to say."""


def announce_compiling() -> contextlib.AbstractContextManager:
    """Within it, the first compilation of a kernel is told on standard error; a kept one is loaded in silence."""
    return event.install_listener("numba:compile", _ANNOUNCEMENT)


_ANNOUNCEMENT = _Announcement()
