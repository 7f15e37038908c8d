"""A Kaggle token never leaves this machine: files are searched for it before they are sent.

In: folders. Out: nothing, or a UserError that names the file and never the token.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from zipfile import ZipFile, is_zipfile

from radiogen.core.errors import UserError

PACKED = (".whl", ".npz", ".zip", ".keras")
"""Archives, whose content is compressed."""


def check_no_token(folders: Iterable[Path], tokens: Iterable[str] | None = None) -> None:
    """Raise UserError where a Kaggle token is in a file under `folders`, including wheels and arrays.

    tokens: what to look for (default: those of this machine). The message names the file, never the token.
    """
    wanted = [token.encode() for token in (known_tokens() if tokens is None else tokens) if len(token) >= 8]
    for path in sorted(path for folder in folders for path in Path(folder).rglob("*") if path.is_file()):
        for name, content in _contents(path):
            if any(token in content for token in wanted):
                raise UserError(path, f"contains your Kaggle token{f' (in {name})' if name else ''}",
                                "take it out of the run's or the package's files; it must not leave this machine")


def known_tokens(environment: Mapping[str, str] | None = None) -> list[str]:
    """The secrets by which the client may log in here: environment, kaggle.json, access_token, OAuth's credentials."""
    environment = os.environ if environment is None else environment
    found = [environment.get(name, "") for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_API_V1_TOKEN")]
    home = Path(environment.get("HOME", "/nonexistent"))
    for folder in (Path(environment.get("KAGGLE_CONFIG_DIR", home / ".kaggle")), home / ".config" / "kaggle"):
        for path in (folder / "kaggle.json", folder / "access_token", folder / "credentials.json"):
            try:
                text = path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                continue
            try:
                kept = json.loads(text)
            except ValueError:
                kept = None
            secrets = kept.items() if isinstance(kept, dict) else [("token", text)]
            found += [value for key, value in secrets
                      if isinstance(value, str) and any(word in key.lower() for word in ("key", "token", "secret"))]
    return [token for token in found if token]


def _contents(path: Path) -> Iterable[tuple[str, bytes]]:
    yield "", path.read_bytes()
    if path.suffix in PACKED and is_zipfile(path):
        with ZipFile(path) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
