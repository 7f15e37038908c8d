"""The record of looks at external cohorts, `models/external_looks.csv`: a dated row for each, never one taken back.

In: a `Look`. Out: one more row. A cohort at which one has looked often is a validation set, whichever run looked: so
the record is one for all runs, and outlives a run that is deleted. Each row has the SHA-256 of all that stood before
it, so that a row that was changed or taken out is noticed.
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.locks import hold
from radiogen.runs import layout

Outcome = Literal["judged", "refused"]
PREVIOUS = "previous_sha256"


@dataclass(frozen=True)
class Look:
    """One look: date (UTC), run and cohort by name, data set by place and fingerprint, how many cases and positive
    ones, hashes of ids with labels, of recipe.json and of the networks, and the AUC that was seen.

    outcome: refused where the cohorts overlap: nothing was predicted then, the AUC is "".
    """

    date: str
    run: str
    cohort: str
    data: str
    fingerprint: str
    cases: int
    positive: int
    labels_sha256: str
    recipe_sha256: str
    networks_sha256: str
    outcome: Outcome = "refused"
    auc: str = ""


COLUMNS = [one.name for one in fields(Look)]


def append_look(models: Path, look: Look) -> Path:
    """Add a look to the record beside the runs; what stands there is kept to the byte. Concurrent looks wait."""
    path = Path(models) / layout.LOOKS
    with files.writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock")
        with hold(lock, lambda holder: f"{path} is in use by another process: waiting ({holder.text()})"):
            before = path.read_bytes() if path.is_file() else _line([*COLUMNS, PREVIOUS])
            if not before.endswith(b"\n"):
                before += b"\n"
            cells = [" ".join(str(cell).split()) for cell in asdict(look).values()]
            return files.write_bytes(path, before + _line([*cells, hashlib.sha256(before).hexdigest()]))


def read_looks(models: Path) -> pd.DataFrame:
    """The looks in their order: the fields of `Look`, and `intact`: whether all before the row is as it was written.

    `cases` and `positive` are whole, `auc` is float, NaN where a look was refused. Raises UserError for a damaged file.
    """
    path = Path(models) / layout.LOOKS
    if not path.is_file():
        return _table([])
    try:
        return _table(list(_rows(path.read_bytes())))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(path, f"cannot be read ({error})", "restore it: it records what was looked at") from error


def _table(rows: list[list[str | bool]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=[*COLUMNS, "intact"])
    return table.assign(auc=pd.to_numeric(table["auc"].replace("", None)).astype(float)).astype(
        {"cases": int, "positive": int, "intact": bool})


def _rows(content: bytes) -> Iterator[list[str | bool]]:
    before = hashlib.sha256()
    for number, line in enumerate(content.splitlines(keepends=True)):
        cells = next(csv.reader([line.decode()]), [])
        if number == 0 and cells != [*COLUMNS, PREVIOUS]:
            raise ValueError("its heading is another one")
        if len(cells) != len(COLUMNS) + 1:
            raise ValueError(f"row {number + 1} has {len(cells)} cells")
        if number:
            yield [*cells[:-1], cells[-1] == before.hexdigest()]
        before.update(line)


def _line(cells: list[str]) -> bytes:
    held = io.StringIO()
    csv.writer(held, lineterminator="\n").writerow(cells)
    return held.getvalue().encode(errors="backslashreplace")
