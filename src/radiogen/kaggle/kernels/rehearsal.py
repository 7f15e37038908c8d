"""Rehearsal: the kernel runs here as it would at Kaggle, and its CSV is compared with ordinary predictions.

In: bundle and kernel folders, the runs that they were made of. Out: a `Rehearsal` for each way in which it was done.
Jupyter runs the notebook in an environment without radiogen and without anything else that Kaggle's image lacks, in a
network namespace without any network, with a read-only input laid out as under `/kaggle/input`, and with a session's
disk, memory and time. Test cases that are blank, missing or no images are added to the good ones: they must not end
the session.
"""

import contextlib
import dataclasses
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import command
from radiogen.dataset.labels import read_sample_submission
from radiogen.dataset.layout import case_ids
from radiogen.kaggle.kernels.image import MEMORY_BYTES
from radiogen.kaggle.kernels.kernel import NOTEBOOK
from radiogen.kaggle.kernels.rehearsal_input import BROKEN, lay_out
from radiogen.kaggle.kernels.rehearsal_site import make_environment
from radiogen.kaggle.kernels.session import MANIFEST, RECORD, SUBMISSION
from radiogen.kaggle.mounts import competition_of
from radiogen.kaggle.notebooks import run_notebook
from radiogen.kaggle.scoring import submitted
from radiogen.runs.layout import PREDICTIONS
from radiogen.runs.predictions import read_predictions, submission_cases
from radiogen.task import ID, LABEL, Competition, read_task

TOLERANCE = 1e-6
WORKING_BYTES = 20 * 10**9
"""What a session may leave in `/kaggle/working` (Kaggle's documentation of notebooks)."""
NAMESPACE = ("unshare", "--map-root-user", "--net", "--mount")
WITHIN = 'ulimit -v "$1" && shift && exec "$@"'
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
LOOK_SECONDS = 2.0
"""How often the size of the working folder is looked at."""


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """The result of a rehearsal.

    python: its version, as `3.13`; mounts: a name of `MOUNTS`. cases: good test cases; difference: the largest one to
    ordinary predictions; isolated: whether the network was really absent. seconds, start_seconds, case_seconds: of the
    whole, of the part that does not grow with the cases, of one case; hidden_seconds: estimate for the hidden test set
    of `competition`.
    """

    python: str
    mounts: str
    competition: Competition
    cases: int
    difference: float
    isolated: bool
    seconds: float
    start_seconds: float
    case_seconds: float
    hidden_seconds: float
    memory_bytes: int
    session: dict[str, Any]


def rehearse(bundle: Path, kernel: Path, models: Path, names: Sequence[str], *, pythons: Sequence[Path] = (),
             mounts: Sequence[str] = ("new", "old"), cases: int = 8, log: Path | None = None) -> list[Rehearsal]:
    """Run the kernel as Kaggle would, on `cases` test cases of the runs' data set and three broken ones.

    pythons: interpreters whose packages replace Kaggle's image (none: this one). mounts: names of `MOUNTS`; the first
    interpreter is rehearsed with each of them, the others with the first. log: file for the output of the last.
    Raises UserError where the kernel fails, takes more disk, memory or time than a session has, or predicts anything
    else than scripts/predict.py did.
    """
    data = _data_set(models, names)
    expected = submitted(_expected_probabilities(models, names), read_task(data))
    chosen = [case for case in case_ids(data, "test") if case in expected.index][:cases]
    if not chosen:
        raise UserError(data, "has no predicted test case to rehearse on", "give a data set with a test folder")
    pythons = list(pythons) or [Path(sys.executable)]
    return [_rehearse_one(bundle, kernel, data, expected[chosen], python, place, log)
            for python in pythons for place in (mounts if python == pythons[0] else mounts[:1])]


