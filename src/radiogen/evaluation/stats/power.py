"""What a number of cases can show, said before anything is trained and again when it is judged.

In: how many cases of each class there are, fold by fold. Out: how wide the interval of an AUC will be, the AUC that
four studies of five would call better than chance and the difference of two runs that four of five would call one, by
the rules of verdicts.py. It is no limit: a smaller one is found less often, and is then as true.
"""

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import pandas as pd

from radiogen.evaluation.stats.cross_validation import variance_factor
from radiogen.evaluation.stats.intervals import LEVEL, hanley_mcneil_error, stratified_error
from radiogen.runs.folds import HOLDOUT
from radiogen.task import LABEL

POWER = 0.8
CORRELATION = 0.5
"""How alike the AUCs of two runs are thought to be before either is there: on the same cases, different networks."""

Sizes = Sequence[tuple[int, int]]
"""(positive, negative) cases of each fold; a set that is scored as a whole is a single one."""


def resolvable_auc(sizes: Sizes) -> float:
    """The smallest AUC above 0.5 that `verdicts.verdict` calls better than chance in 80 % of studies.

    sizes: of the folds that have both classes, or of the one set. Variance by Hanley and McNeil, Radiology 1982;143:29,
    under chance times `variance_factor`. 1 where even a perfect ranking would not do.
    """
    from scipy.optimize import brentq

    if not sizes or not all(one and no for one, no in sizes):
        return 1.0
    null = _critical(len(sizes)) * stratified_error(0.5, sizes)
    reach = NormalDist().inv_cdf(POWER)

    def shortfall(area: float) -> float:
        return area - 0.5 - null - reach * stratified_error(area, sizes)

    return 1.0 if shortfall(1.0) <= 0 else float(brentq(shortfall, 0.5, 1.0))


def resolvable_gap(error: float, factor: float = 1.0) -> float:
    """The smallest difference that is called one in 80 % of studies, from the standard error of the difference.

    factor: by how much its variance under no difference exceeds that of the estimate (`variance_factor`).
    """
    return float((NormalDist().inv_cdf((1 + LEVEL) / 2) * np.sqrt(factor) + NormalDist().inv_cdf(POWER)) * error)


def half_width(positives: int, negatives: int, area: float = 0.5) -> float:
    """Half the width of an AUC's 95 % interval, from its standard error (Hanley and McNeil, Radiology 1982;143:29).

    NaN where a class has no case.
    """
    if not positives or not negatives:
        return np.nan
    return NormalDist().inv_cdf((1 + LEVEL) / 2) * hanley_mcneil_error(area, positives, negatives)


def smallest_difference(sizes: Sizes, correlation: float = CORRELATION, area: float = 0.5) -> float:
    """The smallest difference of two AUCs on the same cases that is called one in 80 % of studies.

    sizes: as in `resolvable_auc`. correlation: of the two AUCs over samples of patients; 1 would be the same run twice
    (Hanley and McNeil, Radiology 1983;148:839, with their r). For two runs that are there `verdicts.compare` measures
    it. NaN where a class has no case.
    """
    if not sizes or not all(one and no for one, no in sizes):
        return np.nan
    error = stratified_error(area, sizes) * np.sqrt(2 * (1 - correlation))
    return resolvable_gap(error, variance_factor(len(sizes)))


def resolvability_table(groups: Mapping[str, Sizes], correlation: float = CORRELATION) -> pd.DataFrame:
    """One row a group of cases, in the order given.

    groups: the group's folds by its name. Columns: `cases` (the group's name), `number`,
    `positive`, `half_width`, `smallest_auc` (1 where even a perfect ranking would not be found),
    `smallest_difference`.
    """
    rows = []
    for name, sizes in groups.items():
        both = [(one, no) for one, no in sizes if one and no]
        positives, negatives = (sum(part) for part in zip(*sizes, strict=True))
        rows.append({"cases": name, "number": positives + negatives, "positive": positives,
                     "half_width": half_width(positives, negatives), "smallest_auc": resolvable_auc(both),
                     "smallest_difference": smallest_difference(both, correlation)})
    return pd.DataFrame(rows, columns=["cases", "number", "positive", "half_width", "smallest_auc",
                                       "smallest_difference"])


def fold_groups(folds: pd.DataFrame) -> dict[str, list[tuple[int, int]]]:
    """The groups of a table of folds or of predictions: all folds, the smallest fold, the holdout, each as `Sizes`.

    Cases without a label do not count; what has no case is left out.
    """
    known = folds[folds[LABEL].notna()]
    sizes = {name: (int((part[LABEL] == 1).sum()), int((part[LABEL] == 0).sum()))
             for name, part in known.groupby("fold")}
    held = sizes.pop(HOLDOUT, None)
    groups = {}
    if sizes:
        groups["all folds, out-of-fold"] = list(sizes.values())
    if len(sizes) > 1:
        groups["one fold"] = [min(sizes.values(), key=sum)]
    if held:
        groups["holdout"] = [held]
    return groups


def resolvability_text(folds: pd.DataFrame) -> str:
    """What these folds can show, a line a group; folds: `fold` and `LABEL` at least.

    For a script to print before training, and for the report.
    """
    rows = resolvability_table(fold_groups(folds))
    lines = [f"  {row.cases}: {row.number} cases, AUC +-{row.half_width:.3f}; "
             + (f"an AUC of {row.smallest_auc:.3f} is found, a difference of two runs of {row.smallest_difference:.3f}"
                if row.smallest_auc < 1 else "too few to tell anything from chance")
             for row in rows.itertuples()]
    head = "what these cases can show (95 % interval around 0.5; what four studies of five find):"
    return "\n".join([head, *lines])


def _critical(folds: int) -> float:
    """How many standard errors an AUC has to lie from 0.5 to be called better or worse."""
    return float(NormalDist().inv_cdf((1 + LEVEL) / 2) * np.sqrt(variance_factor(folds)))
