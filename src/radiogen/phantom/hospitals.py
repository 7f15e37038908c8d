"""Another hospital: the same patients' anatomy, scanned with more noise, shading and other contrast on coarser grids.

In: a shift, or the hospitals or scanners of a phantom whose label goes with them. Out: `Hospital`: what is multiplied
in a case's acquisition, what its headers say of the scanner, and how often label 1 is.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Shift = Literal["none", "mild", "strong"]


@dataclass(frozen=True)
class Hospital:
    """Factors of a phantom's noise, bias and scale; contrast: the exponent of every tissue's signal. prevalence: the
    share of label 1, None where labels come in pairs. manufacturer, model, software, field_strength_t: in the headers;
    repetition: factor of the repetition time there.
    """

    name: str = ""
    noise: float = 1.0
    bias: float = 1.0
    scale: float = 1.0
    contrast: float = 1.0
    prevalence: float | None = None
    manufacturer: str = "radiogen"
    model: str = "phantom"
    software: str = ""
    field_strength_t: float = 3
    repetition: float = 1.0


def hospital_of(shift: Shift) -> Hospital:
    """The hospital of a phantom that is another one by that much."""
    strength = {"none": 0.0, "mild": 0.35, "strong": 1.0}[shift]
    return Hospital("", 1 + strength, 1 + strength, 1 - 0.25 * strength, 1 + 0.4 * strength,
                    None if shift == "none" else 0.5 + 0.15 * strength)


HOSPITALS = (Hospital("north", noise=2.5), Hospital("east", contrast=1.5), Hospital("south", bias=3.0),
             Hospital("west", scale=0.6))
"""Each is conspicuous in another way, so that what one shows of its label does not carry over to another."""
_SHARES = {1: (0.45, 0.05, 0.45, 0.05), 0: (0.05, 0.45, 0.05, 0.45)}
"""How often a case of each label is of each hospital."""


def draw_hospital(rng: np.random.Generator, label: int) -> Hospital:
    """The hospital of a case where the label goes with the hospital."""
    return HOSPITALS[int(rng.choice(len(HOSPITALS), p=_SHARES[label]))]


VENDORS = (Hospital(manufacturer="Alpha Medical", model="A1", software="a 1.0", noise=0.8),
           Hospital(manufacturer="Beta Imaging", model="B2", software="b 2.0", noise=1.6, field_strength_t=1.5,
                    repetition=0.9))
"""Scanners of two makers: what tells them apart is the noise, which air shows as it is, and the headers."""
_OWN_VENDOR = 0.9
"""How often a case of label 0 is of the first maker, and one of label 1 of the second."""


def draw_vendor(rng: np.random.Generator, label: int) -> Hospital:
    """The scanner of a case where the label goes with the maker."""
    return VENDORS[label if rng.random() < _OWN_VENDOR else 1 - label]
