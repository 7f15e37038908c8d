"""Rehearsal: the kernel runs here as it would at Kaggle, and its CSV is compared with ordinary predictions.

In: bundle and kernel folders, the runs that they were made of. Out: a `Rehearsal`. The notebook's own cells run in an
environment without radiogen and without anything else that Kaggle's image lacks, in a network namespace without any
network, with a read-only input laid out as under `/kaggle/input`, and with a session's memory and time. Test cases
that are blank, missing or not DICOM are added to the good ones: they must not end the session.
"""

import dataclasses
import os
import resource
import shutil
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
from radiogen.core.wording import command, parameter
from radiogen.dataset.labels import read_sample_submission
from radiogen.dataset.layout import case_ids
from radiogen.kaggle.kernels.image import HIDDEN_TEST_CASES, MEMORY_BYTES, SESSION_SECONDS
from radiogen.kaggle.kernels.kernel import notebook_code
from radiogen.kaggle.kernels.rehearsal_site import make_environment
from radiogen.kaggle.kernels.session import MANIFEST, RECORD, SUBMISSION
from radiogen.runs.layout import PREDICTIONS
from radiogen.runs.predictions import read_predictions, submission_cases
from radiogen.task import ID, LABEL, RSNA_MICCAI, read_task

TOLERANCE = 1e-6
BROKEN = {"99997": "every pixel is zero", "99998": "no folder but one, and no DICOM in it",
          "99999": "one series is no DICOM, one is missing"}
NAMESPACE = ("unshare", "--map-root-user", "--net", "--mount")
WITHIN = 'ulimit -v "$1" && shift && exec "$@"'
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """The result of a rehearsal.

    cases: good test cases; difference: the largest one to ordinary predictions; isolated: whether the network was
    really absent. seconds, start_seconds, case_seconds: of the whole, of the part that does not grow with the cases, of
    one case; hidden_seconds: estimate for the hidden test set.
    """

    cases: int
    difference: float
    isolated: bool
    seconds: float
    start_seconds: float
    case_seconds: float
    hidden_seconds: float
    memory_bytes: int
    session: dict[str, Any]


def rehearse(bundle: Path, kernel: Path, models: Path, names: Sequence[str], *, python: Path | None = None,
             cases: int = 8, log: Path | None = None) -> Rehearsal:
    """Run the kernel as Kaggle would, on `cases` test cases of the runs' data set and three broken ones.

    python: the interpreter whose packages replace Kaggle's image (default: this one); log: file for the output.
    Raises UserError where the kernel fails, takes more memory or time than a session has, or predicts anything else
    than scripts/predict.py did.
    """
    expected = _expected_probabilities(models, names)
    data = _data_set(models, names)
    chosen = [case for case in case_ids(data, "test") if case in expected.index][:cases]
    if not chosen:
        raise UserError(data, "has no predicted test case to rehearse on", "give a data set with a test folder")
    with tempfile.TemporaryDirectory(prefix="radiogen-rehearsal-") as scratch:
        root = Path(scratch) / "kaggle"
        with files.reading_folder(data):
            _lay_out(bundle, data, chosen, root / "input")
        interpreter = make_environment(Path(python or sys.executable), _hidden_packages(bundle), Path(scratch) / "env")
        code = files.write_text(Path(scratch) / "notebook.py", notebook_code(kernel))
        isolated = _namespace_works()
        began = time.monotonic()
        memory = _run([str(interpreter), str(code)], root, isolated, log or Path(scratch) / "rehearsal.log")
        seconds = time.monotonic() - began
        record = files.read_json(root / "working" / RECORD)
        table = read_sample_submission(root / "working" / SUBMISSION, read_task(data)).set_index(ID)[LABEL]
    difference = float((table[chosen] - expected[chosen]).abs().max())
    _check_values(table, chosen, expected, record)
    grows = (record["seconds"]["preprocess"] + record["seconds"]["predict"]) / len(table)
    start = max(0.0, seconds - grows * len(table))
    return Rehearsal(cases=len(chosen), difference=difference, isolated=isolated, seconds=seconds, start_seconds=start,
                     case_seconds=grows, hidden_seconds=start + grows * HIDDEN_TEST_CASES, memory_bytes=memory,
                     session=record)


def _expected_probabilities(models: Path, names: Sequence[str]) -> pd.Series:
    """By test case, the mean over the runs of what `scripts/predict.py` wrote. Raises UserError where it is not."""
    tables = [submission_cases(read_predictions(Path(models) / name / PREDICTIONS)) for name in names]
    return pd.concat(tables).groupby(ID)["probability"].mean()


