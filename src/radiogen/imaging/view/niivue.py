"""NiiVue's JavaScript (BSD-2) out of the installed package `ipyniivue`, the extra `view`; nothing of it is kept here.

In: nothing. Out: the program, compressed, for a page, and its licence; None where the package is not installed or has
another form than is known here.
"""

import base64
import gzip
import importlib.util
import logging
import re
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

_LOG = logging.getLogger(__name__)
PACKAGE = "ipyniivue"
_CLASS = re.compile(r"Creating new Niivue instance.{0,200}?=\s*new ([\w$]+)\(", re.DOTALL)
"""The package exports a widget for notebooks alone; where that makes its viewer it names the class."""
_COPY = re.compile(r'"var%20[^"\\]{500000,}"')
"""The program holds itself a second time as text, to save pages of its own; no page of ours does, so it is left out."""


class Program(NamedTuple):
    """code: JavaScript, gzip in base64, a module that sets `globalThis.NiiVue`, the class. version: of the package.
    licence: its text, which goes wherever the program goes."""

    code: str
    version: str
    licence: str


@lru_cache(maxsize=1)
def niivue() -> Program | None:
    """NiiVue's program; None, with a line in the log where it is there but cannot be used."""
    found = importlib.util.find_spec(PACKAGE)  # imports nothing
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "static" / "widget.js"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    name = _CLASS.search(text)
    if name is None:
        _LOG.warning(f"{path}: is not as in {PACKAGE} 2.4, so pages are drawn without NiiVue")
        return None
    shorter = _COPY.sub('""', text)
    module = f"{shorter}\n;globalThis.NiiVue = {name[1]};"
    code = base64.b64encode(gzip.compress(module.encode(), 6, mtime=0)).decode("ascii")
    return Program(code, metadata.version(PACKAGE), _licence())


def _licence() -> str:
    kept = [file for file in metadata.files(PACKAGE) or () if file.name.upper().startswith("LICENSE")]
    return kept[0].read_text() if kept else "BSD 2-Clause License. Copyright (c) Niivue."
