"""Verdicts, comparisons and tests in words: the sentences that text and page share.

In: what stats/ and audit/ computed. Out: sentences without a full stop. Nothing is computed here and nothing is read
back from a sentence.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from radiogen.evaluation.audit.confounds import Confounds
from radiogen.evaluation.audit.run_verdict import RunVerdict
from radiogen.evaluation.stats.label_permutation import PermutationTest
from radiogen.evaluation.stats.verdicts import Comparison, Outcome, Verdict
from radiogen.evaluation.text_tables import p_text

WITHIN = {"folds": "within folds", "planes": "within folds and planes"}
GAP = 0.02
"""From here on a gap between the AUC within folds and the pooled one is explained."""


def verdict_sentence(verdict: Verdict) -> str:
    """The outcome, the AUC and why it is called so; of out-of-fold predictions the pooled AUC beside it."""
    found, pooled = verdict.estimate, verdict.pooled
    if np.isnan(found.value):
        lacking = "cases of one class" if pooled is None else "cases in folds of one class each"
        return f"{verdict.outcome}: {verdict.cases} {lacking} have no AUC"
    interval = f"95 % interval {found.low:.3f} to {found.high:.3f}"
    if pooled is None:
        return f"{verdict.outcome}: AUC {found.value:.3f} ({interval}, permutation p = {p_text(found.p)})"
    text = (f"{verdict.outcome}: AUC {found.value:.3f} within folds ({interval}, p = {p_text(found.p)} corrected for "
            f"cross-validation); all folds pooled {pooled.value:.3f} ({pooled.low:.3f} to {pooled.high:.3f})")
    if abs(pooled.value - found.value) >= GAP:
        text += ", which also compares patients of different folds, whose models are on different scales"
    if verdict.outcome is Outcome.UNCLEAR and not found.low <= 0.5 <= found.high:
        text += "; the interval takes the predictions as they are, p allows for another training"
    return text


def run_verdict_sentence(said: RunVerdict) -> str:
    """What is finally said of a run, with what forbids to believe its numbers and what was not checked."""
    head = f"{said.outcome}: {said.by_numbers} by its numbers alone" if said.outcome is Outcome.NOT_ESTABLISHED else (
        str(said.outcome))
    parts = ["; ".join([head, *said.conclusions])]
    parts += [f"Alarm of the leakage review: {', '.join(said.alarms)}"] if said.alarms else []
    parts += [_reached_sentence(one) for one in said.reached]
    parts += [] if said.without_doubtful is None else [
        f"Without the cases that a network may have seen: {said.without_doubtful}"]
    parts += [f"On the holdout alone: {said.holdout}"] if said.holdout is not None else []
    parts += [f"Not checked: {', '.join(said.unchecked)}"] if said.unchecked else []
    return ". ".join(parts)


def reach_sentence(verdict: Verdict) -> str:
    """What so many cases can show."""
    return (f"{verdict.cases} cases call an AUC of {verdict.resolvable:.3f} better than chance in 80 % of studies, a "
            "smaller one in fewer" if verdict.resolvable < 1 else
            f"{verdict.cases} cases are too few to show anything in 80 % of studies")


def comparison_sentence(comparison: Comparison) -> str:
    """The outcome, the difference with both intervals, and what the cases can show."""
    gap, (low, high) = comparison.estimate, comparison.bootstrap
    if np.isnan(gap.value):
        return f"{comparison.outcome}: {comparison.cases} cases are too few to compare"
    return (f"{comparison.outcome}: AUC {gap.value:+.3f} (95 % interval {gap.low:+.3f} to {gap.high:+.3f}, p = "
            f"{p_text(gap.p)}; bootstrap {low:+.3f} to {high:+.3f}); {comparison.cases} cases show a difference of "
            f"{comparison.resolvable:.3f} in 80 % of studies")


def confound_sentences(confounds: Confounds) -> list[str]:
    """The run's verdict; the run beside the best image-free model; what is left of it; whether that explains it."""
    same, beyond, conclusions = confounds.same_planes, confounds.beyond, confounds.conclusions
    sentences = [
        verdict_sentence(confounds.run),
        f"{conclusions[0]}: the best of the image-free models ({confounds.best}, chosen on the scored cases, which "
        f"favours it) has AUC {confounds.baseline.estimate.value:.3f}; the run beside it: "
        f"{comparison_sentence(confounds.comparison)}",
        f"among cases of the same planes AUC {same.value:.3f} ({same.low:.3f} to {same.high:.3f}, p = {p_text(same.p)})"
        f"; less what the acquisition predicts of the run {beyond.value:.3f} ({beyond.low:.3f} to {beyond.high:.3f}, "
        f"p = {p_text(beyond.p)})"]
    sites, person = confounds.same_sites, confounds.beyond_patient
    if sites is not None:
        sentences.append(f"among cases of the same site AUC {sites.value:.3f} ({sites.low:.3f} to {sites.high:.3f}, "
                         f"p = {p_text(sites.p)})")
    if person is not None:
        sentences.append(f"less what age, sex and the like predict of the run {person.value:.3f} ({person.low:.3f} to "
                         f"{person.high:.3f}, p = {p_text(person.p)})")
    if confounds.explained:
        sentences.append(f"{conclusions[1]}: {confounds.best} alone does as well, and "
                         f"{' and '.join(confounds.at_chance)} the run is not distinguishable from chance")
    return sentences


