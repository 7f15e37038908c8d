"""Damaged CSVs: each is read as what it says, or refused in one line that names the file and the row.

In: a seed, which draws the damaged rows. Out: an outcome a table and kind of damage, and one for each script that was
given damaged tables. What a spreadsheet does to a file (a byte order mark, CRLF, empty columns) is corrected where it
is unambiguous, and must then give the very same table.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.robustness.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PART = "bad tables"
CASES = range(10, 30)
Lines = list[str]


class Damaged(NamedTuple):
    """A damaged table, and the row that has to be named where it is refused (from 1, the heading; 0: none)."""

    content: bytes
    row: int = 0


def run(seed: int, fraction: float, folder: Path) -> list[Outcome]:
    """Every table with every damage in five random rows, every script with three damaged tables, times `fraction`."""
    import numpy as np

    random, outcomes = np.random.default_rng(seed), []
    folder.mkdir(exist_ok=True)
    for name, (read, lines) in tables().items():
        path = folder / f"{name}.csv"
        path.write_text("\n".join(lines))
        whole = read(path)
        for what, (damage, allowed) in DAMAGES.items():
            allowed = ALLOWED.get((name, what), allowed)
            results = [_checked(read, path, damage(list(lines), random), whole, allowed)
                     for _ in range(max(1, round(5 * fraction)))]
            wrong = list(dict.fromkeys(filter(None, results)))
            outcomes.append(Outcome(PART, f"{name}: {what}", not wrong, "; ".join(wrong)))
    return outcomes + through_scripts(random, max(1, round(3 * fraction)), folder / "house")


def tables() -> dict[str, tuple[Callable, Lines]]:
    """By name, how a table is read, and its lines when it is whole."""
    from radiogen.dataset.geometry import COLUMNS, read_geometry
    from radiogen.dataset.labels import read_labels, read_sample_submission
    from radiogen.kaggle.submission import check_submission
    from radiogen.runs.folds import read_folds
    from radiogen.runs.predictions import read_predictions
    from radiogen.task import RSNA_MICCAI

    sample = ["BraTS21ID,MGMT_value", *(f"{case:05d},0.5" for case in CASES)]

    def submission(path: Path) -> "pd.DataFrame":
        whole = path.with_name("whole.csv")
        whole.write_text("\n".join(sample))
        check_submission(path, read_sample_submission(whole))
        return read_sample_submission(path)

    return {
        "labels": (read_labels, ["BraTS21ID,MGMT_value", *(f"{case:05d},{case % 2}" for case in CASES)]),
        "folds": (read_folds, ["BraTS21ID,MGMT_value,fold", *(f"{case:05d},{case % 2},{case % 5}" for case in CASES)]),
        "predictions": (read_predictions, ["BraTS21ID,fold,MGMT_value,probability,predicted", *(
            f"{case:05d},{case % 5},{case % 2},0.{case},0" for case in CASES)]),
        "sample": (read_sample_submission, sample),
        "submission": (submission, sample),
        "geometry": (read_geometry, [",".join(RSNA_MICCAI.column(name) for name in COLUMNS if name != "split"), *(
            f"{case:05d},FLAIR,axial,24,256,256,6.0,0.9,0.9" for case in CASES)])}


def through_scripts(random: "np.random.Generator", count: int, folder: Path) -> list[Outcome]:
    """Commands that meet a damaged table: exit code 2, and one line on standard error which names it."""
    from benchmarks.robustness.commands import run_command, script

    lines = {name: lines for name, (_, lines) in tables().items()}
    refused = [what for what, (_, allowed) in DAMAGES.items() if allowed == "refused"]
    outcomes = []
    for name, place, arguments in (
            ("labels", "input/set/train_labels.csv", ("train", "--data", "input/set", "--run", "new")),
            ("sample", "input/set/sample_submission.csv", ("submit", "one")),
            ("folds", "models/one/folds.csv", ("submit", "one")),
            ("predictions", "models/one/predictions.csv", ("evaluate", "one")),
            ("predictions", "models/one/predictions.csv", ("ensemble", "one", "two", "--name", "both")),
            ("geometry", "geometry.csv", ("confounds", "--data", "input/set", "--geometry", "geometry.csv"))):
        wrong = []
        for _ in range(count):
            path = _house(folder, lines) / place
            what = refused[int(random.integers(len(refused)))]
            path.write_bytes(DAMAGES[what][0](list(lines[name]), random).content)
            end = run_command(script(*arguments), folder)
            errors = [line for line in end.output.splitlines() if line.startswith("error: ")]
            if end.code != 2 or len(errors) != 1 or path.name not in errors[0] or "Traceback" in end.output:
                wrong.append(f"{what}: exit code {end.code}, {end.output[-150:]!r}")
        outcomes.append(Outcome(PART, f"scripts/{arguments[0]}.py with a damaged {Path(place).name}", not wrong,
                                "; ".join(wrong)))
    return outcomes


def _house(folder: Path, lines: dict[str, Lines]) -> Path:
    """A folder as a clone's root: a data set without images, two predicted runs, a table of geometry."""
    case_folders = [folder / "input" / "set" / "train" / line[:5] for line in lines["labels"][1:]]
    for place in (*case_folders, folder / "models" / "one", folder / "models" / "two"):
        place.mkdir(parents=True, exist_ok=True)
    for name, place in (("labels", "input/set/train_labels.csv"), ("sample", "input/set/sample_submission.csv"),
                        ("geometry", "geometry.csv"), ("folds", "models/one/folds.csv"),
                        ("predictions", "models/one/predictions.csv"), ("predictions", "models/two/predictions.csv")):
        (folder / place).write_text("\n".join(lines[name]) + "\n")
    for run_name in ("one", "two"):
        (folder / "models" / run_name / "run.json").write_text(json.dumps({"recipe": "x", "data": "input/set"}))
    return folder


