"""A data set of twenty small cases whose label can be seen, and a recipe that trains on it in seconds."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radiogen.learning.recipes import DEMO_3D, Recipe

from ..imaging.series_files import write_series


@pytest.fixture(scope="session")
def small_data(tmp_path_factory) -> Path:
    """20 labelled cases and 2 test cases, FLAIR and T1wCE; label 1 has a bright corner in T1wCE."""
    folder = tmp_path_factory.mktemp("data") / "small"
    labels = {}
    for number in range(22):
        case, label = f"{number:05d}", number % 2
        split = "train" if number < 20 else "test"
        for sequence in ("FLAIR", "T1wCE"):
            voxels = np.random.default_rng([number, len(sequence)]).integers(50, 150, (8, 8, 8)).astype(np.uint16)
            if sequence == "T1wCE" and label:
                voxels[2:5, 2:5, 2:5] = 400
            write_series(folder / split / case / sequence, voxels)
        if split == "train":
            labels[case] = label
    pd.DataFrame({"BraTS21ID": labels.keys(), "MGMT_value": labels.values()}).to_csv(
        folder / "train_labels.csv", index=False)
    pd.DataFrame({"BraTS21ID": ["00020", "00021"], "MGMT_value": 0.5}).to_csv(
        folder / "sample_submission.csv", index=False)
    return folder


@pytest.fixture(scope="session")
def small_recipe() -> Recipe:
    """Cubes of 8 voxels, two folds, four epochs."""
    return dataclasses.replace(DEMO_3D, sequences=("FLAIR", "T1wCE"), size=8, edge_mm=12.0, width=4, epochs=4, folds=2,
                               batch_size=4, memory_batch=4)
