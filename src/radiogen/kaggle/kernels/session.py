"""What the kernel's notebook calls in a Kaggle session, without internet: test series in, `submission.csv` out.

In: the bundle (bundle.py) and the competition's folder, both read-only. Out: `submission.csv` with the ids and order of
the sample, the mean over all runs and folds, and `session.json` with counts and times. A test case that cannot be
read never ends the session: it is predicted from its other series, or gets the training prevalence.
"""

import importlib.metadata
import logging
import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from radiogen import __version__
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import command
from radiogen.dataset.labels import read_sample_submission
from radiogen.dataset.layout import case_ids
from radiogen.kaggle.kernels.image import outside_ranges
from radiogen.kaggle.mounts import competition_folder, competition_of
from radiogen.kaggle.scoring import submitted
from radiogen.kaggle.submission import check_submission, fill_sample
from radiogen.runs.folds import TEST
from radiogen.task import ID, LABEL, Task, write_task

if TYPE_CHECKING:  # imported late: the kernel's first cells run without Keras
    from radiogen.training.runs import Run

_LOG = logging.getLogger(__name__)

MANIFEST = "radiogen-bundle.json"
SUBMISSION, RECORD = "submission.csv", "session.json"
SHOWN = 20


def predict_session(bundle: Path, inputs: Path, working: Path, *, workers: int | None = None) -> Path:
    """Predict the competition's test set with the bundle's runs; returns the path of `submission.csv`.

    bundle: the folder with radiogen-bundle.json; inputs: `/kaggle/input`; working: `/kaggle/working`.
    Raises UserError where the bundle is damaged or the competition's data is missing.
    """
    import radiogen.networks.backend  # noqa: F401  (slow to import: must not count as time of the cases)
    from radiogen.imaging.fast.warm_up import warm_up
    from radiogen.inference.test_set import predict_test, prepare_test

    warm_up()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="radiogen-") as scratch:
        runs = _carried_runs(bundle, Path(scratch) / "models")
        task = runs[0].task
        data = competition_folder(inputs, task)
        view = _test_only(data, Path(scratch) / "data" / data.name, task)
        sample = _sample(data, view, task)
        prevalence = _prevalence(runs)
        able, warnings = prepare_test(runs, view, Path(scratch) / "cache", workers=workers)
        prepared = time.monotonic()
        tables = [predict_test(run, view, Path(scratch) / "cache") for run in able]
    predicted = time.monotonic()
    table, imputed = fill_sample(sample, _mean(tables, sample), prevalence)
    table[LABEL] = submitted(table[LABEL], task)
    path = files.write_csv(Path(working) / SUBMISSION, task.to_file(table))
    check_submission(path, sample, task)
    _log_result(warnings, imputed, prevalence, len(sample))
    files.write_json(Path(working) / RECORD, {
        "radiogen": __version__, "python": platform.python_version(), "packages": _versions(),
        "outside_ranges": outside_ranges(), "runs": [run.folder.name for run in able], "cases": len(sample),
        "imputed": list(imputed), "prevalence": prevalence, "warnings": warnings,
        "seconds": {"preprocess": prepared - began, "predict": predicted - prepared}})
    return path


def unpack_runs(bundle: Path, models: Path) -> list[Path]:
    """Write the bundle's runs as folders under `models`, each file checked; returns the folders.

    The bundle keeps all files in one folder, because Kaggle unpacks archives and its client skips folders. Raises
    UserError for a file that is missing or was changed.
    """
    manifest = files.read_json(Path(bundle) / MANIFEST)
    for name, members in manifest["runs"].items():
        for place, kept in members.items():
            source, target = Path(bundle) / kept["file"], Path(models) / name / place
            if not source.is_file() or files.sha256(source) != kept["sha256"]:
                raise UserError(source, "is missing or damaged", "push the bundle again: "
                                f"{command('push_kernel')} or {command('train_on_kaggle')}")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return [Path(models) / name for name in manifest["runs"]]


def _carried_runs(bundle: Path, models: Path) -> "list[Run]":
    """The bundle's runs but for its locators, `unpack_runs` and opened."""
    from radiogen.training.runs import open_run

    return [run for run in map(open_run, unpack_runs(bundle, models)) if not run.recipe.network.locates]


def _test_only(data: Path, view: Path, task: Task) -> Path:
    """A data set that has only the test cases: the kernel must not read the training series beside them."""
    view.mkdir(parents=True)
    write_task(view, task)
    (view / TEST).symlink_to((data / TEST).resolve(), target_is_directory=True)
    return view


def _sample(data: Path, view: Path, task: Task) -> pd.DataFrame:
    path = data / competition_of(task).sample_submission
    if path.is_file():
        return read_sample_submission(path, task)
    _LOG.warning(f"{path} is missing; the submission has the cases of {data / TEST}, sorted")
    return pd.DataFrame({ID: case_ids(view, "test"), LABEL: 0.5})


def _prevalence(runs: "Sequence[Run]") -> float:
    """The share of positive cases among the labelled cases of the runs."""
    return float(pd.concat([run.folds for run in runs]).drop_duplicates(ID)[LABEL].astype(float).mean())


def _mean(tables: Sequence[pd.DataFrame], sample: pd.DataFrame) -> pd.DataFrame:
    """Test rows as `fill_sample` takes them: the mean over the runs that predicted the case, the sample's ids only."""
    if not tables:
        return pd.DataFrame({ID: pd.Series(dtype=str), "fold": TEST, "probability": pd.Series(dtype=float)})
    mean = pd.concat(tables).groupby(ID)["probability"].mean().reset_index().assign(fold=TEST)
    return mean[mean[ID].isin(sample[ID])]


def _log_result(warnings: Sequence[str], imputed: Sequence[str], prevalence: float, cases: int) -> None:
    for line in warnings[:SHOWN]:
        _LOG.warning(line)
    if len(warnings) > SHOWN:
        _LOG.warning(f"{len(warnings) - SHOWN} more, all in {RECORD}")
    _LOG.info(f"{cases} cases; {len(warnings)} warnings; {len(imputed)} with the training prevalence {prevalence:.3f}"
          f"{': ' + ', '.join(imputed[:SHOWN]) if imputed else ''}")


def _versions() -> dict[str, str]:
    names = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "pandas", "pydicom", "numba", "scipy", "scikit-learn")
    there = {one.metadata["Name"].lower(): one.version for one in importlib.metadata.distributions()}
    return {name: there[name] for name in names if name in there}
