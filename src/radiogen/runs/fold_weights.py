"""A fold's weights and what binds them to their fold: `model.weights.h5` with `weights.json` beside it.

In: a fold's folder, models/<run>/fold-<k>. Out: weights whose SHA-256 was recorded with the fold's number and the
hashes of `folds.csv` and `recipe.json`, or a UserError. Weights of another fold have been trained on the very cases
that this fold's network is to judge, so learning and evaluation check them whenever they use them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.runs.layout import FOLDS, RECIPE, WEIGHTS, WEIGHTS_RECORD, fold_folders, fold_name
from radiogen.runs.records import another_run

TABLES = (FOLDS, RECIPE)
"""Files of the run that say what the weights were trained on, and how."""

Networks = Mapping[Path, dict[str, str]]
"""By the run's folder and the fold's name the SHA-256 of each network that was checked."""


def write_weights(folder: Path, save: Callable[[Path], object]) -> Path:
    """Let `save` write the fold's weights; returns their path.

    The record comes first: weights never lie there without it, whenever the process is killed.
    """
    folder = Path(folder)

    def saved(part: Path) -> None:
        save(part)
        files.write_json(folder / WEIGHTS_RECORD,
                         {"fold": fold_name(folder), "sha256": files.sha256(part), **_tables(folder)})

    return files.write_by_name(folder / WEIGHTS, saved)


def check_weights(folder: Path) -> str:
    """The SHA-256 of the fold's weights.

    Raises UserError where they are not the file that training of this fold wrote, or `folds.csv` or `recipe.json` has
    changed since. Weights of an older version, which recorded nothing, pass: see `unrecorded`.
    """
    folder = Path(folder)
    path, found = folder / WEIGHTS, files.sha256(folder / WEIGHTS)
    if not (folder / WEIGHTS_RECORD).is_file():
        return found
    record, again = _read(folder), f"copy it back, or delete it and train the fold again: {_command(folder)}"
    if record["fold"] != fold_name(folder) or record["sha256"] != found:
        owner = record["fold"] if record["sha256"] == found else _owner(folder, found)
        raise UserError(path, f"is not the file that training of fold {fold_name(folder)} wrote"
                        f"{f': it is that of fold {owner}' if owner else ''}", again)
    for name, digest in _tables(folder).items():
        if record[name] != digest:
            raise UserError(folder.parent / name, f"is not the one that fold {fold_name(folder)} was trained with",
                            f"copy it back, or {another_run()}")
    return found


def check_run(folder: Path, known: Networks | None = None) -> dict[str, str]:
    """By fold the SHA-256 of each network in the run's folder, models/<run>; raises UserError as `check_weights`.

    known: of `check_runs`: what stands there was checked by this command already and is not read again.
    """
    if known and folder in known:
        return known[folder]
    return {fold_name(one): check_weights(one) for one in _trained(folder)}


def check_runs(folders: Iterable[Path]) -> Networks:
    """`check_run` of each of the folders, every file read once."""
    return {folder: check_run(folder) for folder in dict.fromkeys(map(Path, folders))}


def unrecorded_folds(folder: Path) -> list[str]:
    """The folds of the run whose weights were recorded without a hash."""
    return [fold_name(one) for one in _trained(folder) if not (one / WEIGHTS_RECORD).is_file()]


def unrecorded_text(run: str, folds: Sequence[str]) -> str:
    """`unrecorded_folds` of the run of this name in a line."""
    return (f"{run}: weights of fold {', '.join(folds)} were recorded without a hash, so that nothing shows whether "
            "they are their fold's")


def unrecorded(folder: Path) -> str:
    """One line that names the run's folds whose weights were recorded without a hash; "" where there are none."""
    folds = unrecorded_folds(folder)
    return unrecorded_text(Path(folder).name, folds) if folds else ""


def _trained(folder: Path) -> list[Path]:
    return list(fold_folders(folder, holding=WEIGHTS).values())


def _tables(folder: Path) -> dict[str, str]:
    """The SHA-256 of each of `TABLES`, "" for one that is not there: a draw of permuted labels has no recipe."""
    paths = {name: folder.parent / name for name in TABLES}
    return {name: files.sha256(path) if path.is_file() else "" for name, path in paths.items()}


def _read(folder: Path) -> dict[str, str]:
    record = files.read_json(folder / WEIGHTS_RECORD)
    if not isinstance(record, dict) or not all(isinstance(record.get(name), str)
                                               for name in ("fold", "sha256", *TABLES)):
        raise UserError(folder / WEIGHTS_RECORD, "lacks the fold or the hashes: it is damaged",
                        f"copy it back, or delete {WEIGHTS} beside it and train the fold again: {_command(folder)}")
    return record


def _owner(folder: Path, digest: str) -> str:
    """The fold of this run whose record has this hash, or ""."""
    records = [_read(place) for place in fold_folders(folder.parent, holding=WEIGHTS_RECORD).values()]
    return next((record["fold"] for record in records if record["sha256"] == digest), "")


def _command(folder: Path) -> str:
    return f"{command('train')} --run {as_run(folder.parent)} --fold {fold_name(folder)}"
