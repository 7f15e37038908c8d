"""What distinguishes a data set's images, at the cost of a listing: names, sizes, times and first bytes of files.

In: a data set's folder. Out: a fingerprint of each series, and of all of them one key that names the cache. Two data
sets of one name, or one that has changed, have different keys; labels are no part of it, for no array depends on them.
Masks have a key of their own: adding them leaves the arrays where they are that use none.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.dataset.layout import Split, case_ids, mask_path, sequences_present, series_path
from radiogen.dataset.source import MASK
from radiogen.task import Task, read_task

HEAD = 1 << 16
"""So many bytes of a series' first file: its UIDs, and in most files pixels."""
KEY = 12


@dataclass(frozen=True)
class Fingerprint:
    """`series`: hexadecimal, by (split, case, sequence), of a case's mask by (split, case, `MASK`).

    key: of all series, `KEY` hexadecimal digits. mask_key: of the masks and of what their numbers mean, too: the same
    where no case has one.
    """

    key: str
    series: Mapping[tuple[Split, str, str], str]
    mask_key: str = ""


def data_fingerprint(data: Path) -> Fingerprint:
    """The fingerprint of all series in the data set. Raises UserError where it is missing or holds what is no case."""
    task = read_task(data)
    cases = [(split, case) for split in get_args(Split) for case in case_ids(data, split)]
    series = {(split, case, name): series_fingerprint(series_path(data, split, case, name))
              for split, case in cases for name in sequences_present(data, split, case, task)}
    paths = {(split, case, MASK): mask_path(data, split, case) for split, case in cases}
    masks = {place: mask_fingerprint(path, task) for place, path in paths.items() if path is not None}
    key = _key(series)
    return Fingerprint(key, {**series, **masks}, _key({**series, **masks}) if masks else key)


def check_unchanged(data: Path, mark: Fingerprint) -> None:
    """Raise UserError where the data set is not what it was when this command began: no index is to speak of it."""
    try:
        now = data_fingerprint(data)
        same = (now.key, now.mask_key) == (mark.key, mark.mask_key)
    except UserError:  # it is not there any more
        same = False
    if not same:
        raise UserError(data, "was changed or moved while it was read",
                        f"run the same command again, with {parameter('data')} where it was moved; arrays that are "
                        "finished are kept")


def mask_fingerprint(path: Path, task: Task) -> str:
    """A hash of a mask's file, as of a series, and of what the task says that its numbers mean."""
    return with_mask_values(series_fingerprint(path), task)


def with_mask_values(mark: str, task: Task) -> str:
    """The mark of a mask's file, changed by what the task says that its numbers mean; as it is where that is nothing.

    Only which numbers are tumour counts, not what its parts are called.
    """
    numbers = sorted({number for part in task.mask_values.values() for number in part})
    return hashlib.sha256(f"{mark} {numbers}".encode()).hexdigest() if mark and numbers else mark


def series_fingerprint(path: Path) -> str:
    """A hash of the names, sizes and times of a series' files and of the first one's first bytes."""
    try:
        paths = list_files(path)
    except OSError:  # the reader says why
        paths = []
    mark = hashlib.sha256(repr([_listed(path) for path in paths]).encode())
    for first in paths[:1]:
        try:
            with first.open("rb") as file:
                mark.update(file.read(HEAD))
        except OSError:
            mark.update(b"cannot be read")
    return mark.hexdigest()


def contents_hash(path: Path) -> str:
    """SHA-256 of the SHA-256 of a series' files, in their order: `LC_ALL=C sha256sum * | cut -c-64 | sha256sum`.

    "" where one of them cannot be read.
    """
    try:
        marks = [files.sha256(each) for each in list_files(path) if each.is_file()]
    except OSError:
        return ""
    return hashlib.sha256("".join(f"{mark}\n" for mark in marks).encode()).hexdigest()


def list_files(path: Path) -> list[Path]:
    """What lies in a series' folder, sorted; or the one file that the series is. Raises OSError."""
    return [path] if path.is_file() else sorted(path.iterdir())


def _key(series: Mapping[tuple[Split, str, str], str]) -> str:
    text = "".join(f"{'/'.join(place)} {mark}\n" for place, mark in series.items())
    return hashlib.sha256(text.encode()).hexdigest()[:KEY]


def _listed(path: Path) -> tuple[str, int, int]:
    try:
        state = path.stat()
    except OSError:  # a link that leads nowhere
        return path.name, -1, -1
    return path.name, state.st_size, state.st_mtime_ns
