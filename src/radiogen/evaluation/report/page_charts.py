"""The charts of the page: the figures of figures.py as SVG that stands in the page's text.

In: runs and what is said of them. Out: SVG elements with the page's own colours and letters, so that they follow light
and dark and their text can be found and copied. They are drawn smaller than the PNGs: letters must be read on a phone.
"""

import io
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from radiogen.evaluation.external.assessment import INSIDE, ExternalAssessment
from radiogen.evaluation.external.shift import LARGE, SOME
from radiogen.evaluation.figures import run_figures
from radiogen.evaluation.figures.decision_figures import decision_curve_figure, precision_recall_figure
from radiogen.evaluation.figures.shift_figures import shift_figure
from radiogen.evaluation.report.assess import SETS
from radiogen.evaluation.report.assessment import Assessment, RunAssessment
from radiogen.evaluation.stats.metrics import scored
from radiogen.runs import layout
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import out_of_fold

SCALE = 0.7
"""Of the PNGs' size: 330 to 350 points across, about the width of a phone."""

INKS = {run_figures.BLACK: "var(--ink)", "#000000": "var(--ink)", run_figures.GREY: "var(--faint)",
        "#b0b0b0": "var(--faint)", "#ffffff": "var(--paper)", run_figures.BLUE: "var(--blue)",
        run_figures.ORANGE: "var(--orange)", run_figures.GREEN: "var(--green)", run_figures.PURPLE: "var(--purple)"}
"""Colours of the figures, and the page's own that stand for them: each has a light and a dark form."""

CURVES = {"loss": "Training: loss", "auc": "Training: AUC of the inputs", "accuracy": "Training: accuracy"}
"""Columns of a history with their titles; the first two that a run kept are drawn."""


@dataclass(frozen=True)
class Chart:
    """A chart of the page: its title, what one sees, the SVG element, the file with the same picture (or "")."""

    title: str
    caption: str
    svg: str
    file: str = ""


def run_charts(assessed: RunAssessment) -> list[Chart]:
    """ROC, calibration, probabilities by label and, where folds were trained here, the curves of training."""
    run = assessed.run
    curves = {str(one.name): scored(SETS[one.name](run.predictions)) for one in assessed.sets}
    name, (labels, probabilities) = next(iter(curves.items()))
    parts = [
        ("ROC", "Each case placed by its probability; all folds pooled; band: 95 % of resamples of patients. On the "
         "diagonal a coin would do as well.", run_figures.roc_figure(curves, scale=SCALE), layout.ROC),
        ("Calibration", f"Of the cases given a probability, how many are {run.task.positive}. On the diagonal a "
         "probability means what it says.", run_figures.calibration_figure(curves, scale=SCALE, task=run.task),
         layout.CALIBRATION),
        (f"Probability by label, {name}", "Every point is a patient. Two heaps that lie over each other cannot be "
         "distinguished.", run_figures.probabilities_figure(labels, probabilities, scale=SCALE, task=run.task),
         layout.PROBABILITIES)]
    histories = assessed.histories
    kept = [name for name in CURVES if any(f"val_{name}" in table for table in histories.values())]
    for column in kept[:2]:
        parts.append((CURVES[column], "Broken: the cases that train. Whole: the fold that is scored, which chooses "
                      "nothing.", run_figures.curves_figure(histories, column, SCALE), ""))
    return [Chart(title, caption, svg(figure, f"{run.name} {title}"), file) for title, caption, figure, file in parts]


def clinical_charts(assessed: RunAssessment) -> list[Chart]:
    """Net benefit of acting on the probabilities, and precision against recall; none where nothing is said of them."""
    if assessed.clinical is None:
        return []
    curves = {str(one.name): scored(SETS[one.name](assessed.run.predictions)) for one in assessed.sets}
    parts = [("Net benefit", "Of acting on the recalibrated probability from a threshold up, beside treating everybody "
              "or nobody. The higher line is the better policy at that threshold.",
              decision_curve_figure(assessed.clinical.benefit, scale=SCALE), layout.DECISION_CURVE),
             ("Precision and recall", "Of those called positive, how many are, against how many of the positive are "
              "found. Dotted: what calling at random gets.", precision_recall_figure(curves, scale=SCALE),
              layout.PRECISION_RECALL)]
    return [Chart(title, caption, svg(figure, f"{assessed.name} {title}"), file)
            for title, caption, figure, file in parts]


