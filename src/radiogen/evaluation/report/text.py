"""An `Assessment` as text for a terminal, at most 100 columns wide as far as the runs' names allow.

In: an `Assessment`. Out: lines. Every AUC comes with its interval, a verdict in words and, on a phantom, the best that
any method could reach. Nothing is computed here.
"""

import textwrap

import numpy as np
import pandas as pd

from radiogen.evaluation import wording
from radiogen.evaluation.audit.finding_text import remedy, sentence
from radiogen.evaluation.audit.findings import Severity
from radiogen.evaluation.clinical.sentences import clinical_lines
from radiogen.evaluation.external.assessment import ExternalAssessment
from radiogen.evaluation.external.sentences import external_lines, stale_sentence
from radiogen.evaluation.mask_quality import mask_sentences
from radiogen.evaluation.others.origin import origin_of, origin_text
from radiogen.evaluation.report.assessment import Assessment, RunAssessment, RunDifference
from radiogen.evaluation.report.summary import cohort_lines, summarise
from radiogen.evaluation.stats.metrics import MEAN
from radiogen.evaluation.stats.verdicts import Change
from radiogen.evaluation.text_tables import p_text, rounded, text_table
from radiogen.runs import layout
from radiogen.runs.lineage import beginning_text
from radiogen.runs.predictions import THRESHOLD
from radiogen.task import Task

WIDTH = 100


def report_text(assessment: Assessment) -> str:
    """All that is said of the runs."""
    parts = [_method(assessment.last.run.task), *(f"{_run_text(one)}\n{review_text(one)}" for one in assessment.runs),
             *(_external_text(one) for one in assessment.runs),
             _comparison_text(assessment.summary), _sites_text(assessment.site_folds), _seeds_text(assessment.seeds),
             _differences_text(assessment), _ceiling_text(assessment), summary_text(assessment.last)]
    return "\n\n".join(part for part in parts if part)


def _run_text(assessed: RunAssessment) -> str:
    """The table per fold and the verdicts of one run."""
    facts = assessed.run.facts
    made = f"ensemble of {', '.join(facts['members'])}" if "members" in facts else (
        f"recipe {facts['recipe']}" if "recipe" in facts else "")
    made = f"tuned procedure, from {made}" if assessed.tuning is not None else made
    made = origin_text(origin) if (origin := origin_of(facts)) is not None else made
    began = beginning_text(assessed.provenance.first_weights, assessed.provenance.lineage)
    lines = [_filled(f"{assessed.name}{': ' if made else ''}{made}{', ' if began else ''}{began}")]
    if assessed.patients.in_folds:
        lines.append(text_table(rounded(assessed.fold_metrics), rule=MEAN))
    if assessed.slices is not None:
        lines.append(_filled(wording.slice_sentence(assessed.slices)))
    lines += [_wrapped(f"{one.name}:", f"{wording.verdict_sentence(one.verdict)}. "
                       f"{wording.reach_sentence(one.verdict)}.") for one in assessed.sets]
    lines.append(_wrapped("verdict:", f"{wording.run_verdict_sentence(assessed.verdict)}."))
    return "\n".join(lines)


def review_text(assessed: RunAssessment) -> str:
    """Thresholds, calibration, error rates, models without images, the label-permutation test, and the leakage review,
    its passed checks as one line."""
    mean = assessed.thresholds.set_index("fold").loc[MEAN]
    lines = [_wrapped("threshold:", f"chosen for each fold in the others, {mean['threshold']:.3f} on average: accuracy "
                      f"{mean['accuracy']:.3f}, F1 {mean['f1']:.3f}; at 0.5: {mean['accuracy_at_half']:.3f}, "
                      f"{mean['f1_at_half']:.3f}")] if assessed.patients.in_folds else []
    if assessed.clinical is not None:
        lines += [_wrapped(f"{head}:", text) for head, text in clinical_lines(assessed.clinical, assessed.run.task)]
    if assessed.confounds is None:
        lines.append(f"no image:    not checked: {layout.GEOMETRY} is missing, or fewer than two folds are predicted")
    else:
        lines += [_wrapped("no image:", ", ".join(assessed.conclusions)),
                  *(_wrapped("", text) for text in wording.confound_sentences(assessed.confounds)[1:])]
        lines += [_wrapped("groups:", text) for text in wording.group_sentences(assessed.confounds.groups)]
    if assessed.masks is not None:
        first, *rest = mask_sentences(assessed.masks)
        lines += [_wrapped("masks:", first), *(_wrapped("", text) for text in rest)]
    if assessed.label_sensitivity is not None:
        lines.append(_wrapped("labels:", wording.label_sentence(assessed.label_sensitivity)))
    lines += [_wrapped("permuted:", wording.permutation_sentence(one)) for one in assessed.permutations]
    lines += [_wrapped(f"{one.severity}:", "; ".join(filter(None, [f"{one.check}: {sentence(one)}", remedy(one)])))
              for one in assessed.findings if one.severity is not Severity.PASSED]
    passed = assessed.of_severity(Severity.PASSED)
    lines += [_wrapped("passed:", f"leakage review of {', '.join(one.check for one in passed)}")] if passed else []
    return "\n".join(lines)


