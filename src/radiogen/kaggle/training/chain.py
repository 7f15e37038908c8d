"""Train a plan's runs at Kaggle, session after session, and bring them back; called again, it goes on.

In: a logged-in client, a plan, a folder for what is pushed and for logs. Out: `models/<run>` of each run. Every push is
written into the record before and after it is made (record.py), so that an interruption at any moment costs nothing
and nothing is pushed twice.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter, this_program
from radiogen.kaggle import datasets, kernel_sessions
from radiogen.kaggle.kernels.push import kernel_page, push_kernel
from radiogen.kaggle.training.bring_back import bring_runs
from radiogen.kaggle.training.plan import TrainingPlan, plan_facts
from radiogen.kaggle.training.push_session import write_session_kernel, write_training_bundle
from radiogen.kaggle.training.record import (
    ARRAYS,
    COMPLETE,
    FAILED,
    PUSHED,
    PUSHING,
    TRAIN,
    Record,
    Session,
    Upload,
    read_record,
    write_record,
)
from radiogen.kaggle.training.session import ARRAYS_PACK, MODELS_PACK, RESULT

if TYPE_CHECKING:
    from radiogen.training.recipe.recipe import Recipe

_LOG = logging.getLogger(__name__)

Pause = Callable[[float], None]

POLL_SECONDS = 60
QUEUE_HOURS = 24
"""How long a session may wait for a machine at Kaggle."""
LEAST_HOURS = 1.0
"""A session with less GPU quota than this is not begun."""


def train_there(api: Any, plan: TrainingPlan, runs: "dict[str, Recipe]", output: Path, *, wheels: Path | None = None,
                pause: Pause = time.sleep) -> list[Path]:
    """Go on with the plan until its runs are trained and brought back; returns their folders.

    Raises UserError where a session failed, the GPU quota is used up, or Kaggle refuses something; called again, it
    goes on from there.
    """
    with files.working_folder(output):
        record = read_record(plan.record, plan_facts(plan, runs))
        record = _push_bundle(api, plan, runs, record, output / "dataset", wheels, pause)
        while not record.trained:
            record = _push_next(api, plan, record, output / "kernel", pause)
            record = _finish_session(api, plan, record, output, pause)
        folders = bring_runs(api, plan, record, output, pause=pause)
        write_record(plan.record, replace(record, fetched=True))
        return folders


def progress_text(record: Record) -> str:
    """What the sessions so far have done, in a line."""
    folds = record.complete[-1].result["folds"].values() if record.complete else ()
    trained, left = (sum(len(one[key]) for one in folds) for key in ("trained", "left"))
    return f"{len(record.complete)} sessions done; {trained} folds trained, {left} left"


def _push_bundle(api: Any, plan: TrainingPlan, runs: "dict[str, Recipe]", record: Record, folder: Path,
                 wheels: Path | None, pause: Pause) -> Record:
    """Push the dataset once; where the record shows only the beginning of a push, look whether it was made."""
    upload = record.upload
    if upload is not None and upload.version is not None:
        return record
    if upload is not None:
        state = datasets.dataset_state(api, upload.dataset, pause)
        if state is not None and state[1] > upload.before:
            version = datasets.wait_until_ready(api, upload.dataset, upload.before, pause=pause)
            if datasets.missing_files(api, upload.dataset, folder, pause) == []:
                _LOG.info(f"dataset: {upload.dataset}, version {version}, was pushed before")
                return write_record(plan.record, replace(record, upload=replace(upload, version=version)))
    write_training_bundle(plan, runs, folder, wheels)
    dataset = plan.names.dataset
    state = datasets.dataset_state(api, dataset, pause)
    upload = Upload(dataset, state[1] if state else 0)
    record = write_record(plan.record, replace(record, upload=upload))
    version = datasets.push_dataset(api, folder, " ".join(runs), pause=pause)
    _LOG.info(f"dataset: {dataset}, version {version}, private")
    return write_record(plan.record, replace(record, upload=replace(upload, version=version)))


def _push_next(api: Any, plan: TrainingPlan, record: Record, folder: Path, pause: Pause) -> Record:
    """Push the next session unless one is under way; where only the beginning of a push is known, look for it."""
    last = record.sessions[-1] if record.sessions else None
    if last is not None and last.state == PUSHED:
        return record
    if last is not None and last.state == PUSHING:
        version = kernel_sessions.current_version(api, last.kernel, pause=pause)
        if version > last.before:
            _LOG.info(f"session {last.number}: {last.kernel}, version {version}, was pushed before")
            return write_record(plan.record, record.with_session(replace(last, version=version, state=PUSHED)))
    number, kind = len(record.complete) + 1, TRAIN if record.begun else ARRAYS
    kernel = plan.kernel(number)
    session = Session(number, kind, kernel, _session_hours(api, plan, kind, pause),
                      kernel_sessions.current_version(api, kernel, pause=pause))
    write_session_kernel(plan, session, _sources(record), folder)
    record = write_record(plan.record, record.with_session(session))
    version, page = push_kernel(api, folder, seconds=round(session.hours * 3600))
    _LOG.info(f"session {number} ({kind}{', on GPUs' if kind == TRAIN else ', without a GPU'}): {kernel}, version "
              f"{version}, at most {session.hours:.1f} h: {page}")
    return write_record(plan.record, record.with_session(replace(session, version=version, state=PUSHED)))


def _session_hours(api: Any, plan: TrainingPlan, kind: str, pause: Pause) -> float:
    """How long the session may take: no longer than the GPU quota lasts. Raises UserError where that is used up."""
    if kind == ARRAYS:
        return plan.hours
    quota = kernel_sessions.gpu_quota(api, pause=pause)
    if quota.left < LEAST_HOURS:
        when = f" on {quota.renewed:%Y-%m-%d at %H:%M} UTC" if quota.renewed else " within a week"
        raise UserError("GPU quota", f"{quota.left:.1f} of {quota.allowed:.0f} hours are left at Kaggle this week",
                        f"run the same command again when it is renewed{when}: it goes on where it is")
    return min(plan.hours, int(quota.left * 10) / 10)


def _sources(record: Record) -> list[str]:
    """The kernels of the newest sessions that have the models and the arrays."""
    found = []
    for name in (MODELS_PACK, ARRAYS_PACK):
        having = [one.kernel for one in record.complete if name in one.result["packs"]]
        found += having[-1:]
    return list(dict.fromkeys(found))


def _finish_session(api: Any, plan: TrainingPlan, record: Record, output: Path, pause: Pause) -> Record:
    """Wait for the last session, fetch its record. Raises UserError with its reason where it failed."""
    session = record.sessions[-1]
    assert session.version is not None  # it is pushed
    state = _wait(api, session, pause)
    result: dict[str, Any] = {}
    if state.complete and RESULT in kernel_sessions.output_addresses(api, session.kernel, session.version, pause=pause):
        path = output / f"session-{session.number}.json"
        path.unlink(missing_ok=True)  # of an earlier version of this session
        kernel_sessions.fetch_output(api, session.kernel, session.version, RESULT, path, pause=pause)
        result = files.read_json(path)
    if result and not result["reason"]:
        record = write_record(plan.record, record.with_session(replace(session, state=COMPLETE, result=result)))
        _LOG.info(f"session {session.number} is done: {progress_text(record)}")
        return record
    log = kernel_sessions.session_log(api, session.kernel, session.version, pause=pause)
    path = files.write_text(output / f"session-{session.number}.log", log)
    reason = result.get("reason") or kernel_sessions.reason_in_log(log) or state.reason or "no reason given"
    write_record(plan.record, record.with_session(replace(session, state=FAILED, reason=reason, result=result)))
    raise UserError(f"session {session.number} ({session.kernel}, version {session.version})", f"failed: {reason}",
                    f"its log is {path}; mend that, then {this_program()} again pushes this session again")


def _wait(api: Any, session: Session, pause: Pause) -> kernel_sessions.SessionState:
    """The state in which the session ended."""
    assert session.version is not None
    _LOG.info(f"waiting for session {session.number}; Ctrl-C ends the waiting alone")
    hours = session.hours + QUEUE_HOURS
    state = kernel_sessions.ended_state(api, session.kernel, session.version, polls=round(hours * 3600 / POLL_SECONDS),
                                        seconds=POLL_SECONDS, pause=pause)
    if state is None:
        raise UserError(f"session {session.number}", f"has not ended after {hours:.0f} hours",
                        f"look at {kernel_page(session.kernel)}; {parameter('title')} begins another training")
    return state
