"""The judgement of runs, written: tables and pictures beside each, and beside the last one the report of all.

In: the names of predicted runs. Out: their files, and a text for the terminal. The runs are read and assessed once
(assess.py); text, page and JSON are renderings of that `Assessment`. Read first: `evaluate_runs`.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core import files
from radiogen.core.progress import progress
from radiogen.evaluation.audit.finding_text import finding_row
from radiogen.evaluation.audit.leakage import record_holdout_scoring
from radiogen.evaluation.audit.looks import record_looks
from radiogen.evaluation.clinical.sentences import calibration_table
from radiogen.evaluation.figures import run_figures
from radiogen.evaluation.figures.decision_figures import decision_curve_png, precision_recall_png
from radiogen.evaluation.figures.permutation_figures import permutation_png
from radiogen.evaluation.report.assess import SETS, assess_run, join
from radiogen.evaluation.report.assessment import Assessment, RunAssessment
from radiogen.evaluation.report.assessment_json import assessment_record
from radiogen.evaluation.report.page import render_page
from radiogen.evaluation.report.page_charts import forest_rows
from radiogen.evaluation.report.page_paths import without_folders
from radiogen.evaluation.report.text import report_text
from radiogen.evaluation.text_tables import rounded
from radiogen.evaluation.wording import WITHIN
from radiogen.runs import layout
from radiogen.runs.fold_locks import wait_for_training, working_run
from radiogen.runs.fold_weights import check_runs
from radiogen.runs.predicted_run import PredictedRun, open_predictions
from radiogen.runs.predictions import THRESHOLD, out_of_fold, scored
from radiogen.runs.records import with_members
from radiogen.task import Task


def evaluate_runs(models: Path, names: Sequence[str]) -> tuple[str, list[Path]]:
    """Judge the runs `names` under `models`; returns the text to print and the files written.

    Each run gets its tables and pictures (`write_run`), the last one named the comparison, `report.html` and
    `assessment.json`. All runs are read before anything is written. Raises UserError for a run that is
    not predicted, has no labelled case, or has weights that training of their fold did not write. Waits for runs that
    are in training.
    """
    for name in names:
        wait_for_training(Path(models) / name)
    for name in names:
        open_predictions(models, name)  # what cannot be judged is refused before any folder is held
    with contextlib.ExitStack() as stack:
        places = {(Path(models) / name).resolve(): Path(models) / name for name in names}  # a link is no second run
        for place in sorted(places):  # in one order everywhere: no circle
            stack.enter_context(working_run(places[place]))
        return _evaluate_held([open_predictions(models, name) for name in dict.fromkeys(names)])


def _evaluate_held(runs: Sequence[PredictedRun]) -> tuple[str, list[Path]]:
    """`evaluate_runs` with the folders of all runs held: nobody predicts or trains between reading and judging."""
    networks = check_runs(place for run in runs for place in with_members(run.folder))
    assessed, written = [], []
    for run in runs:
        record_looks(run, networks)
    for run in progress(runs, "evaluate", len(runs), "run"):
        record_holdout_scoring(run.folder, run.predictions)
        assessed.append(assess_run(run, networks))
        written += write_run(assessed[-1])
    assessment = join(assessed)
    return report_text(assessment), written + _write_report(assessment)


def write_run(assessed: RunAssessment) -> list[Path]:
    """Write a run's tables and pictures into its folder; returns their paths."""
    return [*write_tables(assessed), *draw_run(assessed)]


