"""Which predictions a page lists: all of a run of usual size, of a larger one those that matter and some of the rest.

In: predictions, cases that something else names, and how many rows there may be. Out: those that are listed, and what
to say of them. The choice follows from the input alone, so that the same run makes the same page.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radiogen.runs import layout
from radiogen.runs.folds import HOLDOUT, TEST
from radiogen.task import ID, LABEL

RUN_ROWS, PAGE_ROWS = 2_000, 14_000
"""Rows of a run, and of all runs of a page, at most: with what made each, about 0.7 kB a row."""


@dataclass(frozen=True)
class Sample:
    """The predictions that are listed, in their order; of: how many there are; named: how many of those listed a
    finding or an image names; furthest: how many are there for their distance from the label."""

    predictions: pd.DataFrame
    of: int
    named: int = 0
    furthest: int = 0

    @property
    def text(self) -> str:
        """What is listed, in words."""
        if len(self.predictions) == self.of:
            return f"{self.of:,} patients"
        named = f"{self.named:,} that a finding or an image names, " if self.named else ""
        return (f"{len(self.predictions):,} of {self.of:,} patients: {named}{self.furthest:,} whose probability is "
                f"furthest from their label, and others at even steps; all are in {layout.PREDICTIONS}")


def rows_of_each(runs: int) -> int:
    """How many rows each of so many runs may have."""
    return min(RUN_ROWS, PAGE_ROWS // max(runs, 1))


def sample_predictions(predictions: pd.DataFrame, named: Collection[str], most: int) -> Sample:
    """At most `most` predictions, those first whose fold comes first: up to half of them cases in `named`, up to a
    quarter those furthest from their label, the rest at even steps through all others."""
    place = predictions["fold"].map({HOLDOUT: 1000, TEST: 1001}).fillna(
        pd.to_numeric(predictions["fold"], errors="coerce"))
    table = predictions.assign(place=place).sort_values(["place", ID]).drop(columns="place")
    if len(table) <= most:
        return Sample(table, len(table))
    chosen = np.zeros(len(table), bool)
    chosen[_evenly(np.flatnonzero(table[ID].isin(named).to_numpy(bool)), most // 2)] = True
    count = int(chosen.sum())
    labels = table[LABEL].astype("Float64").to_numpy(float, na_value=np.nan)
    gap = np.where(np.isnan(labels) | chosen, -1.0, np.abs(table["probability"].to_numpy(float) - labels))
    furthest = np.argsort(-gap, kind="stable")[:most // 4]
    furthest = furthest[gap[furthest] >= 0]
    chosen[furthest] = True
    chosen[_evenly(np.flatnonzero(~chosen), most - int(chosen.sum()))] = True
    return Sample(table[chosen], len(table), count, len(furthest))


def _evenly(places: np.ndarray, count: int) -> np.ndarray:
    """`count` of the places at even steps, the first and the last among them; all where there are no more."""
    return places if len(places) <= count else places[np.linspace(0, len(places) - 1, count).round().astype(int)]
