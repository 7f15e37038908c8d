"""A predicted run of any number of cases, as tables alone: what judging a run reads, without an image or a network.

In: a folder and how many cases. Out: a run in `models-CASES/run` and its cache in `cache-CASES`: four series a case,
patients, sites, planes and sizes, probabilities that know a little of the label, and thumbnails of heads that are alike
but for their size, place and texture, with the digits of their perceptual hash.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from radiogen.dataset.thumbnails import SHAPE, with_thumbnail
from radiogen.runs import layout
from radiogen.runs.folds import make_folds
from radiogen.runs.predictions import complete, write_predictions
from radiogen.task import ID, LABEL, RSNA_MICCAI

SEQUENCES = ("FLAIR", "T1w", "T1wCE", "T2w")
SITES = 12
RECIPE = {"name": "demo-3d", "seed": 42, "suspicious_auc": 0.75,
          "data": {"rank": 3, "sequences": SEQUENCES, "size": 64, "geometry": "isotropic", "edge_mm": 200.0},
          "network": {"architecture": "resnet10"}, "optimisation": {"epochs": 24}, "split": {"folds": 5}}
_AXES = np.meshgrid(*(np.linspace(-1, 1, size) for size in SHAPE), indexing="ij")


def models_folder(root: Path, cases: int) -> Path:
    """Where the run of so many cases lies, as `run`."""
    return root / f"models-{cases}"


def cache_folder(root: Path, cases: int) -> Path:
    """Where its arrays would lie."""
    return root / f"cache-{cases}"


def write_run(root: Path, cases: int) -> None:
    """The run and its cache; the same for the same number of cases."""
    random = np.random.default_rng(cases)
    folder, cache = models_folder(root, cases) / "run", cache_folder(root, cases)
    cache.mkdir(parents=True, exist_ok=True)
    folds = make_folds(pd.DataFrame({ID: [f"{number:05d}" for number in range(cases)],
                                     LABEL: random.integers(0, 2, cases)}))
    logits = 0.6 * (2 * folds[LABEL] - 1) + random.normal(size=cases)
    write_predictions(folder / layout.PREDICTIONS, complete(folds.assign(probability=1 / (1 + np.exp(-logits)))))
    arrays = pd.DataFrame({ID: folds[ID], "split": "train",
                           "perceptual_hash": [draw_mark(random) for _ in range(cases)],
                           "sha256": [_sha256(case) for case in folds[ID]]})
    index = arrays.assign(shape="4x64x64x64", slices="", findings="", finding_codes="", changes="", change_codes="",
                          failed="", failed_code="")
    for name, table in ((layout.FOLDS, folds), (layout.ARRAYS, arrays), (layout.GEOMETRY, _geometry(folds[ID], random)),
                        (layout.PATIENTS, _patients(folds[ID], random))):
        RSNA_MICCAI.to_file(table).to_csv(folder / name, index=False)
    RSNA_MICCAI.to_file(index).to_csv(cache / "index.csv", index=False)
    for case in folds[ID]:
        note = {"contents": {name: _sha256(f"{case} {name}") for name in SEQUENCES},
                "geometry": [{"sequence": name, "slices": 40} for name in SEQUENCES]}
        (cache / f"{case}.json").write_text(json.dumps(note))
    (folder / layout.RECIPE).write_text(json.dumps(RECIPE))
    (folder / layout.RUN).write_text(json.dumps({"recipe": "demo-3d", "rank": 3, "data": "input/rsna",
                                                 "cache": str(cache)}))


def draw_mark(random: np.random.Generator) -> str:
    """The perceptual hash of a head, with its thumbnail."""
    stretched = [axis / (1 + random.normal(0, 0.05)) - random.normal(0, 0.03) for axis in _AXES]
    outline = np.clip(6 * (random.normal(0.85, 0.05) - np.sqrt(sum(axis ** 2 for axis in stretched))), 0, 1)
    texture = ndimage.gaussian_filter(random.normal(size=SHAPE), (0.8, 1.7, 1.7))
    return mark_of((outline * (1 + 0.25 * texture / texture.std())).astype(np.float32))


def mark_of(head: np.ndarray) -> str:
    """The hash of averages of a head, (12, 24, 24): where four layers of eight rows of nine get brighter."""
    layers = head.reshape(4, 3, 8, 3, 24).mean(axis=(1, 3))[:, :, np.linspace(0, 23, 9).round().astype(int)]
    bits = np.diff(layers, axis=2) > 0.001 * np.ptp(layers)
    return with_thumbnail(np.packbits(bits).tobytes().hex(), head)


def _geometry(ids: pd.Series, random: np.random.Generator) -> pd.DataFrame:
    """A row a series."""
    rows = len(ids) * len(SEQUENCES)
    return pd.DataFrame({ID: ids.repeat(len(SEQUENCES)).to_numpy(), "split": "train",
                         "sequence": np.resize(SEQUENCES, rows),
                         "plane": random.choice(["axial", "coronal", "sagittal"], rows),
                         "slices": random.integers(20, 200, rows), "rows": 512, "columns": 512,
                         "slice_spacing_mm": random.choice([1.0, 3.0, 5.0], rows), "row_mm": 0.5, "column_mm": 0.5})


def _patients(ids: pd.Series, random: np.random.Generator) -> pd.DataFrame:
    """A patient a case."""
    return pd.DataFrame({ID: ids, "patient": ids, "age": random.integers(20, 90, len(ids)),
                         "sex": random.choice(["F", "M"], len(ids)),
                         "site": [f"site {number}" for number in random.integers(0, SITES, len(ids))]})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
