"""Accumulated batches take the step of a large one; learning rates follow the epochs, whatever is accumulated."""

import math

import numpy as np
import pytest

from radiogen.networks.backend import keras
from radiogen.training import fit
from radiogen.training.optimisation import accumulation, learning_rate, make_loss, make_metrics, set_precision

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(96, 5)).astype(np.float32)
LABELS = np.eye(2, dtype=np.float32)[RANDOM.integers(0, 2, 96)]


@pytest.fixture
def compiled(small_recipe, monkeypatch):
    """A compiled network of one layer, without batch normalisation, for a recipe with these changes."""
    def network(settings, data, kinds):
        inputs = keras.layers.Input((5,))
        activation = "softmax" if settings.outputs == 2 else None
        return keras.Model(inputs, keras.layers.Dense(settings.outputs, activation, kernel_initializer="ones")(inputs))

    def call(inputs=96, **change):
        recipe = small_recipe.replace(**{"schedule": "constant", "weight_decay": 0.0, **change})
        return fit.compile_network(recipe, inputs, math.ceil(inputs / recipe.optimisation.micro_batch_size))

    monkeypatch.setattr(fit, "make_network", network)
    return call


def _fit(model, batch, epochs):
    model.fit(IMAGES, LABELS, batch_size=batch, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()


def test_an_accumulated_batch_takes_the_step_of_one_large_batch(compiled):
    large = compiled(batch_size=1024, micro_batch_size=1024)
    small = compiled(batch_size=1024, micro_batch_size=8)
    assert large.optimizer.gradient_accumulation_steps is None and small.optimizer.gradient_accumulation_steps == 12
    assert type(small.optimizer) is keras.optimizers.Adam and type(large.optimizer) is not keras.optimizers.Adam
    for one, other in zip(_fit(large, 96, 5), _fit(small, 8, 5), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("batch_size", "inputs", "batches", "together"), [
    (1024, 100, 25, 25), (16, 100, 25, 4), (4, 100, 25, 1), (1024, 1496, 94, 47), (1, 3, 3, 1)])
def test_an_epoch_is_divided_into_steps_alike(small_recipe, batch_size, inputs, batches, together):
    recipe = small_recipe.replace(batch_size=batch_size)
    assert accumulation(recipe.optimisation, inputs, batches) == together


def test_an_epoch_that_drops_its_last_batch_has_only_whole_steps(small_recipe):
    recipe = small_recipe.replace(batch_size=8, micro_batch_size=2, drop_last=True)
    assert accumulation(recipe.optimisation, inputs=20, batches=8) == 4


def test_a_cosine_ends_at_nothing_with_the_last_batch_though_gradients_are_accumulated(compiled):
    model = compiled(batch_size=32, micro_batch_size=8, epochs=10, learning_rate=0.5, schedule="cosine")
    assert model.optimizer.gradient_accumulation_steps == 4
    rates = []
    for _ in range(10):
        _fit(model, 8, 1)
        rates.append(float(model.optimizer.learning_rate))
    assert rates[4] == pytest.approx(0.25, abs=0.05)
    assert rates[-1] == pytest.approx(0.0, abs=1e-6) and sorted(rates[1:], reverse=True) == rates[1:]


def test_a_halved_rate_is_halved_from_the_first_batch_after_its_epoch(small_recipe):
    recipe = small_recipe.replace(schedule="halved", halve_after=10, epochs=15, learning_rate=1e-4)
    rate = learning_rate(recipe.optimisation, batches=7)
    rates = [float(rate(step)) for step in (0, 69, 70, 104)]
    np.testing.assert_allclose(rates, [1e-4, 1e-4, 5e-5, 5e-5], rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_one_logit_and_a_softmax_of_it_have_the_same_loss_accuracy_and_auc(smoothing):
    logits = RANDOM.normal(size=(64, 1)).astype(np.float32)
    labels = (RANDOM.uniform(size=(64, 1)) < 0.4).astype(np.float32)
    both = keras.ops.convert_to_numpy(keras.ops.softmax(np.concatenate([np.zeros_like(logits), logits], 1)))
    values = []
    for outputs, true, predicted in ((1, labels, logits), (2, np.concatenate([1 - labels, labels], 1), both)):
        values.append([float(make_loss(outputs, smoothing)(true, predicted))])
        for metric in make_metrics(outputs):
            metric.update_state(true, predicted)
            values[-1].append(float(metric.result()))
    np.testing.assert_allclose(values[0], values[1], rtol=1e-4)
    rows, hits = labels[:, 0] > 0, logits[:, 0] > 0
    pairs = logits[rows] > logits[~rows].T
    np.testing.assert_allclose(values[0][1:], [(rows == hits).mean(), pairs.mean()], atol=0.02)


def test_precision_is_float32_on_a_cpu_unless_asked_for(small_recipe):
    try:
        assert set_precision("auto") == "float32"
        assert set_precision("float16") == "float16"
        model = fit.compile_network(small_recipe.replace(precision="float16"), 8, 2)
        assert type(model.optimizer).__name__ == "LossScaleOptimizer" and model.optimizer.built
        assert model.layers[-1].compute_dtype == "float32" and model.get_layer("conv1_conv").compute_dtype == "float16"
        assert {str(each.dtype) for each in model.trainable_variables} == {"float32"}
    finally:
        keras.config.set_dtype_policy("float32")
