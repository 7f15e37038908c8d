"""Download one large file from Kaggle through broken connections, expired addresses and killed processes.

In: a function that requests the file from Kaggle, which redirects to a signed address. Out: the complete file. Kaggle's
client 2.2.4 resumes as well, but restarts on any answer to its range other than 206, and writes the body of an error
into the file; so ranges are requested here, with `requests`, and each attempt gets a fresh address.
"""

import errno
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.progress import progress
from radiogen.kaggle.client import retry

CHUNK = 1 << 16
"""Bytes written at once, and the most that a broken connection costs."""
TIMEOUT = (30, 120)
"""Seconds for a connection and between two packets."""


@dataclass(frozen=True)
class _RemoteFile:
    """Kaggle's file as its answer describes it.

    validator: a strong ETag, else its date (RFC 9110, 13.1.5); size: bytes; None where the answer does not say.
    """

    validator: str | None
    size: int | None


def fetch(request: Callable[[], Any], path: Path, what: str, *,
          check: Callable[[int, int], None] = lambda left, size: None,
          pause: Callable[[float], None] = time.sleep) -> Path:
    """Download to `path`; `path.partial` of an earlier process is resumed if Kaggle's file is the same.

    request: requests the file and returns the streamed `requests.Response` at the end of the redirect.
    check: called with the bytes left to fetch and the file's size before any is written; raises UserError to stop.
    Raises UserError where the connection stays broken, the disk is full, or Kaggle refuses.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.partial")
    try:
        retry(lambda: _attempt(request, part, path.name, check), what, received=lambda: _size(part), pause=pause)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise UserError(part, "the disk is full" if full else f"cannot be written ({error.strerror or error})",
                        "free space or make the folder writable, then run the same command again: it resumes where it "
                        "stopped") from None
    tidy(path)
    return path


def tidy(path: Path) -> None:
    """Delete the marker of the download of `path`, which is complete; a killed process may have left it."""
    _marker(Path(path).with_name(f"{Path(path).name}.partial")).unlink(missing_ok=True)


def _attempt(request: Callable[[], Any], part: Path, name: str, check: Callable[[int, int], None]) -> None:
    """Fetch what `part` lacks. Raises what `requests` raises; `part` keeps what came."""
    with request() as whole:
        remote = _RemoteFile(_validator(whole), _length(whole))
        redirected = whole.request.method == "GET"
        have = _usable(part, remote) if redirected and whole.headers.get("Accept-Ranges") == "bytes" else 0
        if have and have == remote.size:
            return
        with _rest(whole, have, remote) if redirected else whole as answer:
            have = have if answer.status_code == 206 else 0
            check((remote.size or 0) - have, remote.size or 0)
            if not have:
                _remove_own(part)
                files.write_json(_marker(part), asdict(remote))
            _stream(answer, part, have, remote.size, name)


def _remove_own(part: Path) -> None:
    """Remove a download that cannot be resumed; the marker beside it shows that it was started here."""
    if os.path.lexists(part) and (part.is_symlink() or not _marker(part).is_file()):
        raise UserError(part, "was not written by radiogen", "move it away, then run the same command again")
    part.unlink(missing_ok=True)


def _rest(whole: Any, have: int, remote: _RemoteFile) -> Any:
    """Kaggle's answer with the bytes from `have` on (206), or with all of a file that has changed meanwhile (200).

    Requested again even where `have` is 0: the client sets no time-out, and would wait for a dead connection forever.
    """
    import requests

    whole.close()
    headers = {"Range": f"bytes={have}-", "If-Range": remote.validator} if have else {}
    answer = requests.get(whole.url, headers=headers, stream=True, timeout=TIMEOUT)
    answer.raise_for_status()
    span = answer.headers.get("Content-Range", "")
    if answer.status_code == 206 and not (span.startswith(f"bytes {have}-") and span.endswith(f"/{remote.size}")):
        raise requests.ConnectionError(f"requested bytes from {have}, got {span}")
    return answer


def _stream(answer: Any, part: Path, have: int, size: int | None, name: str) -> None:
    with progress(None, name, total=size, unit="B", initial=have) as bar, part.open("ab") as file:
        for chunk in answer.iter_content(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))


def _validator(answer: Any) -> str | None:
    """What identifies the version of Kaggle's file: a strong ETag, else its date (RFC 9110, 13.1.5)."""
    tag = answer.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")


def _length(answer: Any) -> int | None:
    """The file's bytes; None where they are unknown or the transfer is compressed."""
    length = answer.headers.get("Content-Length")
    return int(length) if length and not answer.headers.get("Content-Encoding") else None


def _usable(part: Path, remote: _RemoteFile) -> int:
    """How many bytes of `part` belong to Kaggle's present file."""
    try:
        kept = json.loads(_marker(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0
    have = _size(part)
    known = remote.validator is not None and remote.size is not None and have <= remote.size
    return have if known and kept == asdict(remote) else 0


def _marker(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
