"""Copies of frozen dataclasses with other values, for the thousands of slices of a study."""

from typing import Any, TypeVar

Copied = TypeVar("Copied")


def copy_with(original: Copied, /, **changes: Any) -> Copied:
    """`dataclasses.replace` in a tenth of its time, for a dataclass without slots and without `__post_init__`."""
    copy = object.__new__(type(original))
    vars(copy).update(vars(original), **changes)
    return copy
