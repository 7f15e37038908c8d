"""Whether a patient is in both cohorts, under whatever name: if one is, the cohorts are not judged.

In: by what the cases of a run and of another cohort are recognised (`CaseMarks`). Out: an `Overlap`: pairs of cases by
the way in which they were found: the patient by `patients.csv`, the series' files, the array, and two perceptual
hashes, which outlive another encoding. Equal case ids alone are counted and not believed: everybody numbers from 1.
Cases that the weights have seen with which the run began count as the run's own.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.dataset.seen_cases import in_cohort, seen_arrays, seen_cases
from radiogen.dataset.thumbnails import DIGITS
from radiogen.evaluation.audit.near_hashes import (
    HASH_BITS,
    HASH_DISTANCE_LIMIT,
    SAMPLE,
    hash_distance_limit,
    hash_distances,
    is_hash,
)
from radiogen.evaluation.audit.near_pixels import ALL_PAIRS, near_thumbnails
from radiogen.runs import layout
from radiogen.runs.external.cohorts import CaseMarks
from radiogen.runs.layout import SEEN_CASES
from radiogen.runs.ledger.looks import Look, append_look
from radiogen.task import ID

AT_ONCE = 1000
"""Cases of the run whose hashes are compared with all of the other cohort at once."""
NAMED = 3
"""So many pairs an error names for each way."""


class Way(StrEnum):
    """How a case of one cohort was recognised in the other; the value is what a reader is shown."""

    PATIENT = f"the same patient by name ({layout.PATIENTS})"
    FILES = "the same files"
    ARRAY = "the same array"
    PICTURE = "nearly the same picture"
    SERIES = "nearly the same series, whichever way its axes run"
    WEIGHTS = f"the table of what its initial weights have seen ({layout.SEEN_CASES})"


Pair = tuple[str, str]
"""The case's id in the run, or what it is called in `saw.csv`, and its id in the other cohort."""


@dataclass(frozen=True)
class Overlap:
    """pairs: by way, those that have any. checked: ways that were compared; unchecked: ways for which a table is
    missing; what a run never had, such as weights of others, is neither. same_ids: how many case ids are
    in both cohorts. limit: up to how many bits of 256 two perceptual hashes are nearly the same, the lesser of the
    pictures' and the series'."""

    pairs: Mapping[Way, tuple[Pair, ...]]
    checked: tuple[Way, ...]
    unchecked: tuple[Way, ...]
    same_ids: int
    limit: int

    @property
    def cases(self) -> list[str]:
        """The cases of the other cohort that the run knows, each once."""
        return sorted({other for pairs in self.pairs.values() for _, other in pairs})

    @property
    def facts(self) -> dict[str, Any]:
        """What `cohort.json` keeps of a comparison that found nobody."""
        return {"checked": [way.name.lower() for way in self.checked],
                "unchecked": [way.name.lower() for way in self.unchecked], "same_ids": self.same_ids,
                "limit": self.limit}


