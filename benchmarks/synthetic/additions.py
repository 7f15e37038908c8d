"""What scanners, exporters and users add to a series without changing its volume: elements, padding, other files.

In: the elements of one file, or the folder of a series, and a generator. Out: the same, with the addition.
"""

import json
from pathlib import Path

import numpy as np

from benchmarks.synthetic import raw_elements as raw

Random = np.random.Generator


def private_sequences(parts: raw.Parts, random: Random, *, unknown: bool = False) -> None:
    """Put private sequences of all sorts in: nested, empty, of defined within undefined length and the reverse."""
    inside = parts.implicit or unknown  # what stands in UN is implicit whatever surrounds it (PS3.5, 6.2.2)
    kind = "UN" if unknown else "SQ"

    def number(tag: int) -> bytes:
        return raw.element(tag, "DS", b"9\\9\\9 ", implicit=inside)[1]

    own = number(0x0020_0032) + raw.element(0x0028_0010, "US", b"\3\0", implicit=inside)[1]
    inner = [raw.sequence(0x0021_1002, [raw.item(own, defined=bool(flip & 1)), raw.item(b"", defined=bool(flip & 2))],
                          implicit=inside, defined=bool(flip & 4))[1] for flip in random.permutation(8)]
    items = [raw.item(content + number(0x0021_1003), defined=bool(random.integers(2))) for content in inner]
    raw.put(parts, raw.element(0x0021_0010, "LO", b"SOMEBODY", implicit=parts.implicit))
    raw.put(parts, raw.sequence(0x0021_1001, items, representation=kind, implicit=parts.implicit))
    raw.put(parts, raw.sequence(0x0021_1004, [], representation=kind, implicit=parts.implicit))
    raw.put(parts, raw.sequence(0x0021_1005, [raw.item(b"")] * 2, representation=kind, implicit=parts.implicit,
                                defined=bool(random.integers(2))))


def trailing_padding(parts: raw.Parts, random: Random) -> None:
    """Put Data Set Trailing Padding (FFFC,FFFC) behind the pixels (PS3.10, 7.2)."""
    padding = bytes(2 * int(random.integers(0, 60)))
    parts.elements.append(raw.element(0xFFFC_FFFC, "OB", padding, implicit=parts.implicit))


def zeros_behind(parts: raw.Parts, random: Random) -> None:
    """Put zeros, which are no element, behind the pixels."""
    parts.elements.append((0, bytes(2 * int(random.integers(1, 300)))))


def text_beside(folder: Path, random: Random) -> None:
    """A text that a program left there."""
    (folder / "notes.txt").write_text("converted in 2021\n" * int(random.integers(1, 90)), encoding="utf-8")


def json_beside(folder: Path, random: Random) -> None:
    """A sidecar as dcm2niix writes it, in front of the images by its name."""
    (folder / "0.json").write_text(json.dumps({"EchoTime": random.random()}), encoding="utf-8")


def copies(folder: Path, random: Random) -> None:
    """Two files once more, under other names."""
    for path in sorted(folder.iterdir())[:2]:
        (folder / f"copy of {path.name}").write_bytes(path.read_bytes())
