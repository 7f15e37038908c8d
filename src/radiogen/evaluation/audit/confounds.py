"""Whether a run predicts more than the acquisition of its images does.

In: a run's predictions, its folds, the geometry of its series, and what else is known of scanners and patients. Out:
what the run gains over models without images (image_free.py), its AUC among cases alike in plane or site, its
correlation with every field of the acquisition, and what follows. Whoever does not look here may take a hospital's
habits for biology.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import pandas as pd

from radiogen.core.auc import delong_covariance
from radiogen.dataset.patients import SITE
from radiogen.evaluation.audit.image_free import (
    IMAGE_FREE,
    PLANES,
    SETS,
    acquisition_table,
    image_free_predictions,
    image_free_table,
    left_over,
    residual_logits,
)
from radiogen.evaluation.audit.known_inputs import PATIENT_MODELS, Known, joined_inputs, known_inputs
from radiogen.evaluation.stats.cross_validation import within_folds
from radiogen.evaluation.stats.intervals import Estimate, holm_adjusted, stratified_auc
from radiogen.evaluation.stats.verdicts import Change, Comparison, Outcome, Verdict, compare, is_significant, verdict
from radiogen.evaluation.subgroups.groups import group_table
from radiogen.runs.predictions import out_of_fold, scored, scored_folds
from radiogen.task import ID, LABEL


class Conclusion(StrEnum):
    """What the comparison with the acquisition says of a run; the value is what a reader is shown."""

    ABOVE_BASELINE = "better than the image-free baseline"
    NOT_ABOVE_BASELINE = "not shown to be better than the image-free baseline"
    EXPLAINED = "explained by acquisition"
    EXPLAINED_BY_PATIENT = "explained by what is known of the patients"


EXPLAINED = frozenset({Conclusion.EXPLAINED, Conclusion.EXPLAINED_BY_PATIENT})
"""Conclusions by which a run shows nothing that is not known without its images."""


class _AtChance(StrEnum):
    """Where a run is not distinguishable from chance; the value is what a reader is shown."""

    SAME_PLANES = "among cases of the same planes"
    BEYOND = "less what the acquisition predicts of it"
    BEYOND_PATIENT = "less what age, sex and the like predict of it"


@dataclass(frozen=True)
class Confounds:
    """All that the acquisition says of a run; tables as the functions of this file make them.

    run: the run's verdict out-of-fold. best: the image-free model that the run is compared with; baseline: its verdict
    on the same cases; comparison: the run against it. same_planes: the AUC among cases of the same planes; beyond: of
    what is left of the run without what the acquisition predicts of it; beyond_patient: without what is known of the
    patients, None where nothing is. same_sites: the AUC among cases of the same site, None where no site is known.
    conclusions: ABOVE_BASELINE or NOT_ABOVE_BASELINE, then EXPLAINED or EXPLAINED_BY_PATIENT where it is. groups: as
    `group_table` makes it. predictions: the image-free ones by model.
    """

    run: Verdict
    best: str
    baseline: Verdict
    comparison: Comparison
    same_planes: Estimate
    beyond: Estimate
    conclusions: tuple[Conclusion, ...]
    image_free: pd.DataFrame
    gains: pd.DataFrame
    within_planes: pd.DataFrame
    correlations: pd.DataFrame
    predictions: Mapping[str, pd.DataFrame]
    beyond_patient: Estimate | None = None
    same_sites: Estimate | None = None
    groups: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def outcomes(self) -> tuple[Outcome | Conclusion, ...]:
        """The run's verdict, then the conclusions."""
        return (self.run.outcome, *self.conclusions)

    @property
    def at_chance(self) -> tuple[_AtChance, ...]:
        """Where the run is not distinguishable from chance."""
        return _where_at_chance(self.best, self.same_planes, self.beyond, self.beyond_patient)

    @property
    def explained(self) -> bool:
        """Whether the acquisition, or what is known of the patients, explains the run."""
        return not EXPLAINED.isdisjoint(self.conclusions)


