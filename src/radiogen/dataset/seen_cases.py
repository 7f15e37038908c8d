"""Whether cases were trained on by the weights of others: they stand in the weights' `saw.csv`.

In: the table of a run's `saw.csv`, the cases of a cohort and what their patients are called elsewhere. Out: the cases.
A case id is that of the same case only in rows that name this cohort; any other name is the patient's in every row.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from radiogen.task import ID

COHORT, SEEN, IMAGES = "cohort", "seen", "images"
"""Columns of `saw.csv`; a row whose `SEEN` is `IMAGES` is of a case of which images were seen and no label."""


def in_cohort(seen: pd.DataFrame, called: Collection[str]) -> np.ndarray:
    """Which rows name a cohort that is called one of these, in small letters; "": rows that name none. bool (rows,)."""
    if "cohort" not in seen:
        return np.full(len(seen), "" in called)
    return seen["cohort"].str.casefold().isin(list(called)).to_numpy(dtype=bool)


def seen_names(seen: pd.DataFrame) -> set[str]:
    """The ids of cases and patients in these rows."""
    return {text for name in (ID, "patient") if name in seen for text in seen[name] if text}


def seen_cases(seen: pd.DataFrame, cases: Sequence[str], names: Mapping[str, Collection[str]],
               called: Collection[str]) -> list[str]:
    """Those of `cases` that the weights have seen, sorted.

    names: by case the patient's other names (`patients.other_names`); called: as in `in_cohort`, of the cases' cohort.
    """
    own, everywhere = seen_names(seen[in_cohort(seen, called)]), seen_names(seen)
    return sorted(case for case in cases if case in own or everywhere & set(names[case]))


def seen_arrays(seen: pd.DataFrame, arrays: pd.DataFrame | None) -> list[str]:
    """The cases of `arrays` (`ID, sha256`) whose array is one of those in `seen`, whatever they are called, sorted."""
    if "sha256" not in seen or arrays is None:
        return []
    return sorted(arrays.loc[arrays["sha256"].isin(seen.loc[seen["sha256"] != "", "sha256"]), ID])


def of_images(seen: pd.DataFrame) -> np.ndarray:
    """Which rows are of cases of which images were seen and no label. bool (rows,)."""
    return (seen[SEEN] == IMAGES).to_numpy(dtype=bool) if SEEN in seen else np.zeros(len(seen), bool)
