"""The judgement of a run on one cohort, written: tables, pictures and JSON beside the cohort's predictions, and a text.

In: a run and a cohort that it has predicted. Out: the files, and lines for a terminal. Read first: `validate_run`.
"""

from pathlib import Path

from radiogen.core import files
from radiogen.evaluation.external.assessment import INSIDE, ExternalAssessment
from radiogen.evaluation.external.judge import judge_cohort
from radiogen.evaluation.external.sentences import measures_table
from radiogen.evaluation.external.shift import LARGE, SOME
from radiogen.evaluation.figures import run_figures
from radiogen.evaluation.figures.shift_figures import shift_png
from radiogen.evaluation.report.assessment_json import external_record
from radiogen.evaluation.report.text import external_text
from radiogen.runs import layout
from radiogen.runs.external.cohorts import ExternalCohort, read_cohort
from radiogen.runs.fold_locks import working_run
from radiogen.runs.predicted_run import PredictedRun, open_predictions
from radiogen.runs.predictions import out_of_fold, scored


def validate_run(models: Path, name: str, cohort: str) -> tuple[str, list[Path]]:
    """Judge a run on a cohort that it has predicted; returns the text to print and the files written."""
    with working_run(Path(models) / name):
        run, outside = open_predictions(models, name), read_cohort(Path(models) / name, cohort)
        judged = judge_cohort(run, outside)
        return external_text(judged), [*_write_tables(judged, outside.folder), *_draw(judged, run, outside)]


def _write_tables(judged: ExternalAssessment, folder: Path) -> list[Path]:
    tables = {layout.MEASURES: measures_table(judged), layout.GROUPS: judged.groups, layout.SHIFT: judged.shift,
              layout.IMAGE_FREE: judged.image_free}
    written = [files.write_csv(folder / name, table) for name, table in tables.items()]
    return [*written, files.write_json(folder / layout.EXTERNAL_ASSESSMENT, external_record(judged))]


def _draw(judged: ExternalAssessment, run: PredictedRun, cohort: ExternalCohort) -> list[Path]:
    folder, title = cohort.folder, f"{run.name} on {cohort.name}"
    curves = {f"{INSIDE}, out-of-fold": scored(out_of_fold(run.predictions)), cohort.name: scored(cohort.predictions)}
    return [run_figures.roc_png(folder / layout.ROC, curves, f"ROC of {title}"),
            run_figures.calibration_png(folder / layout.CALIBRATION, curves, f"Calibration of {title}", run.task),
            shift_png(folder / layout.SHIFT_PICTURE, judged.shift, (SOME, LARGE), f"What differs: {title}")]
