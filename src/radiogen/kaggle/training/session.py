"""The program of a training session at Kaggle: what the last one left in, what the next one needs out.

In: the bundle's facts, `/kaggle/input` with the outputs of earlier sessions, a limit. Out, in `/kaggle/working`:
`models.pack` with runs and checkpoints, `arrays.pack` where arrays were made, and last `radiogen-session.json`. Each
step is a process of its own (session_steps.py) that is ended at the limit, which costs the epoch that it is in.
Nothing here raises: a failure is a reason in the record, because Kaggle keeps the output of sessions that end well.
"""

import contextlib
import logging
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radiogen import __version__
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels.session import unpack_runs
from radiogen.kaggle.mounts import mounted_competition
from radiogen.kaggle.training.packs import SUFFIX, check_pack, pack, unpack
from radiogen.kaggle.training.record import ARRAYS
from radiogen.runs import layout

_LOG = logging.getLogger(__name__)

RESULT, MODELS_PACK, ARRAYS_PACK = "radiogen-session.json", f"models{SUFFIX}", f"arrays{SUFFIX}"
OUTCOME, CACHE = "outcome.json", "input/cache"
RESERVE_SECONDS = 900
"""Time before the limit that is kept for ending the step, and for packing."""
GRACE_SECONDS = 60
"""Time that a step has to end after it was interrupted, before it is killed."""


@dataclass(frozen=True)
class Order:
    """What the session is to do: its number and kind, the runs' recipes as JSON, the competition, when it must end.

    end: on the clock of `time.monotonic`. bundle: the folder of the private dataset, with the locators of the recipes.
    """

    number: int
    kind: str
    recipes: dict[str, Any]
    competition: str
    end: float
    bundle: Path


@dataclass(frozen=True)
class _Outcome:
    finished: bool
    reason: str = ""


def run_session(order: Order, inputs: Path, working: Path, home: Path) -> Path:
    """Restore, work until everything is done or the limit is near, pack; returns the path of the record.

    inputs: `/kaggle/input`; working: `/kaggle/working`; home: an empty folder for models and arrays, which may be
    larger than the output.
    """
    began = time.monotonic()
    done = made = 0
    try:
        _restore(inputs, home, order)
        done, made = _epochs(home, order), _arrays(home)
        outcome, seconds = _work(order, inputs, home)
    except UserError as error:
        outcome, seconds = _Outcome(False, str(error)), {}
    epochs, folds = _epochs(home, order) - done, _folds(home, order)
    if not outcome.finished and not outcome.reason:
        outcome = _Outcome(False, _standstill(order, home, made, epochs, folds))
    gpus = len(visible_gpus())
    if "train" in seconds and epochs > 0:
        seconds["epoch"] = seconds["train"] * max(1, gpus) / epochs
    packs = _pack_all(home, working, arrays=order.kind == ARRAYS)
    seconds["session"] = time.monotonic() - began
    return files.write_json(working / RESULT, {
        "number": order.number, "kind": order.kind, "done": outcome.finished,
        "reason": outcome.reason, "radiogen": __version__, "python": platform.python_version(), "gpus": gpus,
        "folds": folds, "epochs": epochs, "packs": packs,
        "seconds": {name: round(value, 1) for name, value in seconds.items()}})


def visible_gpus() -> list[str]:
    """The numbers of the GPUs that the driver shows; none where there is no driver."""
    if (chosen := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [one for one in chosen.split(",") if one.strip() not in ("", "-1")]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True).stdout
    return [str(number) for number, _ in enumerate(line for line in listed.splitlines() if line.startswith("GPU"))]


def _restore(inputs: Path, home: Path, order: Order) -> None:
    """Unpack what earlier sessions left into `home`; for arrays the bundle's locators, which the models' pack then has.

    Outputs are mounted as `<inputs>/<slug>` or `<inputs>/notebooks/<owner>/<slug>`; the record names the packs.
    """
    records = [(files.read_json(path), path.parent) for depth in ("*", "*/*", "*/*/*")
               for path in inputs.glob(f"{depth}/{RESULT}")]
    records = sorted((one for one in records if one[0]["number"] < order.number), key=lambda one: one[0]["number"])
    for name, place in ((MODELS_PACK, home / "models"), (ARRAYS_PACK, home / CACHE)):
        found = [(record["packs"][name], folder / name) for record, folder in records
                 if name in record["packs"] and (folder / name).is_file()]
        if found:
            check_pack(found[-1][1], found[-1][0])
            unpack(found[-1][1], place)
            _LOG.info(f"{name} of an earlier session is unpacked")
        elif order.kind != ARRAYS:
            raise UserError(inputs, f"has no {name} of an earlier session", "the kernel's sources are incomplete")
    if order.kind == ARRAYS:
        unpack_runs(order.bundle, home / "models")


