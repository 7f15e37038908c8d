"""The one progress display: a table that is redrawn on a terminal, in a log a line every half minute at most.

In: loops and counts, also of worker processes (relay.py). Out: rows on standard error: what, how far, what it found
last, the time left. rich draws the table (MIT): it follows NO_COLOR, narrow windows, and consoles without UTF-8 or
escape sequences. A log, a notebook or a dumb terminal gets whole lines without control characters, and none at all of
what is over within half a minute.
"""

import contextlib
import itertools
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from radiogen.core.terminal.relay import LogLine, relay
from radiogen.core.wording import duration, size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

HIDDEN = "RADIOGEN_HIDE_PROGRESS"
"""Environment variable; where it is set, nothing is shown. Jupyter shows standard error as errors."""
LOG_SECONDS = 30.0
"""At most so often a line is added to a log."""
STATE_SECONDS = 0.1
"""At most so often a bar tells the display how far it is."""
BAR_WIDTH = 24
NARROW = 72
"""Columns of a window in which there is no room for the bars themselves."""

_numbers = itertools.count()


@dataclass(frozen=True)
class BarState:
    """A row of the display: what is counted, how far it is (done, of total, from initial), and what it found last.

    key: distinguishes the rows of all processes; open: False when it has ended. unit: what is counted; `B` for bytes.
    """

    key: str
    description: str
    total: int | None
    unit: str
    initial: int = 0
    done: int = 0
    note: str = ""
    open: bool = True


class Bar:
    """A row of the display: iterate over it, or call `update` and `close`, which a `with` block does."""

    def __init__(self, items: Iterable[Any] | None, state: BarState):
        self.items, self.state, self._shown = items, state, 0.0
        self._show(now=True)

    def __iter__(self) -> Iterator[Any]:
        with self:
            for item in self.items if self.items is not None else ():
                yield item
                self.update()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self, count: int = 1) -> None:
        """So many more are done."""
        self.move_to(self.state.done + count)

    def move_to(self, done: int) -> None:
        """So many are done, of all."""
        self.state = replace(self.state, done=done)
        self._show()

    def note(self, text: str) -> None:
        """What is shown beside the count from now on."""
        self.state = replace(self.state, note=text)

    def close(self) -> None:
        """The row stands still; where no other moves, the display ends."""
        if self.state.open:
            self.state = replace(self.state, open=False)
            self._show(now=True)

    def _show(self, now: bool = False) -> None:
        if now or time.monotonic() - self._shown >= STATE_SECONDS:
            self._shown = time.monotonic()
            if HIDDEN not in os.environ and not relay(self.state):
                _SCREEN.show(self.state)


def progress(items: Iterable[Any] | None, description: str, total: int | None = None, unit: str = "case",
             initial: int = 0) -> Bar:
    """A row of the display for `items`, to iterate over; without items, one to `update()`.

    total: how many there are, None: as many as `items` has, if that is known. unit: what is counted, `B` for bytes.
    """
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    key = f"{os.getpid()}-{next(_numbers)}"
    return Bar(items, BarState(key, description, total, unit, initial, initial))


@contextlib.contextmanager
def one_display() -> Iterator[None]:
    """Within: rows that have ended stay in the table beside the others, so that it is one table from first to last."""
    _SCREEN.hold()
    try:
        yield
    finally:
        _SCREEN.release()


def show_of_worker(message: object, keys: set[str]) -> bool:
    """Show what a worker sent; False where that is nothing to be shown. keys: collects the rows that are its own."""
    if isinstance(message, LogLine):
        print(message.text, file=sys.stdout, flush=True)
        return True
    if isinstance(message, BarState):
        keys.add(message.key)
        _SCREEN.show(message)
        return True
    return False


def close_of_worker(keys: set[str]) -> None:
    """Close the rows of a worker that has ended, however it did."""
    for key in keys:
        _SCREEN.close(key)


