"""What a run's own predictions say of it, in a few lines: to stand beside whatever it says of one more patient.

In: a run's folder. Out: sentences: the run's verdict with the alarms of its last evaluation, AUC with interval, the
same of the holdout, models without images, and how often an answer like this one was right. An answer on one more
patient is the mean of all networks, as on the holdout; out-of-fold one network answers, so both are counted apart.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.core.wording import command
from radiogen.evaluation.audit.doubtful import DOUBTED, verdict_without
from radiogen.evaluation.audit.findings import Code, ReviewFinding
from radiogen.evaluation.audit.run_verdict import judge_run
from radiogen.evaluation.stats.intervals import wilson_interval
from radiogen.evaluation.stats.label_permutation import permutation_test
from radiogen.evaluation.stats.verdicts import Verdict, verdict
from radiogen.evaluation.wording import run_verdict_sentence, verdict_sentence
from radiogen.runs import layout
from radiogen.runs.label_permutations import read_permutations
from radiogen.runs.predictions import holdout, out_of_fold, read_predictions, scored, scored_folds
from radiogen.task import LABEL, read_task

NEAR = 0.1
"""Answers that lie so near to another's probability are counted as like it."""
SCORED_BY = {"out-of-fold": "each scored by one network, which is more extreme than a mean of networks",
             "holdout": "scored by the mean of all networks, as a new patient is"}


def reliability_summary(folder: Path, probability: float) -> list[str]:
    """What the run in `folder` is worth, and what came true of its answers near `probability`, a line each."""
    try:
        predictions = read_predictions(Path(folder) / layout.PREDICTIONS)
    except UserError as error:
        return [f"how good it is, is not known: {error}"]
    positive_class = read_task(folder).positive
    parts = {"out-of-fold": out_of_fold(predictions), "holdout": holdout(predictions)}
    parts = {name: part[part[LABEL].notna()] for name, part in parts.items() if part[LABEL].notna().any()}
    verdicts = {name: verdict(*scored(part), scored_folds(part)) for name, part in parts.items()}
    lines = [f"{name}, {len(parts[name])} cases, {SCORED_BY[name]}: {verdict_sentence(one)}"
             for name, one in verdicts.items()]
    lines += _review(Path(folder), verdicts, parts)
    lines += _without_images(Path(folder) / layout.IMAGE_FREE_GAIN)
    return lines + [_near(part, name, probability, positive_class) for name, part in parts.items()]


def _review(folder: Path, verdicts: Mapping[str, Verdict], parts: Mapping[str, pd.DataFrame]) -> list[str]:
    """The run's verdict with what its last evaluation found against it."""
    if not verdicts:
        return []
    if not (folder / layout.LEAKAGE).is_file():
        return [f"not yet reviewed for leakage: {command('evaluate')}"]
    findings, doubtful = _findings(pd.read_csv(folder / layout.LEAKAGE, dtype=str, keep_default_na=False))
    main, *others = verdicts.values()
    cases = next(iter(parts.values()))
    area, without = auc(*scored(cases)), verdict_without(cases, doubtful)
    tests = [permutation_test(within, areas, area) for within, areas in read_permutations(folder).items()]
    said = judge_run(main.outcome, others[0].outcome if others else None,
                     () if (folder / layout.IMAGE_FREE_GAIN).is_file() else None,
                     findings, tests, None if without is None else without.outcome)
    return [f"verdict: {run_verdict_sentence(said)}"]


def _findings(table: pd.DataFrame) -> tuple[list[ReviewFinding], set[str]]:
    """The findings of `leakage.csv`, without their values, and the ids of cases that a network may have seen."""
    known = Code.__members__
    codes = [str(code).upper() for code in table["code"]]
    named = table["cases"] if "cases" in table else [""] * len(table)  # an earlier version named none
    doubtful = {case for code, cases in zip(codes, named, strict=True) if code in {one.name for one in DOUBTED}
                for case in cases.split()}
    return [ReviewFinding(known[code]) for code in codes if code in known], doubtful


def _near(cases: pd.DataFrame, name: str, probability: float, positive_class: str) -> str:
    """What came true of the answers near this one."""
    near = cases[(cases["probability"] - probability).abs() <= NEAR]
    if near.empty:
        return f"{name}: no known patient has a probability within {NEAR:g} of this one"
    positive = int((near[LABEL] == 1).sum())
    low, high = wilson_interval(np.array([positive]), np.array([len(near)]))
    return (f"{name}: of the {len(near)} known patients with a probability within {NEAR:g} of this one {positive} are "
            f"{positive_class} (95 % interval {low[0]:.0%} to {high[0]:.0%})")


def _without_images(path: Path) -> list[str]:
    """The best model without images beside the run, as the judge found it; nothing where no judge was called."""
    if not path.is_file():
        return [f"not yet held against models that see no image: {command('evaluate')}"]
    table = pd.read_csv(path)
    table = table[(table["set"] == "out-of-fold") & table["gain"].notna()]
    if table.empty:
        return []
    row = table.loc[table["baseline_auc"].idxmax()]
    return [f"a model that sees no image ({row['model']}) reaches {row['baseline_auc']:.3f} on the same cases; the "
            f"run's gain is {row['gain']:+.3f} (95 % interval {row['low']:+.3f} to {row['high']:+.3f}): {row['words']}"]
