"""External cohorts of a run, `models/<run>/external/<cohort>/`: what inference writes there and evaluation reads.

In and out: `predictions.csv` (the run's schema, `fold` is the cohort's name), `unlabelled.csv` (the same of cases
without a label, where there are any), `geometry.csv`, `intensities.csv` (a row
a series, `INTENSITIES`), `patients.csv` where the data set has one, `dataset.json` of the cohort's own task, and
`cohort.json`, the `CohortFacts`, which is written last. `models/<run>/intensities.csv` is of the run's own data set.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, parameter
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.patients import read_patients
from radiogen.runs import layout
from radiogen.runs.fold_weights import Networks, check_run
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.runs.ledger.looks import TUNING
from radiogen.runs.predictions import read_predictions
from radiogen.runs.records import with_members
from radiogen.task import ID, LABEL, Task, read_task

INTENSITY_FIELDS = ("lowest", "median", "p99", "highest", "mean", "deviation", "at_lowest", "noise")
INTENSITIES = (ID, "split", "sequence", "perceptual_hash", *INTENSITY_FIELDS)


@dataclass(frozen=True)
class CaseMarks:
    """By what a patient of a data set is recognised in another one, whatever he or she is called there.

    cases: `ID, sha256, perceptual_hash`, text, of the arrays by one recipe. names: `ID, name, source`, what the patient
    is called: `id`, the case's own; `table`, a name or alias in `patients.csv`; `task`, what the case is called
    elsewhere by its data set's form of ids. contents: `ID, sha256`, a row a series, of the
    series' files. series: `ID, sequence, perceptual_hash`, of the volumes along the patient's axes. patients: whether a
    `patients.csv` says who is who; files: whether the contents of every case are known. seen: of a run `saw.csv`, the
    cases of its initial weights: empty where it has none of others, None where nobody wrote down what they saw. called:
    of the other cohort the names by which such a table may call it.
    """

    cases: pd.DataFrame
    names: pd.DataFrame
    contents: pd.DataFrame
    series: pd.DataFrame
    patients: bool
    files: bool
    seen: pd.DataFrame | None = field(default_factory=lambda: pd.DataFrame(columns=[ID]))
    called: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CohortFacts:
    """What `cohort.json` holds.

    date: of the predictions, UTC; data: the data set's folder; fingerprint: of its series; labels_sha256: of the cases'
    ids and labels (`labels_digest`); networks_sha256: `run_networks` of the run that predicted; recipe_sha256: of
    recipe.json, of an ensemble of run.json; networks: how many; leave_out: cases, by the user; without_label: cases
    that have images alone, which are predicted and not judged.
    overlap: what was compared with the run's cases: `checked` and `unchecked` (ways), `same_ids` (ids that are in both
    cohorts), `limit` (bits). ceiling: of a phantom, the best AUC that is possible, else None.
    predicted_by: the library that computed the probabilities, and why this one; "" where an older version wrote it.
    """

    date: str
    data: str
    fingerprint: str
    labels_sha256: str
    networks_sha256: str
    recipe_sha256: str
    networks: int
    leave_out: tuple[str, ...]
    without_label: tuple[str, ...]
    overlap: Mapping[str, Any]
    ceiling: float | None = None
    predicted_by: str = ""


@dataclass(frozen=True)
class ExternalCohort:
    """A cohort that a run has predicted, as it lies on the disk; geometry, intensities and patients as far as known."""

    name: str
    folder: Path
    facts: CohortFacts
    task: Task
    predictions: pd.DataFrame
    geometry: pd.DataFrame
    patients: pd.DataFrame | None
    intensities: pd.DataFrame | None


def checked_cohort(name: str) -> str:
    """`name`, which becomes a folder's and stands in the column `fold`. Raises UserError where it cannot."""
    name = files.checked_name(parameter("cohort"), name)
    if name in (HOLDOUT, TEST, TUNING, "out-of-fold") or name.isdigit():
        raise UserError(parameter("cohort", name), "is what a fold is called, whose name stands in the same column",
                        "give another name")
    return name