def summary_text(assessed: RunAssessment) -> str:
    """The summary of a run: the sentences with which its page begins."""
    said = summarise(assessed)
    head = [("Judged", said.judged), ("Verdict", f"{said.verdict}. {said.reason}"), ("AUC", ": ".join(said.auc) + "."),
            ("Alarms", said.alarms), ("Checks", said.unchecked)]
    lines = [_wrapped(f"{name}:", text, 18) for name, text in (*head, *said.lines)]
    return "\n".join([f"summary of {assessed.name}", *lines])


def _sites_text(table: pd.DataFrame) -> str:
    """Runs whose folds are sites beside those whose folds are not; "" where none is."""
    if table.empty:
        return ""
    return "\n".join(["folds by site beside folds by patient, AUC within folds:", text_table(rounded(table))])


def external_text(judged: ExternalAssessment) -> str:
    """All that is said of a run on one external cohort."""
    return "\n".join(_wrapped(f"{head}:", text) for head, text in external_lines(judged))


def _external_text(assessed: RunAssessment) -> str:
    """A run on other hospitals' cohorts; "" where it was never validated."""
    parts = [f"{assessed.name} on another hospital: {one.name}\n{external_text(one)}"
             for one in assessed.external.cohorts]
    if lines := cohort_lines(assessed):
        parts.append("\n".join([f"{assessed.name} on another cohort",
                                *(_wrapped(f"{head}:", text) for head, text in lines)]))
    parts += [_filled(stale_sentence(assessed.name, name)) for name in assessed.external.stale]
    return "\n\n".join(parts)


def _comparison_text(summary: pd.DataFrame) -> str:
    """The summary of all runs as two tables, out-of-fold and holdout."""
    parts = []
    for prefix, title, area in (
            ("out_of_fold", "out-of-fold: AUC within folds, all else with folds pooled", "out_of_fold_within_fold"),
            ("holdout", "holdout", "holdout_auc")):
        columns = {"run": summary["run"], "cases": summary[f"{prefix}_cases"]}
        if not summary[f"{prefix}_cases"].any():
            continue
        value = area if area.endswith("_auc") else f"{area}_auc"
        shown = rounded(summary[[value, f"{area}_low", f"{area}_high"]])
        columns["AUC"] = shown[value]
        columns["95 % interval"] = shown[f"{area}_low"] + " to " + shown[f"{area}_high"]
        columns |= {"pooled": summary[f"{prefix}_auc"]} if value != f"{prefix}_auc" else {}
        for name in ("accuracy", "precision", "recall", "f1"):
            columns[name] = summary[f"{prefix}_{name}"]
        parts.append(f"{title}\n{text_table(rounded(pd.DataFrame(columns)))}")
    return "\n\n".join(parts)


def _seeds_text(seeds: pd.DataFrame) -> str:
    """How far runs lie apart that differ in their seed alone; "" where there are none."""
    lines = [_filled(line) for line in wording.seed_sentences(seeds)]
    return "\n".join(["seeds, out-of-fold, all folds pooled", *lines]) if lines else ""


def _differences_text(assessment: Assessment) -> str:
    """The last run against each other one, on the cases that both scored out of fold; "" for a single run."""
    lines = [_difference(one) for one in assessment.differences]
    return "\n".join(["differences, same cases", *lines]) if lines else ""


def _ceiling_text(assessment: Assessment) -> str:
    """What no method can exceed, where the runs' data set is a phantom that says so; else ""."""
    lines = []
    for one in {one.ceiling.data: one.ceiling for one in assessment.runs if one.ceiling is not None}.values():
        if one.auc is None and one.reason:
            lines.append(f"ceiling: none on {one.data}: {one.reason}")
        elif one.auc is not None:
            lines.append(f"ceiling: no method can do better than an AUC of {one.auc:.3f} on {one.data}, whatever it "
                         f"does;\n{'':9}a few cases may lie above it by luck")
    return "\n".join(lines)


def _method(task: Task) -> str:
    return (f"positive class: 1, {task.positive}; called from a probability of {THRESHOLD:g} up; intervals: 95 %, "
            "DeLong's;\nbetter or worse: two-sided p below 0.05; standard deviation: of the sample, over folds")


def _difference(one: RunDifference) -> str:
    found, gap = one.comparison, one.comparison.estimate
    if np.isnan(gap.value):
        return f"{one.run} and {one.other} share too few cases for a comparison"
    words = found.outcome if found.outcome is Change.NONE_SHOWN else f"{one.run} is {found.outcome}"
    return (f"{one.run} against {one.other}: {words}\n    AUC {gap.value:+.3f} (95 % interval {gap.low:+.3f} "
            f"to {gap.high:+.3f}, p = {p_text(gap.p)}); {found.cases} cases show a difference of "
            f"{found.resolvable:.3f} in 80 % of studies")


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="    ")


def _wrapped(head: str, text: str, indent: int = 13) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=f"{head:<{indent}}", subsequent_indent=" " * indent,
                         break_on_hyphens=False)
