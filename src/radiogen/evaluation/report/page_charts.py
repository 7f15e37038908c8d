"""The charts of the page: the figures of figures.py as SVG that stands in the page's text.

In: runs and what is said of them. Out: SVG elements with the page's own colours and letters, so that they follow light
and dark and their text can be found and copied. They are drawn smaller than the PNGs: letters must be read on a phone.
"""

import html
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radiogen.evaluation.clinical.sentences import clinical_lines
from radiogen.evaluation.external.assessment import INSIDE, ExternalAssessment
from radiogen.evaluation.external.shift import LARGE, SOME
from radiogen.evaluation.figures import run_figures
from radiogen.evaluation.figures.decision_figures import decision_curve_figure, precision_recall_figure
from radiogen.evaluation.figures.shift_figures import shift_figure
from radiogen.evaluation.report.assess import SETS
from radiogen.evaluation.report.assessment import Assessment, RunAssessment
from radiogen.evaluation.report.summary import NAMES
from radiogen.runs import layout
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import out_of_fold, scored

if TYPE_CHECKING:  # imported when something is drawn
    from matplotlib.figure import Figure

SCALE = 0.7
"""Of the PNGs' size: 330 to 350 points across, about the width of a phone."""

MOST_POINTS = 1_500
"""Patients of a class that are drawn as points."""

INKS = {run_figures.BLACK: "var(--ink)", "#000000": "var(--ink)", run_figures.GREY: "var(--faint)",
        "#b0b0b0": "var(--faint)", "#ffffff": "var(--paper)", run_figures.BLUE: "var(--blue)",
        run_figures.ORANGE: "var(--orange)", run_figures.GREEN: "var(--green)", run_figures.PURPLE: "var(--purple)"}
"""Colours of the figures, and the page's own that stand for them: each has a light and a dark form."""

CURVES = {"loss": "Training: loss", "auc": "Training: AUC of the inputs", "accuracy": "Training: accuracy"}
"""Columns of a history with their titles; the first two that a run kept are drawn."""


@dataclass(frozen=True)
class Chart:
    """A chart of the page: its title, what one sees, the SVG element, the file with the same picture (or "").

    The element itself says what it shows to whoever does not see it (`aria-label`).
    """

    title: str
    caption: str
    svg: str
    file: str = ""


@dataclass(frozen=True)
class _Drawn:
    title: str
    caption: str
    figure: "Figure"
    alternative: str
    file: str = ""


def run_charts(assessed: RunAssessment) -> list[Chart]:
    """ROC, calibration, probabilities by label and, where folds were trained here, the curves of training."""
    run, task = assessed.run, assessed.run.task
    curves = {str(one.name): scored(SETS[one.name](run.predictions)) for one in assessed.sets}
    name, (labels, probabilities) = next(iter(curves.items()))
    measures = {str(one.name): one.measures for one in assessed.sets}
    parts = [
        _Drawn("ROC", "Each case placed by its probability; all folds pooled; band: 95 % of resamples of patients. On "
               "the diagonal a coin would do as well.", run_figures.roc_figure(curves, scale=SCALE),
               f"Sensitivity against 1 - specificity: {_each(measures, 'auc', 'AUC')}", layout.ROC),
        _Drawn("Calibration", f"Of the cases given a probability, how many are {task.positive}. On the diagonal a "
               "probability means what it says.", run_figures.calibration_figure(curves, scale=SCALE, task=task),
               f"Share of {task.positive} cases against the predicted probability, beside the diagonal: "
               f"{_each(measures, 'calibration_error', 'calibration error')}", layout.CALIBRATION),
        _Drawn(f"Probability by label, {name}", f"{_points_of(labels)} The more the two heaps overlap, the less the "
               "probability says of a patient.",
               run_figures.probabilities_figure(labels, probabilities, scale=SCALE, task=task, points=MOST_POINTS),
               f"Predicted probability of {int((~labels).sum())} {task.negative} and {int(labels.sum())} "
               f"{task.positive} cases", layout.PROBABILITIES)]
    histories = assessed.histories
    kept = [name for name in CURVES if any(f"val_{name}" in table for table in histories.values())]
    for column in kept[:2]:
        parts.append(_Drawn(CURVES[column], "Broken: the cases that train. Whole: the fold that is scored, which "
                            "chooses nothing.", run_figures.curves_figure(histories, column, SCALE),
                            f"{CURVES[column]} by epoch in {len(histories)} folds, of the cases that train and of the "
                            "fold that is scored"))
    return _charts(parts, run.name)


