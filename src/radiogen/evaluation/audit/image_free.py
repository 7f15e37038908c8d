"""What can be predicted without any image: models from planes, sizes, case ids, scanner and patient alone.

In: labels or folds, the geometry of the series, what else is known (known_inputs.py). Out: predictions on the same
folds, their AUCs with intervals, the share of positive cases by plane. On the competition's data they are better than
chance, with no look at any voxel.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.core.progress import progress
from radiogen.dataset.geometry import SIZES, UNKNOWN
from radiogen.evaluation.audit.known_inputs import (
    ACQUISITION_MODELS,
    Known,
    joined_inputs,
    known_inputs,
)
from radiogen.evaluation.stats.cross_validation import widened, within_folds
from radiogen.evaluation.stats.intervals import Estimate, auc_interval, wilson_interval
from radiogen.evaluation.stats.metrics import scored_logits
from radiogen.evaluation.stats.verdicts import verdict
from radiogen.runs.folds import HOLDOUT, fold_names, make_folds
from radiogen.runs.predictions import complete, holdout, out_of_fold, scored, scored_folds
from radiogen.task import ID, LABEL

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PLANES, GEOMETRY, BOOSTED, CASE_ID = "planes", "all geometry", "all geometry, boosted trees", "case id"
IMAGE_FREE = (PLANES, GEOMETRY, BOOSTED, CASE_ID)
TREES = {"n_estimators": 60, "max_depth": 2, "learning_rate": 0.08}
UNCHECKED = {"assume_finite": True, "skip_parameter_validation": True}
"""Of scikit-learn: a model is 60 trees, each of which would check the same parameters and inputs again."""
SETS = {"out-of-fold": out_of_fold, "holdout": holdout}


@dataclass(frozen=True)
class Study:
    """What a data set's acquisition says: `shares` by plane, `models` and their AUCs, a sentence."""

    shares: pd.DataFrame
    models: pd.DataFrame
    sentence: str


@dataclass(frozen=True)
class StudySettings:
    """How a data set is studied: folds and their seed, other draws of the folds, trainings on permuted labels."""

    folds: int = 5
    seed: int = 42
    repeats: int = 10
    permutations: int = 200


def study(labels: pd.DataFrame, geometry: pd.DataFrame, settings: StudySettings) -> Study:
    """What the labels of a whole data set owe to its acquisition, by cross-validation over all its cases.

    `models` is `image_free_table` for the folds of `seed`, with `repeated_auc`: the mean of `within_fold_auc` over
    `repeats` other draws of the folds (seeds from 0 up), and `trained_p`: how often PLANES, trained again on permuted
    labels (`permutations` times), does at least as well; NaN for the other models, and where there are none.
    """
    folds, seed, repeats = settings.folds, settings.seed, settings.repeats
    table = make_folds(labels, folds=folds, holdout_fraction=0, seed=seed, leave_out=())
    models = image_free_table(image_free_predictions(table, geometry, seed=seed), seed=seed)
    areas: dict[str, list[float]] = {name: [] for name in IMAGE_FREE}
    for number in progress(range(repeats), "other folds", repeats, "draw"):
        drawn = make_folds(labels, folds=folds, holdout_fraction=0, seed=number, leave_out=())
        for name, found in image_free_predictions(drawn, geometry, seed=seed).items():
            areas[name].append(within_fold(found).value)
    null = permuted_auc(table, geometry, draws=settings.permutations, seed=seed)
    reached = models.loc[models["model"] == PLANES, "within_fold_auc"].item()
    p = (1 + (null >= reached - 1e-12).sum()) / (len(null) + 1) if settings.permutations else np.nan
    models = models.assign(repeated_auc=[np.mean(areas[name]) if repeats else np.nan for name in models["model"]],
                           trained_p=[p if name == PLANES else np.nan for name in models["model"]])
    return Study(share_by_plane(labels, geometry), models, _sentence(models.set_index("model").loc[PLANES], p))


