"""How kernels are compiled by numba and kept, and that it is announced when it takes seconds.

In: a function. Out: the same, compiled on its first call or loaded from what an earlier process kept.
"""

import contextlib
import functools
import importlib.util
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event
from numba.np import linalg

_Function = TypeVar("_Function", bound=Callable[..., object])

_LOG = logging.getLogger(__name__)


def compiled(**options: Any) -> Callable[[_Function], _Function]:
    """numba.njit whose result is kept between processes, where there is a folder to keep it in."""
    def decorate(function: _Function) -> _Function:
        try:
            dispatcher = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's can be written
            return numba.njit(**options)(function)
        _bind_to_sources(dispatcher)
        return dispatcher
    return decorate


def _bind_to_sources(dispatcher: Any) -> None:
    """Have numba compile a kept kernel again when any file of this room has changed.

    numba looks at the file of the function alone; what is called from another file, and tables such as the tags of
    elements, become part of its machine code all the same.
    """
    kept = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if kept is not None:  # there is none where numba compiles nothing (NUMBA_DISABLE_JIT)
        kept._source_stamp = (kept._source_stamp, _sources_stamp())


@functools.cache
def _sources_stamp() -> tuple[tuple[str, int, int], ...]:
    """Path below `imaging`, time of the last change in ns and size of every source file of that room."""
    room = Path(__file__).parents[1]
    found = [(path, path.stat()) for path in sorted(room.rglob("*.py"))]
    return tuple((path.relative_to(room).as_posix(), state.st_mtime_ns, state.st_size) for path, state in found)


def _defer_blas() -> None:
    """Keep numba from importing SciPy, a third of a second, only to find out whether there is one.

    `numba.np.arraymath` does so when it is first imported. The code of np.dot and its like imports SciPy's BLAS itself
    before it is compiled (`ensure_blas` in numba/np/linalg.py), so nothing is lost where such a function comes later.
    """
    if "numba.np.arraymath" in sys.modules or importlib.util.find_spec("scipy") is None:
        return
    ensure_blas = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        from numba.np import arraymath
    finally:
        linalg.ensure_blas = ensure_blas
    arraymath.ensure_blas = ensure_blas


class _Announcement(event.Listener):
    """Says once a process that kernels are being compiled."""

    said = False

    def on_start(self, event: event.Event) -> None:
        if not self.said and event.data["dispatcher"].py_func.__module__.startswith("radiogen."):
            self.said = True
            _LOG.info("compiling the reading kernels: some 15 seconds, once on this machine")

    def on_end(self, event: event.Event) -> None:
        """Nothing to say."""


def announce_compiling() -> contextlib.AbstractContextManager:
    """Within it, the first compilation of a kernel is announced on standard error; a kept one is loaded in silence."""
    return event.install_listener("numba:compile", _ANNOUNCEMENT)


_ANNOUNCEMENT = _Announcement()
_defer_blas()