def _points_of(labels: np.ndarray) -> str:
    if max(labels.sum(), (~labels).sum()) <= MOST_POINTS:
        return "Every point is a patient."
    return (f"A point is a patient: {MOST_POINTS:,} of a class at even steps from its lowest probability to its "
            "highest. The bars are of all.")


def clinical_charts(assessed: RunAssessment) -> list[Chart]:
    """Net benefit of acting on the probabilities, and precision against recall; none where nothing is said of them."""
    if assessed.clinical is None:
        return []
    curves = {str(one.name): scored(SETS[one.name](assessed.run.predictions)) for one in assessed.sets}
    said = dict(clinical_lines(assessed.clinical, assessed.run.task))
    measures = {str(one.name): one.measures for one in assessed.sets}
    return _charts([
        _Drawn("Net benefit", "Of acting on the recalibrated probability from a threshold up, beside treating "
               "everybody or nobody. The higher line is the better policy at that threshold.",
               decision_curve_figure(assessed.clinical.benefit, scale=SCALE),
               f"Net benefit against the threshold: {said['net benefit']}", layout.DECISION_CURVE),
        _Drawn("Precision and recall", "Of those called positive, how many are, against how many of the positive are "
               "found. Dotted: what calling at random gets.", precision_recall_figure(curves, scale=SCALE),
               f"Precision against recall: {_each(measures, 'average_precision', 'average precision')}",
               layout.PRECISION_RECALL)], assessed.name)


def external_charts(run: PredictedRun, judged: ExternalAssessment) -> list[Chart]:
    """ROC and calibration of a run inside and on one external cohort, and what differs between the two."""
    curves = {f"{INSIDE}, out-of-fold": scored(out_of_fold(run.predictions)), judged.name: scored(judged.predictions)}
    place = f"{layout.EXTERNAL}/{judged.name}"
    measures = {f"{INSIDE}, out-of-fold": judged.inside.measures, judged.name: judged.outside.measures}
    parts = [
        _Drawn("ROC, inside and outside", "Broken: the other hospital. Bands: 95 % of resamples of patients.",
               run_figures.roc_figure(curves, scale=SCALE),
               f"Sensitivity against 1 - specificity: {_each(measures, 'auc', 'AUC')}", f"{place}/{layout.ROC}"),
        _Drawn("Calibration, inside and outside", "Below the diagonal the other hospital has fewer positive cases than "
               "the probabilities say.", run_figures.calibration_figure(curves, scale=SCALE, task=run.task),
               f"Share of {run.task.positive} cases against the predicted probability: "
               f"{_each(measures, 'calibration_error', 'calibration error')}", f"{place}/{layout.CALIBRATION}"),
        _Drawn("What differs", "Fields with the largest stability index; a grey mark: what so many cases make of no "
               "shift at all.", shift_figure(judged.shift, (SOME, LARGE), scale=SCALE),
               f"Population stability index of the fields that differ most: {judged.large} of {len(judged.shift)} are "
               f"by {LARGE:g} or more above chance", f"{place}/{layout.SHIFT_PICTURE}")]
    return _charts(parts, f"{run.name} {judged.name}")


