"""The names of everything in a run's folder, `models/<run>`; nowhere else in the package are they spelled.

Groups below: what training writes when a run begins; in a fold's folder; what prediction writes; the label-permutation
test; an ensemble, which beside them has `run.json`, `folds.csv` and `predictions.csv`; what evaluation writes beside
each run; beside the last run that it was given; and what validation on another cohort writes.
"""

from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command, nearest, shortened
from radiogen.dataset.layout import GEOMETRY_TABLE, PATIENTS_TABLE, SCANNER_TABLE
from radiogen.task import FILE

RUN, RECIPE, ENVIRONMENT, FOLDS, ARRAYS = "run.json", "recipe.json", "environment.json", "folds.csv", "arrays.csv"
GEOMETRY, SCANNER, PATIENTS, TASK = GEOMETRY_TABLE, SCANNER_TABLE, PATIENTS_TABLE, FILE
SEEN_CASES = "saw.csv"
"""The cases that the run's initial weights were trained on; beside a file of weights it has the same name."""

WEIGHTS, WEIGHTS_RECORD, FIRST_WEIGHTS = "model.weights.h5", "weights.json", "first_weights.json"
PRETRAINING, ENCODER = "pretraining.json", "encoder.weights.h5"
"""Of a pretraining, which has no folds: what it learned from, and how; the weights that it ended with."""
CHECKPOINT, HISTORY, TIMINGS, TENSORBOARD = "checkpoint.npz", "history.csv", "timings.json", "tensorboard"
HISTORY_PICTURE, CONFUSION_MATRIX = "history.png", "confusion_matrix.png"
FOLD_FILES = (WEIGHTS, WEIGHTS_RECORD, CHECKPOINT, HISTORY, TIMINGS, FIRST_WEIGHTS)
"""What training writes into the folder of a fold."""

PREDICTIONS, SLICE_PREDICTIONS, EXPLAINED = "predictions.csv", "predictions_slices.csv", "explained.npz"
REPORT_IMAGES, REPORT_IMAGES_FILES = "report_images.html", "report_images_files"
"""The explained cases at their own resolution, and the folder of volumes that do not fit into that page."""
REFERENCE = "reference.npz"
CASES = "cases"
"""The folder of answers on single patients."""

LOCATOR_CASES = "locator_cases.csv"
"""Of a locator: what the cases that trained it are recognised by."""
LOCATOR_TABLE, LOCATOR_QUALITY, LOCATOR_TEXT = "located.csv", "locator.json", "locator.txt"
"""Of a locator: how near its masks of unseen cases come to the true ones: a row a case, and in summary."""
CROP_MASKS = "masks.json"
"""Of a run that crops by a locator: how many of its cases have a mask, how good they are; a row a case is in
`LOCATOR_TABLE`, as of a locator's own cases."""

PERMUTATIONS, PERMUTATION_DRAWS = "permutations.csv", "permutations"
"""The AUC of each training on permuted labels, and the folder of those trainings."""

TUNING, TUNING_FOLDER, SPACE, STUDY = "tuning.json", "tuning", "space.json", "study.db"
"""Of a tuned procedure: what the searches found; the folder of their trainings, and in it what may be chosen; of one
search its trials, in Optuna's own form."""
CHOSEN = "chosen-"
"""Begins the name of the folder in which the recipe that a search chose is trained, before the trial's number."""
TUNED_RECIPE, TUNED_SOURCE = "tuned_recipe.json", "tuned_recipe.py"
"""The recipe to train in the end, which a last search over the cases of all folds chose; as JSON and as source."""

ENSEMBLE, ENSEMBLE_WEIGHTS = "ensemble.csv", "weights.csv"

CHOICES = "choices.csv"
"""Of learners on a table of features: what the inner folds chose, and which features."""

FOLD_METRICS, FOLD_METRICS_ROUNDED = "fold_metrics.csv", "fold_metrics_rounded.csv"
HOLDOUT_MATRIX, ROC, CALIBRATION = "confusion_matrix_holdout.png", "roc.png", "calibration.png"
PROBABILITIES, PROVENANCE, HOLDOUT_SCORINGS = "probabilities.png", "provenance.csv", "holdout_scorings.csv"
DECISION_CURVE, PRECISION_RECALL = "decision_curve.png", "precision_recall.png"
DECISION_CURVE_TABLE, CALIBRATION_TABLE = "decision_curve.csv", "calibration.csv"
THRESHOLDS, LEAKAGE, CORRELATIONS = "thresholds.csv", "leakage.csv", "correlations.csv"
IMAGE_FREE, IMAGE_FREE_GAIN, WITHIN_PLANES = "image_free.csv", "image_free_gain.csv", "within_planes.csv"

