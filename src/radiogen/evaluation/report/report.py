"""What a run is worth, told in tables, pictures and sentences.

In: the names of predicted runs. Out: beside each run its tables and pictures, beside the last one the comparison of
all, and a text for the terminal of at most 100 columns. Every AUC comes with its interval, a verdict in words and, on a
phantom, the best that any method could reach.
"""

import contextlib
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.progress import progress
from radiogen.dataset.labels import ID
from radiogen.evaluation.audit.leakage import with_members
from radiogen.evaluation.figures import run_figures
from radiogen.evaluation.predicted_runs import slice_sentence
from radiogen.evaluation.report.judgement import Judgement, judge_run, judgement_text, write_judgement
from radiogen.evaluation.report.page import write_page
from radiogen.evaluation.report.page_charts import best_image_free, forest_rows
from radiogen.evaluation.stats import intervals
from radiogen.evaluation.stats.metrics import MEAN, fold_table, scored, summary_table
from radiogen.evaluation.stats.seeds import seed_sentences, seed_table
from radiogen.evaluation.text_tables import rounded, text_table
from radiogen.runs.fold_locks import wait_for_training, working_run
from radiogen.runs.fold_weights import check_runs
from radiogen.runs.lineage import lineage_of, lineage_text
from radiogen.runs.predicted_run import PredictedRun, open_predictions
from radiogen.runs.predictions import THRESHOLD, holdout, out_of_fold

WIDTH = 100
METHOD = (f"positive class: 1, methylated; called from a probability of {THRESHOLD:g} up; intervals: 95 %, "
          f"{intervals.DRAWS:,} resamples\nof patients within each class, seed 42; standard deviation: of the sample, "
          "over folds")


def evaluate_runs(models: Path, names: Sequence[str]) -> tuple[str, list[Path]]:
    """Judge the runs `names` under `models`; returns the text to print and the files written.

    Each run gets `fold_metrics.csv`, `fold_metrics_rounded.csv`, `fold-<k>/confusion_matrix.png`,
    `confusion_matrix_holdout.png`, `roc.png`, `calibration.png`, `probabilities.png` and `provenance.csv`; the last one
    named gets `comparison.csv`, `forest.png`, `report.html` (page.py) and, with several runs, `roc_comparison.png`. All
    runs are read before anything is written. Raises UserError for a run that is not predicted, has no labelled case, or
    has weights that training of their fold did not write. Waits for runs that are in training.
    """
    for name in names:
        wait_for_training(Path(models) / name)
    for name in names:
        open_predictions(models, name)  # what cannot be judged is refused before any folder is held
    with contextlib.ExitStack() as stack:
        places = {(Path(models) / name).resolve(): Path(models) / name for name in names}  # a link is no second run
        for place in sorted(places):  # in one order everywhere: no circle
            stack.enter_context(working_run(places[place]))
        return _evaluate_held(Path(models), names)


def _evaluate_held(models: Path, names: Sequence[str]) -> tuple[str, list[Path]]:
    """`evaluate_runs` with the folders of all runs held: nobody predicts or trains between reading and judging."""
    runs = [open_predictions(models, name) for name in dict.fromkeys(names)]
    networks = check_runs(place for run in runs for place in with_members(run.folder))
    summary = summary_table({run.name: run.predictions for run in runs}, intervals.bootstrap_interval)
    judged, written = {}, []
    for run in progress(runs, "evaluate", len(runs), "run"):
        judged[run.name] = judge_run(run.folder, run.predictions, run.facts.get("members", ()), networks)
        written += write_tables(run) + write_judgement(run.folder, judged[run.name]) + draw_run(run)
    text = report_text(runs, summary, judged)
    last = runs[-1].folder
    written.append(files.write_csv(last / "comparison.csv", summary))
    if len(runs) > 1:
        curves = {run.name: scored(out_of_fold(run.predictions)) for run in runs}
        written.append(run_figures.roc_png(last / "roc_comparison.png", curves, "ROC of all runs, out-of-fold"))
    written.append(run_figures.forest_png(last / "forest.png", forest_rows(summary), "AUC of every run",
                                      best_image_free(judged)))
    if len(seeds := seed_table(runs)):
        written.append(files.write_csv(last / "seeds.csv", seeds))
    written += write_page(runs, summary, judged, networks)
    return text, written


def report_text(runs: Sequence[PredictedRun], summary: pd.DataFrame,
                judged: Mapping[str, Judgement] = MappingProxyType({})) -> str:
    """All that is told of the runs, at most 100 columns wide as far as their names allow.

    summary: all runs'; judged: by the run's name, what judgement.py says of it.
    """
    own = [f"{run_text(run)}\n{judgement_text(judged[run.name])}" if run.name in judged else run_text(run)
           for run in runs]
    parts = [METHOD, *own, comparison_text(summary), seeds_text(runs), differences_text(runs), ceiling_text(runs)]
    return "\n\n".join(part for part in parts if part)


def write_tables(run: PredictedRun) -> list[Path]:
    """Write the table per fold with all digits and with three decimals."""
    table = fold_table(run.predictions)
    return [files.write_csv(run.folder / "fold_metrics.csv", table),
            files.write_csv(run.folder / "fold_metrics_rounded.csv", rounded(table))]


