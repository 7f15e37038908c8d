"""Which reader read a series, and why not the compiled one: facts that travel with the volume.

In: what a reader met. Out: a `Reader`, or an `Unsupported` that carries its `Reason` to where another takes over.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Reason(StrEnum):
    """Why the compiled reader left a file to pydicom."""

    SWITCHED_OFF = "the compiled reader was switched off"
    CUT = "the file ends within its header"
    ODD_ELEMENT = "an element of the header is written in an unusual way"
    OTHER_SYNTAX = "a transfer syntax that is big endian, deflated, not stated or not known"
    REPEATED = "elements of the header are out of order"
    BEHIND = "elements or other bytes follow the pixels"
    UNREADABLE = "the file cannot be read"
    ODD_VALUE = "a value of the header is written in an unusual way"
    PRIVATE_SEQUENCE = "a vendor's private sequence says where the slices lie"
    COMPRESSED = "compressed pixels"
    CHANGED = "a file changed while it was read"


@dataclass(frozen=True)
class Reader:
    """Who read the voxels, and why compiled code did not; None where it did.

    name: `fast` (compiled code), `imagecodecs` (headers by compiled code, pixels decompressed), `pydicom`,
    or `nibabel` for NIfTI, where there is no compiled reader.
    """

    name: Literal["fast", "imagecodecs", "pydicom", "nibabel"]
    reason: Reason | None = None

    def __str__(self) -> str:
        return self.name if self.reason is None else f"{self.name}: {self.reason}"


class Unsupported(Exception):
    """A file that the compiled reader leaves to pydicom."""

    def __init__(self, reason: Reason):
        super().__init__(str(reason))
        self.reason = reason
