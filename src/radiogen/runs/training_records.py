"""What a fold's training leaves beside its weights: `history.csv`, a row an epoch, and `timings.json`.

In and out: a fold's folder. The history has `epoch` from 1 and any of `loss, accuracy, auc, dice`, each also with
`val_` (the fold that is scored) or `stop_` (those that choose the epoch) before it. Timings have `seconds_an_epoch`,
`peak_memory_mb` and `checkpoint_bytes` at least, and `chosen_epoch` where one was chosen.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.runs import layout


def write_history(folder: Path, rows: Sequence[Mapping[str, float]]) -> Path:
    """Write `history.csv`, a row an epoch."""
    return files.write_csv(Path(folder) / layout.HISTORY, pd.DataFrame(list(rows)))


def _read_history(folder: Path) -> pd.DataFrame:
    """`history.csv`. Raises UserError where it cannot be read."""
    path = Path(folder) / layout.HISTORY
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UserError(path, f"cannot be read as a table ({error})", "train the fold again") from error


def read_histories(run: Path) -> dict[str, pd.DataFrame]:
    """The histories of a run's folds, by fold, of those that have one which can be read."""
    found = {}
    for fold, folder in layout.fold_folders(run, holding=layout.HISTORY).items():
        try:
            table = _read_history(folder)
        except UserError:
            continue
        if "epoch" in table and len(table):
            found[fold] = table
    return found


def write_timings(folder: Path, timings: Mapping[str, Any]) -> Path:
    """Write `timings.json`."""
    return files.write_json(Path(folder) / layout.TIMINGS, dict(timings))


def read_timings(folder: Path) -> dict[str, Any]:
    """`timings.json`, {} where there is none. Raises UserError where it is damaged."""
    path = Path(folder) / layout.TIMINGS
    timings = files.read_json(path) if path.is_file() else {}
    if not isinstance(timings, dict):
        raise UserError(path, "is no table of names, so it is damaged", "delete it, and what it says is not used")
    return timings


def epochs_of(folder: Path) -> int:
    """After how many epochs a fold's weights were taken, as far as its folder says; else 0. Raises UserError."""
    chosen = read_timings(folder).get("chosen_epoch")
    return int(chosen or (len(_read_history(folder)) if (folder / layout.HISTORY).is_file() else 0))


def epoch_text(epoch: int, epochs: int, row: Mapping[str, float]) -> str:
    """`epoch  3/24  loss 0.612/0.701  AUC 0.553/0.500`: of an epoch's row, training/validation; as wide in each epoch.
    """
    parts = [f"epoch {epoch:>{len(str(epochs))}}/{epochs}"]
    for name, title in (("loss", "loss"), ("auc", "AUC"), ("dice", "Dice")):
        values = [f"{row[key]:.3f}" for key in (name, f"val_{name}") if key in row]
        parts += [f"{title} {'/'.join(values)}"] if values else []
    return "  ".join(parts)