class _Screen:
    """The rows of this process and of its workers, drawn in one place."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.states: dict[str, BarState] = {}
        self.began: dict[str, tuple[float, int]] = {}  # when the first steps were done, and how many
        self.held, self.last_line = 0, time.monotonic()
        self.drawn: _Table | None = None

    def show(self, state: BarState) -> None:
        with self.lock:
            if not self.states:
                self.last_line = max(self.last_line, time.monotonic() - LOG_SECONDS / 2)
            if state.done > state.initial:
                self.began.setdefault(state.key, (time.monotonic(), state.done))
            self.states[state.key] = state
            if is_terminal():
                self.drawn = self.drawn or _Table()
                self.drawn.show(state)
            elif time.monotonic() - self.last_line >= LOG_SECONDS:
                self._write_line()
            self._end_if_idle()

    def close(self, key: str) -> None:
        with self.lock:
            if key in self.states and self.states[key].open:
                self.show(replace(self.states[key], open=False))

    def hold(self) -> None:
        with self.lock:
            self.held += 1

    def release(self) -> None:
        with self.lock:
            self.held -= 1
            self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self.held or any(state.open for state in self.states.values()):
            return
        if self.drawn is not None:
            self.drawn.stop()
        self.drawn, self.states, self.began = None, {}, {}

    def _write_line(self) -> None:
        """One line of all rows that move."""
        now = time.monotonic()
        rows = sorted((state for state in self.states.values() if state.open), key=row_order)
        if rows:
            self.last_line = now
            began = [self.began.get(state.key, (now, state.done)) for state in rows]
            print("; ".join(line_text(state, now - at, done) for state, (at, done) in zip(rows, began, strict=True)),
                  file=sys.stderr, flush=True)


class _Table:
    """The rows on a terminal, by rich."""

    def __init__(self) -> None:
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        self.progress = _make_progress(console)
        self.tasks: dict[str, TaskID] = {}
        self.progress.start()
        console.show_cursor(True)  # whatever ends this process, its terminal has a cursor

    def show(self, state: BarState) -> None:
        if state.key not in self.tasks:
            self.tasks[state.key] = self.progress.add_task(
                state.description, total=state.total, completed=state.initial, count="", note="", order=())
        done = not state.open and state.total is None
        self.progress.update(self.tasks[state.key], completed=state.done, total=state.done if done else state.total,
                             count=count_text(state), note=state.note, order=row_order(state))
        if not state.open:
            self.progress.stop_task(self.tasks[state.key])

    def stop(self) -> None:
        self.progress.stop()


def _make_progress(console: Any) -> "Progress":
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    class Sorted(Progress):
        def make_tasks_table(self, tasks: Iterable[Any]) -> Any:
            return super().make_tasks_table(sorted(tasks, key=lambda task: task.fields["order"]))

    plain = console.options.ascii_only or console.legacy_windows  # has no sign of an ellipsis
    cut: Any = "crop" if plain else "ellipsis"

    class Note(ProgressColumn):
        """Gives way where the window is narrow: the table narrows columns that may wrap before all others."""

        def render(self, task: Any) -> Text:
            return Text(task.fields["note"], no_wrap=True, overflow=cut)

    class Left(ProgressColumn):
        max_refresh = 0.5

        def render(self, task: Any) -> Text:
            left = None if task.finished else task.time_remaining
            return Text("" if left is None else f"{duration(left)} left", no_wrap=True)

    def text(form: str, **settings: Any) -> TextColumn:
        return TextColumn(form, markup=False, table_column=Column(no_wrap=True, overflow=cut, **settings))

    bars = [BarColumn(bar_width=BAR_WIDTH)] if console.width >= NARROW else []
    return Sorted(text("{task.description}"), *bars, text("{task.fields[count]}", justify="right"),
                  Note(Column()), Left(Column(no_wrap=True)), console=console,
                  redirect_stdout=sys.stdout.isatty(), redirect_stderr=True, speed_estimate_period=300)


def is_terminal() -> bool:
    """Whether standard error is a terminal that can be redrawn."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def row_order(state: BarState) -> tuple[Any, ...]:
    """Rows stand by their description, with numbers in it as numbers, then by age."""
    return (*((0, int(part), "") if part.isdigit() else (1, 0, part)
              for part in re.split(r"(\d+)", state.description)), (2, 0, state.key))


def count_text(state: BarState) -> str:
    """`36/240 step`, `12 MB/31 MB`; without a total what is done alone."""
    if state.unit == "B":
        return size(state.done) + ("" if state.total is None else f"/{size(state.total)}")
    if state.total is None:
        return f"{state.done} {state.unit}"
    return f"{state.done:>{len(str(state.total))}}/{state.total} {state.unit}"


def line_text(state: BarState, seconds: float, since: int) -> str:
    """A row as part of a line of a log; seconds: since it was as far as `since`.

    The first step is no measure of the others: it compiles, and fills caches.
    """
    made, left = state.done - since, ""
    if state.total and made > 0:
        left = f"{duration(seconds / made * (state.total - state.done))} left"
    share = f"{100 * state.done / state.total:.0f} %" if state.total else ""
    parts = [f"{state.description}: {' '.join(count_text(state).split())}", share, " ".join(state.note.split()), left]
    return ", ".join(filter(None, parts))


_SCREEN = _Screen()
