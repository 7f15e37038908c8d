"""Two runs of one recipe and their ensemble, as their folders would lie on the disk, with all that evaluation reads.

The first run was validated on another cohort, and before with other networks on one more.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.runs.external.cohorts import write_intensities
from radiogen.runs.located.crop_masks import CropMasks, MaskFigures, write_crop_masks
from radiogen.runs.predictions import complete, write_predictions
from radiogen.task import RSNA_MICCAI

from ..acquisitions import drawn_hash, made, run_from
from ..cohorts import intensities, write_cohort

RECIPE = {"name": "demo-3d", "seed": 42, "suspicious_auc": 0.7,
          "data": {"rank": 3, "sequences": ["FLAIR", "T1wCE"], "size": 24, "geometry": "isotropic", "edge_mm": 200.0,
                   "normalisation": "percentile", "array_dtype": "uint8"},
          "network": {"architecture": "resnet6", "width": 8, "pooling": "maximum", "outputs": 2, "weights": None},
          "optimisation": {"early_stopping_fraction": 0.0, "learning_rate": 0.002, "schedule": "cosine",
                           "batch_size": 16, "epochs": 24},
          "augmentation": {"flips": ["left-right"], "shift": 0.1, "gamma": 0.0},
          "split": {"holdout_fraction": 0.2, "folds": 5}}
RUNS = ("a", "a-seed-43", "both")
_SPREAD = {"median": 2.3456, "low": 1.2345, "high": 3.4567}
MASKS = MaskFigures(
    cases=140, predicted=137, true_masks=120, margin_mm=10.0, whole_head={"LOCATOR_SIZE": 3},
    dice={"median": 0.8765, "low": 0.8123, "high": 0.9234}, volume_error={"median": 0.0617, "low": 0.02, "high": 0.1},
    centres_mm=_SPREAD, box_mm=_SPREAD, wholly_inside=118, wholly_inside_of_predicted=115, least_inside=0.8517)
OWN_MASKS = replace(MASKS, cases=80, predicted=80, true_masks=80, whole_head={}, wholly_inside=79,
                    dice={"median": 0.9123, "low": 0.8877, "high": 0.9311}, wholly_inside_of_predicted=79)


def write_small_runs(root: Path) -> Path:
    """The folder models/ with RUNS, beside a phantom's record; returns it.

    Labels go with the plane in most cases; only the ensemble knows the geometry, for models without images take long.
    """
    models, random = root / "models", np.random.default_rng(0)
    folds, geometry = made(140, tied="plane", holdout_fraction=0.2)
    (root / "input" / "phantom").mkdir(parents=True)
    (root / "input" / "phantom" / "phantom.json").write_text('{"ceiling_auc": 0.983}', encoding="utf-8")
    arrays = pd.DataFrame({"case": folds["case"], "split": "train",
                           "sha256": [f"{number:064x}" for number in range(len(folds))],
                           "perceptual_hash": [drawn_hash(random) for _ in range(len(folds))]})
    arrays.loc[1, ["sha256", "perceptual_hash"]] = arrays.loc[0, ["sha256", "perceptual_hash"]]
    tables = {}
    for number, name in enumerate(RUNS[:2]):
        tables[name] = run_from(folds, 2.0 * folds["label"].to_numpy() - 1, 1.2, seed=number + 1)
        _write_run(models / name, tables[name], folds, arrays, RECIPE | {"seed": 42 + number})
    joined = complete(folds.assign(probability=(tables["a"]["probability"] + tables["a-seed-43"]["probability"]) / 2))
    write_predictions(models / "both" / "predictions.csv", joined)
    (models / "both" / "run.json").write_text(json.dumps(
        {"members": list(RUNS[:2]), "method": "mean", "data": "input/phantom"}), encoding="utf-8")
    for name, content in (("folds", folds), ("geometry", geometry)):
        RSNA_MICCAI.to_file(content).to_csv(models / "both" / f"{name}.csv", index=False)
    pd.DataFrame({"name": [*RUNS[:2], "mean"], "cases": 112, "auc": [0.7, 0.71, 0.75], "low": 0.6, "high": 0.85,
                  "optimistic_auc": [0.7, 0.71, 0.75]}).to_csv(models / "both" / "ensemble.csv", index=False)
    write_intensities(models / "a", intensities(folds["case"], 0.02))
    write_crop_masks(models / "a", CropMasks("loc@0123456789ab", MASKS, OWN_MASKS,
                                             {"LOCATOR_SIZE": "the predicted tumour is far too large"}))
    write_cohort(models / "a")
    write_cohort(models / "a", "old", networks="0" * 64)
    return models


def _write_run(folder: Path, table: pd.DataFrame, folds: pd.DataFrame, arrays: pd.DataFrame, recipe: dict) -> None:
    write_predictions(folder / "predictions.csv", table)
    for name, content in (("folds", folds), ("arrays", arrays)):
        RSNA_MICCAI.to_file(content).to_csv(folder / f"{name}.csv", index=False)
    areas = np.random.default_rng(7).uniform(0.4, 0.6, 19)
    pd.DataFrame({"draw": range(19), "within": "folds", "auc": areas}).to_csv(folder / "permutations.csv", index=False)
    slices = table.loc[table.index.repeat(2)].assign(sequence="FLAIR", slice=[4, 5] * len(table))
    RSNA_MICCAI.to_file(slices).to_csv(folder / "predictions_slices.csv", index=False)
    for name, content in (("recipe", recipe), ("environment", {"radiogen": "1", "packages": {"keras": "3"}}),
                          ("run", {"recipe": "demo-3d", "rank": 3, "data": "input/phantom", "cache": "cache",
                                   "leave_out": [], "arrays": "aa"})):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    for fold in range(5):
        (folder / f"fold-{fold}").mkdir()
        pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.6], "val_loss": [0.8, 0.7]}).to_csv(
            folder / f"fold-{fold}" / "history.csv", index=False)
