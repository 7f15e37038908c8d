"""The record of looks at scored cases, `models/ledger.jsonl`: a dated entry for each, never one taken back.

In: a `Look`, and the predictions that were scored. Out: one more entry, and a row in the run's own `looks.csv`, by
which an entry that was taken out is noticed. Cases at which one has looked often are a validation set, whichever run
looked: so the record is one for all runs of a models folder, and outlives a run that is deleted.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.runs import layout
from radiogen.runs.ledger.chain import Entry, append_entry, read_entries
from radiogen.runs.tables import read_as_text
from radiogen.task import ID, LABEL

TUNING = "tuning"
"""The cohort of a trial: cases in inner folds, of a search that chooses a recipe."""
Outcome = Literal["judged", "refused"]
KEPT = (ID, "fold", LABEL, "probability")
_OWN_COLUMNS = ("date", "cohort", "predictions_sha256", "entry_sha256")


@dataclass(frozen=True)
class Look:
    """One look at cases whose labels are known.

    date: UTC. cohort: `out-of-fold`, `holdout`, `TUNING`, or the name of an external cohort. data, fingerprint: the
    data set by place and by its series' files, "" where that is not known. cases, positive: how many. The hashes are of
    the ids with labels, of recipe.json, of the networks, of the ids, labels and probabilities, and of the weights of
    others that the networks began with. members: of an ensemble. auc: that was seen, "" where the look was refused
    because the cohorts overlap: nothing was predicted then.
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
    recipe: str = ""
    predictions_sha256: str = ""
    first_weights_sha256: str = ""
    members: tuple[str, ...] = ()


COLUMNS = [one.name for one in fields(Look)]


def append_look(models: Path, look: Look, kept: pd.DataFrame | None = None) -> Path:
    """Add a look to the ledger beside the runs; what stands there is kept to the byte. Concurrent looks wait.

    kept: the labelled cases' `KEPT`, which go into the entry where no earlier one has the same predictions.
    Raises UserError where the models folder is not writable or the ledger is damaged.
    """
    path = Path(models) / layout.LEDGER
    record = {name: " ".join(value.split()) if isinstance(value, str) else value
              for name, value in asdict(look).items()}
    if kept is not None and not _is_kept(path, look):
        record["kept"] = {name: kept[name].tolist() for name in KEPT}
    return append_entry(path, record, lambda mark: _note(Path(models) / look.run, look, mark))


def read_looks(models: Path) -> pd.DataFrame:
    """The looks in their order: the fields of `Look`, `entry_sha256`, `intact`: whether all before the entry is as it
    was written, and `kept`: the predictions (`KEPT`), None where an earlier entry of the same `predictions_sha256` has
    them or nobody kept them.

    `cases` and `positive` are whole, `auc` is float, NaN where a look was refused. Looks at external cohorts that an
    earlier version recorded in `external_looks.csv` come first. Raises UserError for a damaged file.
    """
    path, old = Path(models) / layout.LEDGER, Path(models) / layout.OLD_LOOKS
    entries = read_entries(path)
    try:
        rows = [*(_old_rows(old.read_bytes()) if old.is_file() else ()), *map(_row, entries)]
        table = pd.DataFrame(rows, columns=[*COLUMNS, "entry_sha256", "intact", "kept"])
        return table.assign(auc=pd.to_numeric(table["auc"].replace("", None)).astype(float)).astype(
            {"cases": int, "positive": int, "intact": bool})
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise UserError(path if path.is_file() else old, f"cannot be read ({error})",
                        "restore it: it records what was looked at") from error


def own_looks(run: Path) -> pd.DataFrame | None:
    """`date, cohort, predictions_sha256, entry_sha256`, text, of the looks by the run in `run`, as it keeps them itself
    (`looks.csv`); None where it keeps none."""
    return read_as_text(Path(run) / layout.OWN_LOOKS, _OWN_COLUMNS)


def _is_kept(path: Path, look: Look) -> bool:
    """Whether an entry has these predictions, of whichever run."""
    if not path.is_file():
        return False
    known = f'"predictions_sha256":"{look.predictions_sha256}"'.encode()
    with path.open("rb") as file:
        return any(known in line for line in file)


def _note(run: Path, look: Look, mark: str) -> None:
    """Add a row to the run's own `looks.csv`; nothing where the run has no folder."""
    if not run.is_dir():
        return
    past = own_looks(run)
    row = pd.DataFrame([[look.date, look.cohort, look.predictions_sha256, mark]], columns=list(_OWN_COLUMNS))
    files.write_csv(run / layout.OWN_LOOKS, row if past is None else pd.concat([past, row], ignore_index=True))


def _row(entry: Entry) -> list[Any]:
    record: Mapping[str, Any] = entry.record
    kept = record.get("kept")
    return [*(tuple(record[name]) if name == "members" else record[name] for name in COLUMNS), entry.sha256,
            entry.intact, None if kept is None else pd.DataFrame({name: kept[name] for name in KEPT})]


def _old_rows(content: bytes) -> Iterator[Sequence[Any]]:
    """The rows of `external_looks.csv`, each of which ends with the SHA-256 of all before it."""
    needed, before = COLUMNS[:COLUMNS.index("recipe")], hashlib.sha256()
    for number, line in enumerate(content.splitlines(keepends=True)):
        cells = next(csv.reader([line.decode()]), [])
        if len(cells) != len(needed) + 1 or (number == 0 and cells[:-1] != needed):
            raise ValueError(f"row {number + 1} is not as it was written")
        if number:
            yield [*cells[:-1], "", "", "", (), "", cells[-1] == before.hexdigest(), None]
        before.update(line)