def share_by_plane(labels: pd.DataFrame, geometry: pd.DataFrame) -> pd.DataFrame:
    """How many cases of each plane are positive: `sequence, plane, cases, positive, share, low, high` (Wilson)."""
    table = acquisition_table(geometry, labels[ID])
    positive, rows = labels[LABEL].to_numpy(int) == 1, []
    for name in (name for name in table if name.endswith(" plane")):
        for plane in sorted(set(table[name]) - {UNKNOWN}):
            inside = (table[name] == plane).to_numpy()
            rows.append({"sequence": name.removesuffix(" plane"), "plane": plane, "cases": int(inside.sum()),
                         "positive": int(positive[inside].sum())})
    found = pd.DataFrame(rows, columns=["sequence", "plane", "cases", "positive"])
    share = (found["positive"] / found["cases"]).to_numpy(float)
    low, high = wilson_interval(found["positive"].to_numpy(), found["cases"].to_numpy())
    return found.assign(share=share, low=low, high=high)


def acquisition_table(geometry: pd.DataFrame, cases: pd.Series) -> pd.DataFrame:
    """One row a case of `cases` (ids), indexed by id: `<sequence> plane` as text, `<sequence> <size>` as float.

    Only the training split counts. The plane of a missing series is UNKNOWN, its sizes are NaN. Raises UserError where
    the geometry knows none of the cases.
    """
    rows = geometry[(geometry["split"] == "train") & geometry[ID].isin(cases)]
    if rows.empty:
        raise UserError("the table of geometry", f"has no training series of these {len(cases)} cases",
                        "name the geometry of the same data set")
    wide = rows.pivot(index=ID, columns="sequence", values=["plane", *SIZES]).reindex(list(cases))
    names = sorted(rows["sequence"].unique())
    columns = {}
    for sequence in names:
        columns[f"{sequence} plane"] = wide["plane", sequence].where(wide["plane", sequence].notna(), UNKNOWN)
        columns |= {f"{sequence} {size}": wide[size, sequence].astype(float) for size in SIZES}
    return pd.DataFrame(columns, index=pd.Index(list(cases), name=ID))


def image_free_predictions(folds: pd.DataFrame, geometry: pd.DataFrame, *, seed: int = 42,
                           models: tuple[str, ...] = IMAGE_FREE, known: Known | None = None
                           ) -> dict[str, pd.DataFrame]:
    """Tables of predictions by the model's name; each fold is scored by a model of the others, the holdout by all.

    folds: `ID, LABEL, fold`, two folds at least. seed: of the boosted trees. PLANES: logistic regression
    on the planes of the sequences; GEOMETRY: on planes and sizes; BOOSTED: trees on the same; CASE_ID: trees on the
    number that the id ends with, its last digit and its parity. known: adds the models of `known_inputs`, as far as
    their inputs are known.
    """
    table = acquisition_table(geometry, folds[ID])
    labels, place = folds[LABEL].to_numpy(int), folds["fold"].to_numpy()
    found = {}
    inputs_of = {name: _inputs(name, table) for name in models}
    for name, inputs in {**inputs_of, **known_inputs(known or Known(), folds[ID])}.items():
        probabilities = np.full(len(folds), np.nan)
        for scored_fold in [*fold_names(folds), HOLDOUT]:
            inside, train = place == scored_fold, (place != scored_fold) & (place != HOLDOUT)
            if inside.any():
                probabilities[inside] = _fit_predict(name, inputs[train], labels[train], inputs[inside], seed)
        found[name] = complete(folds.assign(probability=probabilities))
    return found


