"""Kaggle's answers about one version of a kernel: its session's state, output files and log; the GPU quota; a
submission by its number.

In: a logged-in client. Out: plain values. Client 2.2.4 drops the version of `owner/slug/N` and answers for the newest
one (kaggle-cli issue 1200, mended in 2.2.5), so the requests are made here with the client's own SDK, which has
`version_label` in both.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.kaggle.client import retry
from radiogen.kaggle.transfer import TIMEOUT, fetch

Pause = Callable[[float], None]

PAGE = 200
REASON_LENGTH = 300
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ERROR_LINE = re.compile(r"^(error: .+|[\w.]*(Error|Exception|Interrupt|Exit)\b.*)$")


@dataclass(frozen=True)
class SessionState:
    """The state of a kernel's session: Kaggle's name of it, as `RUNNING`, and its reason where it failed."""

    name: str
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether the session has ended without an error."""
        return self.name == "COMPLETE"

    @property
    def failed(self) -> bool:
        """Whether the session ended with an error, or somebody stopped it."""
        return self.name == "ERROR" or self.name.startswith("CANCEL")


@dataclass(frozen=True)
class Quota:
    """The GPU quota of the week in hours, and when it is renewed (UTC, None where Kaggle does not say)."""

    allowed: float
    used: float
    reserved: float
    renewed: datetime | None

    @property
    def left(self) -> float:
        """Hours that are neither used nor reserved by a running session."""
        return max(0.0, self.allowed - self.used - self.reserved)


def session_state(api: Any, kernel: str, version: int, *, pause: Pause = time.sleep) -> SessionState:
    """The state of this version's session. Raises UserError where Kaggle does not show it."""
    from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelSessionStatusRequest

    answer = _ask(api, ApiGetKernelSessionStatusRequest(), "get_kernel_session_status", kernel, version, pause)
    return SessionState(answer.status.name, " ".join((answer.failure_message or "").split()))


def ended_state(api: Any, kernel: str, version: int, *, polls: int, seconds: int, pause: Pause = time.sleep,
                ) -> SessionState | None:
    """The state in which this version's session ended, well or not; None where `polls` polls saw no end.

    seconds: of the pause after each poll. Raises UserError where Kaggle does not show the state.
    """
    for _ in range(polls):
        state = session_state(api, kernel, version, pause=pause)
        if state.complete or state.failed:
            return state
        pause(seconds)
    return None


def session_log(api: Any, kernel: str, version: int, *, pause: Pause = time.sleep) -> str:
    """What this version's session printed, as text; "" where Kaggle has none."""
    return log_text(_output_page(api, kernel, version, "", pause).log or "")


def output_addresses(api: Any, kernel: str, version: int, *, pause: Pause = time.sleep) -> dict[str, str]:
    """By name the signed address of each output file of this version's session; addresses expire."""
    found: dict[str, str] = {}
    token = ""
    while True:
        page = _output_page(api, kernel, version, token, pause)
        found |= {one.file_name: one.url for one in page.files or []}
        token = page.next_page_token or ""
        if not token:
            return found


def fetch_output(api: Any, kernel: str, version: int, name: str, path: Path, *, pause: Pause = time.sleep) -> Path:
    """Download the output `name` of this version to `path`; a download that broke off is resumed.

    Raises UserError where the version has no such file.
    """
    import requests

    def request() -> requests.Response:
        address = output_addresses(api, kernel, version, pause=pause).get(name)  # they expire: a fresh one each time
        if address is None:
            raise UserError(kernel, f"version {version} has no output {name}", "look at its page")
        answer = requests.get(address, stream=True, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer

    return fetch(request, path, f"{name} of {kernel}", pause=pause)


def current_version(api: Any, kernel: str, *, pause: Pause = time.sleep) -> int:
    """The number of the kernel's newest version; 0 where there is no such kernel."""
    found = _metadata(api, kernel, pause)
    return 0 if found is None else int(found.current_version_number or 0)


def docker_image(api: Any, kernel: str, *, pause: Pause = time.sleep) -> str:
    """The reference of the image, with its digest, that the kernel's last session ran in; "" where it is not said."""
    found = _metadata(api, kernel, pause)
    return "" if found is None else str(found.docker_image or "")


def gpu_quota(api: Any, *, pause: Pause = time.sleep) -> Quota:
    """The user's GPU quota of this week."""
    answer = retry(api.quota_view, "the GPU quota", pause=pause)
    allowed, used, reserved = (each.total_seconds() / 3600 if each is not None else 0.0 for each in (
        answer.gpu_quota.total_time_allowed, answer.gpu_quota.time_used, answer.gpu_quota.time_reserved))
    return Quota(allowed, used, reserved, answer.quota_refresh_time)


def submission_by_number(api: Any, competition: str, number: int, *, pause: Pause = time.sleep) -> Any | None:
    """The submission of this number with its status and scores; None where Kaggle does not show it yet."""
    import requests
    from kagglesdk.competitions.types.competition_api_service import ApiGetSubmissionRequest

    def submission() -> Any | None:
        try:
            with api.build_kaggle_client() as kaggle:
                request = ApiGetSubmissionRequest()
                request.ref = number
                return kaggle.competitions.competition_api_client.get_submission(request)
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code == 404:
                return None
            raise

    return retry(submission, f"the submissions to {competition}", pause=pause)


def log_text(log: str) -> str:
    """Kaggle's log as text: it is a JSON list of `stream_name, time, data`, or text already."""
    try:
        parts = json.loads(log)
        text = "".join(str(part["data"]) for part in parts)
    except (ValueError, TypeError, KeyError):
        text = log
    return _COLOURS.sub("", text)


def reason_in_log(log: str) -> str:
    """The last line that names an error, else the last line at all; "" of an empty log."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.match(line)]
    return (errors or lines or [""])[-1][:REASON_LENGTH]


def _metadata(api: Any, kernel: str, pause: Pause) -> Any | None:
    """What Kaggle says of a kernel; None where there is none: it answers 403 as well as 404 then."""
    import requests
    from kagglesdk.kernels.types.kernels_api_service import ApiGetKernelRequest

    def metadata() -> Any | None:
        try:
            with api.build_kaggle_client() as kaggle:
                request = ApiGetKernelRequest()
                request.user_name, request.kernel_slug = kernel.split("/")
                return kaggle.kernels.kernels_api_client.get_kernel(request).metadata
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code in (403, 404):
                return None
            raise

    return retry(metadata, f"the kernel {kernel}", pause=pause)


def _output_page(api: Any, kernel: str, version: int, token: str, pause: Pause) -> Any:
    from kagglesdk.kernels.types.kernels_api_service import ApiListKernelSessionOutputRequest

    request = ApiListKernelSessionOutputRequest()
    request.page_size = PAGE
    if token:
        request.page_token = token
    return _ask(api, request, "list_kernel_session_output", kernel, version, pause)


def _ask(api: Any, request: Any, method: str, kernel: str, version: int, pause: Pause) -> Any:
    """Ask for one version of a kernel. Raises UserError where Kaggle answers 401 or 403."""
    import requests

    request.user_name, request.kernel_slug = kernel.split("/")
    request.version_label = f"v{version}"  # the bare number is answered with 404 (kaggle-cli, pull request 1201)

    def ask() -> Any:
        try:
            with api.build_kaggle_client() as kaggle:
                return getattr(kaggle.kernels.kernels_api_client, method)(request)
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code in (401, 403):
                raise UserError(kernel, "Kaggle does not show its status to you",
                                f"check that {parameter('owner')} is the name that your token belongs to") from None
            raise

    return retry(ask, f"the kernel {kernel}, version {version}", pause=pause)