def comparison_charts(assessment: Assessment) -> list[Chart]:
    """The forest of all runs and, of several, their ROC curves in one."""
    runs, rows = [one.run for one in assessment.runs], forest_rows(assessment.summary)
    areas = "; ".join(f"{row.run}, {row.set}: {row.auc:.3f} ({row.low:.3f} to {row.high:.3f})"
                      for row in rows.itertuples())
    parts = [_Drawn("AUC of every run", "With its 95 % interval, out-of-fold within folds, beside chance and beside "
                    "the best model that sees no image.",
                    run_figures.forest_figure(rows, baseline=assessment.image_free_auc, scale=SCALE),
                    f"AUC with its 95 % interval. {areas}", layout.FOREST)]
    if len(runs) > 1:
        curves = {run.name: scored(out_of_fold(run.predictions)) for run in runs}
        pooled = {one.name: one.main.measures for one in assessment.runs}
        parts.append(_Drawn("ROC of all runs, out-of-fold", "Bands that overlap: see the differences below before "
                            "calling one run better.", run_figures.roc_figure(curves, scale=SCALE),
                            f"Sensitivity against 1 - specificity, all folds pooled: {_each(pooled, 'auc', 'AUC')}",
                            layout.ALL_ROCS))
    return _charts(parts, "")


def scale(assessed: RunAssessment) -> str:
    """AUCs with their intervals on a scale from 0 to 1, as an SVG element; "" where there is none."""
    rows = [(NAMES[one.name], one.verdict.estimate) for one in assessed.sets
            if np.isfinite(one.verdict.estimate.value)]
    if not rows:
        return ""
    said = "; ".join(f"{name} {one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for name, one in rows)
    left, width, base = 104, 232, 22 * len(rows) + 4
    lines = [f'<path d="M{left} {base}h{width}"/><path class="chance" d="M{left + width / 2:g} 2V{base}"/>']
    lines += [f'<text x="{left + share * width:g}" y="{base + 14}" text-anchor="middle">{text}</text>'
              for share, text in ((0, "0"), (0.5, "0.5, chance"), (1, "1"))]
    for number, (name, one) in enumerate(rows):
        middle = 22 * number + 13
        low, value, high = (left + place * width for place in (one.low, one.value, one.high))
        lines.append(f'<text x="0" y="{middle + 4}">{name}</text><path class="bar" d="M{low:.1f} {middle}H{high:.1f}"/>'
                     f'<circle cx="{value:.1f}" cy="{middle}" r="5"/>')
    return (f'<svg class="scale" viewBox="0 0 345 {base + 18}" role="img" aria-label="AUC on a scale from 0 to 1, '
            f'where 0.5 is chance, with 95 % intervals: {said}">{"".join(lines)}</svg>')


def _each(measures: Mapping[str, Mapping[str, float]], measure: str, title: str) -> str:
    """One measure of each set in words."""
    return ", ".join(f"{name} {title} {values[measure]:.3f}" for name, values in measures.items()
                     if np.isfinite(values[measure])) or f"no {title}"


def _charts(parts: Sequence[_Drawn], of: str) -> list[Chart]:
    return [Chart(one.title, one.caption, svg(one.figure, f"{of} {one.title}", f"{one.title}. {one.alternative}."),
                  one.file) for one in parts]


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


def svg(figure: "Figure", name: str, alternative: str) -> str:
    """A figure as an SVG element: text as text, the page's inks; `name` sets the ids that its parts refer to.

    alternative: what it shows, for whoever does not see it. Coordinates have two decimals, of a point. The same figure
    and name give the same text. Nothing in it points outside.
    """
    from matplotlib import rc_context

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
    text = re.sub(r' (?:d|x|y|transform)="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), text)
    text = re.sub(r'(?:<use [^>]*style="[^"]*"/>\s*)+', _points, text)
    text = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', lambda found: (
        f'<svg viewBox="{found[1]}" role="img" aria-label="{html.escape(alternative)}" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'), text, count=1)
    return re.sub(r"\n\s*", "\n", text).strip()


def _points(found: re.Match) -> str:
    """Points of one kind in a row, with their style said once."""
    uses = re.findall(r'<use ([^>]*?) style="([^"]*)"/>', found[0])
    groups = groupby(uses, key=lambda one: one[1])
    return "".join(f'<g style="{style}">{"".join(f"<use {place}/>" for place, _ in points)}</g>'
                   for style, points in groups)
