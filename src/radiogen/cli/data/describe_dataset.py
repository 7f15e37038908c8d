"""Describe a folder of images as a data set: recognise its layout, labels and patients, and write a draft."""

import shlex
from pathlib import Path

import tyro

from radiogen.cli.given import require
from radiogen.core.wording import command


def main(folder: tyro.conf.Positional[Path], /, tables: tuple[Path, ...] = (), label_column: str | None = None,
         only: tuple[str, ...] = (), output: Path | None = None) -> None:
    """Describe a folder of images as a data set: recognise its layout, labels and patients, and write a draft.

    Example: describe-dataset FOLDER --tables labels.csv

    Args:
        folder: Folder with the images; it is only read.
        tables: CSV or TSV files that came with them: labels, clinical data, a crosswalk of ids.
        label_column: Column with the labels (default: the one that the cohort is known to have).
        only: COLUMN=VALUE of one of the tables, such as "WHO CNS Grade=4": other cases get no label; several values of
            one column are alternatives, and nothing after the sign is an empty cell.
        output: Folder of the data set to write (default: input/<name of the cohort>).
    """
    require(tables=tables)
    from radiogen.cohorts.describe import describe_dataset

    made = describe_dataset(folder, output, tables, label_column, only)
    print("found:", *made.found, sep="\n  ")
    print("not decided:", *(made.undecided or ("nothing",)), sep="\n  ")
    print(f"data set: {made.folder}; correct what it says by hand where it is wrong")
    print(f"next: {command('inspect_dataset')} --data {shlex.quote(str(made.folder))}")
