"""Grad-CAM is what its paper says it is, lies where the evidence is, and is kept for the most telling cases."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.inference.explained import choose_cases, write_explained
from radiogen.networks.backend import keras
from radiogen.networks.engines.keras_engine import KerasEngine
from radiogen.networks.engines.protocol import NetworkShape
from radiogen.networks.grad_cam import grad_cam
from radiogen.networks.settings import NetworkSettings
from radiogen.runs.layout import WEIGHTS
from radiogen.runs.predictions import complete, write_predictions
from radiogen.training import workflow
from radiogen.training.model import make_network
from radiogen.training.runs import fold_folder


def _engine(shape, outputs=2):
    return KerasEngine(NetworkShape(NetworkSettings("resnet6", width=4, stem_kernel_size=3, outputs=outputs), shape))


@pytest.mark.parametrize(("rank", "outputs"), [(2, 2), (2, 1), (3, 2), (3, 1)])
def test_it_weighs_feature_maps_by_the_mean_gradient_of_the_score(rank, outputs):
    import tensorflow

    keras.utils.set_random_seed(1)
    engine = _engine((*[16] * rank, 1), outputs)
    model = engine.model
    batch = np.random.default_rng(0).random((2, *(16,) * rank, 1), dtype=np.float32)
    last = next(layer for layer in reversed(model.layers) if layer.name.endswith("_out"))
    inner = keras.Model(model.input, [last.output, model.get_layer("predictions").input])
    dense = model.get_layer("predictions")
    with tensorflow.GradientTape() as tape:
        features, _ = inner(batch, training=False)
        tape.watch(features)
        pooled = tensorflow.reduce_mean(features, axis=list(range(1, rank + 1)))
        logits = tensorflow.matmul(pooled, dense.kernel) + dense.bias
        score = logits[:, 0] if outputs == 1 else logits[:, 1] - logits[:, 0]
    weights = tensorflow.reduce_mean(tape.gradient(score, features), axis=list(range(1, rank + 1)), keepdims=True)
    expected = np.maximum((weights * features).numpy().sum(axis=-1), 0)
    found = grad_cam(engine, batch, 1)
    assert found.shape == batch.shape[:-1] and found.max() > 0
    step = 16 // expected.shape[1]
    np.testing.assert_allclose(found[(slice(None), *[slice(None, None, step)] * rank)], expected, rtol=1e-4, atol=1e-7)


def test_the_two_answers_have_their_evidence_in_different_places():
    keras.utils.set_random_seed(2)
    engine = _engine((64, 64, 1))
    batch = np.random.default_rng(0).random((1, 64, 64, 1), dtype=np.float32)
    yes, no = grad_cam(engine, batch, 1), grad_cam(engine, batch, 0)
    assert (yes > 0).any() and (no > 0).any()
    coarse = (slice(None), slice(None, None, 8), slice(None, None, 8))
    assert not ((yes[coarse] > 0) & (no[coarse] > 0)).any()


def test_cases_are_the_surest_right_and_wrong_of_both_labels_from_the_holdout():
    labels = np.tile([0, 1], 12)
    probabilities = np.linspace(0.02, 0.98, 24)
    table = complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(24)], "fold": ["holdout"] * 20 + ["0"] * 4,
        "label": pd.array(labels, dtype="Int64"), "probability": probabilities}))
    chosen = choose_cases(table, 4)
    assert set(chosen["fold"]) == {"holdout"}
    kinds = list(zip(chosen["label"], chosen["predicted"], strict=True))
    assert kinds == [(1, 1), (0, 0), (1, 0), (0, 1)]
    assert chosen["probability"].tolist() == pytest.approx(probabilities[[19, 0, 1, 18]])


def test_without_a_labelled_holdout_they_come_from_the_folds():
    table = complete(pd.DataFrame({"case": ["00000", "00001"], "fold": ["0", "test"],
                                   "label": pd.array([1, None], dtype="Int64"), "probability": [0.7, 0.9]}))
    assert choose_cases(table, 4)["case"].tolist() == ["00000"]


@pytest.fixture(scope="module")
def run(small_data, small_recipe, tmp_path_factory):
    """A run with networks of random weights for both folds and predictions that name them."""
    root = tmp_path_factory.mktemp("explained")
    recipe = small_recipe.replace(size=16, holdout_fraction=0.2)
    run = workflow.begin_run(small_data, recipe, root / "models" / "one", root / "cache", workers=1)

    for fold in ("0", "1"):
        keras.utils.set_random_seed(int(fold))
        fold_folder(run, fold).mkdir()
        make_network(recipe.network, recipe.data).save_weights(fold_folder(run, fold) / WEIGHTS)
    random = np.random.default_rng(0)
    write_predictions(run.folder / "predictions.csv",
                      complete(run.folds.assign(probability=random.random(len(run.folds)))))
    return run


def test_images_and_heat_of_the_chosen_cases_lie_beside_the_run(run):
    with np.load(write_explained(run, cases=3), allow_pickle=False) as kept:
        assert kept["images"].shape == kept["heat"].shape == (3, 16, 16, 16)
        assert kept["views"].shape == (3, 2, 16, 16) and kept["sequences"].tolist() == ["FLAIR", "T1wCE"]
        assert set(kept["folds"]) == {"holdout"} and kept["heat"].dtype == np.uint8
        for number, case in enumerate(kept["ids"]):
            cube = np.load(run.cache / f"{case}.npy")
            np.testing.assert_allclose(kept["images"][number], cube[0], atol=1)
            assert kept["heat"][number].max() in (0, 255)


def test_a_run_that_is_not_trained_is_reported(run, tmp_path):
    bare = dataclasses.replace(run, folder=tmp_path / "bare")
    write_predictions(bare.folder / "predictions.csv", complete(run.folds.assign(probability=0.4)))
    with pytest.raises(UserError, match="train"):
        write_explained(bare)
    assert not (bare.folder / "explained.npz").exists()
