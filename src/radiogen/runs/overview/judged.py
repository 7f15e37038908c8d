"""What `assessment.json` files say of runs: AUC with its interval, verdict, alarms.

In: a models folder. Out: a `Judged` by run. The file lies in the last of the runs that were judged together and speaks
of all of them; of several, the newest counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.runs import layout

VERSION = 2
"""The version of assessment.json whose keys are read here (evaluation/report/assessment_json.py)."""


@dataclass(frozen=True)
class Judged:
    """What was said of a run.

    path: the assessment.json that says it; written: when, seconds since 1970. auc, low, high: of the set that the run
    is judged by, with the 95 % interval; None where there is none. outcome: `better`, `unclear`, `worse` or
    `not established`. alarms: of the leakage review.
    """

    path: Path
    written: float
    auc: float | None
    low: float | None
    high: float | None
    outcome: str
    alarms: tuple[str, ...]


def read_judged(models: Path) -> tuple[dict[str, Judged], dict[str, str]]:
    """By run what was said of it last, and by the folder that holds it why an assessment.json cannot be read."""
    found: dict[str, Judged] = {}
    unreadable: dict[str, str] = {}
    paths = [path for path in Path(models).glob(f"*/{layout.ASSESSMENT}") if not path.parent.name.startswith(".")]
    for path in sorted(paths, key=lambda one: one.stat().st_mtime):
        try:
            found |= _judged_in(path)
        except UserError as error:
            unreadable[path.parent.name] = str(error)
    return found, unreadable


def _judged_in(path: Path) -> dict[str, Judged]:
    """What one file says, by run. Raises UserError where it is damaged or of another version."""
    try:
        content, written = files.read_json(path), path.stat().st_mtime
        if content["version"] != VERSION:
            raise ValueError(f"it has version {content['version']}")
        return {str(one["name"]): _judged(path, written, one) for one in content["runs"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(path, f"is damaged or of another version of radiogen ({error})",
                        "judge its runs again") from error


def _judged(path: Path, written: float, said: Mapping[str, Any]) -> Judged:
    verdict = said["verdict"]
    estimate = said["sets"][verdict["set"]]["auc"]
    return Judged(path, written, estimate["value"], estimate["low"], estimate["high"],
                  str(verdict["outcome"]).replace("_", " "), tuple(map(str, verdict["alarms"])))
