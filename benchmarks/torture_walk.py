"""Mutated headers through the compiled walk alone, by the ten thousand: what it takes must be what pydicom parses.

In: a seed. Out: how many headers the walk took, and what was wrong. Two things are asked of it: bytes behind a header's
end never change the answer (compiled code does not check bounds), and every value of a header that it takes lies where
pydicom finds it, byte for byte.
"""

import io
import warnings
from typing import TYPE_CHECKING

from torture_damage import FILE_DAMAGES, file_of

if TYPE_CHECKING:
    import numpy as np

WINDOW = 1 << 12
"""As long as the first look of plain.py."""
CHUNK = 1000
_BEHIND = 64
_PLAIN, _EXPLICIT_LITTLE_ENDIAN = 0, b"1.2.840.10008.1.2.1"


def judge_walk(seed: int, count: int) -> tuple[int, list[str]]:
    """How many of `count` mutated headers the compiled walk took, and a line for each that it took wrongly."""
    import numpy as np

    taken, wrong = 0, []
    for first in range(0, count, CHUNK):
        random = np.random.default_rng([seed, first])
        headers = [mutated(random) for _ in range(min(CHUNK, count - first))]
        states, spans, pixels = _walked(headers, bytes(WINDOW + _BEHIND))
        for filler in (b"\xff" * (WINDOW + _BEHIND), file_of("plain").ljust(WINDOW + _BEHIND, b" ")):
            for one, other in zip((states, spans, pixels), _walked(headers, filler), strict=True):
                if not np.array_equal(one, other):
                    wrong.append(f"headers from {first} on: bytes behind the end change the answer")
        for number in np.flatnonzero(states == _PLAIN):
            taken += 1
            words = against_pydicom(headers[number], spans[number], pixels[number])
            if words:
                wrong.append(f"{words} (header {first + number})")
    return taken, wrong


def mutated(random: "np.random.Generator") -> bytes:
    """A plain or rescaled file, cut to the window, after one or two damages to its bytes."""
    content = file_of("plain" if random.random() < 0.5 else "rescaled")
    for _ in range(int(random.integers(1, 3))):
        if len(content) > 200:
            content = FILE_DAMAGES[int(random.integers(len(FILE_DAMAGES)))](content, random)
    return content[:WINDOW]


def against_pydicom(content: bytes, spans: "np.ndarray", pixels: "np.ndarray") -> str:
    """"" where pydicom finds the same bytes for every element of a header that the walk took."""
    import pydicom

    from radiogen.imaging import walk

    names = dict(zip(walk.KEYWORDS, spans.tolist(), strict=True))
    told = {name: content[start:start + size] for name, (start, size) in names.items() if start >= 0}
    if told.get("TransferSyntaxUID", b"").rstrip(b"\0 ") != _EXPLICIT_LITTLE_ENDIAN:
        return ""  # another reader's: plain.py looks at this first
    start, size = (int(each) for each in pixels)
    whole = content[:start] + bytes(size) if size < 1 << 20 else content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(io.BytesIO(whole), stop_before_pixels=size >= 1 << 20)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the finding)
            return f"pydicom does not read what the walk takes: {type(error).__name__} {str(error)[:80]}"
        found = {name: _raw(dataset, name) for name in names if name != "TransferSyntaxUID"}
    for name, value in found.items():
        if value != told.get(name):
            return f"{name} is {value!r} to pydicom, {told.get(name)!r} to the walk"
    if size < 1 << 20 and len(_raw(dataset, "PixelData") or b"") != size:
        return f"pixels of {len(_raw(dataset, 'PixelData') or b'')} bytes to pydicom, of {size} to the walk"
    return ""


def _raw(dataset: "object", name: str) -> bytes | None:
    """An element's bytes as they stand in the file; None where it is not there."""
    from pydicom.datadict import tag_for_keyword

    tag = 0x6000_0102 if name == "OverlayBitPosition" else tag_for_keyword(name)
    if tag not in dataset:
        return None
    value = dataset.get_item(tag).value
    return b"" if value is None else value


def _walked(headers: list[bytes], filler: bytes) -> tuple["np.ndarray", "np.ndarray", "np.ndarray"]:
    """States, spans and pixels of headers in front of the rest of `filler`; zeros where a header was not taken."""
    import numpy as np

    from radiogen.imaging.walk import walk_files

    contents = np.tile(np.frombuffer(filler, np.uint8)[:WINDOW + _BEHIND], (len(headers), 1))
    for row, header in zip(contents, headers, strict=True):
        row[:len(header)] = np.frombuffer(header, np.uint8)
    states, spans, pixels, _ = walk_files(contents, np.array([len(header) for header in headers]))
    taken = states == _PLAIN
    return states, np.where(taken[:, None, None], spans, 0), np.where(taken[:, None], pixels, 0)
