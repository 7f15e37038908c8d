"""A table of features with a row a case, from any program: radiomics, deep features, clinical data.

In: a CSV. Out: a `FeatureTable`, numbers alone. A column of few words becomes one column of 0 and 1 a word; free text
is left out by name. Nothing here looks at a label but `near_label`, which looks for the label among the features.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.core import files
from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.core.wording import listing
from radiogen.dataset.labels import read_cells
from radiogen.evaluation.others.columns import Naming, find_id, folded, required, safe_id
from radiogen.evaluation.others.labels import MISSING, check_ids_once

MOST_WORDS = 10
"""A column of text with more different words is no feature."""
NEAR_LABEL_AUC = 0.97
"""A feature that alone ranks cases as well is shown: it may be the label."""
LEAST_FEATURES = 10
"""With fewer features two patients may well be equal in all of them."""


@dataclass(frozen=True)
class FeatureTable:
    """inputs: (cases, features), NaN where missing. dropped: columns that are no features, by why."""

    file: Path
    sha256: str
    cases: tuple[str, ...]
    names: tuple[str, ...]
    inputs: NDArray[np.float64]
    dropped: Mapping[str, tuple[str, ...]]

    def rows(self, cases: Sequence[str]) -> NDArray[np.float64]:
        """The inputs of these cases, in their order."""
        place = {case: number for number, case in enumerate(self.cases)}
        return self.inputs[[place[case] for case in cases]]


def read_features(path: Path, naming: Naming, leave_out: Collection[str] = ()) -> FeatureTable:
    """Read a table of features; leave_out: columns that are none (the labels').

    Raises UserError where no column of ids is recognised, an id stands twice, or no column is a feature.
    """
    path = Path(path)
    cells = read_cells(path, ("case", "feature"))
    heading = list(cells.columns)
    case = required(path, heading, find_id(heading, naming.id_column, leave_out), "the cases' ids", "id_column",
                    naming.id_column)
    check_ids_once(path, cells[case], case)
    columns: dict[str, np.ndarray] = {}
    text: list[str] = []
    for name in heading:
        if not name or name == case or name in leave_out:
            continue
        found = _numbers(cells[name], name)
        text += [] if found else [name]
        columns |= found
    if not columns:
        raise UserError(path, "has no column of numbers", "give a row a case and a column a feature")
    inputs = np.stack(list(columns.values()), axis=1)
    inputs[~np.isfinite(inputs)] = np.nan
    with np.errstate(invalid="ignore"):
        low, high = (np.where(np.isnan(inputs), end, inputs) for end in (np.inf, -np.inf))
        changing = low.min(axis=0) < high.max(axis=0)
    names = np.array(list(columns), dtype=object)
    dropped = {"the same in every case": tuple(names[~changing]), "free text": tuple(text)}
    return FeatureTable(path, files.sha256(path), tuple(map(safe_id, cells[case])), tuple(names[changing]),
                        inputs[:, changing], {why: found for why, found in dropped.items() if found})


def common_features(first: FeatureTable, second: FeatureTable) -> tuple[FeatureTable, FeatureTable]:
    """Both tables with the features that both have, whatever the case and punctuation of their names.

    Raises UserError where they have none in common, or a case.
    """
    shared = set(first.cases) & set(second.cases)
    if shared:
        raise UserError(second.file, f"{listing(sorted(shared), 3)} {'is' if len(shared) == 1 else 'are'} in "
                        f"{first.file}, too", "take patients out of one of both, or give others another id")
    places = {folded(name): number for number, name in enumerate(second.names)}
    own = [number for number, name in enumerate(first.names) if folded(name) in places]
    if not own:
        raise UserError(second.file, f"has no feature of {first.file}",
                        "name the same features alike in both tables")
    others = [places[folded(first.names[number])] for number in own]
    return _with(first, own), _with(second, others)


def near_label(inputs: NDArray[np.float64], names: Sequence[str], labels: np.ndarray) -> dict[str, float]:
    """By name the AUC, either way, of features that alone are nearly the label; inputs: (cases, features)."""
    found = {}
    for name, values in zip(names, inputs.T, strict=True):
        known = ~np.isnan(values)
        own = labels[known]
        if min(own.sum(), (~own).sum()) < 5:
            continue
        area = auc(own, values[known])
        if max(area, 1 - area) >= NEAR_LABEL_AUC:
            found[name] = float(max(area, 1 - area))
    return found


def same_features(inputs: NDArray[np.float64], folds: pd.DataFrame, patients: np.ndarray, case: str = "case"
                  ) -> tuple[tuple[dict[str, str], dict[str, str]], ...]:
    """Pairs of cases of different folds and, as far as known, patients, whose features are all the same.

    inputs: (cases, features), in the order of `folds`, which has `case` and `fold`.
    """
    if inputs.shape[1] < LEAST_FEATURES:
        return ()
    seen: dict[bytes, list[int]] = {}
    for number, row in enumerate(inputs):
        seen.setdefault(row.tobytes(), []).append(number)
    rows = folds[[case, "fold"]].rename(columns={case: "case"}).astype(str).to_dict("records")
    return tuple((rows[group[0]], rows[other]) for group in seen.values() for other in group[1:]
                 if rows[group[0]]["fold"] != rows[other]["fold"] and patients[group[0]] != patients[other])


def _numbers(cells: pd.Series, name: str) -> dict[str, np.ndarray]:
    """A column as numbers, or as one of 0 and 1 a word; {} where it is free text."""
    missing = cells.map(lambda cell: cell.casefold() in MISSING)
    values = pd.to_numeric(cells.mask(missing), errors="coerce").astype(float)
    if values.notna().sum() >= max(1, 0.5 * int((~missing).sum())):
        return {name: values.to_numpy()}
    words = sorted(cells[~missing].unique())
    if not words or len(words) > MOST_WORDS:
        return {}
    kept = words[1:] if len(words) == 2 else words
    return {f"{name}={word}": np.where(missing, np.nan, (cells == word).astype(float)) for word in kept}


def _with(table: FeatureTable, columns: Sequence[int]) -> FeatureTable:
    return FeatureTable(table.file, table.sha256, table.cases, tuple(table.names[number] for number in columns),
                        table.inputs[:, list(columns)], table.dropped)
