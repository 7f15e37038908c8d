"""Push bundle and kernel with Kaggle's own client: the dataset first, then the notebook, then its version as a
submission.

In: an authenticated client (client.py) and the folders that bundle.py and kernel.py wrote and rehearsal.py tested. Out:
the kernel's version and the submission's score. The client prints some failures and continues, a broken upload among
them; here the files at Kaggle are compared with those that were sent, and any failure ends the command.
"""

import functools
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import command, parameter
from radiogen.kaggle.client import retry, suppress_output, translate_errors
from radiogen.kaggle.kernels.bundle import DATASET_METADATA
from radiogen.kaggle.kernels.image import SESSION_SECONDS
from radiogen.kaggle.kernels.kernel import METADATA, Names
from radiogen.kaggle.kernels.session import SUBMISSION

_LOG = logging.getLogger(__name__)

POLL_SECONDS = 20
READY_SECONDS = 3600
"""How long Kaggle may take to process a dataset."""


def user_name(api: Any) -> str:
    """The name of the user whose token the client uses, as in addresses."""
    name = api.get_config_value(api.CONFIG_NAME_USER)
    if not name:
        raise UserError(parameter("owner"), "your token does not contain your name at Kaggle",
                        f"give it: {parameter('owner')} NAME")
    return str(name)


def push_all(api: Any, bundle: Path, kernel: Path, *, note: str, public: bool = False,
             pause: Callable[[float], None] = time.sleep) -> tuple[int, str]:
    """Push the bundle, then the kernel that needs it; returns the kernel's version and its page.

    public: whether the bundle becomes a public data set; the kernel's own metadata says whether it is public.
    """
    version = _push_dataset(api, bundle, note, public=public, pause=pause)
    _LOG.info(f"dataset: {files.read_json(bundle / DATASET_METADATA)['id']}, version {version}, "
              f"{'public' if public else 'private'}")
    return _push_kernel(api, kernel)


def submit(api: Any, names: Names, version: int, message: str, folder: Path, *,
           pause: Callable[[float], None] = time.sleep) -> Path:
    """Wait for the kernel's run, send its version to the competition, wait for the score.

    Returns the record that is written: `folder/submission.json` with kernel, version, submission, status and scores.
    """
    _LOG.info(f"waiting for {names.kernel}, version {version}, to run at Kaggle")
    _wait_for_kernel(api, names.kernel, pause=pause)
    number = _submit_version(api, names.kernel, version, message, names.competition)
    _LOG.info(f"submitted as number {number}; waiting for the score: Kaggle runs it on the hidden test set")
    scored = _wait_for_score(api, names.competition, number, pause=pause)
    return files.write_json(Path(folder) / "submission.json", {
        "kernel": names.kernel, "version": version, "submission": number, "message": message, **scored})