def transferred_predictions(folds: pd.DataFrame, geometry: pd.DataFrame, labels: pd.DataFrame,
                            outside: pd.DataFrame, *, seed: int = 42) -> dict[str, pd.DataFrame]:
    """Image-free models trained on all folds and applied to another cohort: `ID, LABEL, probability` by model.

    folds, geometry: of the run; labels, outside: the other cohort's labels and geometry, split train. Only what both
    cohorts have is an input: a plane that the training never saw is none. CASE_ID is left out: the ids of two cohorts
    have nothing in common. The holdout trains nothing. Raises UserError where either geometry knows no case.
    """
    inside = folds[folds["fold"] != HOLDOUT]
    own, other = acquisition_table(geometry, inside[ID]), acquisition_table(outside, labels[ID])
    shared = [name for name in own if name in other]
    table = pd.concat([own[shared], other[shared]])
    found = {}
    for name in IMAGE_FREE[:-1]:
        inputs = _inputs(name, table)
        train, judged = inputs[:len(own)], inputs[len(own):]
        found[name] = labels[[ID, LABEL]].assign(probability=_fit_predict(
            name, train, inside[LABEL].to_numpy(int), judged, seed))
    return found


def image_free_table(baselines: Mapping[str, pd.DataFrame], *, seed: int = 42) -> pd.DataFrame:
    """What the image-free models reach, a row a model and set (out-of-fold, holdout).

    Columns: `model, set, cases, auc, low, high` with all folds pooled, `p, verdict` (`verdicts.verdict`, out-of-fold
    within folds), then `within_fold_auc, within_fold_low, within_fold_high`: only cases of one fold are compared, for
    another fold's probabilities come from another model. It is mostly higher; its interval is `widened` as the
    verdict's p is, for these models were trained here.
    """
    rows = []
    for name, table in baselines.items():
        for part, choose in SETS.items():
            cases = choose(table)
            if cases.empty:
                continue
            labels, probabilities = scored(cases)
            low, high = auc_interval(labels, probabilities)
            judged = verdict(labels, probabilities, scored_folds(cases), seed=seed)
            found = widened(judged.estimate, cases["fold"].nunique())
            rows.append({"model": name, "set": part, "cases": len(labels), "auc": auc(labels, probabilities),
                         "low": low, "high": high, "p": found.p, "verdict": str(judged.outcome),
                         "within_fold_auc": found.value, "within_fold_low": found.low, "within_fold_high": found.high})
    return pd.DataFrame(rows)


def left_over(predictions: pd.DataFrame, geometry: pd.DataFrame, *, seed: int = 42,
              known: Known | None = None) -> np.ndarray:
    """The run's logits less what its acquisition predicts of them, (cases,): planes, sizes, scanner, air and site.

    Boosted trees learn the logits from the acquisition in the other folds; with one fold alone their mean is taken off.
    """
    table = acquisition_table(geometry, predictions[ID])
    more = joined_inputs(known_inputs(known or Known(), predictions[ID]), ACQUISITION_MODELS)
    inputs = _inputs(GEOMETRY, table)
    return residual_logits(predictions, inputs if more is None else np.hstack([inputs, more]), seed=seed)


def residual_logits(predictions: pd.DataFrame, inputs: np.ndarray, *, seed: int = 42) -> np.ndarray:
    """The logits less what boosted trees, fitted in the other folds, predict of them from `inputs`, (cases, fields)."""
    from sklearn import config_context
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    inputs = inputs[:, ~np.isnan(inputs).all(axis=0)]
    logits, place = scored_logits(predictions["probability"].to_numpy(float)), predictions["fold"].to_numpy(str)
    rest = np.empty(len(logits))
    for name in np.unique(place):
        inside = place == name
        if inside.all():
            return logits - logits.mean()
        model = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True),
                              GradientBoostingRegressor(**TREES, random_state=seed))
        with config_context(**UNCHECKED):
            rest[inside] = logits[inside] - model.fit(inputs[~inside], logits[~inside]).predict(inputs[inside])
    return rest


def within_fold(predictions: pd.DataFrame) -> Estimate:
    """The AUC where only cases of one fold are compared (`within_folds`): the mean over folds, each by its pairs."""
    return within_folds(*scored(predictions), scored_folds(predictions))