def _write_report(assessment: Assessment) -> list[Path]:
    """Write what is said of all runs into the last one's folder; returns the paths.

    `comparison.csv`, `forest.png`, with several runs `roc_comparison.png`, with several seeds `seeds.csv`, then
    `assessment.json` and `report.html`.
    """
    folder, summary = assessment.last.run.folder, assessment.summary
    written = [files.write_csv(folder / layout.COMPARISON, summary)]
    if len(assessment.runs) > 1:
        curves = {one.name: scored(out_of_fold(one.run.predictions)) for one in assessment.runs}
        written.append(run_figures.roc_png(folder / layout.ALL_ROCS, curves, "ROC of all runs, out-of-fold"))
    written.append(run_figures.forest_png(folder / layout.FOREST, forest_rows(summary), "AUC of every run",
                                          assessment.image_free_auc))
    if len(assessment.seeds):
        written.append(files.write_csv(folder / layout.SEEDS, assessment.seeds))
    made = [one.provenance for one in assessment.runs]
    record = files.json_text(assessment_record(assessment))
    written.append(files.write_text(folder / layout.ASSESSMENT, without_folders(record, folder.parent, made)))
    page = without_folders(render_page(assessment), folder.parent, made)
    return [*written, files.write_text(folder / layout.REPORT, page)]


def write_tables(assessed: RunAssessment) -> list[Path]:
    """Write the run's tables, floats with all their digits, the table per fold with three decimals, too."""
    tables = {layout.FOLD_METRICS: assessed.fold_metrics, layout.FOLD_METRICS_ROUNDED: rounded(assessed.fold_metrics),
              layout.THRESHOLDS: assessed.thresholds,
              layout.LEAKAGE: pd.DataFrame([finding_row(one) for one in assessed.findings]),
              layout.PROVENANCE: assessed.run.task.to_file(assessed.provenance_table)}
    if assessed.confounds is not None:
        found = assessed.confounds
        tables |= {layout.IMAGE_FREE: found.image_free, layout.IMAGE_FREE_GAIN: found.gains,
                   layout.WITHIN_PLANES: found.within_planes, layout.CORRELATIONS: found.correlations}
    if assessed.clinical is not None:
        tables |= {layout.DECISION_CURVE_TABLE: assessed.clinical.benefit,
                   layout.CALIBRATION_TABLE: calibration_table(assessed.clinical)}
    return [files.write_csv(assessed.run.folder / name, table) for name, table in tables.items()]


def draw_run(assessed: RunAssessment) -> list[Path]:
    """Draw a run's pictures; returns their paths."""
    name, folder, predictions = assessed.name, assessed.run.folder, assessed.run.predictions
    task = assessed.run.task
    parts = {one.name: SETS[one.name](predictions) for one in assessed.sets}
    written = []
    for fold, cases in sorted(out_of_fold(predictions).groupby("fold"), key=lambda pair: int(pair[0])):
        written.append(_confusion_matrix(layout.fold_folder(folder, fold) / layout.CONFUSION_MATRIX, cases,
                                         f"{name}, fold {fold}", task))
    if "holdout" in parts:
        written.append(_confusion_matrix(folder / layout.HOLDOUT_MATRIX, parts["holdout"], f"{name}, holdout", task))
    curves = {str(part): scored(cases) for part, cases in parts.items()}
    written.append(run_figures.roc_png(folder / layout.ROC, curves, f"ROC of {name}"))
    written.append(run_figures.calibration_png(folder / layout.CALIBRATION, curves, f"Calibration of {name}", task))
    written.append(precision_recall_png(folder / layout.PRECISION_RECALL, curves, f"Precision and recall of {name}"))
    if assessed.clinical is not None:
        written.append(decision_curve_png(folder / layout.DECISION_CURVE, assessed.clinical.benefit,
                                          f"Net benefit of {name}"))
    part, (labels, probabilities) = next(iter(curves.items()))
    written.append(run_figures.probabilities_png(folder / layout.PROBABILITIES, labels, probabilities,
                                                 f"{name}, {part}", task))
    return written + [permutation_png(folder / layout.permutation_picture(test.within), test,
                                      f"Label-permutation test of {name}, {WITHIN[test.within]}")
                      for test in assessed.permutations]


def _confusion_matrix(path: Path, cases: pd.DataFrame, title: str, task: Task) -> Path:
    labels, probabilities = scored(cases)
    return run_figures.confusion_matrix_png(path, labels, np.asarray(probabilities >= THRESHOLD), title, task)
