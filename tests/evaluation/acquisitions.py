"""Made tables of geometry and folds, for the tests of what the acquisition tells."""

import numpy as np
import pandas as pd

from radiogen.dataset.thumbnails import SHAPE, with_thumbnail
from radiogen.runs.folds import make_folds
from radiogen.runs.predictions import complete


def drawn_hash(random: np.random.Generator) -> str:
    """A perceptual hash of nobody, with a thumbnail."""
    return with_thumbnail(random.bytes(32).hex(), random.normal(size=SHAPE).astype(np.float32))


def made(cases: int = 300, *, tied: str = "nothing", seed: int = 0, holdout_fraction: float = 0.0
         ) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Folds and geometry; `tied`: what goes with the label in 85 % of cases: plane, slices or nothing."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(cases) % 2)
    ids = [f"{number:05d}" for number in range(cases)]
    settings = {name: np.where(random.random(cases) < 0.85, labels, 1 - labels) if tied == name
            else random.integers(0, 2, cases) for name in ("plane", "slices")}
    rows = []
    for number, case in enumerate(ids):
        for sequence in ("FLAIR", "T1wCE"):
            plane = ("axial", "coronal")[settings["plane"][number]] if sequence == "FLAIR" else "axial"
            slices = 30 + 40 * settings["slices"][number] + int(random.integers(0, 5))
            rows.append((case, "train", sequence, plane, float(slices), 256.0, 256.0, 3.0, 1.0, 1.0))
    geometry = pd.DataFrame(rows, columns=["case", "split", "sequence", "plane", "slices", "rows", "columns",
                                           "slice_spacing_mm", "row_mm", "column_mm"])
    table = pd.DataFrame({"case": ids, "label": labels})
    return make_folds(table, holdout_fraction=holdout_fraction, leave_out=()), geometry


def run_from(folds: pd.DataFrame, signal: np.ndarray, noise: float, seed: int = 1) -> pd.DataFrame:
    """A run whose logit is `signal`, (cases,), and noise."""
    logits = signal + noise * np.random.default_rng(seed).normal(size=len(folds))
    return complete(folds.assign(probability=1 / (1 + np.exp(-logits))))
