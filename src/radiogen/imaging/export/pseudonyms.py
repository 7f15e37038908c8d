"""Who the patient is does not leave with an export: pseudonyms and identifiers by a keyed hash, words without names.

In: a key, what the files say. Out: the same pseudonym for the same patient and the same new identifier for the same
old one, wherever the key is the same; without it, neither leads back, not even for who guesses a name and tries it.
"""

import hashlib
import hmac
import os
import re
import secrets
import uuid
from collections.abc import Collection
from pathlib import Path

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter

SHORTEST_KEY = 16
"""Bytes."""


def read_key(path: Path | None = None) -> bytes:
    """The key in a file, by default the user's own, `$XDG_CONFIG_HOME/radiogen/export.key`, made when it is missing.

    Raises UserError where the file is missing, too short to be secret, or cannot be read or made.
    """
    if path is None:
        path = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "radiogen" / "export.key"
        _make_key(path)
    try:
        key = Path(path).read_bytes().strip()
    except OSError as error:
        raise UserError(path, f"cannot be read ({error.strerror})",
                        f"name a file with a key by {parameter('key')}") from error
    if len(key) < SHORTEST_KEY:
        raise UserError(path, f"is no key: it holds {len(key)} bytes, and {SHORTEST_KEY} are the fewest",
                        "write a long random text into it, as `openssl rand -hex 32` prints one")
    return key


def pseudonym(key: bytes, identity: str) -> str:
    """`anon-` and ten characters: the same for the same patient and key."""
    return f"anon-{_digest(key, 'patient', identity).hex()[:10]}"


def series_mark(key: bytes, name: str) -> str:
    """Six characters that replace a folder's name in the name of a file."""
    return _digest(key, "series", name).hex()[:6]


def new_uid(key: bytes, uid: str) -> str:
    """The unique identifier that replaces `uid`: of the root 2.25, made of a UUID (PS3.5, B.2)."""
    return f"2.25.{uuid.UUID(bytes=_digest(key, 'uid', uid)[:16], version=5).int}"


def check_patient_id(patient: str) -> str:
    """A given PatientID, which names files, too. Raises UserError where it cannot."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", patient):
        raise UserError(parameter("patient_id", patient), "cannot be part of a file's name",
                        "give up to 64 letters, digits, dots, hyphens and underscores, a letter or digit first")
    return patient


def without_names(text: str, names: Collection[str]) -> str:
    """`text` with `...` for each of these names of files and folders, and for unique identifiers.

    Numbers of up to four digits are no one's name, and mean other things in sentences.
    """
    for name in sorted((name for name in names if not re.fullmatch(r"\d{0,4}", name)), key=len, reverse=True):
        if name in text:
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "...", text)
    return re.sub(r"\b[0-2](?:\.\d+){4,}", "...", text)


def _make_key(path: Path) -> None:
    if path.is_file():
        return
    try:
        with files.working_folder(path.parent):
            if not path.is_file():  # another export may have made it meanwhile
                files.write_text(path, secrets.token_hex(32) + "\n")
                path.chmod(0o600)
    except UserError as error:
        raise UserError(error.where, error.problem, f"name a file with a key by {parameter('key')}") from error


def _digest(key: bytes, purpose: str, text: str) -> bytes:
    return hmac.digest(key, f"{purpose}\0{text}".encode(errors="surrogateescape"), hashlib.sha256)
