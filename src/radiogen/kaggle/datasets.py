"""A folder of files as a private dataset at Kaggle: uploaded whole, or the push ends with one line.

In: a logged-in client and a flat folder with `dataset-metadata.json`. Out: the number of the dataset's version that
Kaggle has processed and that has every file. Where an upload breaks, client 2.2.4 goes on without the file and 2.2.5
raises a ValueError (kaggle-cli issue 1150); either way the version is pushed again, a few times.
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
from radiogen.core.wording import parameter, this_program
from radiogen.kaggle.client import retry, suppress_output, translate_errors

_LOG = logging.getLogger(__name__)

Pause = Callable[[float], None]

DATASET_METADATA = "dataset-metadata.json"
POLL_SECONDS = 20
READY_SECONDS = 3600
"""How long Kaggle may take to process a dataset."""
ATTEMPTS = 3
"""How often a version is pushed where an upload breaks off."""
_CLIENT_LOST_FILE = "Upload unsuccessful"
"""The beginning of the ValueError of client 2.2.5."""


class _LostFile(Exception):
    """The dataset's version was not made, or lacks this file, because its upload broke off."""


def push_dataset(api: Any, folder: Path, notes: str, *, public: bool = False, pause: Pause = time.sleep) -> int:
    """Upload `folder` as a dataset, private unless `public`, new or as a new version; wait until it is processed.

    Returns the dataset's version. Raises UserError where Kaggle refuses it, or lacks a file after `ATTEMPTS` pushes.
    """
    dataset = files.read_json(folder / DATASET_METADATA)["id"]
    for attempt in range(1, ATTEMPTS + 1):
        before = dataset_state(api, dataset, pause)
        _LOG.info(f"uploading {sum(path.stat().st_size for path in folder.iterdir()) / 1e6:.0f} MB to {dataset}")
        try:
            _upload(api, dataset, folder, notes, new=before is None, public=public)
            version = wait_until_ready(api, dataset, before[1] if before else 0, pause=pause)
            if lost := missing_files(api, dataset, folder, pause):
                raise _LostFile(lost[0])
            return version
        except _LostFile as error:
            if attempt == ATTEMPTS:
                raise UserError(dataset, f"{error} is missing at Kaggle: its upload broke off {ATTEMPTS} times",
                                f"check your network, then run {this_program()} again") from None
            _LOG.warning(f"the upload of {error} to {dataset} broke off; trying again in {POLL_SECONDS} s")
            pause(POLL_SECONDS)
    raise AssertionError("unreachable")


def dataset_state(api: Any, dataset: str, pause: Pause = time.sleep) -> tuple[str, int] | None:
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


def wait_until_ready(api: Any, dataset: str, before: int, *, pause: Pause = time.sleep) -> int:
    """Wait until Kaggle has processed a version after `before`; returns its number."""
    page = f"https://www.kaggle.com/datasets/{dataset}"
    for _ in range(READY_SECONDS // POLL_SECONDS):
        status, version = dataset_state(api, dataset, pause) or ("", 0)
        if status in ("failed", "deleted"):
            raise UserError(dataset, f"Kaggle could not process the dataset ({status})", f"see {page}, then push again")
        if status == "ready" and version > before:
            return version
        pause(POLL_SECONDS)
    raise UserError(dataset, "Kaggle has not processed the dataset after an hour", f"look at {page}")


def _upload(api: Any, dataset: str, folder: Path, notes: str, *, new: bool, public: bool) -> None:
    """Make the dataset or a version of it. Raises UserError where Kaggle refuses it, _LostFile as 2.2.5 does."""
    try:
        with translate_errors(f"the dataset {dataset}"), suppress_output() as output:
            if new:
                answer = api.dataset_create_new(str(folder), public=public, quiet=True)
            else:
                answer = api.dataset_create_version(str(folder), notes, quiet=True, delete_old_versions=False)
    except ValueError as error:
        if not str(error).startswith(_CLIENT_LOST_FILE):
            raise
        raise _LostFile(str(error).partition(": ")[2] or "a file") from error
    if answer.error or str(answer.status).lower() == "error":
        reason = " ".join((answer.error or output.getvalue() or "no reason given").split())
        raise UserError(dataset, f"Kaggle refuses the dataset: {reason}", f"choose another {parameter('title')}")


def missing_files(api: Any, dataset: str, folder: Path, pause: Pause = time.sleep) -> list[str]:
    """The files of `folder` that the dataset's last version lacks; warns where a size differs.

    Hashes are compared in the session: Kaggle reports none.
    """
    uploaded: dict[str, int] = {}
    token = None
    while token != "":
        page = retry(functools.partial(api.dataset_list_files, dataset, page_token=token, page_size=200),
                     f"the dataset {dataset}", pause=pause)
        uploaded |= {one.name: one.total_bytes for one in page.dataset_files}
        token = page.next_page_token or ""
    here = {path.name: path.stat().st_size for path in folder.iterdir() if path.name != DATASET_METADATA}
    for name in sorted(set(here) & set(uploaded)):
        if uploaded[name] != here[name]:
            _LOG.warning(f"{name} has {here[name]} bytes, {uploaded[name]} at Kaggle")
    return sorted(set(here) - set(uploaded))
