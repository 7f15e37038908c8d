"""Push bundle and kernel with Kaggle's own client: the dataset first, then the notebook, then its version as a
submission.

In: an authenticated client (client.py) and the folders that bundle.py and kernel.py wrote and rehearsal.py tested. Out:
the kernel's version and the submission's score. Every number is written into `submission.json` before anything is
waited for, so that the same command goes on after an interruption and submits nothing twice.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.kaggle.client import competition_page, retry, suppress_output, translate_errors
from radiogen.kaggle.datasets import DATASET_METADATA, push_dataset
from radiogen.kaggle.kernel_sessions import ended_state, submission_by_number
from radiogen.kaggle.kernels.image import SESSION_SECONDS
from radiogen.kaggle.kernels.kernel import METADATA, Names
from radiogen.kaggle.kernels.session import SUBMISSION

_LOG = logging.getLogger(__name__)

Pause = Callable[[float], None]

POLL_SECONDS = 20
PUSHED = "submission.json"
"""The record of a push, beside bundle and kernel."""


def user_name(api: Any) -> str:
    """The name of the user whose token the client uses, as in addresses."""
    name = api.get_config_value(api.CONFIG_NAME_USER)
    if not name:
        raise UserError(parameter("owner"), "your token does not contain your name at Kaggle",
                        f"give it: {parameter('owner')} NAME")
    return str(name)


def push_all(api: Any, bundle: Path, kernel: Path, *, note: str, public: bool = False,
             pause: Pause = time.sleep) -> tuple[int, str]:
    """Push the bundle, then the kernel that needs it; returns the kernel's version and its page.

    public: whether the bundle becomes a public data set; the kernel's own metadata says whether it is public.
    """
    version = push_dataset(api, bundle, note, public=public, pause=pause)
    _LOG.info(f"dataset: {files.read_json(bundle / DATASET_METADATA)['id']}, version {version}, "
              f"{'public' if public else 'private'}")
    return push_kernel(api, kernel)


def push_kernel(api: Any, folder: Path, *, seconds: int = SESSION_SECONDS) -> tuple[int, str]:
    """Push the kernel, which starts a session of it at Kaggle; returns its version and its page.

    seconds: after which Kaggle ends the session. Raises UserError where Kaggle refuses the kernel, or accepts it
    without one of its sources.
    """
    kernel = files.read_json(folder / METADATA)["id"]
    with translate_errors(f"the kernel {kernel}"), suppress_output():
        answer = api.kernels_push(str(folder), timeout=str(seconds))
    if answer.error:
        raise UserError(kernel, f"Kaggle refuses the kernel: {answer.error}", "fix that and push again")
    for what, invalid, remedy in (
            ("dataset", answer.invalid_dataset_sources, "the dataset has to be yours and ready"),
            ("competition", answer.invalid_competition_sources, "join the competition on its page"),
            ("kernel", answer.invalid_kernel_sources, "it has to be yours and have run")):
        if invalid:
            raise UserError(kernel, f"Kaggle left out its {what} {', '.join(invalid)}", remedy)
    if answer.ref and answer.ref.removeprefix("/code/") != kernel:
        raise UserError(kernel, f"Kaggle created the kernel {answer.ref.removeprefix('/code/')} instead",
                        f"choose a {parameter('title')} that is free")
    return answer.version_number, answer.url or kernel_page(kernel)


def submit(api: Any, names: Names, version: int, message: str, folder: Path, *, pause: Pause = time.sleep) -> Path:
    """Wait for the session of the kernel's version, send the version to the competition, wait for the score.

    Returns the record `folder/submission.json` with kernel, version, submission, status and scores. It is written
    before each wait: called again, this goes on where it was. Raises UserError where the session or the submission
    failed.
    """
    record = Path(folder) / PUSHED
    kept = files.read_json(record) if record.is_file() else {}
    if (kept.get("kernel"), kept.get("version")) != (names.kernel, version):
        kept = {"kernel": names.kernel, "version": version, "message": message, "submission": None, "status": "pushed"}
        files.write_json(record, kept)
    if not kept["submission"]:
        if kept["status"] != "submitting":
            _LOG.info(f"waiting for {names.kernel}, version {version}, to run at Kaggle")
            _wait_for_kernel(api, names.kernel, version, pause=pause)
        number = _number_of(api, kept, names.competition, pause) if kept["status"] == "submitting" else None
        kept |= {"status": "submitting", "since": datetime.now(UTC).isoformat(timespec="seconds")}
        files.write_json(record, kept)
        kept["submission"] = number or _submit_version(api, names.kernel, version, kept["message"], names.competition)
        files.write_json(record, kept | {"status": "pending"})
    if kept["status"] != "complete":
        _LOG.info(f"submitted as number {kept['submission']}; waiting for the score: Kaggle runs it on the hidden test "
                  "set")
        kept |= _wait_for_score(api, names.competition, kept["submission"], pause=pause)
    return files.write_json(record, kept)


def kernel_page(kernel: str) -> str:
    """The address of a kernel's page."""
    return f"https://www.kaggle.com/code/{kernel}"


