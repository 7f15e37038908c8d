"""Progress bars: a description, a count, the time left; an occasional line where the output is a log."""

import sys
from collections.abc import Iterable
from typing import Any


def progress(items: Iterable[Any] | None, description: str, total: int | None = None, unit: str = "case",
             initial: int = 0) -> Any:
    """Iterate over `items` with a tqdm bar on standard error; without items, a bar to `update()`.

    In a terminal the bar is redrawn ten times a second; in a log a line is added every half minute at most.
    """
    from tqdm import tqdm

    live = sys.stderr.isatty()
    return tqdm(items, desc=description, total=total, unit=unit, initial=initial, unit_scale=unit == "B",
                mininterval=0.1 if live else 30, maxinterval=30, dynamic_ncols=live, ncols=None if live else 110)
