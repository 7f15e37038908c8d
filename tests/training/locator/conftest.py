"""A small data set with masks, and a locator of it whose networks are replaced by a threshold that is always right."""

import numpy as np
import pytest

from benchmarks.synthetic.series_files import write_series
from tests.arrays.masked_data import CORONAL, SHAPE, head, write_data

TINY = {"size": 64, "edge_mm": 200.0, "folds": 2, "epochs": 1, "width": 2, "shift": 0.0, "holdout_fraction": 0.0}


@pytest.fixture(scope="session")
def masked(tmp_path_factory):
    """Eight training cases and a test case with a bright ball each, in series of two planes, and its mask."""
    data = write_data(tmp_path_factory.mktemp("masked") / "ours", cases=8, test_cases=1)
    for case in data.glob("t*/0*"):  # heads of a texture of their own, by which patients are told apart
        number = int(case.name)
        blocks = np.random.default_rng(number).uniform(0.3, 1, (6, 6, 6))
        texture = np.kron(blocks, np.ones((5, 8, 7)))[:SHAPE[0], :SHAPE[1], :SHAPE[2]]
        write_series(case / "FLAIR", np.round(head(number, CORONAL) * texture).astype(np.uint16), CORONAL)
    return data


@pytest.fixture(scope="session")
def home(masked, tmp_path_factory):
    """The folder with `models/loc`, a locator of `masked` with networks of chance, and `cache`."""
    from radiogen.networks.backend import keras
    from radiogen.runs.fold_weights import write_weights
    from radiogen.training.locator.networks import write_locator_cases
    from radiogen.training.model import make_network
    from radiogen.training.recipe.recipes import LOCATOR_3D
    from radiogen.training.runs import fold_folder
    from radiogen.training.workflow import begin_run

    root = tmp_path_factory.mktemp("located")
    run = begin_run(masked, LOCATOR_3D.replace(**TINY), root / "models" / "loc", root / "cache", workers=1)
    for fold in ("0", "1"):
        keras.utils.set_random_seed(int(fold))
        write_weights(fold_folder(run, fold), make_network(run.recipe.network, run.recipe.data).save_weights)
    write_locator_cases(run)
    return root


@pytest.fixture
def bright(monkeypatch):
    """Networks say tumour wherever T1wCE is brightest, in this process; returns who asked: (fold, case) of each."""
    from radiogen.training.input.inputs import CachedImages
    from radiogen.training.locator import patient, predicted_masks

    asked, fold = [], [""]

    def threshold(model, locator, arrays, cases):
        asked.extend((fold[0], case) for case in cases)
        images = CachedImages(arrays, predicted_masks.input_recipe(locator).data)
        return np.stack([(images.read(case, -1)[1] > 200).astype(np.float32) for case in cases])

    for place in (predicted_masks, patient):
        monkeypatch.setattr(place, "run_in_subprocess", lambda function, *arguments, name: function(*arguments))
    monkeypatch.setattr(predicted_masks, "load_trained", lambda model, run, number: fold.__setitem__(0, number))
    monkeypatch.setattr(predicted_masks, "_probabilities", threshold)
    return asked
