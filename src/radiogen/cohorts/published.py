"""What is known of published cohorts and common layouts: the names of their files, the columns of their tables.

In: `published.json`. Out: a `Cohort` each; one is recognised in a folder by the number of cases that its patterns find.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from radiogen.dataset.source import LABELS_TABLE, Source, as_patterns, find_cases
from radiogen.task import ANY_NAME, Task

DEPTH = 2
"""The images are looked for in the folder itself and in its subfolders, so many levels below it."""
MOST_FOLDERS = 200
"""A level with more subfolders than this is that of the cases, below which no layout begins."""


@dataclass(frozen=True)
class Cohort:
    """One layout. description: the fields of its `dataset.json`. columns: by what they hold (id, label, patient, site,
    age, sex, aliases) the names that its tables have. id_forms: a case's id as made of an id in a table. patient: a
    regular expression of ids whose first group is the patient. ids_are_patients: a table's ids may be patients', each
    with all of the patient's cases. site: of all its cases. remarks: for the reader.
    """

    key: str
    title: str
    description: Mapping[str, Any]
    columns: Mapping[str, tuple[str, ...]]
    id_forms: tuple[str, ...] = ()
    patient: str = ""
    ids_are_patients: bool = False
    site: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def id_pattern(self) -> str:
        """What a whole id matches."""
        return str(self.description.get("id_pattern", ANY_NAME))

    def patient_of(self, case: str) -> str:
        """The patient of a case, by its id."""
        match = re.fullmatch(self.patient, case) if self.patient else None
        return match[1] if match else case


@dataclass(frozen=True)
class Found:
    """A cohort in a folder. images: where its patterns begin; cases: their ids, sorted."""

    cohort: Cohort
    images: Path
    cases: list[str] = field(default_factory=list)


@cache
def published() -> tuple[Cohort, ...]:
    """All of `published.json`, in its order."""
    return tuple(Cohort(key, one["title"], one["description"],
                        {name: tuple(columns) for name, columns in one["columns"].items()},
                        tuple(one.get("id_forms", ())), one.get("patient", ""),
                        one.get("ids_are_patients", False), one.get("site", ""),
                        tuple(one.get("remarks", ()))) for key, one in _content()["cohorts"].items())


def usual_cells() -> list[list[str]]:
    """Pairs of cells that mean label 0 and label 1 in most tables."""
    return list(_content()["usual_cells"])


def recognise(folder: Path) -> list[Found]:
    """The cohorts whose patterns find cases in `folder` or below it, the one with most cases first."""
    found = []
    for images in _folders(Path(folder)):
        for cohort in published():
            cases = find_cases(_source(images, cohort), Task("any", id_pattern=cohort.id_pattern))
            if cases:
                found.append(Found(cohort, images, cases))
    return sorted(found, key=lambda one: -len(one.cases))


@cache
def _content() -> dict[str, Any]:
    text = resources.files("radiogen.cohorts").joinpath("published.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def _source(images: Path, cohort: Cohort) -> Source:
    patterns = {name: as_patterns(value) for name, value in cohort.description["files"].items()}
    return Source(images, images / LABELS_TABLE, patterns)


def _folders(folder: Path) -> Iterator[Path]:
    """The folder and those below it in which a layout may begin."""
    level = [folder]
    for _ in range(DEPTH + 1):
        yield from level
        level = [Path(entry.path) for parent in level for entry in _subfolders(parent)]


def _subfolders(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            found = sorted((each for each in entries if each.is_dir() and not each.name.startswith(".")),
                           key=lambda each: each.name)
    except OSError:
        return []
    return found if len(found) <= MOST_FOLDERS else []
