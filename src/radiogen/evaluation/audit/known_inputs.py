"""What is known of a case beside its geometry, as numbers: scanner and air, site, age and sex, any further column.

In: `scanner.csv` and `patients.csv` of a run. Out: by image-free model its inputs, (cases, fields). Labels are not
looked at. Text becomes 0 and 1 a level, levels of fewer than `FEWEST` cases are one together; NaN is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from radiogen.dataset.patients import AGE, ALIASES, COLUMNS, SEX, SITE, UNCERTAIN
from radiogen.dataset.scanner import HEADER_NUMBERS, TEXTS
from radiogen.task import ID

SCANNER, SITE_MODEL = "scanner and air", "site"
PERSON, FURTHER = "age and sex", "further patient columns"
ACQUISITION_MODELS = (SCANNER, SITE_MODEL)
"""What belongs to the acquisition of the images."""
PATIENT_MODELS = (PERSON, FURTHER)
"""What belongs to the patient."""
FEWEST = 5
MOST_LEVELS = 20
"""A text column with more levels is a name or a note and no group."""


@dataclass(frozen=True)
class Known:
    """scanner: as `read_scanner` returns it; patients: as `read_patients` does; None where there is no such table."""

    scanner: pd.DataFrame | None = None
    patients: pd.DataFrame | None = None


def known_inputs(known: Known, cases: pd.Series) -> dict[str, NDArray[np.float64]]:
    """By model its inputs of these cases (ids), float64 (cases, fields); a model whose inputs never change has none."""
    found: dict[str, NDArray[np.float64]] = {}
    if known.scanner is not None:
        found[SCANNER] = _scanner_inputs(known.scanner, cases)
    if known.patients is not None:
        rows = known.patients.set_index(ID).reindex(list(cases))
        further = [name for name in rows if name not in (*COLUMNS, ALIASES, UNCERTAIN)]
        found |= {SITE_MODEL: _numbers(rows[[SITE]]), PERSON: _numbers(rows[[AGE, SEX]]),
                  FURTHER: _numbers(rows[further])}
    return {name: inputs for name, inputs in found.items() if _changes(inputs)}


def joined_inputs(inputs: Mapping[str, NDArray[np.float64]], models: tuple[str, ...]) -> NDArray[np.float64] | None:
    """The inputs of these models side by side; None where there are none."""
    chosen = [inputs[name] for name in models if name in inputs]
    return np.hstack(chosen) if chosen else None


def _scanner_inputs(scanner: pd.DataFrame, cases: pd.Series) -> NDArray[np.float64]:
    """Of each sequence: texts as levels, header numbers as they are, air as logarithms and as a share of the signal."""
    rows = scanner[(scanner["split"] == "train") & scanner[ID].isin(cases)]
    parts = [np.empty((len(cases), 0))]
    for _, own in sorted(rows.groupby("sequence")):
        table = own.set_index(ID).reindex(list(cases))
        air = table[["air_mean", "air_deviation", "air_q90", "air_q99", "signal"]].to_numpy(float)
        logs = np.log1p(np.maximum(air, 0))
        share = logs[:, 1:2] - logs[:, 4:5]
        parts += [_numbers(table[[*TEXTS, *HEADER_NUMBERS]]), logs, share, table[["air_zeros"]].to_numpy(float)]
    return np.hstack(parts)


def _numbers(table: pd.DataFrame) -> NDArray[np.float64]:
    """Columns as numbers, (cases, fields): those that are numbers as they are, the others 0 and 1 a level."""
    parts = [np.empty((len(table), 0))]
    for name in table:
        cells = table[name]
        filled = cells.replace("", None)
        values = pd.to_numeric(filled, errors="coerce")
        if filled.notna().any() and values.notna().sum() == filled.notna().sum() and name not in (SITE, *TEXTS):
            parts.append(values.to_numpy(float)[:, None])
            continue
        text = cells.fillna("").astype(str)
        counts = text.value_counts()
        rare = set(counts.index[counts < FEWEST])
        levels = sorted(set(counts.index) - rare)
        if len(levels) <= MOST_LEVELS:
            parts.append(np.stack([*((text == level).to_numpy(float) for level in levels),
                                   text.isin(rare).to_numpy(float)], axis=1))
    return np.hstack(parts)


def _changes(inputs: NDArray[np.float64]) -> bool:
    """Whether any column has two values."""
    return any(len(np.unique(column[~np.isnan(column)])) > 1 for column in inputs.T)