def _checked(read: Callable, path: Path, damaged: Damaged, whole: "pd.DataFrame", allowed: str) -> str:
    """"" where the table is read as the whole one (allowed corrected), or refused in a line (allowed refused)."""
    from radiogen.core.errors import UserError

    path.write_bytes(damaged.content)
    try:
        table = read(path)
    except UserError as error:
        message = str(error)
        if "\n" in message or path.name not in message or len(message) > 600:
            return f"does not name the file in one line: {message[:120]}"
        if damaged.row and not re.search(rf"\brows? ([\d, ]*, )?{damaged.row}\b", message):
            return f"does not name row {damaged.row}: {message[-120:]}"
        return "" if "refused" in allowed else f"refused: {message[:120]}"
    except Exception as error:  # noqa: BLE001  (whatever it is, it is the finding)
        return f"{type(error).__name__}: {str(error)[:120]}"
    if "corrected" not in allowed:
        return "" if allowed == "empty" and table.empty else "was read"
    same = list(table.columns) == list(whole.columns) and whole.sort_values(whole.columns[0], ignore_index=True).equals(
        table.sort_values(whole.columns[0], ignore_index=True))
    return "" if same else "was read as another table"


def _joined(lines: Lines, encoding: str = "utf-8", end: str = "\n") -> bytes:
    return end.join(lines).encode(encoding)


def _cells(change: Callable[[Lines], Lines]) -> Callable[[Lines, "np.random.Generator"], Damaged]:
    """Damage of the cells of one random row."""
    def damage(lines: Lines, random: "np.random.Generator") -> Damaged:
        place = int(random.integers(1, len(lines)))
        lines[place] = ",".join(change(lines[place].split(",")))
        return Damaged(_joined(lines), place + 1)
    return damage


def _numbers_as(text: str) -> Callable[[Lines, "np.random.Generator"], Damaged]:
    return _cells(lambda cells: [cells[0], *(text for _ in cells[1:])])


def _whole(change: Callable[[Lines], bytes]) -> Callable[[Lines, "np.random.Generator"], Damaged]:
    return lambda lines, _: Damaged(change(lines))


def _doubled(lines: Lines, random: "np.random.Generator") -> Damaged:
    return Damaged(_joined([*lines, lines[int(random.integers(1, len(lines)))]]), len(lines) + 1)


def _without_a_column(lines: Lines, random: "np.random.Generator") -> Damaged:
    place = int(random.integers(2))
    return Damaged(_joined([",".join(cell for number, cell in enumerate(line.split(",")) if number != place)
                            for line in lines]), 1)


def _column_twice(lines: Lines, random: "np.random.Generator") -> Damaged:
    place, space = int(random.integers(2)), " " * int(random.integers(2))
    return Damaged(_joined([f"{line},{line.split(',')[place]}{space}" for line in lines]), 1)