def find_overlap(own: CaseMarks, other: CaseMarks) -> Overlap:
    """Compare the cases of a run with those of another cohort.

    A name counts where at least one of the two is more than the case's own id, for everybody numbers from 1: one that a
    table has, or what a case is called elsewhere; that two equal ids are called the same elsewhere says no more than
    they do. Files are compared series by series, whatever they are called. A hash of no bit is that of an empty picture
    and says nothing.
    """
    picture, limit = _near(own.cases[ID], other.cases[ID], [(own.cases, other.cases)])
    series, series_limit = _near(own.cases[ID], other.cases[ID], [
        (own.series[own.series["sequence"] == name], other.series[other.series["sequence"] == name])
        for name in sorted(set(own.series["sequence"]) & set(other.series["sequence"]))])
    names = own.names.merge(other.names, on="name", suffixes=("", "_other"))
    more_than_ids = (names["source"] != names["source_other"]) | (names["source"] == "table")
    found = {Way.PATIENT: _pairs(names[more_than_ids]),
             Way.FILES: _same(own.contents, other.contents),
             Way.ARRAY: _same(own.cases, other.cases), Way.PICTURE: picture, Way.SERIES: series,
             Way.WEIGHTS: _seen(own, other)}
    known = {Way.PATIENT: own.patients or other.patients, Way.FILES: own.files and other.files, Way.ARRAY: True,
             Way.PICTURE: _all_hashed(own.cases, own.cases) and _all_hashed(other.cases, other.cases),
             Way.SERIES: _all_hashed(own.cases, own.series) and _all_hashed(other.cases, other.series),
             Way.WEIGHTS: own.seen is not None}
    if own.seen is not None and own.seen.empty:
        del known[Way.WEIGHTS]
    return Overlap({way: pairs for way, pairs in found.items() if pairs},
                   tuple(way for way in known if known[way] or found[way]),
                   tuple(way for way in known if not known[way] and not found[way]),
                   len(set(own.cases[ID]) & set(other.cases[ID])), min(limit, series_limit))


def join_overlaps(overlaps: Sequence[Overlap]) -> Overlap:
    """What an ensemble's members together know of another cohort: a way is unchecked where one member's is."""
    pairs = {way: tuple(sorted({pair for one in overlaps for pair in one.pairs.get(way, ())})) for way in Way}
    unchecked = {way for one in overlaps for way in one.unchecked if not pairs[way]}
    checked = {way for one in overlaps for way in one.checked} - unchecked
    return Overlap({way: found for way, found in pairs.items() if found},
                   tuple(way for way in Way if way in checked), tuple(way for way in Way if way in unchecked),
                   max(one.same_ids for one in overlaps), min(one.limit for one in overlaps))


def refuse_overlap(models: Path, overlap: Overlap, look: Look, data: Path) -> None:
    """Raise UserError where a patient is in both cohorts, after the attempt went on record; else do nothing."""
    if not overlap.pairs:
        return
    append_look(models, replace(look, outcome="refused", auc=""))
    cases = overlap.cases
    rest = f"leave them out: {parameter('leave_out')} {' '.join(cases)}" if len(cases) < look.cases else \
        "choose another cohort"
    raise UserError(data, f"{len(cases)} of its {look.cases} cases {'is' if len(cases) == 1 else 'are'} in the run "
                    f"{look.run}, too: {'; '.join(_way_text(way, pairs) for way, pairs in overlap.pairs.items())}",
                    f"a run is not validated on patients that it knows: {rest}")


def _seen(own: CaseMarks, other: CaseMarks) -> tuple[Pair, ...]:
    """The cases that the weights have seen that the run began with, with their labels or without.

    A row of the table that names no cohort counts, too, unless it may be of a case of the run.
    """
    if own.seen is None or own.seen.empty:
        return ()
    seen = own.seen[~(in_cohort(own.seen, {""}) & own.seen[ID].isin(own.cases[ID]).to_numpy())]
    names = other.names[other.names["source"] != "id"].groupby(ID)["name"].agg(set).to_dict()
    cases = other.cases[ID].tolist()
    found = seen_cases(seen, cases, {case: names.get(case, set()) for case in cases}, {"", *other.called})
    found = sorted({*found, *seen_arrays(seen, other.cases)})
    return tuple((SEEN_CASES, case) for case in found)


def _way_text(way: Way, pairs: tuple[Pair, ...]) -> str:
    shown = ", ".join(f"{other} = {own}" for own, other in pairs[:NAMED])
    return f"{len({other for _, other in pairs})} by {way} ({shown}{', ...' if len(pairs) > NAMED else ''})"