COMPARISON, SEEDS, FOREST, ALL_ROCS = "comparison.csv", "seeds.csv", "forest.png", "roc_comparison.png"
REPORT, ASSESSMENT = "report.html", "assessment.json"

EXTERNAL = "external"
"""The folder of external cohorts, each in a folder of its name, with predictions, geometry and patients as a run's."""
COHORT, EXTERNAL_ASSESSMENT, INTENSITIES = "cohort.json", "external.json", "intensities.csv"
UNLABELLED = "unlabelled.csv"
"""Predictions of a cohort's cases that have no label."""
MEASURES, GROUPS, SHIFT, SHIFT_PICTURE = "measures.csv", "groups.csv", "shift.csv", "shift.png"
LEDGER, OLD_LOOKS = "ledger.jsonl", "external_looks.csv"
"""Beside the runs, in models/: the record of all looks at scored cases; and what an earlier version kept of those at
external cohorts."""
OWN_LOOKS = "looks.csv"
"""In a run's folder: which entries of the ledger are its own."""

_FOLD = "fold-"


def run_names(models: Path) -> list[str]:
    """The names of the folders under `models` that are runs."""
    folders = Path(models).iterdir() if Path(models).is_dir() else ()
    return sorted(folder.name for folder in folders if not folder.name.startswith(".") and is_run(folder))


def is_run(folder: Path) -> bool:
    """Whether a folder has the records or the folds of a run; a pretraining is none."""
    if (folder / PRETRAINING).is_file():
        return False
    marks = (RUN, RECIPE, PREDICTIONS)
    return folder.is_dir() and (any((folder / mark).is_file() for mark in marks) or bool(fold_folders(folder)))


def no_such_run(folder: Path) -> UserError:
    """The error about a run that is not there: the nearest name, and which runs there are."""
    known = run_names(Path(folder).parent)
    train = f"train it: {command('train')} --run {as_run(folder)}"
    return UserError(folder, f"there is no such run{nearest(Path(folder).name, known)}",
                     f"name one of {shortened(known)}, or {train}" if known else train)


def fold_folder(run: Path, fold: str) -> Path:
    """The folder of a fold of the run in `run`, models/<run>."""
    return Path(run) / f"{_FOLD}{fold}"


def fold_name(folder: Path) -> str:
    """The fold whose folder this is."""
    return Path(folder).name.removeprefix(_FOLD)


def is_fold_folder(folder: Path) -> bool:
    """Whether a folder is called as a fold's is."""
    return Path(folder).name.startswith(_FOLD)


def fold_folders(run: Path, holding: str = "") -> dict[str, Path]:
    """By fold, in order, the folders of the folds that are there; holding: only those that have a file of this name."""
    found = {fold_name(path): path for path in Path(run).glob(f"{_FOLD}*") if not holding or (path / holding).is_file()}
    return {fold: found[fold] for fold in sorted(found, key=lambda fold: (len(fold), fold))}


def cohort_folder(run: Path, cohort: str) -> Path:
    """The folder of an external cohort of the run in `run`, models/<run>."""
    return Path(run) / EXTERNAL / cohort


def search_folder(run: Path, fold: str) -> Path:
    """The folder of the search that chooses the recipe which scores a fold of the run in `run`, models/<run>."""
    return Path(run) / TUNING_FOLDER / f"outer-{fold}"


def chosen_predictions(run: Path, fold: str) -> list[Path]:
    """Where a search of the run in `run`, models/<run>, has its fold scored: of each trial that was the best once."""
    return sorted(search_folder(run, fold).glob(f"{CHOSEN}*/{PREDICTIONS}"))


def space_path(run: Path) -> Path:
    """What the searches of the run in `run`, models/<run>, may choose."""
    return Path(run) / TUNING_FOLDER / SPACE


def permutation_picture(within: str) -> str:
    """The picture of the label-permutation test whose labels were exchanged within this."""
    return f"permutations_{within}.png"
