"""Progress bars, all alike: a description, a count, the time left; one line in a log, none when output is not wanted."""

from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")


def progress(items: Iterable[Item], description: str, total: int | None = None, unit: str = "case") -> Iterable[Item]:
    """Go through `items` with a tqdm bar on standard error.

    In a terminal the bar is redrawn ten times a second; in a log file a line is added every half minute at most.
    """
    import sys

    from tqdm import tqdm

    live = sys.stderr.isatty()
    return tqdm(items, desc=description, total=total, unit=unit, mininterval=0.1 if live else 30, maxinterval=30,
                dynamic_ncols=live, ncols=None if live else 100)