def _push_dataset(api: Any, folder: Path, notes: str, *, public: bool = False,
                  pause: Callable[[float], None] = time.sleep) -> int:
    """Upload the bundle as a dataset, private unless `public`, new or as a new version; wait until it is processed.

    Returns the dataset's version. Raises UserError where Kaggle refuses it or has other files afterwards.
    """
    dataset = files.read_json(folder / DATASET_METADATA)["id"]
    before = _dataset_state(api, dataset, pause)
    _LOG.info(f"uploading {sum(path.stat().st_size for path in folder.iterdir()) / 1e6:.0f} MB to {dataset}")
    with translate_errors(f"the dataset {dataset}"), suppress_output() as output:
        if before:
            answer = api.dataset_create_version(str(folder), notes, quiet=True, delete_old_versions=False)
        else:
            answer = api.dataset_create_new(str(folder), public=public, quiet=True)
    if answer.error or str(answer.status).lower() == "error":
        reason = " ".join((answer.error or output.getvalue() or "no reason given").split())
        raise UserError(dataset, f"Kaggle refuses the dataset: {reason}", f"choose another {parameter('title')}")
    for _ in range(READY_SECONDS // POLL_SECONDS):
        status, version = _dataset_state(api, dataset, pause) or ("", 0)
        if status in ("failed", "deleted"):
            raise UserError(dataset, f"Kaggle could not process the dataset ({status})",
                            f"see {_page('datasets', dataset)}, then push again")
        if status == "ready" and version > (before[1] if before else 0):
            _check_uploaded(api, dataset, folder, pause)
            return version
        pause(POLL_SECONDS)
    raise UserError(dataset, "Kaggle has not processed the dataset after an hour",
                    f"look at {_page('datasets', dataset)}")


def _push_kernel(api: Any, folder: Path) -> tuple[int, str]:
    """Push the kernel, which starts a run of it at Kaggle; returns its version and its page.

    Raises UserError where Kaggle refuses it, or accepts it without one of its sources.
    """
    kernel = files.read_json(folder / METADATA)["id"]
    with translate_errors(f"the kernel {kernel}"), suppress_output():
        answer = api.kernels_push(str(folder), timeout=str(SESSION_SECONDS))
    if answer.error:
        raise UserError(kernel, f"Kaggle refuses the kernel: {answer.error}", "fix that and push again")
    for what, invalid, remedy in (
            ("dataset", answer.invalid_dataset_sources, "the dataset has to be yours and ready"),
            ("competition", answer.invalid_competition_sources, "join the competition on its page"),
            ("kernel", answer.invalid_kernel_sources, "take it out of kernel-metadata.json")):
        if invalid:
            raise UserError(kernel, f"Kaggle left out its {what} {', '.join(invalid)}", remedy)
    if answer.ref and answer.ref.removeprefix("/code/") != kernel:
        raise UserError(kernel, f"Kaggle created the kernel {answer.ref.removeprefix('/code/')} instead",
                        f"choose a {parameter('title')} that is free")
    return answer.version_number, answer.url or _page("code", kernel)


def _wait_for_kernel(api: Any, kernel: str, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Wait until the kernel's last version has run at Kaggle. Raises UserError where it failed or was stopped."""
    for _ in range(SESSION_SECONDS // POLL_SECONDS + 1):
        answer = retry(lambda: _kernel_status(api, kernel), f"the kernel {kernel}", pause=pause)
        name = answer.status.name
        if name == "COMPLETE":
            return
        if name == "ERROR" or name.startswith("CANCEL"):
            reason = answer.failure_message or "no reason given"
            raise UserError(kernel, f"its run at Kaggle ended with {name.lower()}: {reason}",
                            f"read its log on {_page('code', kernel)}")
        pause(POLL_SECONDS)
    raise UserError(kernel, "has not ended after nine hours", f"look at {_page('code', kernel)}")


def _submit_version(api: Any, kernel: str, version: int, message: str, competition: str) -> int:
    """Send a kernel's version, whose run is complete, to the competition; returns the submission's number."""
    with translate_errors(f"the submission of {kernel}, version {version}", competition=competition), suppress_output():
        answer = api.competition_submit_code(SUBMISSION, message, competition, kernel, version, quiet=True)
    if not answer.ref:
        raise UserError(kernel, f"Kaggle accepted no submission: {answer.message}",
                        "join the competition, and check how many submissions are left today")
    return int(answer.ref)


def _wait_for_score(api: Any, competition: str, number: int, *,
                    pause: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Wait until the submission is scored; returns `status, public_score, private_score` as Kaggle reports them.

    Raises UserError where the run on the hidden test set failed.
    """
    for _ in range(2 * SESSION_SECONDS // POLL_SECONDS):  # it may queue for as long as it runs
        listed = retry(lambda: api.competition_submissions(competition) or [], f"the submissions to {competition}",
                       pause=pause)
        for one in listed:
            if one is not None and one.ref == number and one.status.name == "ERROR":
                raise UserError(f"submission {number}", "failed on the hidden test set: "
                                f"{one.error_description or 'no reason given'}", "see it on the competition's page")
            if one is not None and one.ref == number and one.status.name == "COMPLETE":
                return {"status": "complete", "public_score": one.public_score, "private_score": one.private_score}
        pause(POLL_SECONDS)
    raise UserError(f"submission {number}", "is not scored after 18 hours", "look at the competition's page")


def _kernel_status(api: Any, kernel: str) -> Any:
    """The client's answer; the client raises a ValueError of many lines where Kaggle refuses."""
    try:
        return api.kernels_status(kernel)
    except ValueError:
        raise UserError(kernel, "Kaggle does not show its status to you",
                        f"check that {parameter('owner')} is the name that your token belongs to") from None


def _dataset_state(api: Any, dataset: str, pause: Callable[[float], None]) -> tuple[str, int] | None:
    """The dataset's status and the number of its last version; None where there is no such dataset.

    Kaggle answers 403 as well as 404 for one that does not exist.
    """
    import requests

    def state() -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads(api.dataset_status(dataset, format="json"))
            return found
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code in (403, 404):
                return None
            raise

    kept = retry(state, f"the dataset {dataset}", pause=pause)
    return None if kept is None else (kept["status"], int(kept["current_version_number"] or 0))


def _check_uploaded(api: Any, dataset: str, folder: Path, pause: Callable[[float], None]) -> None:
    """Raise UserError unless Kaggle has each of the folder's files; warn where a size differs.

    Hashes are compared in the session: Kaggle reports none.
    """
    uploaded: dict[str, int] = {}
    token = None
    while token != "":
        page = retry(functools.partial(api.dataset_list_files, dataset, page_token=token, page_size=200),
                     f"the dataset {dataset}", pause=pause)
        uploaded |= {one.name: one.total_bytes for one in page.dataset_files}
        token = page.next_page_token or ""
    for path in sorted(path for path in folder.iterdir() if path.name != DATASET_METADATA):
        if path.name not in uploaded:
            raise UserError(dataset, f"{path.name} is missing at Kaggle", f"push again: {command('push_kernel')}")
        if uploaded[path.name] != path.stat().st_size:
            _LOG.warning(f"{path.name} has {path.stat().st_size} bytes, {uploaded[path.name]} at Kaggle")


def _page(kind: str, ref: str) -> str:
    return f"https://www.kaggle.com/{kind}/{ref}"
