"""What the library logs, shown as a command shows it: notes as they are, warnings with `warning: ` before them.

A program that imports the package configures `logging` as usual; a command calls `log_to_console`, and its worker
processes follow it through the environment.
"""

import logging
import os
import sys

from radiogen.core.terminal.relay import LogLine, relay

SHOWN = "RADIOGEN_LOG_TO_CONSOLE"
"""Environment variable that is set where a command shows the log."""


def log_to_console() -> None:
    """Show notes and warnings of the package on standard output, in this process and in those that it starts."""
    os.environ[SHOWN] = "1"
    logger = logging.getLogger("radiogen")
    if not any(isinstance(handler, _Console) for handler in logger.handlers):
        logger.addHandler(_Console())
        logger.setLevel(logging.INFO)


def follow_console() -> None:
    """In a worker process: show what the process that started it shows."""
    if SHOWN in os.environ:
        log_to_console()


class _Console(logging.Handler):
    """Writes to whatever standard output is at that moment; in a worker process, to that of the one that started it."""

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{warning_start() if record.levelno >= logging.WARNING else ''}{record.getMessage()}"
        if not relay(LogLine(text)):
            print(text, file=sys.stdout, flush=True)


def warning_start() -> str:
    """`warning: `, on a terminal in yellow unless NO_COLOR says otherwise (no-color.org)."""
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return "\x1b[1;33mwarning:\x1b[0m " if colours else "warning: "
