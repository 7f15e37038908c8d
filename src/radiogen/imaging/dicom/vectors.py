"""Numbers that a header states, checked: a direction, a spacing, any count of finite numbers; else None.

In: values as pydicom, or this package's own parser, returns them. Out: tuples of floats, or None where they cannot be.
"""

import math
from typing import Any

Vector = tuple[float, ...]


def number_of(value: Any) -> float | None:
    """One finite number, or None."""
    numbers = numbers_of(value, 1)
    return None if numbers is None else numbers[0]


def numbers_of(value: Any, count: int) -> Vector | None:
    """`count` finite numbers, or None."""
    if value is None or isinstance(value, (bytes, dict)):
        return None
    try:
        values = [value] if isinstance(value, (str, int, float)) else list(value)
        numbers = tuple(float(each) for each in values)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def orientation_of(six: Vector | None) -> Vector | None:
    """The two directions made exactly one long; None unless they are so, and at right angles, within 1 %."""
    if six is None:
        return None
    row, column = six[:3], six[3:]
    lengths = math.hypot(*row), math.hypot(*column)
    slant = sum(a * b for a, b in zip(row, column, strict=True))
    if any(abs(length - 1) > 0.01 for length in lengths) or abs(slant) > 0.01:
        return None
    return tuple(a / lengths[0] for a in row) + tuple(a / lengths[1] for a in column)


def spacing_of(two: Vector | None) -> Vector | None:
    """`two` lengths in mm; None unless both can be distances between voxels of a patient."""
    return two if two is not None and all(map(is_step, two)) else None


def is_step(length_mm: float) -> bool:
    """Whether it can be a distance between voxels: from a micrometre to a metre."""
    return 1e-3 <= length_mm <= 1e3
