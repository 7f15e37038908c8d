"""Send a written submission to Kaggle and wait for its score.

In: `submissions/<run>.csv` with its record, and a logged-in client. Out: number, status and scores in the record and in
`models/<run>/submission.json`. Both are written before the wait for the score: the same command later resumes waiting
and never sends the same file twice.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.kaggle.client import competition_page, suppress_output, translate_errors
from radiogen.kaggle.kernel_sessions import submission_by_number
from radiogen.kaggle.submission import Submission
from radiogen.task import RSNA_MICCAI

_LOG = logging.getLogger(__name__)

SENT = "submission.json"
POLL_SECONDS = 10
WAIT_SECONDS = 3600
"""How often and how long the score of a CSV is requested; Kaggle scores one within minutes."""

Pause = Callable[[float], None]


def send(api: Any, submission: Submission, message: str, run: Path, *, competition: str = RSNA_MICCAI.name,
         pause: Pause = time.sleep) -> dict[str, Any]:
    """Send the CSV unless it was sent before, wait for the score, record both.

    run: the run's folder, which gets `submission.json`. Returns `competition, submission, message, status,
    public_score, private_score`; scores are text as Kaggle writes them, None where there is none. Raises UserError
    where Kaggle refuses the file, cannot read it, or has no score after an hour.
    """
    sent = _sent_before(submission, run)
    if not sent or sent["status"] == "error" or sent["competition"] != competition:
        if submission.code_only and competition == submission.competition:
            _LOG.warning(f"{competition} takes notebooks, so Kaggle may refuse a table; the way that it takes: "
                         f"{command('push_kernel')} {as_run(run)} --submit")
        number = upload(api, submission.path, message, run, competition)
        sent = {"competition": competition, "submission": number, "message": message, "status": "pending",
                "public_score": None, "private_score": None}
        _record(submission, run, sent)
        _LOG.info(f"sent as submission {number}; waiting for its score")
    elif sent["status"] == "complete":
        _LOG.info(f"this file was sent before, as submission {sent['submission']}")
        return sent
    else:
        _LOG.info(f"this file was sent before, as submission {sent['submission']}; waiting for its score")
    sent = sent | _wait(api, competition, sent["submission"], pause)
    _record(submission, run, sent)
    if sent["status"] == "error":
        raise UserError(submission.path, f"Kaggle could not score it: {sent['reason'] or 'no reason given'}",
                        f"see {competition_page(competition, 'submissions')}")
    return sent


def upload(api: Any, path: Path, message: str, run: Path, competition: str = RSNA_MICCAI.name) -> int:
    """Upload the CSV and make a submission of it; returns its number. Never tried twice: the first may have counted.

    Raises UserError; for a 400 without a reason with the causes that users have found.
    """
    refused = (f"if it is a code competition, it takes notebooks only: {command('push_kernel')} "
               f"{as_run(run)} --submit; else join on {competition_page(competition, 'rules')}, see on its page how "
               "many submissions are left today, and zip a large file")
    with translate_errors(f"the submission of {path}", refused=refused, competition=competition), suppress_output():
        answer = api.competition_submit(str(path), message, competition, quiet=True)
    if answer.message == api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
        raise UserError(path, "its upload to Kaggle broke off", "run the same command again; nothing was submitted")
    if not answer.ref:
        reason = " ".join((answer.message or "no reason given").split())[:200]
        raise UserError(path, f"Kaggle accepted no submission: {reason}", refused)
    return int(answer.ref)


def _sent_before(submission: Submission, run: Path) -> dict[str, Any] | None:
    """The record of an earlier sending of the same CSV, beside it or, where that is gone, in the run."""
    record = files.read_json(submission.record)
    if "kaggle" in record:
        return record["kaggle"]
    beside = files.read_json(run / SENT) if (run / SENT).is_file() else {}
    same = beside.get("sha256") == record["sha256"]
    return {key: value for key, value in beside.items() if key not in ("run", "sha256")} if same else None


def _wait(api: Any, competition: str, number: int, pause: Pause) -> dict[str, Any]:
    for _ in range(WAIT_SECONDS // POLL_SECONDS):
        one = submission_by_number(api, competition, number, pause=pause)
        if one is not None and one.status.name != "PENDING":
            return {"status": one.status.name.lower(), "public_score": one.public_score or None,
                    "private_score": one.private_score or None, "reason": one.error_description or None}
        pause(POLL_SECONDS)
    raise UserError(f"submission {number}", f"has no score after {WAIT_SECONDS // 60} minutes",
                    "run the same command again: it resumes waiting and sends nothing")


def _record(submission: Submission, run: Path, sent: dict[str, Any]) -> None:
    record = files.read_json(submission.record)
    files.write_json(submission.record, record | {"kaggle": sent})
    files.write_json(Path(run) / SENT, {"run": record["run"], "sha256": record["sha256"]} | sent)