def _work(order: Order, inputs: Path, home: Path) -> tuple[_Outcome, dict[str, float]]:
    """The session's steps, each until it is done or the limit is near; the last outcome and the seconds of each."""
    data = mounted_competition(inputs, order.competition)
    files.write_json(home / "recipes.json", order.recipes)
    seconds: dict[str, float] = {}
    outcome = _Outcome(True)
    for step in ("begin",) if order.kind == ARRAYS else ("train", "predict"):
        began = time.monotonic()
        outcome = _run_step([step, str(home), str(data)], home, order.end - RESERVE_SECONDS)
        seconds[step] = time.monotonic() - began
        if not outcome.finished:
            break
    return outcome, seconds


def _run_step(words: Sequence[str], home: Path, end: float) -> _Outcome:
    """Run a step as a process group of its own; at `end` it is interrupted, then killed."""
    (home / OUTCOME).unlink(missing_ok=True)
    gpus = visible_gpus()
    environment = os.environ | ({"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if gpus else {})
    process = subprocess.Popen([sys.executable, "-m", "radiogen.kaggle.training.session_steps", *words],
                               env=environment, start_new_session=True)
    try:
        code = process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        _LOG.info(f"{words[0]} is ended before the session's limit; the next session goes on with it")
        _end(process)
        return _Outcome(False)
    except BaseException:
        _end(process)
        raise
    if code == 0:
        return _Outcome(True)
    reason = files.read_json(home / OUTCOME)["reason"] if (home / OUTCOME).is_file() else (
        f"{words[0]} was ended with {'signal' if code < 0 else 'code'} {abs(code)}"
        f"{', most likely for memory' if code == -signal.SIGKILL else ''}")
    return _Outcome(False, reason)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a step, whose folds keep their last checkpoint, and kill what is left of its group."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _LOG.warning("the step did not end when it was interrupted, and is killed")
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _pack_all(home: Path, working: Path, *, arrays: bool) -> dict[str, Any]:
    """Pack the models, and the arrays where this session made them; returns the facts of each pack."""
    packs: dict[str, Any] = {}
    for name, folder, wanted in ((MODELS_PACK, home / "models", True), (ARRAYS_PACK, home / CACHE, arrays)):
        if wanted and folder.is_dir():
            packs[name] = pack(folder, working / name)
            _LOG.info(f"{name}: {packs[name]['bytes'] / 1e6:.0f} MB")
    return packs


def _folds(home: Path, order: Order) -> dict[str, Any]:
    """By run the folds that are trained, and those that are left."""
    folds = {}
    for name, recipe in order.recipes.items():
        trained = list(layout.fold_folders(home / "models" / name, holding=layout.WEIGHTS))
        wanted = [str(number) for number in range(recipe["split"]["folds"])]
        folds[name] = {"trained": trained, "left": [fold for fold in wanted if fold not in trained]}
    return folds


def _epochs(home: Path, order: Order) -> int:
    """How many epochs all folds have finished: the rows of their histories."""
    histories = [path / layout.HISTORY for name in order.recipes
                 for path in layout.fold_folders(home / "models" / name, holding=layout.HISTORY).values()]
    return sum(max(0, len(path.read_text(encoding="utf-8").splitlines()) - 1) for path in histories)


def _arrays(home: Path) -> int:
    """How many arrays are there."""
    return sum(1 for _ in (home / CACHE).rglob("*.npy"))


def _standstill(order: Order, home: Path, made: int, epochs: int, folds: dict[str, Any]) -> str:
    """Why another session would get no further than this one, which the limit has ended; "" where it would."""
    if order.kind == ARRAYS and _arrays(home) <= made:
        return "no array was made within the session"
    if order.kind != ARRAYS and not epochs and any(one["left"] for one in folds.values()):
        return "no fold has finished an epoch within the session: take a smaller recipe"
    return ""