def _empty_row(lines: Lines, random: "np.random.Generator") -> Damaged:
    place = int(random.integers(1, len(lines)))
    return Damaged(_joined([*lines[:place], "", *lines[place:]]), place + 1)


def _cut_off(lines: Lines, random: "np.random.Generator") -> Damaged:
    row = lines[-1]
    lines[-1] = row[:int(random.integers(1, row.rindex(",")))]
    return Damaged(_joined(lines), len(lines))


def _noise_behind(lines: Lines, random: "np.random.Generator") -> Damaged:
    return Damaged(_joined(lines) + random.bytes(200))


ALLOWED = {("submission", "empty columns at the end"): "refused", ("submission", "spaces around cells"): "refused",
           ("geometry", "no row"): "empty"}
"""Exceptions: Kaggle wants an exact heading; a geometry without series is valid."""

DAMAGES: dict[str, tuple[Callable[[Lines, "np.random.Generator"], Damaged], str]] = {
    "as it is": (_whole(_joined), "corrected"),
    "a byte order mark": (_whole(lambda lines: _joined(lines, "utf-8-sig")), "corrected"),
    "CRLF": (_whole(lambda lines: _joined(lines, end="\r\n")), "corrected"),
    "CR": (_whole(lambda lines: _joined(lines, end="\r")), "corrected"),
    "empty lines at the end": (_whole(lambda lines: _joined([*lines, "", ""])), "corrected"),
    "empty columns at the end": (_whole(lambda lines: _joined([f"{line},," for line in lines])), "corrected"),
    "spaces around cells": (_whole(lambda lines: _joined([line.replace(",", " , ") for line in lines])), "corrected"),
    "quoted cells": (_whole(lambda lines: _joined([f'"{line}"'.replace(",", '","') for line in lines])), "corrected"),
    "ids without zeros": (_whole(lambda lines: _joined([line.lstrip("0") for line in lines])), "refused"),
    "semicolons": (_whole(lambda lines: _joined(lines).replace(b",", b";")), "refused"),
    "tabs": (_whole(lambda lines: _joined(lines).replace(b",", b"\t")), "refused"),
    "UTF-16": (_whole(lambda lines: _joined(lines, "utf-16")), "refused"),
    "an empty file": (_whole(lambda _: b""), "refused"),
    "no row": (_whole(lambda lines: lines[0].encode()), "refused"),
    "no heading": (_whole(lambda lines: _joined(lines[1:])), "refused"),
    "a doubled id": (_doubled, "refused"),
    "a column gone": (_without_a_column, "refused"),
    "a column twice": (_column_twice, "refused"),
    "an empty row": (_empty_row, "refused"),
    "cut off in its last row": (_cut_off, "refused"),
    "a row with a cell more": (_cells(lambda cells: [*cells, "1"]), "refused"),
    "a row with a cell less": (_cells(lambda cells: cells[:-1]), "refused"),
    "an id of text": (_cells(lambda cells: ["case", *cells[1:]]), "refused"),
    "an id of other digits": (_cells(lambda cells: ["٠٠٠١٢", *cells[1:]]), "refused"),
    "an empty id": (_cells(lambda cells: ["", *cells[1:]]), "refused"),
    "an id of ten digits": (_cells(lambda cells: ["0000000012", *cells[1:]]), "refused"),
    "an id of a hundred thousand digits": (_cells(lambda cells: ["1" * 100_000, *cells[1:]]), "refused"),
    "an id as a float": (_cells(lambda cells: [f"{cells[0]}.0", *cells[1:]]), "refused"),
    "text as the number": (_numbers_as("what"), "refused"),
    "NaN as the number": (_numbers_as("nan"), "refused"),
    "an infinite number": (_numbers_as("inf"), "refused"),
    "a number below nothing": (_numbers_as("-1"), "refused"),
    "a number too large for a float": (_numbers_as("1e999"), "refused"),
    "a decimal comma": (_numbers_as("0,5"), "refused"),
    "a zero byte in an id": (_cells(lambda cells: [f"{cells[0][:3]}\0{cells[0][3:]}", *cells[1:]]), "refused"),
    "a quote that does not end": (_cells(lambda cells: [f'"{cells[0]}', *cells[1:]]), "refused"),
    "no text at all": (_noise_behind, "refused"),
    "a zip": (lambda _, random: Damaged(b"PK\x03\x04" + random.bytes(300)), "refused"),
}
