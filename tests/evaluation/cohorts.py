"""External cohorts as their folders would lie in a run's, for the tests of what is said of them."""

from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.runs.external.cohorts import (
    INTENSITY_FIELDS,
    CohortFacts,
    labels_digest,
    networks_digest,
    write_cohort_facts,
    write_intensities,
)
from radiogen.runs.layout import cohort_folder
from radiogen.runs.ledger.looks import Look, append_look
from radiogen.runs.predictions import write_predictions
from radiogen.task import RSNA_MICCAI

from .acquisitions import made, run_from

DATE = "2026-11-28 10:00:00"


def write_cohort(run: Path, name: str = "elsewhere", *, cases: int = 80, effect: float = 0.6, networks: str = "",
                 tied: str = "nothing", looked: bool = True) -> Path:
    """A cohort that the run in `run` has predicted, with patients, and the look at it; returns its folder.

    networks: `networks_digest` of those that predicted; "": of a run that has none.
    """
    folder, random = cohort_folder(run, name), np.random.default_rng(len(name))
    folds, geometry = made(cases, tied=tied, seed=11)
    logits = effect * (2.0 * folds["label"].to_numpy() - 1)
    table = run_from(folds, logits, 1.0, seed=12).assign(fold=name)
    write_predictions(folder / "predictions.csv", table)
    RSNA_MICCAI.to_file(geometry).to_csv(folder / "geometry.csv", index=False)
    pd.DataFrame({"BraTS21ID": folds["case"], "patient": "", "site": np.resize(["north", "south", "south"], cases),
                  "sex": np.resize(["F", "M"], cases), "age": np.resize([44, 58, 71], cases)}).to_csv(
        folder / "patients.csv", index=False)
    write_intensities(folder, intensities(folds["case"], 0.05))
    series = ("0" if networks else "f") * 12
    look = Look(DATE, run.name, name, f"input/{name}", series, cases, int(folds["label"].sum()),
                labels_digest(folds), "r", networks or networks_digest({}), "judged", f"{random.random():.6f}")
    if looked:
        append_look(run.parent, look)
    write_cohort_facts(folder, CohortFacts(
        look.date, look.data, look.fingerprint, look.labels_sha256, look.networks_sha256, look.recipe_sha256, 5,
        ("00900",), ("00901",), {"checked": ["files", "array"], "unchecked": ["patient"], "same_ids": 3, "limit": 10},
        0.921))
    return folder


def intensities(cases: pd.Series, noise: float) -> pd.DataFrame:
    """Raw intensities of one sequence, with this noise."""
    random = np.random.default_rng(int(1000 * noise))
    return pd.DataFrame([{"case": case, "split": "train", "sequence": "FLAIR", "perceptual_hash": "",
                          **{name: random.normal(100, 10) for name in INTENSITY_FIELDS},
                          "noise": random.normal(noise, 0.002)} for case in cases])