def _wait_for_kernel(api: Any, kernel: str, version: int, *, pause: Pause = time.sleep) -> None:
    """Wait until this version has run at Kaggle. Raises UserError where it failed or was stopped."""
    state = ended_state(api, kernel, version, polls=SESSION_SECONDS // POLL_SECONDS + 1, seconds=POLL_SECONDS,
                        pause=pause)
    if state is None:
        raise UserError(kernel, "has not ended after nine hours", f"look at {kernel_page(kernel)}")
    if state.failed:
        raise UserError(kernel, f"its run at Kaggle ended with {state.name.lower()}: "
                        f"{state.reason or 'no reason given'}", f"read its log on {kernel_page(kernel)}")


def _number_of(api: Any, kept: dict[str, Any], competition: str, pause: Pause) -> int | None:
    """The submission that an interrupted command has made: the newest with its message, not older than its record."""
    since = datetime.fromisoformat(kept["since"]).replace(tzinfo=None)
    listed = retry(lambda: api.competition_submissions(competition) or [], f"the submissions to {competition}",
                   pause=pause)
    made = [one.ref for one in listed if one is not None and one.description == kept["message"]
            and one.date is not None and one.date.replace(tzinfo=None) >= since]
    return max(made, default=None)


def _submit_version(api: Any, kernel: str, version: int, message: str, competition: str) -> int:
    """Send a kernel's version, whose run is complete, to the competition; returns the submission's number."""
    with translate_errors(f"the submission of {kernel}, version {version}", competition=competition), suppress_output():
        answer = api.competition_submit_code(SUBMISSION, message, competition, kernel, version, quiet=True)
    if not answer.ref:
        raise UserError(kernel, f"Kaggle accepted no submission: {answer.message}",
                        "join the competition, and check how many submissions are left today")
    return int(answer.ref)


def _wait_for_score(api: Any, competition: str, number: int, *, pause: Pause = time.sleep) -> dict[str, Any]:
    """Wait until the submission is scored; returns `status, public_score, private_score` as Kaggle reports them.

    Raises UserError where the run on the hidden test set failed.
    """
    for _ in range(2 * SESSION_SECONDS // POLL_SECONDS):  # it may queue for as long as it runs
        one = submission_by_number(api, competition, number, pause=pause)
        if one is not None and one.status.name == "ERROR":
            raise UserError(f"submission {number}", "failed on the hidden test set: "
                            f"{one.error_description or 'no reason given'}",
                            f"see {competition_page(competition, 'submissions')}")
        if one is not None and one.status.name == "COMPLETE":
            return {"status": "complete", "public_score": one.public_score, "private_score": one.private_score}
        pause(POLL_SECONDS)
    raise UserError(f"submission {number}", "is not scored after 18 hours",
                    "run the same command again: it resumes waiting and submits nothing")
