"""A run before its judge: thresholds, what is known without an image, leakage, and the null mirror where it was run.

In: a run's folder and its predictions. Out: tables beside the run and a text for the terminal. Nothing here has to be
asked for: a figure without it is half a figure. What a run lacks for a check (a run of another version, a member that
is gone) is said and is no error.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from radiogen.core import files
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.labels import ID, LABEL
from radiogen.evaluation.audit.confounds import Confounds, judge_confounds
from radiogen.evaluation.audit.leakage import Finding, record_holdout_scoring, review_run
from radiogen.evaluation.figures import permutation_figures
from radiogen.evaluation.stats.metrics import auc, scored
from radiogen.evaluation.stats.thresholds import threshold_table
from radiogen.runs.fold_weights import Networks
from radiogen.runs.folds import TEST
from radiogen.runs.predictions import holdout, out_of_fold

WIDTH = 100
GEOMETRY, NULL = "geometry.csv", "null.csv"


@dataclass(frozen=True)
class Judgement:
    """What is said of a run beside its figures; `confounds` is None where no table of geometry is to be had."""

    name: str
    auc: float
    thresholds: pd.DataFrame
    confounds: Confounds | None
    findings: Sequence[Finding]
    null: Sequence[str]


def judge_run(folder: Path, predictions: pd.DataFrame, members: Sequence[str] = (),
              networks: Networks | None = None) -> Judgement:
    """Judge the run in `folder`, models/<run>; `members`: of an ensemble, whose first one knows the geometry.

    networks: as in `leakage.review_networks`. Notes in `holdout_scorings.csv` that the holdout is scored. To be called
    with the folder held.
    """
    record_holdout_scoring(folder, predictions)
    places = [folder / GEOMETRY, *(folder.parent / member / GEOMETRY for member in members)]
    path = next((place for place in places if place.is_file()), None)
    folds = predictions.loc[predictions["fold"] != TEST, [ID, LABEL, "fold"]]
    confounds, judged = None, out_of_fold(predictions)
    if path is not None and judged["fold"].nunique() > 1:
        confounds = judge_confounds(predictions, folds, read_geometry(path))
    findings = [one for one in review_run(folder, predictions, networks)
                if one.check != "holdout" or len(holdout(predictions))]
    return Judgement(folder.name, auc(*scored(judged)), threshold_table(predictions), confounds, findings,
                     _null_sentences(folder, predictions))


def judgement_text(judgement: Judgement) -> str:
    """The judgement as lines of at most 100 columns, the passed checks as one."""
    mean = judgement.thresholds.set_index("fold").loc["mean"]
    lines = [_wrapped("threshold:", f"chosen for each fold in the others, {mean['threshold']:.3f} on average: accuracy "
                      f"{mean['accuracy']:.3f}, F1 {mean['f1']:.3f}; at 0.5: {mean['accuracy_at_half']:.3f}, "
                      f"{mean['f1_at_half']:.3f}")]
    if judgement.confounds is None:
        lines.append("no image:    not checked: geometry.csv is missing, or fewer than two folds are predicted")
    else:
        lines += [_wrapped("no image:", ", ".join(judgement.confounds.words[1:])),  # the first is the verdict above
                  *(_wrapped("", sentence) for sentence in judgement.confounds.sentences[1:])]
    lines += [_wrapped("null mirror:", sentence) for sentence in judgement.null]
    for one in judgement.findings:
        if one.severity != "passed":
            lines.append(_wrapped(f"{one.severity}:", f"{one.check}: {one.sentence}"
                                  + (f"; {one.remedy}" if one.remedy else "")))
    passed = [one.check for one in judgement.findings if one.severity == "passed"]
    return "\n".join([*lines, *([_wrapped("passed:", f"leakage review of {', '.join(passed)}")] if passed else [])])


def write_judgement(folder: Path, judgement: Judgement) -> list[Path]:
    """Write `thresholds.csv`, `leakage.csv` and, where the geometry is known, `image_free.csv`,
    `image_free_gain.csv`, `within_planes.csv` and `correlations.csv`; returns their paths."""
    tables = {"thresholds": judgement.thresholds,
              "leakage": pd.DataFrame([vars(one) for one in judgement.findings])}
    if judgement.confounds is not None:
        tables |= {"image_free": judgement.confounds.image_free, "image_free_gain": judgement.confounds.gains,
                   "within_planes": judgement.confounds.within_planes,
                   "correlations": judgement.confounds.correlations}
    written = [files.write_csv(folder / f"{name}.csv", table) for name, table in tables.items()]
    nulls = permutation_figures.read_null(folder / NULL) if (folder / NULL).is_file() else {}
    return written + [permutation_figures.null_png(folder / f"null_{within}.png", areas, judgement.auc,
                                            f"Null mirror of {judgement.name}, {permutation_figures.WITHIN[within]}")
                      for within, areas in nulls.items()]


def _null_sentences(folder: Path, predictions: pd.DataFrame) -> list[str]:
    if not (folder / NULL).is_file():
        return []
    area = auc(*scored(out_of_fold(predictions)))
    return [permutation_figures.null_sentence(area, areas, within).removeprefix("null mirror: ")
            for within, areas in permutation_figures.read_null(folder / NULL).items()]


def _wrapped(head: str, sentence: str) -> str:
    return textwrap.fill(sentence, WIDTH, initial_indent=f"{head:<13}", subsequent_indent=" " * 13)
