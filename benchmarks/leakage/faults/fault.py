"""What a fault of the leakage benchmark is: a name, how it gets into a clean run, and which check is there for it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from benchmarks.leakage.faults.run_folder import Tables
from benchmarks.leakage.faults.source import Source

RUN = "run"
"""The name of the run that is judged, in the models folder of a draw."""


class Base(StrEnum):
    """What the clean run is that a fault is injected into: on images that show the label, or labels without meaning."""

    SIGNAL = "signal"
    NOTHING = "nothing"


class Made(StrEnum):
    """Where the predictions of a faulty run come from; the value is what a reader is shown."""

    TRAINED = "trained"
    SIMULATED = "simulated predictions"
    RECORDS = "records alone"


class By(StrEnum):
    """What of the judge catches a fault; the value is what a reader is shown."""

    PATIENTS = "patients"
    PIXELS = "pixels"
    STRANGERS = "pixels of different patients"
    NETWORKS = "networks"
    LINEAGE = "lineage"
    FIRST_WEIGHTS = "initial weights"
    TRAINING = "training"
    LOOKS = "looks"
    AUC = "implausible AUC"
    BASELINE = "image-free models"
    ACQUISITION = "explained by acquisition"
    PATIENT = "explained by what is known of the patients"
    PERMUTATIONS = "label permutations"
    HOLDOUT = "holdout worse than chance"


@dataclass(frozen=True)
class Draw:
    """One clean run: its tables, and the phantoms that it and others like it are drawn from; number: also its seed."""

    number: int
    base: Base
    source: Source
    vendor: Source
    tables: Tables

    def random(self, purpose: int) -> np.random.Generator:
        """A generator for one fault alone."""
        return np.random.default_rng([self.number, purpose])


Injection = Callable[[Path, Draw], None]
"""Changes the run in a models folder, or puts others beside it."""


@dataclass(frozen=True)
class Fault:
    """A fault.

    inject: called with a models folder that holds a copy of the clean run of `base`. by: the checks that are there for
    it, one of which has to catch it; () where none can. why_not: then, why.
    """

    name: str
    base: Base
    made: Made
    inject: Injection
    by: tuple[By, ...] = ()
    why_not: str = ""
