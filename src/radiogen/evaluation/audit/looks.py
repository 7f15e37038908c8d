"""How often the scored cases were looked at, by any run of the models folder, and what the best of so many looks is
worth.

In: predicted runs and the ledger beside them (runs/ledger). Out: entries of the ledger, and by set of cases what they
say: numbers and findings, no sentence. A look is a run with its predictions: scored again they are the same look, other
predictions are another. Looks count that saw at least half of the cases, of the same data set: by the fingerprint of
its series, or because the cases that both have carry the same labels. Trials of a search are looks, too, for every run
but the one that they tuned: there each fold was scored by what was chosen without it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.auc import auc
from radiogen.core.clock import utc_text
from radiogen.core.errors import UserError
from radiogen.evaluation.audit.findings import Code, ReviewFinding
from radiogen.evaluation.stats.selection import best_of_looks
from radiogen.runs import layout
from radiogen.runs.external.cohorts import labels_digest, networks_digest
from radiogen.runs.fold_weights import Networks, check_run
from radiogen.runs.ledger.looks import KEPT, TUNING, Look, append_look, own_looks, read_looks
from radiogen.runs.lineage import first_weights_of
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import holdout, out_of_fold, scored, scores_digest
from radiogen.runs.records import read_facts, with_members
from radiogen.task import ID, LABEL

_LOG = logging.getLogger(__name__)

LEVEL = 0.05
SHARE = 0.5
"""Of the cases: a look that saw fewer of them is none at them."""
_SETS = {"out-of-fold": out_of_fold, "holdout": holdout}


@dataclass(frozen=True)
class LooksAtSet:
    """The looks at one set of cases.

    cohort: `out-of-fold` or `holdout`. cases: how many. number, looks: which look this one is, of how many so far, 0
    where it is not on record; scored: how often these predictions were scored; runs: by how many runs. best: the
    highest AUC that was seen. p, p_best: `BestOfLooks`, two-sided. unkept: looks whose predictions nobody kept, trials:
    those of searches; p_best counts p once for each of both.
    """

    cohort: str
    cases: int
    number: int
    looks: int
    scored: int
    runs: int
    best: float
    p: float
    p_best: float
    unkept: int
    trials: int = 0


@dataclass(frozen=True)
class LooksReview:
    """sets: of the run, those on record. intact: whether the chain is whole. missing: runs of which the ledger lacks
    entries that it had; unrecorded: runs that were judged and of which it has no entry."""

    sets: tuple[LooksAtSet, ...] = ()
    intact: bool = True
    missing: tuple[str, ...] = ()
    unrecorded: tuple[str, ...] = ()


def record_looks(run: PredictedRun, networks: Networks | None = None) -> None:
    """Note in the ledger beside the run that its labelled cases are scored now; to be called before a score is shown.

    networks: as in `fold_weights.check_run`. A models folder that is not writable is a warning, and no error.
    """
    models, digest = run.folder.parent, ""
    for cohort, choose in _SETS.items():
        cases = _labelled(choose(run.predictions))
        if cases[LABEL].nunique() < 2:
            continue
        try:
            digest = digest or networks_digest(check_run(run.folder, networks))
            append_look(models, _look(run, cohort, cases, digest), cases.astype({LABEL: int})[list(KEPT)])
        except (OSError, UserError) as error:
            _LOG.warning(f"{models / layout.LEDGER}: this look at the {cohort} cases of {run.name} is not recorded "
                         f"({error})")
            return


def judge_looks(run: PredictedRun) -> LooksReview:
    """What the ledger says of the run's cases. Raises UserError where it is damaged."""
    models = run.folder.parent
    looks = read_looks(models)
    entries, known = set(looks["entry_sha256"]), set(looks["run"])
    own = {place.name: table for place in sorted(models.glob("*")) if (table := own_looks(place)) is not None}
    missing = tuple(name for name, table in own.items() if not set(table["entry_sha256"]) <= entries)
    unrecorded = tuple(path.parent.name for path in sorted(models.glob(f"*/{layout.FOLD_METRICS}"))
                       if path.parent.name not in {*own, *known})
    fingerprint = _fingerprint(run.folder)
    others = looks[(looks["cohort"] != TUNING) | (looks["run"] != run.name)]
    sets = [_judge_set(run, cohort, cases, _at_cases(others, fingerprint, cases))
            for cohort, choose in _SETS.items() if (cases := _labelled(choose(run.predictions)))[LABEL].nunique() > 1]
    return LooksReview(tuple(one for one in sets if one.looks), bool(looks["intact"].all()), missing, unrecorded)


def review_looks(review: LooksReview) -> list[ReviewFinding]:
    """The findings: an alarm where the best of all looks is no better than chance though the look by itself may seem
    so, or where the ledger was altered.

    By itself a look may seem better than chance from a two-sided p of 0.1 down: other tests than this permutation, such
    as DeLong's, may put the same predictions below 0.05.
    """
    findings = [] if review.intact else [ReviewFinding(Code.LEDGER_ALTERED, {"file": layout.LEDGER})]
    if review.missing:
        findings.append(ReviewFinding(Code.LOOKS_REMOVED, {"file": layout.LEDGER, "names": review.missing}))
    if review.unrecorded:
        findings.append(ReviewFinding(Code.LOOKS_UNRECORDED, {"file": layout.LEDGER, "names": review.unrecorded}))
    findings += [ReviewFinding(_code(one), {"cohort": one.cohort, "cases": one.cases, "number": one.number,
                                            "looks": one.looks, "scored": one.scored, "best": one.best, "p": one.p,
                                            "p_best": one.p_best}) for one in review.sets]
    return findings or [ReviewFinding(Code.LOOKS_UNCHECKED, {"file": layout.LEDGER})]


