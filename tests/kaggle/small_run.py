"""A run of two folds on a tiny data set, with weights that nobody trained: enough to carry it elsewhere and predict."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.synthetic.series_files import write_series
from radiogen.core import files
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.tables import write_folds
from radiogen.training.recipe.recipe import Recipe, as_dict
from radiogen.training.recipe.recipes import DEMO_3D

RECIPE = DEMO_3D.replace(sequences=("FLAIR", "T1wCE"), size=8, edge_mm=12.0, width=4, epochs=1, folds=2,
                         holdout_fraction=0.25, batch_size=4, micro_batch_size=4)
TEST_CASES = ("00020", "00021", "00022")
TRAIN_CASES = tuple(f"{number:05d}" for number in range(8))


def write_data(folder: Path) -> Path:
    """Eight labelled cases and `TEST_CASES`, FLAIR, T1w and T1wCE, noise of another seed in each series."""
    for number, case in enumerate((*TRAIN_CASES, *TEST_CASES)):
        for sequence in ("FLAIR", "T1w", "T1wCE"):
            voxels = np.random.default_rng([number, len(sequence)]).integers(50, 400, (8, 8, 8)).astype(np.uint16)
            write_series(folder / ("test" if case in TEST_CASES else "train") / case / sequence, voxels)
    pd.DataFrame({"BraTS21ID": TRAIN_CASES, "MGMT_value": [1, 0] * 4}).to_csv(folder / "train_labels.csv", index=False)
    pd.DataFrame({"BraTS21ID": TEST_CASES, "MGMT_value": 0.5}).to_csv(folder / "sample_submission.csv", index=False)
    return folder


def write_paper_run(folder: Path, recipe: Recipe = RECIPE) -> Path:
    """The files of a run, with bytes instead of weights: for what only carries them."""
    files.write_json(folder / "run.json", {"recipe": recipe.name, "rank": 3, "data": "/home/somebody/input/data",
                                           "cache": "/home/somebody/input/cache/data/cubes", "cases": 8,
                                           "leave_out": ["00003"], "arrays": "0123"})
    files.write_json(folder / "recipe.json", as_dict(recipe))
    folds = ["0", "0", "1", "1", "0", "1", "holdout", "holdout"]
    write_folds(folder, pd.DataFrame({"case": TRAIN_CASES, "label": [1, 0] * 4, "fold": folds}))
    for fold in ("0", "1"):
        content = f"weights of fold {fold}".encode() * 100
        write_weights(folder / f"fold-{fold}", lambda path, content=content: path.write_bytes(content))
    return folder


def write_predicted_run(data: Path, folder: Path, cache: Path, seed: int = 0, recipe: Recipe = RECIPE) -> Path:
    """A run with networks of random weights, predicted as `scripts/predict.py` does."""
    from radiogen.inference.workflow import predict
    from radiogen.networks.backend import keras
    from radiogen.training import workflow
    from radiogen.training.model import make_network
    from radiogen.training.runs import fold_folder

    run = workflow.begin_run(data, recipe.replace(seed=seed), folder, cache, workers=1)
    for fold in ("0", "1"):
        keras.utils.set_random_seed(seed * 10 + int(fold))
        model = make_network(run.recipe.network, run.recipe.data)
        write_weights(fold_folder(run, fold), model.save_weights)
    predict(run, workers=1)
    return folder
