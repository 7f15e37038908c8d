"""Runs as a table of text, what is wrong with them as lines, and the fields in which two differ.

In: `RunState`s. Out: headings and rows, lines. Numbers of a judgement are those of assessment.json.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import age, size
from radiogen.runs import layout
from radiogen.runs.overview.judged import Judged
from radiogen.runs.overview.state import RunState, training_lines
from radiogen.runs.records import read_facts, read_recipe

HEADINGS = ("run", "recipe", "data set", "folds", "epochs", "AUC (95 % interval)", "verdict", "size", "age", "wrong")
RIGHT, FOLDED = (3, 4, 7, 8), (1, 2)
UNCOMPARED = ("description", "cache", "moved_from")
"""Fields that say nothing of what was made: places on this machine, and text."""


def table_rows(states: Sequence[RunState], now: float | None = None) -> list[list[str]]:
    """A row of `HEADINGS` a run; now: seconds since 1970, by default the present."""
    now = time.time() if now is None else now
    return [[state.name, state.recipe or "-", state.data or "-", folds_text(state), epochs_text(state),
             auc_text(state.judged), state.judged.outcome if state.judged else "-", size(state.size),
             age(max(0.0, now - state.began)), str(len(state.problems) or "-")] for state in states]


def problem_lines(states: Sequence[RunState]) -> list[str]:
    """A line for each thing that is wrong, and one for each process that trains."""
    return [line for state in states for line in
            [*(f"{state.name}: {problem}" for problem in state.problems), *training_lines(state)]]


def folds_text(state: RunState) -> str:
    """`4/5`: folds trained of how many; `-` of a run without networks of its own."""
    return f"{state.trained}/{state.fold_count}" if state.kind == "trained" else "-"


def epochs_text(state: RunState) -> str:
    """`24`, `3 to 24` where folds differ, with how many there are to be where some are missing: `3/24`."""
    done = [fold.epochs for fold in state.folds]
    if not done:
        return f"0/{state.epochs}" if state.epochs else "-"
    span = str(max(done)) if min(done) == max(done) else f"{min(done)} to {max(done)}"
    return span if not state.epochs or all(fold.trained for fold in state.folds) else f"{span}/{state.epochs}"


def auc_text(judged: Judged | None) -> str:
    """`0.609 (0.405 to 0.780)`."""
    if judged is None or judged.auc is None:
        return "-"
    ends = "" if judged.low is None or judged.high is None else f" ({judged.low:.3f} to {judged.high:.3f})"
    return f"{judged.auc:.3f}{ends}"


def differences(one: RunState, other: RunState) -> list[list[str]]:
    """The fields in which two runs differ: its name, and both values; where one has no such field, `-`.

    Fields of the recipe, of run.json and of the environment, the tables of folds, and what was said of them.
    """
    first, second = _fields(one), _fields(other)
    return [[name, first.get(name, "-"), second.get(name, "-")] for name in dict.fromkeys([*first, *second])
            if first.get(name, "-") != second.get(name, "-")]


def _fields(state: RunState) -> dict[str, str]:
    folder, path = state.folder, state.folder / layout.ENVIRONMENT
    environment = files.read_json(path) if path.is_file() else {}
    if not isinstance(environment, dict):
        raise UserError(path, "is no table of names, so it is damaged", "restore it, or train a new run")
    found = {**_flat(read_recipe(folder)), **_flat(read_facts(folder), "run."), **_flat(environment, "environment.")}
    folds = folder / layout.FOLDS
    return {**found, "folds by case": files.sha256(folds)[:12] if folds.is_file() else "-",
            "folds trained": folds_text(state), "epochs done": epochs_text(state), "AUC": auc_text(state.judged),
            "verdict": state.judged.outcome if state.judged else "-"}


def _flat(fields: Mapping[str, Any], start: str = "") -> dict[str, str]:
    """Nested fields by their paths, as text."""
    return dict(_walk(fields, start))


def _walk(fields: Mapping[str, Any], start: str) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name in UNCOMPARED:
            continue
        if isinstance(value, Mapping):
            yield from _walk(value, f"{start}{name}.")
        else:
            yield f"{start}{name}", " ".join(map(str, value)) if isinstance(value, list) else str(value)
