"""Verdicts, comparisons and tests in words: the sentences that text and page share.

In: what stats/ and audit/ computed. Out: sentences without a full stop. Nothing is computed here and nothing is read
back from a sentence.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from radiogen.evaluation.audit.confounds import Confounds
from radiogen.evaluation.stats.label_permutation import PermutationTest
from radiogen.evaluation.stats.verdicts import Comparison, Outcome, Verdict
from radiogen.evaluation.text_tables import p_text

WITHIN = {"folds": "within folds", "planes": "within folds and planes"}


def verdict_sentence(verdict: Verdict) -> str:
    """The outcome, the AUC and why it is called so."""
    found = verdict.estimate
    if np.isnan(found.value):
        return f"{verdict.outcome}: {verdict.cases} cases of one class have no AUC"
    text = (f"{verdict.outcome}: AUC {found.value:.3f} (95 % interval {found.low:.3f} to {found.high:.3f}, permutation "
            f"p = {p_text(found.p)})")
    if verdict.outcome is Outcome.UNCLEAR and verdict.significant:
        text += (f"; {verdict.cases} cases are too few to call it, for they find reliably only an AUC of "
                 f"{verdict.resolvable:.3f} or more" if verdict.resolvable < 1 else
                 f"; {verdict.cases} cases are too few to call anything")
    return text


def reach_sentence(verdict: Verdict) -> str:
    """What so many cases can show."""
    return (f"{verdict.cases} cases find an AUC of {verdict.resolvable:.3f} or more in 80 % of studies"
            if verdict.resolvable < 1 else f"{verdict.cases} cases are too few to find anything")


def comparison_sentence(comparison: Comparison) -> str:
    """The outcome, the difference with both intervals, and what the cases resolve."""
    gap, (low, high) = comparison.estimate, comparison.bootstrap
    if np.isnan(gap.value):
        return f"{comparison.outcome}: {comparison.cases} cases are too few to compare"
    return (f"{comparison.outcome}: AUC {gap.value:+.3f} (95 % interval {gap.low:+.3f} to {gap.high:+.3f}, DeLong p = "
            f"{p_text(gap.p)}; bootstrap {low:+.3f} to {high:+.3f}); {comparison.cases} cases resolve "
            f"{comparison.resolvable:.3f} or more")


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


def _punctuation(test: PermutationTest) -> str:
    return ";" if test.too_few else ":"