def networks_digest(networks: Mapping[str, str]) -> str:
    """One SHA-256 for the networks of all folds; networks: the SHA-256 of each by fold."""
    return hashlib.sha256("".join(f"{fold} {mark}\n" for fold, mark in sorted(networks.items())).encode()).hexdigest()


def run_networks(folder: Path, known: Networks | None = None) -> str:
    """`networks_digest` of the run in `folder`; of an ensemble that of all members' networks and of how it joins them.

    known: as in `fold_weights.check_run`, which raises UserError where a network is not its fold's.
    """
    first, *members = with_members(folder)
    if not members:
        return networks_digest(check_run(first, known))
    marks = {f"{place.name} {fold}": mark for place in members for fold, mark in check_run(place, known).items()}
    return networks_digest({**marks, layout.RUN: files.sha256(first / layout.RUN)})


def labels_digest(cases: pd.DataFrame) -> str:
    """The SHA-256 of the cases' ids and labels, whatever their order; cases: `ID, LABEL`."""
    rows = sorted(f"{case},{int(label)}\n" for case, label in zip(cases[ID], cases[LABEL], strict=True))
    return hashlib.sha256("".join(rows).encode()).hexdigest()


def write_cohort_facts(folder: Path, facts: CohortFacts) -> Path:
    """Write `cohort.json`."""
    return files.write_json(Path(folder) / layout.COHORT, asdict(facts))


def external_cohorts(run: Path) -> dict[str, CohortFacts]:
    """By name the external cohorts that the run in `run`, models/<run>, has predicted, the earliest first."""
    found = {path.parent.name: _read_facts(path) for path in (Path(run) / layout.EXTERNAL).glob(f"*/{layout.COHORT}")}
    return dict(sorted(found.items(), key=lambda pair: (pair[1].date, pair[0])))


def read_cohort(run: Path, name: str) -> ExternalCohort:
    """A cohort of the run in `run`, models/<run>. Raises UserError where a table is missing or damaged."""
    folder = layout.cohort_folder(run, name)
    facts = _read_facts(folder / layout.COHORT)
    return ExternalCohort(name, folder, facts, read_task(folder), read_predictions(folder / layout.PREDICTIONS, name),
                          read_geometry(folder / layout.GEOMETRY), read_patients(folder), read_intensities(folder))


def write_intensities(folder: Path, table: pd.DataFrame) -> Path:
    """Write `intensities.csv` into a run's or a cohort's folder."""
    return files.write_csv(Path(folder) / layout.INTENSITIES, read_task(folder).to_file(table[list(INTENSITIES)]))


def read_intensities(folder: Path) -> pd.DataFrame | None:
    """`intensities.csv` of a folder: `INTENSITIES`, `INTENSITY_FIELDS` as float; None where it is missing."""
    path, task = Path(folder) / layout.INTENSITIES, read_task(folder)
    if not path.is_file():
        return None
    try:
        text = dict.fromkeys((task.id_column, "split", "sequence", "perceptual_hash"), str)
        return task.from_file(pd.read_csv(path, dtype=text, keep_default_na=False, na_values={
            name: [""] for name in INTENSITY_FIELDS}))[list(INTENSITIES)].astype(dict.fromkeys(INTENSITY_FIELDS, float))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(path, f"cannot be read ({error})", "delete it and run the same command again") from error


_JSON: dict[str, Any] = {
    **dict.fromkeys(("date", "data", "fingerprint", "labels_sha256", "networks_sha256", "recipe_sha256",
                     "predicted_by"), str),
    "networks": int, "leave_out": list, "without_label": list, "overlap": dict, "ceiling": (int, float, type(None))}
"""The fields of `CohortFacts` as JSON has them."""


def _read_facts(path: Path) -> CohortFacts:
    content = files.read_json(path)
    if isinstance(content, dict):
        content = {"predicted_by": "", **content}
    if not isinstance(content, dict) or set(content) != set(_JSON) or not all(
            isinstance(content[name], kind) for name, kind in _JSON.items()):
        run = path.parent.parent.parent
        raise UserError(path, "is damaged, or of another version of radiogen",
                        f"delete its folder and validate again: {command('validate')} {as_run(run)}")
    kept: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
    return CohortFacts(**kept)
