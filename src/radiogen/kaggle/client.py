"""Kaggle's own client, logged in silently, and each of its failures as one line with the remedy.

In: the token where Kaggle's client looks for it. Out: its `KaggleApi`. Written against kaggle 2.2.4, which logs in
while it is imported, prints a page of advice where it cannot, may end the process, and prints the token with every
request where VERBOSE is set: it is imported late, and its output is captured and never shown.
"""

import contextlib
import email.utils
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from radiogen.core.errors import UserError
from radiogen.kaggle.tokens import known_tokens
from radiogen.task import RSNA_MICCAI

_LOG = logging.getLogger(__name__)

TOKEN_PAGE = "https://www.kaggle.com/settings/api"
TOKEN_PLACE = f"make one at {TOKEN_PAGE} (Generate New Token) and save it as ~/.kaggle/access_token"
ATTEMPTS = 7
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 600.0
"""Seconds before a request is tried again: doubled each time, or what Kaggle requests, up to the longest."""
RETRY_STATUSES = (408, 429, 500, 502, 503, 504)
"""HTTP statuses of temporary failures."""
MESSAGE_LENGTH = 200

Result = TypeVar("Result")


def connect(pause: Callable[[float], None] = time.sleep) -> Any:
    """An authenticated `kaggle.api.kaggle_api_extended.KaggleApi`; nothing is printed.

    Raises UserError without a token, with one that Kaggle refuses, without the client, and without a connection.
    """
    if os.environ.get("KAGGLE_KEY") and not (os.environ.get("KAGGLE_USERNAME") or os.environ.get("KAGGLE_API_TOKEN")):
        raise UserError("KAGGLE_KEY", "is set without KAGGLE_USERNAME", "set both, or KAGGLE_API_TOKEN alone")
    with suppress_output():
        try:
            from kaggle.api.kaggle_api_extended import KaggleApi
        except ImportError as error:
            raise UserError("kaggle", f"Kaggle's client cannot be imported ({error})",
                            "pip install 'kaggle>=2.2'") from None
        except OSError as error:  # it makes its folder as soon as it is imported
            raise UserError(error.filename or "~/.kaggle", f"Kaggle's client cannot use it ({error.strerror})",
                            "set KAGGLE_CONFIG_DIR to a folder that you may write to") from None
        api = KaggleApi()
        api.args = []  # neither its verbose mode nor another server, whatever the environment says
        api.already_printed_version_warning = True
    try:
        retry(lambda: _log_in(api), "the log-in at Kaggle", attempts=3, pause=pause)
    except SystemExit:
        raise _not_logged_in() from None
    return api


def retry(call: Callable[[], Result], what: str, *, attempts: int = ATTEMPTS, refused: str = "",
          received: Callable[[], int] | None = None, pause: Callable[[float], None] = time.sleep) -> Result:
    """`call()`, tried again with growing pauses where the connection breaks or Kaggle answers 429 or 5xx.

    what: the requested object, at the start of the message. refused: the remedy for 400. received: bytes so far; where
    it has grown, the count of attempts restarts. Only for calls that may be made twice. Raises UserError as
    `translate_errors`.
    """
    import requests

    made, before = 0, received() if received else 0
    with translate_errors(what, refused=refused):
        while True:
            try:
                return call()
            except requests.RequestException as error:
                now = received() if received else 0
                made, before = (1, now) if now > before else (made + 1, before)
                if made >= attempts or not _is_temporary(error):
                    raise
                seconds = _pause(error, made)
                _LOG.warning(f"{what}: {_short(error)}; trying again in {seconds:.0f} s")
                pause(seconds)


@contextlib.contextmanager
def translate_errors(what: str, *, refused: str = "", competition: str = RSNA_MICCAI.name) -> Iterator[None]:
    """Turn errors of Kaggle's client into a UserError of one line, without address or token.

    what: the requested object, as in `the dataset me/mine`. refused: the remedy where Kaggle answers 400.
    """
    import requests

    try:
        yield
    except requests.exceptions.JSONDecodeError:
        raise UserError(what, "Kaggle's answer cannot be read",
                        "a proxy may interfere: try again from another network") from None
    except requests.HTTPError as error:
        raise _explained(what, error, refused, competition) from None
    except (requests.exceptions.InvalidHeader, UnicodeEncodeError):
        raise UserError(what, "your Kaggle token contains invalid characters", TOKEN_PLACE) from None
    except requests.RequestException as error:
        raise UserError(what, f"the connection to Kaggle is lost or cannot be made ({type(error).__name__})",
                        "check your network, then run the same command again: it resumes where it stopped") from None