def permuted_auc(folds: pd.DataFrame, geometry: pd.DataFrame, *, model: str = PLANES, draws: int = 200,
                 seed: int = 42) -> np.ndarray:
    """The fold-mean AUC of a model trained on `draws` permutations of the labels within folds, shape (draws,).

    What chance gives to training and scoring together: wider than a permutation of the scored labels alone. Within a
    fold, so that the share of positive cases stays what it is.
    """
    random = np.random.default_rng([seed, 2])
    inputs, place = _inputs(model, acquisition_table(geometry, folds[ID])), folds["fold"].to_numpy()
    labels, names, areas = folds[LABEL].to_numpy(int), fold_names(folds), np.empty(draws)
    for draw in range(draws):
        shuffled = labels.copy()
        for name in names:
            shuffled[place == name] = random.permutation(labels[place == name])
        own = []
        for name in names:
            inside, train = place == name, (place != name) & (place != HOLDOUT)
            own.append(auc(shuffled[inside] == 1, _fit_predict(model, inputs[train], shuffled[train], inputs[inside],
                                                               seed)))
        areas[draw] = np.mean(own)
    return areas


def _sentence(planes: pd.Series, p: float) -> str:
    text = (f"from the planes alone, without any image: AUC {planes['within_fold_auc']:.3f} within folds (95 % "
            f"interval {planes['within_fold_low']:.3f} to {planes['within_fold_high']:.3f})")
    text += f", {planes['repeated_auc']:.3f} over other draws of the folds" if planes.notna()["repeated_auc"] else ""
    return text + (f"; trained on permuted labels it does as well with p = {p:.3f}" if p == p else "")


def _inputs(model: str, table: pd.DataFrame) -> np.ndarray:
    """The model's inputs as numbers, (cases, fields): planes as 0 and 1, a missing size NaN."""
    if model == CASE_ID:
        number = np.array([_number(case) for case in table.index])
        return np.stack([number, number % 10, number % 2], axis=1).astype(float)
    planes = pd.get_dummies(table[[name for name in table if name.endswith(" plane")]]).to_numpy(float)
    sizes = table[[name for name in table if not name.endswith(" plane")]].to_numpy(float)
    return planes if model == PLANES else np.hstack([planes, sizes])


def _number(case: str) -> int:
    """The last digits of an id, as a number; 0 where it does not end in a digit."""
    found = re.search(r"[0-9]{1,9}$", case)
    return int(found[0]) if found else 0


def _fit_predict(model: str, inputs: np.ndarray, labels: np.ndarray, scored_inputs: np.ndarray, seed: int
                 ) -> np.ndarray:
    """Probabilities for `scored_inputs`, (cases,). Where the inputs never change or one class is missing: 0.5."""
    changing = np.array([len(np.unique(column[~np.isnan(column)])) + np.isnan(column).any() > 1
                         for column in inputs.T], dtype=bool)
    if not changing.any() or len(np.unique(labels)) < 2:
        return np.full(len(scored_inputs), 0.5)
    from sklearn import config_context

    with config_context(**UNCHECKED):
        fitted = _pipeline(model, seed).fit(inputs[:, changing], labels)
        return fitted.predict_proba(scored_inputs[:, changing])[:, 1]


def _pipeline(model: str, seed: int) -> "Pipeline":
    """Classes weigh alike, so that a fold's share of positive cases has no influence on the pooled order."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    filled = SimpleImputer(strategy="median", add_indicator=True)
    if model in (BOOSTED, CASE_ID):
        return make_pipeline(filled, GradientBoostingClassifier(**TREES, random_state=seed))
    logistic = LogisticRegression(class_weight="balanced", solver="newton-cg", max_iter=200)
    return make_pipeline(filled, *([] if model == PLANES else [StandardScaler()]), logistic)  # planes are 0 and 1