def _rehearse_one(bundle: Path, kernel: Path, data: Path, expected: pd.Series, python: Path, mounts: str,
                  log: Path | None) -> Rehearsal:
    """One interpreter and one way of mounting. expected: by test case what scripts/predict.py wrote."""
    task = read_task(data)
    competition = competition_of(task)
    with tempfile.TemporaryDirectory(prefix="radiogen-rehearsal-") as scratch:
        root = Path(scratch) / "kaggle"
        with files.reading_folder(data):
            broken = lay_out(bundle, data, list(expected.index), root / "input", mounts)
        interpreter = make_environment(python, hidden_packages(bundle), Path(scratch) / "env")
        began = time.monotonic()
        memory, isolated = run_kernel(interpreter, kernel / NOTEBOOK, root, log, competition.session_hours)
        seconds = time.monotonic() - began
        record = files.read_json(root / "working" / RECORD)
        table = read_sample_submission(root / "working" / SUBMISSION, task).set_index(ID)[LABEL]
    difference = float((table[expected.index] - expected).abs().max())
    _check_values(table, expected, record, broken[1])
    grows = (record["seconds"]["preprocess"] + record["seconds"]["predict"]) / len(table)
    start = max(0.0, seconds - grows * len(table))
    return Rehearsal(
        python=record["python"].rpartition(".")[0], mounts=mounts, competition=competition, cases=len(expected),
        difference=difference, isolated=isolated, seconds=seconds, start_seconds=start, case_seconds=grows,
        hidden_seconds=start + grows * competition.hidden_test_cases, memory_bytes=memory, session=record)


def run_kernel(interpreter: Path, notebook: Path, root: Path, log: Path | None, hours: float) -> tuple[int, bool]:
    """Run the notebook by Jupyter below `root`, whose `input` is there.

    Returns the memory of its largest process in bytes, and whether there was no network. log: file for its output; the
    notebook with all outputs is written beside it. Raises UserError where it fails.
    """
    log = log or root.parent / "rehearsal.log"
    isolated = _namespace_works()
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(interpreter), "-I", run_notebook.__file__, str(notebook.resolve()),
             str(log.resolve().with_suffix(".ipynb"))]
    return _run(words, root, isolated, log, hours), isolated


def _expected_probabilities(models: Path, names: Sequence[str]) -> pd.Series:
    """By test case, the mean over the runs of what `scripts/predict.py` wrote. Raises UserError where it is not."""
    tables = [submission_cases(read_predictions(Path(models) / name / PREDICTIONS)) for name in names]
    return pd.concat(tables).groupby(ID)["probability"].mean()


def _namespace_works() -> bool:
    """Whether a process without a network, and with a mount of its own, can be started here."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*NAMESPACE, "sh", "-c", READ_ONLY, "sh", folder, "true"]
        try:
            return subprocess.run(words, capture_output=True).returncode == 0
        except OSError:
            return False


def rehearsal_text(rehearsals: Sequence[Rehearsal]) -> str:
    """A summary of the rehearsals in a few lines; time and memory are the largest ones."""
    first, slowest = rehearsals[0], max(rehearsals, key=lambda one: one.hidden_seconds)
    limit, cases = first.competition.session_hours, first.competition.hidden_test_cases
    network = "no network" if first.isolated else "package index switched off (no network namespace here)"
    ways = ", ".join(f"Python {one.python} with {one.mounts} mounts" for one in rehearsals)
    lines = [f"rehearsal: {ways}: {first.cases} test cases and {len(BROKEN)} broken ones, {network}, read-only input; "
             f"largest difference to {command('predict')} {max(one.difference for one in rehearsals):.1e}",
             f"time: {slowest.seconds:.0f} s, of these {slowest.start_seconds:.0f} s to start and "
             f"{slowest.case_seconds:.2f} s a case; " + (
                 f"the hidden test set ({cases} cases like these, on this machine) would take "
                 f"{slowest.hidden_seconds / 3600:.2f} of {limit:g} hours" if cases else
                 f"how many cases are hidden is not known; a session has {limit:g} hours"),
             f"memory: largest process {max(one.memory_bytes for one in rehearsals) / 1e9:.1f} of "
             f"{MEMORY_BYTES / 1e9:.0f} GB"]
    if slowest.hidden_seconds > limit * 1800:
        lines.append("warning: more than half of the session; take fewer runs or a smaller recipe")
    outside = sorted({line for one in rehearsals for line in one.session["outside_ranges"]})
    if outside:
        lines.append(f"packages outside setup.cfg's ranges: {'; '.join(outside)}")
    return "\n".join(lines)


def _data_set(models: Path, names: Sequence[str]) -> Path:
    from radiogen.training.runs import open_run

    folders = {open_run(Path(models) / name).data.resolve() for name in names}
    if len(folders) > 1:
        raise UserError("RUN", f"the runs were made from {len(folders)} data sets", "name runs of one data set")
    return folders.pop()


def hidden_packages(bundle: Path) -> list[str]:
    """Packages that the environment must not have, because Kaggle's image lacks them: those of the bundle."""
    return [wheel.split("==")[0] for wheel in files.read_json(bundle / MANIFEST)["wheels"]]