def group_sentences(groups: pd.DataFrame) -> list[str]:
    """A sentence a way of grouping the patients: the AUC of each group with its interval."""
    if groups.empty:
        return []
    return [f"by {by}: " + "; ".join(
        f"{row.group} ({row.cases}) " + ("too few" if row.too_small else
                                         f"AUC {row.auc:.3f} ({row.low:.3f} to {row.high:.3f})")
        for row in rows.itertuples()) for by, rows in groups.groupby("by", sort=False)]


def label_sentence(table: pd.DataFrame) -> str:
    """The AUC by what is done with the uncertain labels."""
    return f"{int(table['uncertain'].max())} are uncertain; AUC " + ", ".join(
        f"{row.labels} {row.auc:.3f} ({row.low:.3f} to {row.high:.3f})" for row in table.itertuples())


def permutation_sentence(test: PermutationTest) -> str:
    """The p-value, and what it means for the run; with too few draws, that they are too few."""
    return (f"trained {len(test.areas)} times on labels permuted {WITHIN[test.within]}, AUC {test.median:.3f} (median; "
            f"highest {test.highest:.3f}); the run's {test.auc:.3f} has p = {test.p:.3f}{_punctuation(test)} "
            f"{test.outcome}")


def slice_sentence(measures: Mapping[str, float]) -> str:
    """A 2D run's figures per slice; slices of a case are no independent observations: no interval."""
    return (f"per slice, not per case: {measures['cases']:,} slices out-of-fold, accuracy {measures['accuracy']:.3f}, "
            f"precision {measures['precision']:.3f}, recall {measures['recall']:.3f}, F1 {measures['f1']:.3f}, "
            f"AUC {measures['auc']:.3f}")


def seed_sentences(table: pd.DataFrame) -> list[str]:
    """A sentence a group of `seeds.seed_table`, of its AUC."""
    return [f"{row.run}: {row.seeds} seeds, AUC {row.mean:.3f} on average, {row.low:.3f} to {row.high:.3f}; standard "
            f"deviation {row.between_seeds:.3f} between seeds, {row.between_folds:.3f} between folds"
            for row in table[table["measure"] == "auc"].itertuples()]


def _reached_sentence(test: PermutationTest) -> str:
    """Why trainings on permuted labels forbid to believe a run."""
    of = f"{len(test.areas)} trainings on labels permuted {WITHIN[test.within]}"
    if test.leaks:
        return (f"The {of} have AUC {test.areas.mean():.3f} on average, better than chance: labels of scored cases "
                "leak into training")
    few = test.p <= 1 / (len(test.areas) + 1)
    return f"Against {of} p = {p_text(test.p)}" + (", which is the least that so few can show" if few else
                                                   ": training does as well on labels that mean nothing")


def _punctuation(test: PermutationTest) -> str:
    return ";" if test.too_few else ":"
