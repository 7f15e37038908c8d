"""The figures of `studies.py` as Markdown: one table a study, or two.

In: a row a trial, as `studies.judge` returns it. Out: text. A trial that is not trained is shown as a dash.
"""

from collections.abc import Callable

import pandas as pd

HEADS = {"choice": "recipe, phantom of seed 1", "ceiling": "recipe", "cases": "phantom", "memorisation": "training"}
DASH = "-"


def study_text(study: str, table: pd.DataFrame) -> str:
    """The study's tables, with blank lines between them."""
    return {"choice": _ceiling, "ceiling": _ceiling, "cases": _cases, "report": _report, "memorisation": _memorisation,
            "traps": _traps}[study](table)


def _ceiling(table: pd.DataFrame) -> str:
    ceilings = table.groupby("row")["ceiling"].first()
    order = sorted(ceilings.index, key=float)
    heads = {row: f"effect {row}, best {ceilings[row]:.3f}" for row in order}
    head = HEADS[table["study"].iloc[0]]
    able = {row: f"effect {row}" for row in order if row != "0"}
    return "\n\n".join([_grid(head, table, "name", "row", heads, _with_share),
                        _grid(f"rank correlation by {head}", table, "name", "row", able, _correlation)])


def _cases(table: pd.DataFrame) -> str:
    heads = {f"{cases}": f"{cases} patients" for cases in sorted(set(table["row"].astype(int)))}
    return "\n\n".join([_grid(HEADS["cases"], table, "name", "row", heads, _with_share),
                        _grid("rank correlation", table, "name", "row", heads, _correlation),
                        _grid("hidden variable itself", table, "name", "row", heads, lambda row: f"{row.known:.3f}")])


def _report(table: pd.DataFrame) -> str:
    sized = table[table["row"].str.isdigit()]
    sizes = {size: f"{size} x {size} x {size}" for size in sorted(set(sized["row"]), key=int)}
    first = _grid("geometry", sized, "name", "row", sizes, _area)
    other = table[~table["row"].str.isdigit()]
    rows = ["| one thing changed, 64 x 64 x 64 | AUC (95 % interval) | accuracy in training |", "| --- | --- | --- |"]
    rows += [f"| {row.row} | {_area(row)} | {row.training_accuracy:.2f} |" for row in other.itertuples()]
    return "\n\n".join(([first] if len(sized) else []) + (["\n".join(rows)] if len(other) else []))


def _memorisation(table: pd.DataFrame) -> str:
    effects = sorted(set(table["row"]), key=float)
    heads = [part for effect in effects for part in (f"effect {effect}: accuracy in training",
                                                      f"AUC out-of-fold (best {_best(table, effect):.3f})")]
    rows = [_line([HEADS["memorisation"], *heads]), _line(["---"] * (len(heads) + 1))]
    for name in dict.fromkeys(table["name"]):
        cells = [name]
        for effect in effects:
            one = _one(table, name=name, row=effect)
            cells += [DASH, DASH] if one is None else [f"{one.training_accuracy:.2f}", _area(one)]
        rows.append(_line(cells))
    return "\n".join(rows)


def _traps(table: pd.DataFrame) -> str:
    tied, moved = table[table["row"] == "tied"], table[table["row"] != "tied"]
    texts = []
    if len(tied):
        rows = ["| label tied to FLAIR's plane | AUC | AUC within planes | best model without images |",
                "| --- | --- | --- | --- |"]
        texts.append("\n".join(rows + [
            f"| {row.name} | {_area(row)} | {row.within:.3f} ({row.within_low:.3f} to {row.within_high:.3f}) | "
            f"{row.free:.3f} |" for row in tied.itertuples(index=False)]))
    if len(moved):
        ways = {way: f"{way}" for way in dict.fromkeys(moved["row"])}
        texts.append(_grid("effect 3, FLAIR alone", moved, "name", "row", ways,
                           lambda row: f"{_area(row)}, {row.cases} cases"))
    return "\n\n".join(texts)


def _grid(head: str, table: pd.DataFrame, down: str, across: str, heads: dict[str, str],
          cell: Callable[..., str]) -> str:
    """A row for each value of `down`, a column for each key of `heads`."""
    rows = [_line([head, *heads.values()]), _line(["---"] * (len(heads) + 1))]
    for name in dict.fromkeys(table[down]):
        found = [_one(table, **{down: name, across: value}) for value in heads]
        rows.append(_line([name, *(DASH if one is None else cell(one) for one in found)]))
    return "\n".join(rows)


def _one(table: pd.DataFrame, **wanted: str) -> object | None:
    chosen = table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return next(chosen.itertuples(index=False), None)


def _best(table: pd.DataFrame, effect: str) -> float:
    return float(table.loc[table["row"] == effect, "ceiling"].iloc[0])


def _area(row: object) -> str:
    return f"{row.auc:.3f} ({row.low:.3f} to {row.high:.3f})"


def _correlation(row: object) -> str:
    return f"{row.correlation:.2f} ({row.correlation_low:.2f} to {row.correlation_high:.2f})"


def _with_share(row: object) -> str:
    """An AUC below 0.5 reaches nothing of what is possible, not less than that."""
    return _area(row) + ("" if pd.isna(row.share) else f", {max(row.share, 0):.0%}")


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