@contextlib.contextmanager
def suppress_output() -> Iterator[io.StringIO]:
    """Capture what the client prints: advice, bars and, where VERBOSE is set, the token."""
    kept = {name: os.environ.pop(name) for name in ("VERBOSE", "VERBOSE_OUTPUT") if name in os.environ}
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            yield output
    finally:
        os.environ.update(kept)


def competition_page(competition: str, part: str = "") -> str:
    """The address of a competition's page; part: `rules`, `data`, `submissions`."""
    return f"https://www.kaggle.com/competitions/{competition}" + (f"/{part}" if part else "")


def _log_in(api: Any) -> None:
    with suppress_output():
        api.authenticate()


def _not_logged_in() -> UserError:
    if known_tokens():
        return UserError("Kaggle token", "the one on this machine is not accepted: expired, revoked or damaged",
                         TOKEN_PLACE)
    return UserError("Kaggle token", "there is none on this machine",
                     f"{TOKEN_PLACE}, put it into KAGGLE_API_TOKEN, or run `kaggle auth login`")


def _is_temporary(error: Exception) -> bool:
    """Whether the same request may succeed a little later."""
    import requests

    if isinstance(error, requests.HTTPError):
        return error.response is not None and error.response.status_code in RETRY_STATUSES
    return isinstance(error, (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError))


def _pause(error: Any, made: int) -> float:
    """Seconds to wait: what `Retry-After` says (RFC 9110, 10.2.3: seconds or a date), else a doubled pause."""
    wanted = error.response.headers.get("Retry-After", "") if error.response is not None else ""
    seconds = FIRST_PAUSE * 2 ** (made - 1)
    with contextlib.suppress(ValueError):
        seconds = float(wanted) if wanted.isdigit() else (
            email.utils.parsedate_to_datetime(wanted).timestamp() - time.time())
    return min(max(seconds, 1.0), LONGEST_PAUSE)


def _short(error: Any) -> str:
    """The failure without its address, which may be a signed one."""
    if error.response is not None:
        return f"Kaggle answers {error.response.status_code}"
    return f"the connection broke ({type(error).__name__})"


def _explained(what: str, error: Any, refused: str, competition: str) -> UserError:
    status = error.response.status_code if error.response is not None else 0
    answer = f"{status}{_message(error)}"
    rules = competition_page(competition, "rules")
    if status == 401:
        return UserError(what, f"Kaggle refuses your token ({answer})", TOKEN_PLACE)
    if status == 403:
        return UserError(what, f"Kaggle does not allow it ({answer})", f"open {rules}, accept the rules and join (late "
                         "entries join there, too), then run the same command again; if you have, check the name")
    if status == 404:
        return UserError(what, f"Kaggle does not know it ({answer})",
                         "check its name, as in the address of its page")
    if status == 400:
        return UserError(what, f"Kaggle answers that it is a bad request ({answer})",
                         refused or f"join on {rules} and check the names")
    if status == 429:
        return UserError(what, f"Kaggle limits the number of requests ({answer})",
                         "wait a quarter of an hour, then run the same command again: it resumes where it stopped")
    if status >= 500:
        return UserError(what, f"Kaggle has an internal error ({answer})",
                         "run the same command again later: it resumes where it stopped")
    return UserError(what, f"Kaggle answers {answer}", "look at the page on Kaggle")


def _message(error: Any) -> str:
    """`: ` and Kaggle's own message, on one line without any token; '' where there is none."""
    try:
        answer = error.response.json()
    except (ValueError, AttributeError):
        return ""
    text = " ".join(str(answer.get("message") or "").split()) if isinstance(answer, dict) else ""
    for token in known_tokens():
        text = text.replace(token, "...")
    return f": {text[:MESSAGE_LENGTH]}" if text else ""
