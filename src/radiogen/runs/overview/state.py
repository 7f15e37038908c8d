"""How far a run came, from the files in its folder: a `RunState`, and what to do next.

In: a models folder. Out: a `RunState` a run, the newest first. Nothing is locked and nothing waited for; a file that
cannot be read is a line in `problems`, and the run is listed all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.locks import Holder
from radiogen.core.wording import as_run, command
from radiogen.runs import layout
from radiogen.runs.fold_locks import fold_holders, training_text
from radiogen.runs.ledger.looks import own_looks
from radiogen.runs.overview.judged import Judged, read_judged
from radiogen.runs.predictions import out_of_fold, read_predictions, scores_digest
from radiogen.runs.records import data_folder, read_facts, read_recipe

PREDICTED_AGAIN = "it was predicted again after it was judged"
Kind = Literal["trained", "tuned", "ensemble", "judged"]


@dataclass(frozen=True)
class FoldState:
    """A fold: epochs that its history has, whether its weights are final, whether it has a checkpoint, who trains it.
    """

    name: str
    epochs: int
    trained: bool
    checkpoint: bool = False
    holder: Holder | None = None

    @property
    def interrupted(self) -> bool:
        """Whether it was begun, is not finished, and nobody trains it now."""
        return self.checkpoint and not self.trained and self.holder is None


@dataclass(frozen=True)
class RunState:
    """A run as its folder shows it.

    kind: `trained` here, a `tuned` procedure, an `ensemble`, or `judged`: predictions or features of other programs.
    recipe: its name, or how it was made. data: its data set's name. folds: those of its recipe; fold_count: how many
    there are to be; epochs: how many a fold is to have, 0 where that is not known. size: bytes of all its files. began:
    when, seconds since 1970. problems: what is wrong, a line each. step: the command that comes next, "" where nothing
    is left to do.
    """

    name: str
    folder: Path
    kind: Kind
    recipe: str
    data: str
    folds: tuple[FoldState, ...]
    fold_count: int
    epochs: int
    judged: Judged | None
    size: int
    began: float
    problems: tuple[str, ...]
    step: str

    @property
    def trained(self) -> int:
        """How many folds are finished."""
        return sum(fold.trained for fold in self.folds)

    @property
    def in_training(self) -> tuple[FoldState, ...]:
        """The folds that somebody trains now."""
        return tuple(fold for fold in self.folds if fold.holder is not None and not fold.trained)


def check_names(models: Path, names: Sequence[str], known: Sequence[str]) -> None:
    """Raise UserError where a name is none of the runs that there are (`known`)."""
    for name in names:
        if name not in known:
            raise layout.no_such_run(Path(models) / name)


def named_states(models: Path, names: Sequence[str]) -> list[RunState]:
    """The runs of these names, or all. Raises UserError where there is none of a name."""
    check_names(models, names, layout.run_names(models))
    return run_states(models, names)


def run_states(models: Path, names: Sequence[str] = ()) -> list[RunState]:
    """The runs under `models` (names: only these, in this order), the newest first."""
    judged, unreadable = read_judged(models)
    states = [run_state(Path(models) / name, judged.get(name), unreadable.get(name))
              for name in names or layout.run_names(models)]
    return states if names else sorted(states, key=lambda state: (-state.began, state.name))


def run_state(folder: Path, judged: Judged | None = None, unreadable: str | None = None) -> RunState:
    """The run in `folder`; judged: what was said of it; unreadable: why its own assessment.json cannot be read."""
    problems = [] if unreadable is None else [unreadable]
    facts, recipe = (_read(read, folder, problems) for read in (read_facts, read_recipe))
    kind = _kind(facts)
    folds = fold_states(folder) if kind == "trained" else ()
    count, epochs = _setting(recipe, "split", "folds"), _setting(recipe, "optimisation", "epochs")
    place = data_folder(folder, facts)
    state = RunState(folder.name, folder, kind, _made_by(kind, facts, recipe), place.name if place else "", folds,
                     max(count, len(folds)), epochs, judged, _size(folder), _began(folder), (), "")
    problems += _problems(state, facts, place)
    return RunState(**{**vars(state), "problems": tuple(problems), "step": _step(state, facts)})


def fold_states(folder: Path) -> tuple[FoldState, ...]:
    """The folds of the run in `folder` that have a folder, in order."""
    holders = fold_holders(folder)
    return tuple(FoldState(name, rows(place / layout.HISTORY), (place / layout.WEIGHTS).is_file(),
                           (place / layout.CHECKPOINT).is_file(), holders.get(name))
                 for name, place in layout.fold_folders(folder).items())


def rows(table: Path) -> int:
    """How many rows a CSV without line breaks in its cells has, without the heading; 0 where there is no file."""
    try:
        return max(0, sum(1 for line in table.read_bytes().splitlines() if line.strip()) - 1)
    except OSError:
        return 0


def _read(read: Any, folder: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return dict(read(folder))
    except UserError as error:
        problems.append(str(error))
        return {}


def _setting(recipe: Mapping[str, Any], part: str, name: str) -> int:
    """A whole number of the recipe; 0 where it is not there."""
    fields = recipe.get(part)
    value = fields.get(name) if isinstance(fields, Mapping) else None
    return value if isinstance(value, int) else 0


def _kind(facts: Mapping[str, Any]) -> Kind:
    kinds: dict[str, Kind] = {"members": "ensemble", "origin": "judged", "tuning": "tuned"}
    return next((kind for field, kind in kinds.items() if field in facts), "trained")


def _made_by(kind: Kind, facts: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    if kind == "ensemble":
        return f"{facts.get('method', 'mean')} of {len(facts['members'])} runs"
    if kind == "judged":
        return f"other {facts['origin'].get('kind', 'predictions')}"
    return str(recipe.get("name") or facts.get("recipe") or "")


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_symlink() or path.is_file() else 0
        except OSError:  # a training replaces its files meanwhile
            continue
    return total


def _began(folder: Path) -> float:
    marks = [folder / name for name in (layout.RECIPE, layout.RUN, layout.PREDICTIONS)]
    return next((path.stat().st_mtime for path in marks if path.is_file()), folder.stat().st_mtime)


def _problems(state: RunState, facts: Mapping[str, Any], place: Path | None) -> list[str]:
    """What is wrong with a run; that something is not done yet is nothing wrong."""
    found = [f"fold {fold.name} was interrupted after epoch {fold.epochs} of {state.epochs or '?'}"
             for fold in state.folds if fold.interrupted]
    if state.kind in ("trained", "tuned") and not (state.folder / layout.RUN).is_file():
        found.append(f"{layout.RUN} is missing: its start was interrupted")
    if place is not None and not place.exists():
        found.append(f"its data set {place} is not there")
    found += _unreadable(state.folder) + _stale(state)
    found += _member_problems(state.folder, facts) if state.kind == "ensemble" else []
    if state.judged is not None:
        found += [f"alarm of the leakage review: {name}" for name in state.judged.alarms]
    return found


def _unreadable(folder: Path) -> list[str]:
    try:
        return [] if not (folder / layout.PREDICTIONS).is_file() or len(read_predictions(folder / layout.PREDICTIONS)) \
            else [f"{layout.PREDICTIONS} has no case"]
    except UserError as error:
        return [str(error)]


def _stale(state: RunState) -> list[str]:
    """Which of its results are older than what they were made from, by what the files hold: times change in a copy."""
    table = _predictions(state.folder)
    if table is None:
        return []
    late = [fold.name for fold in state.folds if fold.trained and fold.name not in set(table["fold"])]
    found = [f"fold {', '.join(late)} was trained after the run was predicted"] if late else []
    looks = own_looks(state.folder)
    if state.judged is not None and looks is not None:
        cases = out_of_fold(table)
        if len(cases) and scores_digest(cases) not in set(looks["predictions_sha256"]):
            found.append(PREDICTED_AGAIN)
    return found


def _predictions(folder: Path) -> pd.DataFrame | None:
    """The run's predictions; None where there are none, or none that can be read."""
    try:
        return read_predictions(folder / layout.PREDICTIONS)
    except UserError:
        return None