def judge_confounds(predictions: pd.DataFrame, folds: pd.DataFrame, geometry: pd.DataFrame, *,
                    known: Known | None = None, seed: int = 42) -> Confounds:
    """Hold a run against what its acquisition predicts, out-of-fold.

    predictions: the run's; folds: its `folds.csv`; geometry: as `read_geometry` returns it; known: its scanners and
    patients. The run is compared with the image-free model that has the highest AUC on the scored cases themselves:
    that choice flatters the model and never the run. *Better than the image-free baseline* needs *better than chance*,
    too. *Explained* is said of a run that is better than chance where that model is distinguishable from chance by
    labels permuted within folds (less strict than the verdict, in favour of the model), the run is not better than it,
    and without what the acquisition predicts of its probabilities (`left_over`), or where the model knows the geometry
    alone among cases of the same planes, the run is at chance; where the model knows the patient alone, without what
    that predicts. Raises UserError where the geometry knows none of the cases.
    """
    known = known or Known()
    baselines = image_free_predictions(folds, geometry, seed=seed, known=known)
    judged = out_of_fold(predictions)
    judged = judged[judged[LABEL].notna()]
    free, gains = image_free_table(baselines, seed=seed), gain_table(predictions, baselines, seed=seed)
    own = gains[gains["set"] == "out-of-fold"]
    best = str(own.loc[own["baseline_auc"].idxmax(), "model"]) if own["baseline_auc"].notna().any() else PLANES
    planes = within_plane_table(judged, geometry)
    same = Estimate(*(float(planes.iloc[-1][name]) for name in ("auc", "low", "high", "p")))
    rest = _area(judged, left_over(judged, geometry, seed=seed, known=known))
    person = joined_inputs(known_inputs(known, judged[ID]), PATIENT_MODELS)
    own_rest = None if person is None else _area(judged, residual_logits(judged, person, seed=seed))
    pair = judged.merge(baselines[best][[ID, "probability"]], on=ID, suffixes=("", "_free"))
    labels, probabilities = scored(pair)
    image_free, names = pair["probability_free"].to_numpy(), scored_folds(pair)
    run, baseline = (verdict(labels, scores, names, seed=seed) for scores in (probabilities, image_free))
    found = compare(labels, probabilities, image_free, names, seed=seed)
    tells = is_significant(stratified_auc(labels, image_free, names, seed=seed))
    chance = _where_at_chance(best, same, rest, own_rest)
    return Confounds(run, best, baseline, found, same, rest, _conclude(run, best, tells, found, chance), free, gains,
                     planes, correlation_table(judged, geometry), baselines, own_rest,
                     _within_sites(judged, known.patients), group_table("inside", judged, known.patients))


def _conclude(run: Verdict, best: str, baseline_tells: bool, comparison: Comparison, at_chance: tuple[_AtChance, ...]
              ) -> tuple[Conclusion, ...]:
    """What follows from the estimates; see `judge_confounds`."""
    if comparison.outcome is Change.BETTER and run.outcome is Outcome.BETTER:
        return (Conclusion.ABOVE_BASELINE,)
    explained = run.outcome is Outcome.BETTER and baseline_tells and at_chance
    word = Conclusion.EXPLAINED_BY_PATIENT if best in PATIENT_MODELS else Conclusion.EXPLAINED
    return (Conclusion.NOT_ABOVE_BASELINE, *([word] if explained else []))


def _where_at_chance(best: str, same_planes: Estimate, beyond: Estimate, beyond_patient: Estimate | None
                     ) -> tuple[_AtChance, ...]:
    """Of the estimates that speak of the `best` model, those that are not distinguishable from chance.

    The planes speak of models of the geometry alone: a scanner may differ within a plane.
    """
    if best in PATIENT_MODELS:
        asked = [] if beyond_patient is None else [(_AtChance.BEYOND_PATIENT, beyond_patient)]
    else:
        asked = [*([(_AtChance.SAME_PLANES, same_planes)] if best in IMAGE_FREE else []), (_AtChance.BEYOND, beyond)]
    return tuple(place for place, estimate in asked if not is_significant(estimate))


def _area(judged: pd.DataFrame, scores: np.ndarray) -> Estimate:
    """The AUC of other scores of the judged cases, within folds."""
    return within_folds(scored(judged)[0], scores, scored_folds(judged))


def _within_sites(judged: pd.DataFrame, patients: pd.DataFrame | None) -> Estimate | None:
    """The AUC where only cases of one site and fold are compared; None where fewer than two sites are known."""
    if patients is None:
        return None
    cases = judged.merge(patients.loc[patients[SITE] != "", [ID, SITE]], on=ID)
    if cases[SITE].nunique() < 2:
        return None
    return within_folds(*scored(cases), scored_folds(cases), cases[SITE].to_numpy(str))


