"""What a number of cases can show, said before anything is trained and again when it is judged.

In: how many cases of each class there are. Out: how wide the interval of an AUC will be, the smallest AUC that can be
distinguished from chance and the smallest difference of two runs that can be distinguished from none, each with 80 %
power at the two-sided 5 % level. Below these no run is called better or worse.
"""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import pandas as pd

from radiogen.evaluation.stats.intervals import LEVEL, POWER, hanley_mcneil_error, resolvable_auc
from radiogen.runs.folds import HOLDOUT
from radiogen.task import LABEL

CORRELATION = 0.5
"""How alike the AUCs of two runs are thought to be before either is there: on the same cases, different networks."""


def half_width(positives: int, negatives: int, area: float = 0.5) -> float:
    """Half the width of an AUC's 95 % interval, from its standard error (Hanley and McNeil, Radiology 1982;143:29).

    NaN where a class has no case.
    """
    if not positives or not negatives:
        return np.nan
    return NormalDist().inv_cdf((1 + LEVEL) / 2) * hanley_mcneil_error(area, positives, negatives)


def smallest_difference(positives: int, negatives: int, correlation: float = CORRELATION, area: float = 0.5) -> float:
    """The smallest difference of two AUCs on the same cases that is found in 80 % of studies at the 5 % level.

    correlation: of the two AUCs over samples of patients; 1 would be the same run twice (Hanley and McNeil, Radiology
    1983;148:839, with their r). For two runs that are there, `intervals.resolvable_difference` measures it. NaN where
    a class has no case.
    """
    if not positives or not negatives:
        return np.nan
    error = hanley_mcneil_error(area, positives, negatives) * np.sqrt(2 * (1 - correlation))
    return float((NormalDist().inv_cdf((1 + LEVEL) / 2) + NormalDist().inv_cdf(POWER)) * error)


def resolvability_table(groups: Mapping[str, tuple[int, int]], correlation: float = CORRELATION) -> pd.DataFrame:
    """One row a group of cases, in the order given.

    groups: (positive, negative) cases by the group's name. Columns: `cases` (the group's name), `number`,
    `positive`, `half_width`, `smallest_auc` (1 where even a perfect ranking would not be found),
    `smallest_difference`.
    """
    return pd.DataFrame([{
        "cases": name, "number": positives + negatives, "positive": positives,
        "half_width": half_width(positives, negatives), "smallest_auc": resolvable_auc(positives, negatives),
        "smallest_difference": smallest_difference(positives, negatives, correlation)}
        for name, (positives, negatives) in groups.items()],
        columns=["cases", "number", "positive", "half_width", "smallest_auc", "smallest_difference"])


def fold_groups(folds: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """The groups of a table of folds or of predictions: all folds pooled, the smallest fold, the holdout.

    Cases without a label do not count; what has no case is left out.
    """
    known = folds[folds[LABEL].notna()]
    sizes = {name: (int((part[LABEL] == 1).sum()), int((part[LABEL] == 0).sum()))
             for name, part in known.groupby("fold")}
    held = sizes.pop(HOLDOUT, None)
    groups = {}
    if sizes:
        groups["all folds, out-of-fold"] = (sum(one for one, _ in sizes.values()), sum(no for _, no in sizes.values()))
    if len(sizes) > 1:
        groups["one fold"] = min(sizes.values(), key=sum)
    if held:
        groups["holdout"] = held
    return groups


def resolvability_text(folds: pd.DataFrame) -> str:
    """What these folds can show, a line a group; folds: `fold` and `LABEL` at least.

    For a script to print before training, and for the report.
    """
    rows = resolvability_table(fold_groups(folds))
    lines = [f"  {row.cases}: {row.number} cases, AUC +-{row.half_width:.3f}; "
             + (f"from {row.smallest_auc:.3f} up distinguishable from chance, two runs from "
                f"{row.smallest_difference:.3f} apart"
                if row.smallest_auc < 1 else "too few to tell anything from chance")
             for row in rows.itertuples()]
    head = "what these cases can show (95 % interval around 0.5; found in 80 % of studies at the 5 % level):"
    return "\n".join([head, *lines])