def _lay_out(bundle: Path, data: Path, chosen: Sequence[str], inputs: Path) -> None:
    """Write bundle and test cases as Kaggle mounts them, broken ones included, and a sample submission of all."""
    shutil.copytree(bundle, inputs / "radiogen-files")
    test = inputs / RSNA_MICCAI.name / "test"
    for case in chosen:
        try:
            shutil.copytree(data / "test" / case, test / case)
        except OSError as error:  # that of a whole tree is one, too, with a list of files instead of a reason
            raise UserError(data / "test" / case, "was changed or moved while it was copied",
                            f"run the same command again, with {parameter('data')} where it was moved") from error
    _break_cases(test, test / chosen[0])
    (inputs / RSNA_MICCAI.name / "train" / "00000" / "FLAIR").mkdir(parents=True)  # must not be read by the kernel
    sample = pd.DataFrame({ID: [*chosen, *BROKEN], LABEL: 0.5})
    files.write_csv(inputs / RSNA_MICCAI.name / "sample_submission.csv", read_task(data).to_file(sample))


def _namespace_works() -> bool:
    """Whether a process without a network, and with a mount of its own, can be started here."""
    with tempfile.TemporaryDirectory() as folder:
        words = [*NAMESPACE, "sh", "-c", READ_ONLY, "sh", folder, "true"]
        try:
            return subprocess.run(words, capture_output=True).returncode == 0
        except OSError:
            return False


def rehearsal_text(rehearsal: Rehearsal) -> str:
    """A summary of a rehearsal in a few lines."""
    hours, limit = rehearsal.hidden_seconds / 3600, SESSION_SECONDS / 3600
    network = "no network" if rehearsal.isolated else "package index switched off (no network namespace here)"
    lines = [f"rehearsal: {rehearsal.cases} test cases and {len(BROKEN)} broken ones, {network}, read-only input; "
             f"largest difference to {command('predict')} {rehearsal.difference:.1e}",
             f"time: {rehearsal.seconds:.0f} s, of these {rehearsal.start_seconds:.0f} s to start and "
             f"{rehearsal.case_seconds:.2f} s a case; the hidden test set ({HIDDEN_TEST_CASES} cases like these, on "
             f"this machine) would take {hours:.2f} of {limit:.0f} hours",
             f"memory: largest process {rehearsal.memory_bytes / 1e9:.1f} of {MEMORY_BYTES / 1e9:.0f} GB"]
    if hours > limit / 2:
        lines.append("warning: more than half of the session; take fewer runs or a smaller recipe")
    if rehearsal.session["outside_ranges"]:
        lines.append(f"packages outside setup.cfg's ranges: {'; '.join(rehearsal.session['outside_ranges'])}")
    return "\n".join(lines)


def _data_set(models: Path, names: Sequence[str]) -> Path:
    from radiogen.training.runs import open_run

    folders = {open_run(Path(models) / name).data.resolve() for name in names}
    if len(folders) > 1:
        raise UserError("RUN", f"the runs were made from {len(folders)} data sets", "name runs of one data set")
    return folders.pop()


def _hidden_packages(bundle: Path) -> list[str]:
    """Packages that the environment must not have, because Kaggle's image lacks them: those of the bundle."""
    return [wheel.split("==")[0] for wheel in files.read_json(bundle / MANIFEST)["wheels"]]


def _run(words: list[str], root: Path, isolated: bool, log: Path) -> int:
    """Run the notebook's code; returns the memory of its largest process in bytes. `log` keeps what it printed."""
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
            left = process.wait(SESSION_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise UserError(log, "the kernel took more than nine hours", "take fewer runs") from None
            raise
    if left:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise UserError(log, f"the kernel fails: {lines[-1] if lines else f'exit code {left}'}",
                        "fix the error in this log; nothing was pushed")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _check_values(table: pd.Series, chosen: list[str], expected: pd.Series, record: dict[str, Any]) -> None:
    far = (table[chosen] - expected[chosen]).abs() > TOLERANCE
    if far.any():
        case = str(far.idxmax())
        raise UserError("rehearsal", f"case {case} got {table[case]:.7f} in the kernel and {expected[case]:.7f} from "
                        f"{command('predict')} ({int(far.sum())} of {len(chosen)} differ)",
                        f"predict again with this version: {command('predict')} --run NAME")
    if "99998" not in record["imputed"]:
        raise UserError("rehearsal", "the case without a series did not get the prevalence", "this is a bug: report it")


def _break_cases(test: Path, good: Path) -> None:
    """The cases of `BROKEN`, made from a good one."""
    import pydicom

    blank, empty, damaged = (test / case for case in BROKEN)
    shutil.copytree(good, blank)
    for path in blank.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        if not dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.PixelData = bytes(len(dataset.PixelData))
            dataset.save_as(path)
    (empty / "FLAIR").mkdir(parents=True)
    (empty / "FLAIR" / "Image-1.dcm").write_bytes(b"no DICOM")
    shutil.copytree(good, damaged)
    first, second = [damaged / name for name in RSNA_MICCAI.sequences if (damaged / name).is_dir()][:2]
    for path in first.iterdir():
        path.write_bytes(path.read_bytes()[:150])
    shutil.rmtree(second)