def external_charts(run: PredictedRun, judged: ExternalAssessment) -> list[Chart]:
    """ROC and calibration of a run inside and on one external cohort, and what differs between the two."""
    curves = {f"{INSIDE}, out-of-fold": scored(out_of_fold(run.predictions)), judged.name: scored(judged.predictions)}
    place = f"{layout.EXTERNAL}/{judged.name}"
    parts = [("ROC, inside and outside", "Broken: the other hospital. Bands: 95 % of resamples of patients.",
              run_figures.roc_figure(curves, scale=SCALE), layout.ROC),
             ("Calibration, inside and outside", "Below the diagonal the other hospital has fewer positive cases than "
              "the probabilities say.", run_figures.calibration_figure(curves, scale=SCALE, task=run.task),
              layout.CALIBRATION),
             ("What differs", "Fields with the largest stability index; a grey mark: what so many cases make of no "
              "shift at all.", shift_figure(judged.shift, (SOME, LARGE), scale=SCALE), layout.SHIFT_PICTURE)]
    return [Chart(title, caption, svg(figure, f"{run.name} {judged.name} {title}"), f"{place}/{file}")
            for title, caption, figure, file in parts]


def comparison_charts(assessment: Assessment) -> list[Chart]:
    """The forest of all runs and, of several, their ROC curves in one."""
    runs = [one.run for one in assessment.runs]
    parts = [("AUC of every run", "With its 95 % interval, out-of-fold within folds, beside chance and beside the "
              "best model that sees no image.",
              run_figures.forest_figure(forest_rows(assessment.summary), baseline=assessment.image_free_auc,
                                        scale=SCALE), layout.FOREST)]
    if len(runs) > 1:
        curves = {run.name: scored(out_of_fold(run.predictions)) for run in runs}
        parts.append(("ROC of all runs, out-of-fold", "Bands that overlap: see the differences below before calling "
                      "one run better.", run_figures.roc_figure(curves, scale=SCALE), layout.ALL_ROCS))
    return [Chart(title, caption, svg(figure, title), file) for title, caption, figure, file in parts]


def forest_rows(summary: pd.DataFrame) -> pd.DataFrame:
    """`run, set, cases, auc, low, high` of every run and set that has an AUC, from
    `Assessment.summary`; out-of-fold within folds."""
    rows = []
    for row in summary.to_dict("records"):
        for name, prefix, area in (("out-of-fold", "out_of_fold", "out_of_fold_within_fold"),
                                   ("holdout", "holdout", "holdout_auc")):
            value = row[area if area.endswith("_auc") else f"{area}_auc"]
            if np.isfinite(value):
                rows.append({"run": row["run"], "set": name, "cases": row[f"{prefix}_cases"], "auc": value,
                             "low": row[f"{area}_low"], "high": row[f"{area}_high"]})
    return pd.DataFrame(rows, columns=["run", "set", "cases", "auc", "low", "high"])


def svg(figure: Figure, name: str) -> str:
    """A figure as an SVG element: text as text, the page's inks; `name` sets the ids that its parts refer to.

    The same figure and name give the same text. Nothing in it points outside.
    """
    figure.patch.set_alpha(0)
    for axes in figure.axes:
        axes.patch.set_alpha(0)
    held = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(held, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = held.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' id="[a-zA-Z]+\d*_[\w.]+"', "", text)
    text = re.sub(r"font: (?:[a-z0-9]+ )*?([\d.]+)px [^;\"]*", r"font-size: \1px", text)
    for colour, ink in INKS.items():
        text = re.sub(colour, ink, text, flags=re.IGNORECASE)
    text = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>',
                  r'<svg viewBox="\1" role="img" xmlns:xlink="http://www.w3.org/1999/xlink">', text, count=1)
    return re.sub(r"\n\s*", "\n", text).strip()