def draw_run(run: PredictedRun) -> list[Path]:
    """Draw a run's pictures; returns their paths."""
    judged, kept = out_of_fold(run.predictions), holdout(run.predictions)
    written = []
    for fold, cases in sorted(judged.groupby("fold"), key=lambda pair: int(pair[0])):
        written.append(_confusion_matrix(run.folder / f"fold-{fold}" / "confusion_matrix.png", cases,
                                         f"{run.name}, fold {fold}"))
    if len(kept):
        written.append(_confusion_matrix(run.folder / "confusion_matrix_holdout.png", kept, f"{run.name}, holdout"))
    curves = {name: scored(cases) for name, cases in (("out-of-fold", judged), ("holdout", kept)) if len(cases)}
    written.append(run_figures.roc_png(run.folder / "roc.png", curves, f"ROC of {run.name}"))
    written.append(run_figures.calibration_png(run.folder / "calibration.png", curves, f"Calibration of {run.name}"))
    name, (labels, probabilities) = next(iter(curves.items()))
    written.append(run_figures.probabilities_png(run.folder / "probabilities.png", labels, probabilities,
                                             f"{run.name}, {name}"))
    return written


def run_text(run: PredictedRun) -> str:
    """The table per fold and the verdicts of one run."""
    judged, kept = out_of_fold(run.predictions), holdout(run.predictions)
    made = f"ensemble of {', '.join(run.facts['members'])}" if "members" in run.facts else (
        f"recipe {run.facts['recipe']}" if "recipe" in run.facts else "")
    began = lineage_text(lineage_of(run.facts, run.folder / "run.json"))
    lines = [textwrap.fill(f"{run.name}{': ' if made else ''}{made}{', ' if began else ''}{began}", WIDTH,
                           subsequent_indent="    "), text_table(rounded(fold_table(run.predictions)), rule=MEAN)]
    if slices := slice_sentence(run):
        lines.append(textwrap.fill(slices, WIDTH, subsequent_indent="    "))
    for name, cases in (("out-of-fold", judged), ("holdout", kept)):
        if len(cases):
            verdict = intervals.verdict(*scored(cases))
            reach = (f"{len(cases)} cases find an AUC of {verdict.resolvable:.3f} or more in 80 % of studies."
                     if verdict.resolvable < 1 else f"{len(cases)} cases are too few to find anything.")
            lines.append(textwrap.fill(f"{verdict.sentence}. {reach}", WIDTH, initial_indent=f"{name + ':':<13}",
                                       subsequent_indent=" " * 13))
    return "\n".join(lines)


def comparison_text(summary: pd.DataFrame) -> str:
    """The summary of all runs as two tables, out-of-fold and holdout."""
    parts = []
    for prefix, title in (("out_of_fold", "out-of-fold, all folds pooled"), ("holdout", "holdout")):
        columns = {"run": summary["run"], "cases": summary[f"{prefix}_cases"]}
        if not summary[f"{prefix}_cases"].any():
            continue
        shown = rounded(summary[[f"{prefix}_auc", f"{prefix}_auc_low", f"{prefix}_auc_high"]])
        columns["AUC"] = shown[f"{prefix}_auc"]
        columns["95 % interval"] = shown[f"{prefix}_auc_low"] + " to " + shown[f"{prefix}_auc_high"]
        for name in ("accuracy", "precision", "recall", "f1"):
            columns[name] = summary[f"{prefix}_{name}"]
        parts.append(f"{title}\n{text_table(rounded(pd.DataFrame(columns)))}")
    return "\n\n".join(parts)


def seeds_text(runs: Sequence[PredictedRun]) -> str:
    """How far runs lie apart that differ in their seed alone; '' where there are none."""
    lines = [textwrap.fill(line, WIDTH, subsequent_indent="    ") for line in seed_sentences(seed_table(runs))]
    return "\n".join(["seeds, out-of-fold, all folds pooled", *lines]) if lines else ""


def differences_text(runs: Sequence[PredictedRun]) -> str:
    """The last run against each other one, on the cases that both scored out of fold; '' for a single run."""
    lines, last = [], runs[-1]
    for run in runs[:-1]:
        pair = out_of_fold(last.predictions).merge(out_of_fold(run.predictions)[[ID, "probability"]], on=ID,
                                                   suffixes=("", "_other"))
        labels, first = scored(pair)
        second = pair["probability_other"].to_numpy()
        gap = intervals.delong_difference(labels, first, second)
        if np.isnan(gap.value):
            lines.append(f"{last.name} and {run.name} share too few cases for a comparison")
            continue
        limit = intervals.resolvable_difference(labels, first, second)
        words = "no difference shown"
        if gap.p < 1 - intervals.LEVEL and abs(gap.value) >= limit:
            words = f"{last.name} is {'better' if gap.value > 0 else 'worse'}"
        lines.append(f"{last.name} against {run.name}: {words}\n    AUC {gap.value:+.3f} (95 % interval {gap.low:+.3f} "
                     f"to {gap.high:+.3f}, DeLong p = {gap.p:.2g}); {len(labels)} cases resolve {limit:.3f} or more")
    return "\n".join(["differences, out-of-fold, same cases", *lines]) if lines else ""


def ceiling_text(runs: Sequence[PredictedRun]) -> str:
    """What no method can exceed, where the runs' data set is a phantom that says so; else ''."""
    lines = []
    for data, folder in {run.facts.get("data"): run.folder for run in runs}.items():
        path = files.found_path(data, folder) / "phantom.json" if data else None
        if path is None or not path.is_file():
            continue
        phantom = files.read_json(path)
        ceiling = phantom.get("ceiling_auc")
        if ceiling is None and phantom.get("ceiling"):
            lines.append(f"ceiling: none on {data}: {phantom['ceiling']}")
        elif isinstance(ceiling, int | float):
            lines.append(f"ceiling: no method can do better than an AUC of {ceiling:.3f} on {data}, whatever it does;\n"
                         f"{'':9}a few cases may lie above it by luck")
    return "\n".join(lines)


def _confusion_matrix(path: Path, cases: pd.DataFrame, title: str) -> Path:
    labels, probabilities = scored(cases)
    return run_figures.confusion_matrix_png(path, labels, probabilities >= THRESHOLD, title)
