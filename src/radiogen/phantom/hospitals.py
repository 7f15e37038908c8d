"""Another hospital: the same patients' anatomy, scanned with more noise, shading and other contrast on coarser grids.

In: a shift, or the hospitals of a phantom whose label goes with the hospital. Out: `Hospital`: what is multiplied in a
case's acquisition, and how often label 1 is.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Shift = Literal["none", "mild", "strong"]


@dataclass(frozen=True)
class Hospital:
    """Factors of a phantom's noise, bias and scale; contrast: the exponent of every tissue's signal. prevalence: the
    share of label 1, None where labels come in pairs.
    """

    name: str = ""
    noise: float = 1.0
    bias: float = 1.0
    scale: float = 1.0
    contrast: float = 1.0
    prevalence: float | None = None


def hospital_of(shift: Shift) -> Hospital:
    """The hospital of a phantom that is another one by that much."""
    strength = {"none": 0.0, "mild": 0.35, "strong": 1.0}[shift]
    return _shifted("", strength, None if shift == "none" else 0.5 + 0.15 * strength)


HOSPITALS = ("north", "east", "south", "west")
_STRENGTHS = (0.0, 1 / 3, 2 / 3, 1.0)
_SHARES = {1: (0.45, 0.05, 0.45, 0.05), 0: (0.05, 0.45, 0.05, 0.45)}
"""How often a case of each label is of each hospital: neighbours in strength have opposite labels, so that what one
hospital shows of its label does not carry over to another."""


def draw_hospital(rng: np.random.Generator, label: int) -> Hospital:
    """The hospital of a case where the label goes with the hospital."""
    number = int(rng.choice(len(HOSPITALS), p=_SHARES[label]))
    return _shifted(HOSPITALS[number], _STRENGTHS[number], None)


def _shifted(name: str, strength: float, prevalence: float | None) -> Hospital:
    return Hospital(name, 1 + strength, 1 + strength, 1 - 0.25 * strength, 1 + 0.4 * strength, prevalence)