def _run(words: list[str], root: Path, isolated: bool, log: Path, hours: float = 9.0) -> int:
    """Run a command as in a session; returns the memory of its largest process in bytes. log: gets what it prints."""
    scratch = root.parent / "tmp"
    for folder in (root / "working", scratch, log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(scratch), "TMPDIR": str(scratch), "LANG": "C.UTF-8",
                   "RADIOGEN_REHEARSAL_ROOT": str(root), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull,
                   "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
    if isolated:
        words = [*NAMESPACE, "sh", "-c", READ_ONLY, "sh", str(root / "input"), *words]
    else:
        proxies = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
        environment |= dict.fromkeys(proxies, "http://127.0.0.1:9")
        for path in (root / "input").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
    words = ["sh", "-c", WITHIN, "sh", str(MEMORY_BYTES // 1024), *words]
    with log.open("wb") as printed:
        process = subprocess.Popen(words, env=environment, cwd=root / "working", stdout=printed, stderr=printed,
                                   start_new_session=True)
        try:
            left = _wait(process, root / "working", log, hours)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if left:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise UserError(log, f"the kernel fails: {lines[-1] if lines else f'exit code {left}'}",
                        "fix the error in this log; nothing was pushed")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _wait(process: "subprocess.Popen[bytes]", working: Path, log: Path, hours: float) -> int:
    """Wait for the process; returns its exit code. Raises UserError where it takes more time or disk than a session."""
    end = time.monotonic() + hours * 3600
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            left = process.wait(max(min(LOOK_SECONDS, end - time.monotonic()), 0.01))
            _check_size(working, log)
            return left
        if time.monotonic() >= end:
            raise UserError(log, f"the kernel took more than {hours:g} hours", "take fewer runs")
        _check_size(working, log)


def _check_size(working: Path, log: Path) -> None:
    size = sum(path.lstat().st_size for path in working.rglob("*") if path.is_file())
    if size > WORKING_BYTES:
        raise UserError(log, f"the kernel wrote {size / 1e9:.1f} GB into its working folder; a session keeps "
                        f"{WORKING_BYTES / 1e9:g} GB", "write what need not be kept to /tmp")


def _check_values(table: pd.Series, expected: pd.Series, record: dict[str, Any], unreadable: str) -> None:
    """Raise UserError unless the good cases got what was expected, and the case without a series the prevalence."""
    far = (table[expected.index] - expected).abs() > TOLERANCE
    if far.any():
        case = str(far.idxmax())
        raise UserError("rehearsal", f"case {case} got {table[case]:.7f} in the kernel and {expected[case]:.7f} from "
                        f"{command('predict')} ({int(far.sum())} of {len(expected)} differ)",
                        f"predict again with this version: {command('predict')} --run NAME")
    if unreadable not in record["imputed"]:
        raise UserError("rehearsal", "the case without a series did not get the prevalence", "this is a bug: report it")
