"""Removing a run: its own files, known by their names, and nothing else.

In: a run's folder. Out: it is gone. A file that radiogen did not write, or a training that goes on, and nothing is
touched. The ledger of looks beside the runs is never removed: what was looked at stays looked at.
"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.files import LOCK, PART, try_working_folder
from radiogen.core.owned import LISTING
from radiogen.core.wording import as_run, command
from radiogen.runs import layout
from radiogen.runs.fold_locks import ORDER, fold_holders, hold_free_folds, training_text
from radiogen.runs.records import read_facts, read_recipe, recipe_fields

LOCKS = (LOCK, ORDER)


def removable_files(folder: Path) -> list[Path]:
    """All files of the run in `folder`, by path. Raises UserError for one that radiogen did not write."""
    folder = Path(folder)
    if folder.is_symlink() or not layout.is_run(folder):
        raise UserError(folder, "is a symbolic link" if folder.is_symlink() else "is no run", "name a folder of a run")
    found = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    for path in found:
        if not _is_own(path.relative_to(folder), folder):
            raise UserError(path, "was not written by radiogen, so the run is not removed",
                            f"move it away, then: {command('runs')} --remove {as_run(folder)}")
    return found


def check_free(folder: Path) -> None:
    """Raise UserError where a fold of the run is being trained."""
    for line in training_text(folder, fold_holders(folder)):
        raise UserError(folder, line, "wait until it has ended, or stop it with Ctrl-C there")


def ensembles_with(folder: Path) -> list[str]:
    """The ensembles beside the run that have it as a member."""
    found = []
    for name in layout.run_names(folder.parent):
        with contextlib.suppress(UserError):
            if folder.name in (read_facts(folder.parent / name).get("members") or ()):
                found.append(name)
    return found


def crops_by(folder: Path) -> list[str]:
    """The runs beside a locator that crop by the masks it predicts."""
    found = []
    for name in layout.run_names(folder.parent):
        with contextlib.suppress(UserError):
            mask = str(recipe_fields(read_recipe(folder.parent / name)).get("mask") or "")
            if mask.removeprefix("locator:").partition("@")[0] == folder.name:
                found.append(name)
    return found


def remove_run(folder: Path) -> int:
    """Remove the run in `folder`; returns how many files that were. Raises UserError, and removes nothing, where one is
    not radiogen's or somebody works in the folder.
    """
    folder = Path(folder)
    removable_files(folder)
    check_free(folder)
    with try_working_folder(folder) as held, hold_free_folds(folder, folds := layout.fold_folders(folder)) as free:
        if not held or set(free) != set(folds):
            raise UserError(folder, "is in use by another process", "wait until it has ended, then remove it")
        files = removable_files(folder)
        for path in sorted(files, key=lambda one: (one.name in LOCKS, one.name == layout.RUN)):  # what it is, last
            path.unlink(missing_ok=True)
        for path in sorted((one for one in folder.rglob("*") if one.is_dir()), reverse=True):
            path.rmdir()
        folder.rmdir()
    return len(files)


def _is_own(path: Path, run: Path) -> bool:
    """Whether radiogen writes a file of this name there; path: from the run's folder on."""
    if (run / path).is_symlink():
        return False
    if path.name in LOCKS or path.name.endswith(PART) or any(part.endswith(PART) for part in path.parts):
        return True
    first, depth = path.parts[0], len(path.parts)
    if depth == 1:
        return path.name in _run_files() or _fits(path.name, layout.permutation_picture)
    if layout.is_fold_folder(Path(first)):
        return (depth == 2 and path.name in (*layout.FOLD_FILES, layout.HISTORY_PICTURE, layout.CONFUSION_MATRIX)
                or path.parts[1] == layout.TENSORBOARD and "tfevents" in path.name)
    if first == layout.CASES:
        return depth == 2 and (path.name == LISTING or _is_answer((run / path).with_suffix(".json")))
    if first == layout.REPORT_IMAGES_FILES:
        return depth == 2 and (path.name == LISTING or path.suffix == ".js")
    if first == layout.EXTERNAL:
        return depth == 3 and path.name in _run_files()
    if first == layout.TUNING_FOLDER and depth < 4:
        return path.name == layout.SPACE if depth == 2 else path.name in (layout.STUDY, f"{layout.STUDY}-journal")
    above = 2 if first == layout.PERMUTATION_DRAWS else _folders_above_training(path)
    return 0 < above < depth and _is_own(Path(*path.parts[above:]), run / Path(*path.parts[:above]))


def _folders_above_training(path: Path) -> int:
    """Of a tuned run, how many parts of the path lead to a training: `tuning/outer-0/trial-003/inner-1`, 0 for none."""
    if path.parts[0] != layout.TUNING_FOLDER:
        return 0
    return 3 if path.parts[2].startswith(layout.CHOSEN) else 4


def _run_files() -> frozenset[str]:
    """The names that layout.py gives to files."""
    return frozenset(value for name, value in vars(layout).items()
                     if name.isupper() and isinstance(value, str) and Path(value).suffix)


def _fits(name: str, picture: Callable[[str], str]) -> bool:
    start, _, end = picture("|").partition("|")
    return name.startswith(start) and name.endswith(end)


def _is_answer(record: Path) -> bool:
    """Whether a file is the record of an answer on one patient, which lies beside a picture of its name."""
    try:
        return "standing" in json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