def _code(one: LooksAtSet) -> Code:
    if one.looks == 1:
        return Code.LOOKED_ONCE
    return Code.LOOKS_BY_CHANCE if one.p < 2 * LEVEL and one.p_best > LEVEL else Code.LOOKED_BEFORE


def _look(run: PredictedRun, cohort: str, cases: pd.DataFrame, networks_sha256: str) -> Look:
    recipe, first = run.folder / layout.RECIPE, first_weights_of(run.facts, run.folder / layout.RUN)
    return Look(
        utc_text(), run.name, cohort, str(run.facts.get("data") or ""),
        _fingerprint(run.folder), len(cases), int((cases[LABEL] == 1).sum()), labels_digest(cases),
        files.sha256(recipe) if recipe.is_file() else "", networks_sha256, "judged",
        f"{auc(*scored(cases)):.6f}", str(run.facts.get("recipe") or ""), scores_digest(cases),
        first.sha256 or first.file if first is not None else "", tuple(run.facts.get("members") or ()))


def _fingerprint(folder: Path) -> str:
    """The data set's key, which names the cache of the run or, of an ensemble, of its first member; "" without one."""
    for place in with_members(folder):
        name = Path(str(read_facts(place).get("cache") or "")).parent.name
        key = name.rpartition("-")[2]
        if len(key) == 12 and set(key) <= set("0123456789abcdef"):
            return key
    return ""


def _labelled(cases: pd.DataFrame) -> pd.DataFrame:
    return cases[cases[LABEL].notna()].sort_values(ID).reset_index(drop=True)


def _at_cases(looks: pd.DataFrame, fingerprint: str, cases: pd.DataFrame) -> pd.DataFrame:
    """The looks at these cases, a row each, in their order: the columns of `read_looks` and `times`, how often."""
    rows = looks[looks["outcome"] == "judged"]
    by_hash = {mark: table for mark, table in zip(rows["predictions_sha256"], rows["kept"], strict=True)
               if table is not None}
    digest, groups = labels_digest(cases), list[dict[str, Any]]()
    for _, group in rows.groupby(["run", "cohort", "predictions_sha256"], sort=False):
        kept = by_hash.get(group["predictions_sha256"].iloc[0])
        same_data = group["fingerprint"].iloc[0] == fingerprint != ""
        pruned = same_data and group["cohort"].iloc[0] == TUNING  # it would have gone on to see more, had it been good
        if kept is not None and _same_cases(kept, same_data, cases, 0 if pruned else SHARE):
            groups.append({**group.iloc[0].to_dict(), "kept": kept, "times": len(group)})
        elif kept is None and (group["labels_sha256"] == digest).any():
            groups.append({**group.iloc[0].to_dict(), "times": len(group)})
    return pd.DataFrame(groups, columns=[*looks.columns, "times"])


def _same_cases(kept: pd.DataFrame, same_data: bool, cases: pd.DataFrame, share: float) -> bool:
    both = cases[[ID, LABEL]].merge(kept[[ID, LABEL]], on=ID, suffixes=("", "_kept"))
    if len(both) < max(1, share * len(cases)):
        return False
    return same_data or bool((both[LABEL].astype(int) == both[f"{LABEL}_kept"].astype(int)).all())


def _judge_set(run: PredictedRun, cohort: str, cases: pd.DataFrame, looks: pd.DataFrame) -> LooksAtSet:
    own = np.flatnonzero((looks["run"] == run.name) & (looks["cohort"] == cohort)
                         & (looks["predictions_sha256"] == scores_digest(cases)))
    place = int(own[0]) if len(own) else None
    trial = looks["cohort"] == TUNING
    kept = [table for number, table in enumerate(looks["kept"].mask(trial)) if isinstance(table, pd.DataFrame)
            and number != place]
    unkept, trials = int((looks["kept"].isna() & ~trial).sum()), int(trial.sum())
    rows = [table.drop_duplicates(ID).set_index(ID)["probability"].reindex(cases[ID]).to_numpy(float)
            for table in kept]
    found = best_of_looks((cases[LABEL] == 1).to_numpy(bool), pd.factorize(cases["fold"])[0].astype(np.int64),
                          np.stack([cases["probability"].to_numpy(float), *rows]), 0, sizes=_sizes(run, looks),
                          more=unkept + trials)
    return LooksAtSet(cohort, len(cases), 0 if place is None else place + 1, len(looks),
                      0 if place is None else int(looks["times"].iloc[place]), looks["run"].nunique(),
                      float(looks["auc"].max()), found.p, found.p_best, unkept, trials)


def _sizes(run: PredictedRun, looks: pd.DataFrame) -> Sequence[int]:
    """By how many members the ensembles were made that were looked at, where the run is one."""
    own = len(run.facts.get("members") or ())
    return sorted({own, *looks["members"].map(len)}) if own else ()
