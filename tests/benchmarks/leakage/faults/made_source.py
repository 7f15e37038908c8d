"""A source of the leakage benchmark without a phantom: features of which one shows the latent, drawn tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.leakage.faults.fault import Base, Draw
from benchmarks.leakage.faults.judge import clean_draw
from benchmarks.leakage.faults.source import Source
from radiogen.dataset.geometry import COLUMNS
from radiogen.dataset.scanner import COLUMNS as SCANNER_COLUMNS

CASES = 60


def made_source(folder: Path, cases: int = CASES, makers: bool = False) -> Source:
    """Planes and sizes are random, no two cases are similar; makers: features show which of two scanners it was."""
    random, ids = np.random.default_rng(3), [f"{number:05d}" for number in range(cases)]
    latents = pd.Series(random.normal(size=cases) + random.permutation([-0.75, 0.75] * (cases // 2)), index=ids)
    values = random.normal(size=(cases, 4))
    maker = random.permutation(np.arange(cases) % 2)
    values[:, 0] += 3 * (maker if makers else latents.to_numpy())
    features = pd.DataFrame(values, index=ids, columns=list("abcd"))
    geometry = pd.DataFrame([(case, "train", sequence, random.choice(["axial", "coronal"]),
                              *random.integers(20, 200, 3).astype(float), 1.0, 1.0, 1.0)
                             for case in ids for sequence in ("FLAIR", "T1w", "T1wCE")], columns=COLUMNS)
    scanner = pd.DataFrame([dict.fromkeys(SCANNER_COLUMNS, 1.0) | {
        "case": case, "split": "train", "sequence": "FLAIR", "manufacturer": f"maker {of}", "model": "", "software": "",
        "air_deviation": 1.0 + 2 * of} for case, of in zip(ids, maker, strict=True)])
    arrays = pd.DataFrame({"case": ids, "split": "train", "sha256": [f"{number:064x}" for number in range(cases)],
                           "perceptual_hash": [random.bytes(32).hex() for _ in ids]})
    return Source(folder / "data", folder / f"data-{'0' * 12}" / "cubes", latents.rename_axis("case"), features,
                  features.assign(b=-features["b"]), features.assign(d=9.0), geometry, scanner, arrays)


def made_draw(folder: Path, base: Base = Base.SIGNAL, number: int = 0) -> Draw:
    """A clean run of such a source."""
    return clean_draw(made_source(folder), made_source(folder, makers=True), number, base)
