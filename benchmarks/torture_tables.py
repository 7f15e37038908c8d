"""Damaged CSVs: each is read as what it says, or refused in one line that names the file.

In: a seed, which draws the damaged rows. Out: an outcome a table and kind of damage. What a spreadsheet does to a file
(a byte order mark, CRLF, ids without their zeros) is mended where nothing can be mistaken, and must then give the very
table.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from torture_outcome import Outcome

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PART = "bad tables"
Lines = list[str]


def run(seed: int, many: float, folder: Path) -> list[Outcome]:
    """Every table with every damage, in `max(1, 5 * many)` drawn rows."""
    import numpy as np

    random = np.random.default_rng(seed)
    outcomes = []
    for name, (read, lines) in _tables().items():
        folder.mkdir(exist_ok=True)
        whole = read(_written(folder / f"{name}.csv", "\n".join(lines).encode()))
        for what, (damage, allowed) in DAMAGES.items():
            words = [_judged(read, folder / f"{name}.csv", damage(list(lines), random), whole, allowed)
                     for _ in range(max(1, round(5 * many)))]
            wrong = [one for one in words if one]
            outcomes.append(Outcome(PART, f"{name}: {what}", not wrong, "; ".join(dict.fromkeys(wrong))))
    return outcomes


def _judged(read: Callable, path: Path, content: bytes, whole: "pd.DataFrame", allowed: str) -> str:
    """"" where the table is read as the whole one (allowed mended), or refused in a line (allowed refused)."""
    from radiogen.errors import UserError

    _written(path, content)
    try:
        table = read(path)
    except UserError as error:
        if "\n" in str(error) or path.name not in str(error):
            return f"does not name the file in one line: {str(error)[:120]}"
        return "" if "refused" in allowed else f"refused: {str(error)[:120]}"
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the finding)
        return f"{type(error).__name__}: {str(error)[:120]}"
    if "mended" not in allowed:
        return "was read"
    same = list(table.columns) == list(whole.columns) and whole.sort_values("BraTS21ID").reset_index(drop=True).equals(
        table.sort_values("BraTS21ID").reset_index(drop=True))
    return "" if same else "was read as another table"


def _tables() -> dict[str, tuple[Callable, Lines]]:
    from radiogen.dataset.folds import read_folds
    from radiogen.dataset.labels import read_labels, read_sample_submission
    from radiogen.dataset.predictions import read_predictions

    cases = range(10, 30)
    return {
        "labels": (read_labels, ["BraTS21ID,MGMT_value", *(f"{case:05d},{case % 2}" for case in cases)]),
        "folds": (read_folds, ["BraTS21ID,MGMT_value,fold", *(f"{case:05d},{case % 2},{case % 5}" for case in cases)]),
        "predictions": (read_predictions, ["BraTS21ID,fold,MGMT_value,probability,predicted", *(
            f"{case:05d},{case % 5},{case % 2},0.{case},0" for case in cases)]),
        "sample": (read_sample_submission, ["BraTS21ID,MGMT_value", *(f"{case:05d},0.5" for case in cases)])}


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _row(change: Callable[[Lines], Lines]) -> Callable[[Lines, "np.random.Generator"], bytes]:
    """Damage of one drawn row's cells."""
    def damage(lines: Lines, random: "np.random.Generator") -> bytes:
        place = int(random.integers(1, len(lines)))
        lines[place] = ",".join(change(lines[place].split(",")))
        return "\n".join(lines).encode()
    return damage


def _doubled(lines: Lines, random: "np.random.Generator") -> bytes:
    return "\n".join([*lines, lines[int(random.integers(1, len(lines)))]]).encode()


def _without_a_column(lines: Lines, random: "np.random.Generator") -> bytes:
    place = int(random.integers(2))
    return "\n".join(",".join(cell for number, cell in enumerate(line.split(",")) if number != place)
                     for line in lines).encode()


DAMAGES: dict[str, tuple[Callable[[Lines, "np.random.Generator"], bytes], str]] = {
    "as it is": (lambda lines, _: "\n".join(lines).encode(), "mended"),
    "a byte order mark": (lambda lines, _: "\n".join(lines).encode("utf-8-sig"), "mended"),
    "CRLF": (lambda lines, _: "\r\n".join(lines).encode(), "mended"),
    "ids without zeros": (lambda lines, _: "\n".join(line.lstrip("0") for line in lines).encode(), "mended or refused"),
    "semicolons": (lambda lines, _: "\n".join(lines).replace(",", ";").encode(), "mended or refused"),
    "an empty file": (lambda *_: b"", "refused"),
    "no row": (lambda lines, _: lines[0].encode(), "refused"),
    "a doubled id": (_doubled, "refused"),
    "a column gone": (_without_a_column, "refused"),
    "an id of text": (_row(lambda cells: ["case", *cells[1:]]), "refused"),
    "an empty id": (_row(lambda cells: ["", *cells[1:]]), "refused"),
    "an id of ten digits": (_row(lambda cells: ["0000000012", *cells[1:]]), "refused"),
    "text as the number": (_row(lambda cells: [cells[0], *("what" for _ in cells[1:])]), "refused"),
    "an infinite number": (_row(lambda cells: [cells[0], *("inf" for _ in cells[1:])]), "refused"),
    "no text at all": (lambda lines, random: "\n".join(lines).encode() + random.bytes(200), "refused"),
    "a zip": (lambda _, random: b"PK\x03\x04" + random.bytes(300), "refused"),
}