def _member_problems(folder: Path, facts: Mapping[str, Any]) -> list[str]:
    kept, found = facts.get("predictions"), []
    for name in map(str, facts["members"]):
        path = folder.parent / name / layout.PREDICTIONS
        if not path.is_file():
            found.append(f"its member {name} is not there, or not predicted")
        elif isinstance(kept, Mapping) and kept.get(name, "") != files.sha256(path):
            found.append(f"its member {name} was predicted again after they were joined")
    return found


def _step(state: RunState, facts: Mapping[str, Any]) -> str:
    """The command that comes next; "" where nothing is left to do."""
    run, late = as_run(state.folder), _stale(state)
    if state.in_training:
        return f"{command('runs')} --run {run} --watch"
    if (state.folder / layout.LOCATOR_CASES).is_file():
        unfinished = state.trained < state.fold_count or not (state.folder / layout.LOCATOR_QUALITY).is_file()
        return f"{command('train_locator')} --run {run} --fold all" if unfinished else ""
    if state.kind == "trained" and (state.trained < state.fold_count or not state.folds):
        return f"{command('train')} --run {run} --fold all"
    predicted = (state.folder / layout.PREDICTIONS).is_file()
    if state.kind == "tuned" and not predicted:
        return _tune_command(state.folder, facts)
    if state.kind == "trained" and (not predicted or set(late) - {PREDICTED_AGAIN}):
        return f"{command('predict')} --run {run}"
    if state.kind != "judged" and (state.judged is None or late):
        return f"{command('evaluate')} --run {run}"
    return ""


def _tune_command(folder: Path, facts: Mapping[str, Any]) -> str:
    """The words that resume a search; its space is kept in the run."""
    searches = facts["tuning"]
    words = ("--data", data_folder(folder, facts) or "DATA", "--recipe", folder / layout.RECIPE, "--trials",
             searches["trials"], "--inner-folds", searches["inner_folds"])
    return f"{command('tune', *words)}{'' if searches['prune'] else ' --no-prune'} --run {as_run(folder)}"


def training_lines(state: RunState) -> list[str]:
    """A line for each process that trains folds of the run."""
    return training_text(state.folder, {fold.name: fold.holder for fold in state.in_training
                                        if fold.holder is not None})