def _near(own: pd.Series, other: pd.Series, tables: Sequence[tuple[pd.DataFrame, pd.DataFrame]]
          ) -> tuple[tuple[Pair, ...], int]:
    """The pairs of cases whose perceptual hashes lie within the limit or whose thumbnails show one series, and the
    limit.

    own, other: all cases' ids; tables: of each sequence `ID, perceptual_hash` of both cohorts. Several sequences count
    by their mean, and thumbnails in more than half of them: two patients may look alike in one, not in all. Cases
    without a hash are in no pair. Of more than `ALL_PAIRS` pairs the limit is found from `SAMPLE` cases of each cohort.
    """
    placed = [tuple(_placed(ids, table) for ids, table in zip((own, other), pair, strict=True)) for pair in tables]
    placed = [(one, two) for one, two in placed if len(one) and len(two)]
    if not placed:
        return (), HASH_DISTANCE_LIMIT
    some = [np.arange(len(ids)) if len(own) * len(other) <= ALL_PAIRS else
            np.sort(np.random.default_rng(0).permutation(len(ids))[:SAMPLE]) for ids in (own, other)]
    distances, count = _mean_distances(placed, *some)
    limit = hash_distance_limit(distances[count > 0], round((count > 0).mean() * len(own) * len(other)))
    shown = Counter((one.index[row], two.index[column]) for one, two in placed
                    for row, column in near_thumbnails(list(one), list(two)))
    found = []
    for begin in range(0, len(own), AT_ONCE):
        rows = np.arange(begin, min(begin + AT_ONCE, len(own)))
        distances, count = _mean_distances(placed, rows, np.arange(len(other)))
        near = distances <= limit
        for (row, column), times in shown.items():
            if begin <= row < begin + AT_ONCE and 2 * times > max(count[row - begin, column], 1):
                near[row - begin, column] = True
        found += [(own.iloc[row + begin], other.iloc[column]) for row, column in zip(*near.nonzero(), strict=True)]
    return tuple(sorted(found)), limit


def _placed(ids: pd.Series, table: pd.DataFrame) -> pd.Series:
    """The perceptual hashes that say something, by the place of their case in `ids`."""
    known = table[_is_picture(table["perceptual_hash"])]
    return pd.Series(known["perceptual_hash"].to_numpy(), index=pd.Index(ids).get_indexer(known[ID]))


def _mean_distances(placed: Sequence[tuple[pd.Series, pd.Series]], rows: np.ndarray, columns: np.ndarray
                    ) -> tuple[np.ndarray, np.ndarray]:
    """Of these rows of one cohort and columns of the other: mean over the sequences of the bits that differ, (rows,
    columns), `HASH_BITS` where no sequence has both; and how many have."""
    total, count = np.zeros((len(rows), len(columns))), np.zeros((len(rows), len(columns)), int)
    for one, two in placed:
        first, second = one[one.index.isin(rows)], two[two.index.isin(columns)]
        if len(first) and len(second):
            place = np.ix_(np.searchsorted(rows, first.index), np.searchsorted(columns, second.index))
            total[place] += hash_distances(first, second)
            count[place] += 1
    return np.where(count > 0, total / np.maximum(count, 1), HASH_BITS), count


def _is_picture(hashes: pd.Series) -> np.ndarray:
    """Whether each cell is a hash with any bit, bool (cases,)."""
    return is_hash(hashes) & hashes.str[:DIGITS].str.contains("[1-9a-f]").to_numpy(dtype=bool)


def _all_hashed(cases: pd.DataFrame, table: pd.DataFrame) -> bool:
    """Whether each case has a perceptual hash in the table."""
    return set(cases[ID]) <= set(table.loc[is_hash(table["perceptual_hash"]), ID])


def _same(own: pd.DataFrame, other: pd.DataFrame) -> tuple[Pair, ...]:
    """The pairs with one SHA-256, each pair once."""
    known = [table.loc[table["sha256"] != "", [ID, "sha256"]] for table in (own, other)]
    return _pairs(known[0].merge(known[1], on="sha256", suffixes=("", "_other")))


def _pairs(merged: pd.DataFrame) -> tuple[Pair, ...]:
    return tuple(sorted(set(zip(merged[ID], merged[f"{ID}_other"], strict=True))))
