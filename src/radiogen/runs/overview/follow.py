"""Following a training from another terminal: what the folds write, shown by the progress display until they end.

In: a run's folder. Out: a row a fold, with epochs, loss, AUC and the time left, redrawn on a terminal, a line every
half minute elsewhere. Nothing of the run is locked or written, and whoever follows may stop at any time.
"""

import contextlib
import csv
import time
from collections.abc import Mapping
from pathlib import Path

from radiogen.core.progress import Bar, one_display, progress
from radiogen.runs import layout
from radiogen.runs.overview.state import FoldState, RunState, run_state
from radiogen.runs.training_records import epoch_text

POLL_SECONDS = 1.0


def follow(folder: Path, poll: float = POLL_SECONDS) -> None:
    """Show how the run in `folder` is trained until nobody trains a fold of it any more."""
    bars: dict[str, Bar] = {}
    with one_display(), contextlib.ExitStack() as stack:
        while True:
            state = run_state(folder)
            for fold in state.folds:
                if fold.name not in bars:
                    bars[fold.name] = stack.enter_context(
                        progress(None, f"fold {fold.name}", state.epochs or None, "epoch", fold.epochs))
                _show(bars[fold.name], fold, state)
            if not state.in_training:
                return
            time.sleep(poll)


def _show(bar: Bar, fold: FoldState, state: RunState) -> None:
    row = last_row(layout.fold_folder(state.folder, fold.name) / layout.HISTORY)
    shown = epoch_text(fold.epochs, state.epochs, row) if row else ""
    waits = "trained" if fold.trained else "" if fold.holder else "interrupted" if fold.checkpoint else "waits"
    bar.note("  ".join(filter(None, [shown, waits])))
    bar.move_to(fold.epochs)


def last_row(table: Path) -> Mapping[str, float]:
    """The last row of a CSV of numbers, {} where there is none."""
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: float(value) for name, value in rows[-1].items() if value} if rows else {}
    except (OSError, ValueError, TypeError, AttributeError):  # the training replaces it at this very moment
        return {}
