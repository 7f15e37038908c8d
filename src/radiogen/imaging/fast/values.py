"""The bytes of an element as the value that pydicom returns for it.

In: a value representation and bytes. Out: numbers and texts that are equal to `pydicom.DataElement.value`
(PS3.5, section 6.2). What pydicom would warn of, repair or refuse is `Unsupported`: it is pydicom's to read.
"""

import functools
import math
import re
import struct
from collections.abc import Callable
from typing import Any

from radiogen.imaging.fast.elements import ANY, CS, DS, FD, FL, IS, LO, OB, SS, TM, UI, UL, UN, US
from radiogen.imaging.reader import Reason, Unsupported

_INTEGER = re.compile(r"[+-]?[0-9]{1,10}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


@functools.lru_cache(maxsize=4096)
def value_of(representation: int, raw: bytes) -> Any:
    """The value of an element; several values as a list. Raises Unsupported, also for a representation not known here.
    """
    if representation in _NUMBERS:
        letter, size = _NUMBERS[representation]
        if len(raw) % size:
            raise Unsupported(Reason.ODD_VALUE)
        numbers = list(struct.unpack(f"<{len(raw) // size}{letter}", raw))
        return None if not numbers else numbers[0] if len(numbers) == 1 else numbers
    if representation not in _TEXTS:
        raise Unsupported(Reason.ODD_VALUE)
    return _TEXTS[representation](raw)


def _text(raw: bytes) -> str | list[str]:
    if not raw.isascii():
        raise Unsupported(Reason.ODD_VALUE)
    text = raw.decode("ascii").rstrip(" \0")
    if "\0" in text:  # pydicom reads no file whose character set has one
        raise Unsupported(Reason.ODD_VALUE)
    parts = text.split("\\")
    return parts[0] if len(parts) == 1 else parts


def _several(kind: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Texts divided by backslashes, each turned by `kind`; an empty one stays what it is, and no bytes are None."""
    def read(raw: bytes) -> Any:
        if not raw:
            return None
        text = _text(raw)
        if isinstance(text, str):
            return kind(text) if text else text
        return [kind(each) if each else each for each in text]
    return read


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text.strip(" ")):
        raise Unsupported(Reason.ODD_VALUE)
    return int(text)


def _decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text.strip(" ")) or not math.isfinite(number := float(text)):
        raise Unsupported(Reason.ODD_VALUE)
    return number


_NUMBERS = {US: ("H", 2), SS: ("h", 2), UL: ("I", 4), FL: ("f", 4), FD: ("d", 8)}
_TEXTS: dict[int, Callable[[bytes], Any]] = {
    CS: _text, LO: _text, TM: _text, UI: _text, DS: _several(_decimal), IS: _several(_integer), OB: bytes, UN: bytes,
    ANY: bytes}
