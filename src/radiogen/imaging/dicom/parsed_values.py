"""The elements of a data set that pydicom read, as values by keyword; equal bytes are parsed once for all files.

In: a `pydicom.Dataset` whose elements are still bytes. Out: `Values`. To parse a value takes pydicom longer than to
read it, and the files of a series hold mostly the same.
"""

from typing import TYPE_CHECKING, Any

from radiogen.imaging.dicom.elements import Values

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

UNREADABLE = -1
"""The key, no tag, of the names of elements that could not be read."""

_CONTEXT_FREE = frozenset((None, "CS", "DS", "FD", "IS", "TM", "UI", "US"))
"""Value representations that are parsed alike in every file; None: implicit, and then one of these, or a
sequence, for the elements that headers.py reads."""
_LONGEST_KEPT, _MOST_KEPT = 320, 4096
"""Bytes of a value, and values, that are kept."""
_PARSED: dict[tuple, tuple[str, Any]] = {}
"""Keyword and value of elements by tag, representation, bytes and encoding; cleared when it is full."""


def values_of(dataset: "Dataset") -> Values:
    """The elements by keyword, private ones by tag; one that cannot be parsed counts as absent, and is reported."""
    values = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating a data set itself parses its values
        try:
            keyword, value = _parsed_element(dataset, tag)
            values[keyword or int(tag)] = value
        except MemoryError:
            raise
        except Exception:
            values.setdefault(UNREADABLE, []).append(str(tag))
    if "SOPClassUID" not in values and hasattr(dataset, "file_meta"):
        values["SOPClassUID"] = dataset.file_meta.get("MediaStorageSOPClassUID")
    return values


def _parsed_element(dataset: "Dataset", tag: Any) -> tuple[str, Any]:
    """Keyword and value of an element, parsed once for all files that hold the same bytes: pydicom's parsing is slow.

    Only of standard elements whose representation no character set and no other element touches.
    """
    raw = dataset.get_item(tag, keep_deferred=True)
    content = raw.value
    if tag >> 16 & 1 or not isinstance(content, bytes) or len(content) > _LONGEST_KEPT or raw.VR not in _CONTEXT_FREE:
        element = dataset[tag]
        return element.keyword, element.value
    key = int(tag), raw.VR, content, raw.is_implicit_VR, raw.is_little_endian
    known = _PARSED.get(key)
    if known is None:
        element = dataset[tag]
        known = element.keyword, element.value
        if element.VR == "SQ":  # implicit: its items belong to this data set
            return known
        if len(_PARSED) >= _MOST_KEPT:
            _PARSED.clear()
        _PARSED[key] = known
    return known