def gain_table(predictions: pd.DataFrame, baselines: Mapping[str, pd.DataFrame], *, seed: int = 42) -> pd.DataFrame:
    """The run less each image-free model on the same cases, a row a model and set.

    Columns: `model, set, cases, run_auc, baseline_auc, gain` (out-of-fold within folds), DeLong's `low, high`, `p`, the
    patient bootstrap's `bootstrap_low, bootstrap_high`, `resolvable` (the gain that is found in 80 % of studies),
    `words`.
    """
    rows = []
    for name, table in baselines.items():
        for part, choose in SETS.items():
            pair = choose(predictions).merge(table[[ID, "probability"]], on=ID, suffixes=("", "_free"))
            labels, own = scored(pair)
            if not len(labels):
                continue
            free = pair.loc[pair[LABEL].notna(), "probability_free"].to_numpy()
            names = scored_folds(pair)
            found, (areas, _) = compare(labels, own, free, names, seed=seed), delong_covariance(
                labels, [own, free], names)
            rows.append({"model": name, "set": part, "cases": len(labels), "run_auc": areas[0],
                         "baseline_auc": areas[1], "gain": found.estimate.value, "low": found.estimate.low,
                         "high": found.estimate.high, "p": found.estimate.p, "bootstrap_low": found.bootstrap[0],
                         "bootstrap_high": found.bootstrap[1], "resolvable": found.resolvable,
                         "words": str(found.outcome)})
    columns = ["model", "set", "cases", "run_auc", "baseline_auc", "gain", "low", "high", "p", "bootstrap_low",
               "bootstrap_high", "resolvable", "words"]
    return pd.DataFrame(rows, columns=columns)


def within_plane_table(predictions: pd.DataFrame, geometry: pd.DataFrame) -> pd.DataFrame:
    """The AUC among cases whose series lie in one plane, a row a sequence and plane; last row: all planes the same.

    predictions: the cases to judge, out-of-fold: only those of one fold are compared (`within_folds`). Columns:
    `sequence, plane, cases, positive, auc, low, high, p`. In the last row (`all`, `same`) only pairs of cases with the
    same planes in every sequence are compared.
    """
    cases = predictions[predictions[LABEL].notna()]
    (labels, probabilities), folds = scored(cases), scored_folds(cases)
    table = acquisition_table(geometry, cases[ID])
    planes = table[[name for name in table if name.endswith(" plane")]]
    groups = [(name.removesuffix(" plane"), plane, (planes[name] == plane).to_numpy())
              for name in planes for plane in sorted(planes[name].unique())]
    groups.append(("all", "same", np.ones(len(cases), dtype=bool)))
    rows = []
    for sequence, plane, inside in groups:
        strata = planes.agg("/".join, axis=1).to_numpy() if sequence == "all" and len(planes.columns) else (
            np.zeros(len(cases)))
        found = within_folds(labels[inside], probabilities[inside], folds[inside], strata[inside])
        rows.append({"sequence": sequence, "plane": plane, "cases": int(inside.sum()),
                     "positive": int(labels[inside].sum()), "auc": found.value, "low": found.low, "high": found.high,
                     "p": found.p})
    return pd.DataFrame(rows)


def correlation_table(predictions: pd.DataFrame, geometry: pd.DataFrame) -> pd.DataFrame:
    """Spearman's correlation of the run's probabilities with every field of the acquisition, strongest first.

    Columns: `sequence, field, cases, rho, low, high, p, p_adjusted`. A plane counts as a field of 0 and 1; a field
    that never changes is left out. The interval is Bonett and Wright's (Psychometrika 2000;65:23), the adjusted p
    Holm's over all rows. A run that sees the label correlates with whatever the label goes with: read it beside the
    AUC within planes.
    """
    from scipy import stats

    table, rows = acquisition_table(geometry, predictions[ID]), []
    for name in table:
        sequence, field = name.split(" ", 1)
        values = {f"plane: {plane}": (table[name] == plane).astype(float) for plane in sorted(table[name].unique())} \
            if field == "plane" else {field: table[name]}
        for what, column in values.items():
            known = column.notna().to_numpy()
            if known.sum() < 4 or column[known].nunique() < 2 or predictions["probability"][known].nunique() < 2:
                continue
            found = stats.spearmanr(column[known], predictions["probability"].to_numpy()[known])
            reach = 1.959964 * np.sqrt((1 + found.statistic**2 / 2) / (known.sum() - 3))
            middle = np.arctanh(np.clip(found.statistic, -0.999999, 0.999999))
            rows.append({"sequence": sequence, "field": what, "cases": int(known.sum()), "rho": found.statistic,
                         "low": np.tanh(middle - reach), "high": np.tanh(middle + reach), "p": found.pvalue})
    columns = ["sequence", "field", "cases", "rho", "low", "high", "p"]
    table_of_fields = pd.DataFrame(rows, columns=columns).sort_values("p", ignore_index=True)
    return table_of_fields.assign(p_adjusted=holm_adjusted(table_of_fields["p"].to_numpy(float)))
