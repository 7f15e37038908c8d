"""Mutated headers through the compiled scan alone, by the ten thousand: what it takes must be what pydicom parses.

In: a seed. Out: how many headers the scan took, and what was wrong. Two things must hold: what an earlier file left in
memory behind a header's end never changes the answer (compiled code does not check bounds), and every value of a header
that it takes is what pydicom finds, byte for byte.
"""

import contextlib
import io
import os
import warnings
from typing import TYPE_CHECKING

from benchmarks.robustness.inputs.series_damage import FILE_DAMAGES, file_of

if TYPE_CHECKING:
    import numpy as np

WINDOW = 1 << 12
"""As long as the first look of fast/files.py."""
CHUNK = 200
_META = ("MediaStorageSOPClassUID", "TransferSyntaxUID")
"""Of the meta header, which pydicom has parsed already."""
_ENDINGS = (b"\0", b"\xff", b" ")


def check_headers(seed: int, count: int) -> tuple[int, list[str]]:
    """How many of `count` mutated headers the compiled scan parsed, and a line for each that it parsed wrongly."""
    import numpy as np

    taken, wrong = 0, []
    for first in range(0, count, CHUNK):
        random = np.random.default_rng([seed, first])
        headers = [mutated(random) for _ in range(min(CHUNK, count - first))]
        answer = scanned(headers, file_of("plain"))
        for ending in _ENDINGS:
            for one, other in zip(answer, scanned(headers, ending * (1 << 16)), strict=True):
                if not np.array_equal(one, other):
                    wrong.append(f"headers from {first} on: bytes behind the end change the answer")
        store, spans, marks = answer
        for number in np.flatnonzero(marks[:, 0] == 0):
            taken += 1
            fault = against_pydicom(headers[number], store[number], spans[number], marks[number])
            if fault:
                wrong.append(f"{fault} (header {first + number})")
    return taken, wrong


def mutated(random: "np.random.Generator") -> bytes:
    """A plain or rescaled file, cut to the window, after one or two damages to its bytes."""
    content = file_of("plain" if random.random() < 0.5 else "rescaled")
    for _ in range(int(random.integers(1, 3))):
        if len(content) > 200:
            content = FILE_DAMAGES[int(random.integers(len(FILE_DAMAGES)))](content, random)
    return content[:WINDOW]


def against_pydicom(content: bytes, store: "np.ndarray", spans: "np.ndarray", marks: "np.ndarray") -> str:
    """"" where pydicom finds the same bytes for every element of a header that the scan took."""
    import pydicom

    from radiogen.imaging.fast import scan
    from radiogen.imaging.fast.elements import KEYWORDS

    names = dict(zip(KEYWORDS, spans.tolist(), strict=True))
    row = store.tobytes()
    taken = {name: row[start:start + size] if start >= 0 else content[-1 - start:-1 - start + size]
             for name, (start, size, _) in names.items() if size >= 0}
    start, size = int(marks[scan.PIXELS] + marks[scan.HEAD]), int(marks[scan.PIXEL_LENGTH])
    whole = content[:start] + bytes(size) if size < 1 << 20 else content
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(io.BytesIO(whole), stop_before_pixels=size >= 1 << 20)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the finding)
            return f"pydicom does not read what the scan takes: {type(error).__name__} {str(error)[:80]}"
        found = {name: _raw(dataset, name) for name in names if name not in _META}
    for name, value in found.items():
        if value != taken.get(name):
            return f"{name} is {value!r} to pydicom, {taken.get(name)!r} to the scan"
    if size < 1 << 20 and len(_raw(dataset, "PixelData") or b"") != size:
        return f"pixels of {len(_raw(dataset, 'PixelData') or b'')} bytes to pydicom, of {size} to the scan"
    return ""


def _raw(dataset: "object", name: str | int) -> bytes | None:
    """An element's bytes as they stand in the file; None where it is not there."""
    from pydicom.datadict import tag_for_keyword

    tag = name if isinstance(name, int) else tag_for_keyword(name)
    if tag not in dataset:
        return None
    value = dataset.get_item(tag).value
    return b"" if value is None else value


def scanned(headers: list[bytes], before: bytes) -> tuple["np.ndarray", "np.ndarray", "np.ndarray"]:
    """Store, spans and marks of headers, each scanned after a file that holds `before`; zeros where none was taken."""
    import numpy as np

    from radiogen.imaging.fast import scan
    from radiogen.imaging.fast.elements import KEYWORDS

    files = [content for header in headers for content in (before, header)]
    with contextlib.ExitStack() as stack:
        descriptors = []
        for content in files:
            descriptors.append(os.memfd_create("header"))
            stack.callback(os.close, descriptors[-1])
            os.write(descriptors[-1], content)
        contents = np.zeros((len(files), WINDOW), np.uint8)
        for row, content in zip(contents, files, strict=True):
            row[:len(content)] = np.frombuffer(content[:WINDOW], np.uint8)
        store = np.zeros((len(files), scan.STORE_BYTES), np.uint8)
        spans, marks = np.full((len(files), len(KEYWORDS), 3), -1, np.int64), np.zeros((len(files), 8), np.int64)
        scan.scan_files(np.array(descriptors, np.int32), contents,
                        np.array([min(len(content), WINDOW) for content in files]), store, spans, marks)
    store, spans, marks = store[1::2], spans[1::2], marks[1::2]
    taken = marks[:, scan.STATE] == scan.READ_WELL
    state = np.where(np.arange(marks.shape[1]) == scan.STATE, marks, 0)
    return (np.where(taken[:, None], store, 0), np.where(taken[:, None, None], spans, -1),
            np.where(taken[:, None], marks, state))
