"""What a worker process has to show goes to the process that started it, which alone writes to the terminal.

In a worker: `relay_to` once, then `relay`. What is sent is whatever pickles: lines of the log, states of progress bars.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_SEND: list[Callable[[Any], object]] = []
_LOCK = threading.Lock()


@dataclass(frozen=True)
class LogLine:
    """A line of a worker's log, as it is printed."""

    text: str


def relay_to(send: Callable[[Any], object]) -> Callable[[Any], object]:
    """From now on `relay` sends by `send`, one message at a time; returns `send` under the same lock."""

    def one_at_a_time(message: Any) -> None:
        with _LOCK:
            send(message)

    _SEND[:] = [one_at_a_time]
    return one_at_a_time


def relay(message: Any) -> bool:
    """Send `message` to the process that started this one; False where it is to be shown here."""
    for send in _SEND:
        send(message)
    return bool(_SEND)
