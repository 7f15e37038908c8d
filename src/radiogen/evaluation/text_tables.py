"""Tables and paths as text that a terminal, a spreadsheet and a page show alike.

In: tables of numbers, paths. Out: tables of text with three decimals, aligned lines.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from radiogen.runs.layout import fold_folder, fold_name, is_fold_folder


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """`table` as text: three decimals, whole numbers as they are, one decimal for means of cases, NaN empty."""
    text = {}
    for name in table.columns:
        column = table[name]
        if not pd.api.types.is_numeric_dtype(column):
            text[name] = column.astype(str)
        elif pd.api.types.is_integer_dtype(column):
            text[name] = column.map(lambda value: "" if pd.isna(value) else f"{value}")
        elif name.endswith("cases"):
            text[name] = column.map(lambda value: "" if pd.isna(value) else f"{value:.1f}".removesuffix(".0"))
        else:
            text[name] = column.map(lambda value: "" if pd.isna(value) else f"{value:.3f}")
    return pd.DataFrame(text)


def field_text(fields: pd.Series) -> pd.Series:
    """Names of measured fields in words: `slice_spacing_mm` as `slice spacing, mm`."""
    return fields.astype(str).str.replace("_mm", ", mm").str.replace("_", " ")


def p_text(value: float) -> str:
    """A p-value with as many decimals as it deserves; below 0.0001 as in 2e-09."""
    if value < 1e-4:
        return f"{value:.0e}"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def short_paths(paths: Sequence[Path]) -> list[str]:
    """Paths as lines, those of several folds in one as `fold-{0,1}/name`, which a shell understands."""
    lines: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        fold = fold_name(path.parent) if is_fold_folder(path.parent) else ""
        lines.setdefault((str(path.parent.parent if fold else path.parent), path.name), []).append(fold)
    return [f"{folder}/{name}" if folds == [""] else
            f"{fold_folder(Path(folder), folds[0] if len(folds) == 1 else '{' + ','.join(folds) + '}')}/{name}"
            for (folder, name), folds in lines.items()]


def text_table(table: pd.DataFrame, rule: str | None = None) -> str:
    """A table of text as aligned lines: the first column to the left, the others to the right.

    Headings break at an underscore. `rule`: a line is drawn before the row whose first cell is this.
    """
    headings = [("AUC" if name == "auc" else "F1" if name == "f1" else name).split("_") for name in table.columns]
    depth = max(len(words) for words in headings)
    head = [[""] * (depth - len(words)) + words for words in headings]
    rows = [list(row) for row in zip(*head, strict=True)] + table.to_numpy().tolist()
    rows = [["-" if cell == "" and number >= depth else str(cell) for cell in row] for number, row in enumerate(rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(headings))]
    lines = ["  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                       for column, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip() for row in rows]
    line = "-" * max(map(len, lines))
    ends = [number for number, row in enumerate(rows) if rule is not None and row[0] == rule]
    for number in [*reversed(ends), depth]:
        lines.insert(number, line)
    return "\n".join(lines)
