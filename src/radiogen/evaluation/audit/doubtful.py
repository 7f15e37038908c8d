"""Cases of which the leakage review doubts that no network had seen them, and the verdict on the others alone.

In: findings, the cases that a run is judged by. Out: ids, a verdict. Notes raise no alarm, for two patients may look
alike; but a run whose verdict depends on these cases is not called better than chance (run_verdict.py).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from radiogen.evaluation.audit.findings import Code, ReviewFinding
from radiogen.evaluation.stats.verdicts import Verdict, verdict
from radiogen.runs.predictions import scored, scored_folds
from radiogen.task import ID, LABEL

DOUBTED = (Code.NEAR_PIXELS_ACROSS, Code.FIRST_WEIGHTS_SAW_NAMESAKES)


def finding_cases(finding: ReviewFinding) -> tuple[str, ...]:
    """The ids of the cases that a finding names, each once; () where it names none."""
    values = finding.values
    pairs = [str(one["case"]) for pair in values.get("pairs", ()) for one in pair]
    splits = [str(case) for cases in values.get("splits", {}).values() for case in cases]
    named = values.get("patients", ())
    patients = [] if isinstance(named, int | np.integer) else [str(one) for one in named]
    return tuple(dict.fromkeys([*pairs, *splits, *patients]))


def doubtful_cases(findings: Iterable[ReviewFinding]) -> set[str]:
    """The ids of cases that a network may have seen before it scored them: by the notes of `DOUBTED`."""
    return {case for one in findings if one.code in DOUBTED for case in finding_cases(one)}


def verdict_without(cases: pd.DataFrame, doubtful: set[str]) -> Verdict | None:
    """The verdict on `cases` (`ID, LABEL, fold, probability`) without the doubtful ones; None where none is labelled.

    Both cases of a pair are left out: either may have been seen as the other.
    """
    kept = cases[~cases[ID].isin(doubtful)]
    if kept[LABEL].notna().sum() == cases[LABEL].notna().sum():
        return None
    return verdict(*scored(kept), scored_folds(kept))
