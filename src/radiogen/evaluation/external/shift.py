"""What differs between two hospitals before any network looks: geometry, raw intensities, patients, field by field.

In: tables of both cohorts. Out: a row a field: Kolmogorov and Smirnov's statistic with its p-value for numbers, the
population stability index for all. PSI is never 0 with few cases: beside it is what these numbers of cases make of one
and the same distribution.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radiogen.dataset.geometry import SIZES, UNKNOWN
from radiogen.dataset.patients import AGE, SEX
from radiogen.evaluation.stats.intervals import holm_adjusted
from radiogen.runs.external.cohorts import INTENSITY_FIELDS
from radiogen.task import ID, LABEL

BINS = 10
SOME, LARGE = 0.1, 0.25
"""From here on a PSI is usually called a moderate and a large shift (Siddiqi, Credit Risk Scorecards, 2006)."""
COLUMNS = ["kind", "sequence", "field", "inside_cases", "outside_cases", "inside", "outside", "ks", "p", "p_adjusted",
           "psi", "psi_by_chance"]


@dataclass(frozen=True)
class Acquired:
    """What is known of a cohort's cases; None for a table that is missing. cases: `ID, LABEL`."""

    cases: pd.DataFrame
    geometry: pd.DataFrame | None
    intensities: pd.DataFrame | None
    patients: pd.DataFrame | None


def shift_table(inside: Acquired, outside: Acquired) -> pd.DataFrame:
    """`COLUMNS`, a row a field that both cohorts have.

    kind: geometry, intensity or patients. inside, outside: the median of a number; of a category such as `plane: axial`
    the share of the cases that have it, the one that is commonest inside. ks, p: of numbers, two-sided; p_adjusted:
    Holm's over all rows. psi: `stability_index`; psi_by_chance: its mean where nothing has shifted.
    """
    rows = []
    for kind, sequence, field, one, other in _fields(inside, outside):
        known, others = one[one.notna()], other[other.notna()]
        if known.empty or others.empty:
            continue
        index, by_chance = stability_index(known, others)
        rows.append({"kind": kind, "sequence": sequence, "inside_cases": len(known), "outside_cases": len(others),
                     **_middles(field, known, others), **_kolmogorov(known, others), "psi": index,
                     "psi_by_chance": by_chance})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(p_adjusted=holm_adjusted(table["p"].to_numpy(float)))


def stability_index(inside: pd.Series, outside: pd.Series) -> tuple[float, float]:
    """The population stability index of two samples, and what it is on average where they are of one distribution.

    Sum of (q - p) ln(q / p) over `BINS` bins at the quantiles of `inside`; a value that fills several quantiles has a
    bin of its own, text or at most `BINS` different values are bins themselves. Each bin counts half a case more, so
    that an empty one is no infinity. By chance: (bins - 1) (1 / n + 1 / m), of the chi-square that it then follows
    (Yurdakul, 2018). No value may be missing.
    """
    both = pd.concat([inside, outside])
    if both.dtype == object or both.nunique() <= BINS:
        codes = pd.factorize(both)[0]
    else:
        quantiles = np.quantile(inside.to_numpy(float), np.linspace(0, 1, BINS + 1)[1:-1])
        edges, times = np.unique(quantiles, return_counts=True)
        edges = np.unique(np.concatenate([edges, np.nextafter(edges[times > 1], -np.inf)]))
        codes = np.searchsorted(edges, both.to_numpy(float), side="left")
    counts = [np.bincount(part, minlength=codes.max() + 1) for part in (codes[:len(inside)], codes[len(inside):])]
    filled = (counts[0] + counts[1]) > 0
    shares = [(count[filled] + 0.5) / (count.sum() + 0.5 * filled.sum()) for count in counts]
    index = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return index, float((filled.sum() - 1) * (1 / len(inside) + 1 / len(outside)))


def _fields(inside: Acquired, outside: Acquired) -> Iterator[tuple[str, str, str, pd.Series, pd.Series]]:
    """kind, sequence, field, values inside, values outside; text as object."""
    tables = (("geometry", inside.geometry, outside.geometry, ("plane", *SIZES)),
              ("intensity", inside.intensities, outside.intensities, INTENSITY_FIELDS))
    for kind, one, other, fields in tables:
        if one is None or other is None:
            continue
        own, others = (_training_rows(*pair) for pair in ((one, inside.cases), (other, outside.cases)))
        for sequence in sorted(set(own["sequence"]) & set(others["sequence"])):
            for field in fields:
                yield (kind, sequence, field, *(_values(table.loc[table["sequence"] == sequence, field])
                                                for table in (own, others)))
    yield ("patients", "", LABEL, *(part.cases[LABEL].astype(int).astype(str).astype(object)
                                      for part in (inside, outside)))
    if inside.patients is not None and outside.patients is not None:
        for field in (AGE, SEX):
            yield ("patients", "", field, *(_values(part.loc[part[ID].isin(cohort.cases[ID]), field].replace("", None))
                                            for part, cohort in ((inside.patients, inside),
                                                                 (outside.patients, outside))))


def _training_rows(table: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    return table[(table["split"] == "train") & table[ID].isin(cases[ID])]


def _values(column: pd.Series) -> pd.Series:
    """Numbers as float; text, such as a plane, as object with UNKNOWN where a plane is missing."""
    if column.name == "plane":
        return column.fillna(UNKNOWN).astype(object)
    return column.astype(float) if pd.api.types.is_numeric_dtype(column) else column.astype(object)


def _middles(field: str, inside: pd.Series, outside: pd.Series) -> dict[str, str | float]:
    """The cells `field`, `inside`, `outside`; of the label it is the positive class that is counted."""
    if inside.dtype != object:
        return {"field": field, "inside": float(inside.median()), "outside": float(outside.median())}
    name = "1" if field == LABEL else str(inside.mode().iloc[0])
    return {"field": f"{field}: {name}", "inside": float((inside == name).mean()),
            "outside": float((outside == name).mean())}


def _kolmogorov(inside: pd.Series, outside: pd.Series) -> dict[str, float]:
    from scipy.stats import ks_2samp

    if inside.dtype == object:
        return {"ks": np.nan, "p": np.nan}
    found = ks_2samp(inside, outside)
    return {"ks": float(found.statistic), "p": float(found.pvalue)}
