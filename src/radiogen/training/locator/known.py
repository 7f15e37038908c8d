"""Which networks of a locator may predict a case: those that were not trained on it, under whatever name.

In: the cases that trained a locator, and a data set whose masks are wanted. Out: by case the folds whose network did
not see it. Cases are the same by their files, by the picture of a series, by id within one data set, or by what their
patients are called elsewhere; an id alone says nothing of another data set.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from radiogen.dataset.layout import PHANTOM_RECORD
from radiogen.dataset.patients import data_patients, other_names
from radiogen.dataset.thumbnails import DIGITS
from radiogen.runs.folds import HOLDOUT
from radiogen.task import ID, Task, read_task

_SAME_NAME = {"id": ("name", "elsewhere"), "name": ("id", "elsewhere"), "elsewhere": ("id", "name")}
"""By kind of a mark those others that may be the same name of a patient: a table's name is believed, too; that two
equal ids, or two that would be called the same elsewhere, are in two data sets is not."""


def case_marks(data: Path, cache: Path, index: pd.DataFrame) -> dict[str, frozenset[str]]:
    """By case of a data set what it is recognised by.

    cache, index: of the arrays that the locator reads; the notes there have the hashes of the series' files. A phantom
    is no part of the data set whose layout it has: only its folder's name says which one it is.
    """
    task, cases = read_task(data), index[ID].tolist()
    called = {Path(data).resolve().name.casefold()}
    if not (Path(data) / PHANTOM_RECORD).is_file():
        called |= {task.name.casefold()} - {""}
    names = other_names(data_patients(data), cases, replace(task, also_called=""))
    pictures = dict(zip(index[ID], index["perceptual_hash"], strict=True))
    return {case: image_marks(_contents(Path(cache) / f"{case}.json"), pictures[case]) | patient_marks(case, task) | {
        *(f"case:{name}/{case}" for name in called), *(f"name:{name}" for name in names[case])} for case in cases}


def patient_marks(name: str, task: Task) -> frozenset[str]:
    """The marks of one patient by an id: itself, and what the task says that it is called elsewhere."""
    elsewhere = task.also_called.replace("{case}", name)
    return frozenset({f"id:{name}"} | ({f"elsewhere:{elsewhere}"} if elsewhere else set()))


def image_marks(contents: Collection[str], perceptual_hash: str) -> frozenset[str]:
    """The marks of a case's images: hashes of its series' files, "" where unknown, and of the picture of one."""
    picture = {f"picture:{perceptual_hash[:DIGITS]}"} if perceptual_hash else set()
    return frozenset({f"series:{mark}" for mark in contents if mark} | picture)


def unseen_by(marks: Collection[str], trained: Mapping[str, Collection[str]], places: Mapping[str, str],
              folds: Sequence[str]) -> list[str]:
    """Those of `folds` whose network was not trained on the case with these marks; [] where each was.

    trained: by case of the locator its marks; places: by case its fold, whose network did not see it, or `holdout`.
    Pictures count where nothing else is known of the case.
    """
    sought = {mark for mark in marks if not mark.startswith(("id:", "elsewhere:"))}
    for kind, value in (mark.split(":", 1) for mark in marks):
        sought |= {f"{other}:{value}" for other in _SAME_NAME.get(kind, ())}
    pictures = {mark for mark in sought if mark.startswith("picture:")}
    known = [case for case, own in trained.items() if not (sought - pictures).isdisjoint(own)] or [
        case for case, own in trained.items() if not pictures.isdisjoint(own)]  # two patients may look alike, coarsely
    found = {places[case] for case in known} - {HOLDOUT}
    return [fold for fold in folds if found <= {fold}]


def _contents(note: Path) -> list[str]:
    """The hashes of a case's series as the cache notes them beside its array; [] where it is not there."""
    try:
        return [str(mark) for mark in json.loads(note.read_text(encoding="utf-8"))["contents"].values()]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []
