"""Networks with weights in which nothing cancels, saved as training saves them."""

import numpy as np
import pytest

from radiogen.networks.architecture import HEAD
from radiogen.networks.backend import keras
from radiogen.networks.residual import build_network

from ..made import shaken


def batch_of(network, inputs):
    """A batch of coarse blocks with a little noise, so that the inputs differ in what a network pools."""
    random, (*sizes, channels) = np.random.default_rng(1), network.shape
    batch = np.empty((inputs, *network.shape), np.float32)
    for image in batch:
        blocks = random.random((*[3] * len(sizes), channels))
        image[:] = 0.9 * blocks[np.ix_(*[3 * np.arange(size) // size for size in sizes])]
    return batch + random.uniform(0, 0.1, batch.shape).astype(np.float32)


def _inner(model):
    pooling = model.get_layer(HEAD).input._keras_history.operation
    return keras.Model(model.input, [model.output, pooling.input, pooling.output])


def _centre_answers(model, network):
    """Set the head such that the logits of a batch lie around 0: a softmax of 0 or 1 hides much."""
    head = model.get_layer(HEAD)
    pooled = keras.ops.convert_to_numpy(_inner(model)(batch_of(network, 5), training=False)[2])
    kernel = np.random.default_rng(2).normal(size=head.kernel.shape)
    kernel *= 3 / np.abs(pooled @ kernel).mean(axis=0)
    head.set_weights([kernel, -(pooled @ kernel).mean(axis=0)])


@pytest.fixture(scope="module")
def save(tmp_path_factory):
    """A function that saves a network's weights, shaken, once a module; returns the Keras model and the path."""
    root, made = tmp_path_factory.mktemp("weights"), {}

    def make(network, seed=0):
        if (network, seed) not in made:
            model = shaken(build_network(network.settings, network.shape, network.scale), seed, 1.0, 0.1)
            _centre_answers(model, network)
            path = root / f"{len(made)}.weights.h5"
            model.compile("adam")  # training saves the moments, too
            model.optimizer.build(model.trainable_variables)
            model.save_weights(path)
            made[network, seed] = model, path
        return made[network, seed]
    return make


@pytest.fixture(scope="module")
def expect(save):
    """A function that gives a batch, Keras's outputs and what goes into its last pooling, once a module."""
    made = {}

    def make(network, inputs=3):
        if (network, inputs) not in made:
            batch = batch_of(network, inputs)
            outputs, features, _ = _inner(save(network)[0])(batch, training=False)
            made[network, inputs] = batch, *map(keras.ops.convert_to_numpy, (outputs, features))
        return made[network, inputs]
    return make
