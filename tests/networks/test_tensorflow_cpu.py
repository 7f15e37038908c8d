"""Our layers and Adam compute what Keras's compute, forwards and backwards, and keep out where they do not fit."""

import numpy as np
import pytest

from radiogen.networks.backend import keras
from radiogen.networks.residual import build_network
from radiogen.networks.settings import NetworkSettings
from radiogen.networks.training_kinds import KERAS, training_kinds

tensorflow = pytest.importorskip("tensorflow", reason="these layers are TensorFlow's alone")
OURS = training_kinds("auto")


def _both(kind, shape, **settings):
    """Keras's layer and ours with the same random weights, and inputs for them."""
    random = np.random.default_rng(0)
    images = random.normal(size=shape).astype(np.float32)
    made = [getattr(kinds, kind)(**settings) for kinds in (KERAS, OURS)]
    for layer in made:
        layer.build(shape)
    weights = [random.uniform(0.5, 1.5, each.shape).astype(np.float32) for each in made[0].weights]
    for layer in made:
        layer.set_weights(weights)
    return *made, images


def _gradients(layer, images):
    """Outputs, gradients of inputs and weights, and the weights after a training step's forward pass."""
    x = tensorflow.constant(images)
    towards = tensorflow.constant(np.random.default_rng(1).normal(size=layer(x).shape).astype(np.float32))
    with tensorflow.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True) if "Normalization" in type(layer).__name__ else layer(x)
        aim = tensorflow.reduce_sum(y * towards)
    found = tape.gradient(aim, [x, *(each.value for each in layer.trainable_variables)])
    return [each.numpy() for each in (y, *found)] + layer.get_weights()


@pytest.mark.parametrize(("kind", "shape", "settings"), [
    ("BatchNormalization", (3, 5, 4, 6, 7), {"momentum": 0.9}),
    ("BatchNormalization", (3, 5, 4, 7), {"epsilon": 1e-5}),
    ("BatchNormalization", (1, 1, 1, 1, 3), {}),
    ("BatchNormalization", (6, 5), {}),
    ("BatchNormalization", (3, 4, 4, 5), {"center": False}),
    ("BatchNormalization", (3, 4, 5, 6), {"axis": 1}),
    ("Conv3D", (2, 5, 4, 6, 3), {"filters": 4, "kernel_size": 1}),
    ("Conv3D", (2, 5, 4, 6, 3), {"filters": 4, "kernel_size": 1, "strides": 2, "use_bias": False}),
    ("Conv2D", (2, 5, 4, 3), {"filters": 4, "kernel_size": 1, "strides": 2}),
    ("Conv3D", (2, 3, 2, 3, 128), {"filters": 130, "kernel_size": 3, "padding": "same"}),
    ("Conv2D", (2, 4, 5, 128), {"filters": 130, "kernel_size": 3, "padding": "same"}),
    ("Conv3D", (2, 1, 1, 1, 128), {"filters": 128, "kernel_size": 3, "padding": "same"}),
    ("Conv3D", (2, 3, 3, 3, 128), {"filters": 128, "kernel_size": 3, "padding": "valid"}),
    ("Conv2D", (2, 5, 5, 128), {"filters": 128, "kernel_size": 3, "padding": "same", "dilation_rate": 2}),
    ("Conv2D", (2, 5, 5, 128), {"filters": 256, "kernel_size": 3, "padding": "same", "groups": 1, "strides": 2}),
    ("Conv3D", (2, 6, 5, 4, 3), {"filters": 4, "kernel_size": 3, "padding": "same", "activation": "relu"})])
def test_a_layer_computes_outputs_gradients_and_statistics_as_kerass_does(kind, shape, settings):
    stock, ours, images = _both(kind, shape, **settings)
    assert [each.path.split("/", 1)[-1] for each in stock.weights] == [each.path.split("/", 1)[-1]
                                                                      for each in ours.weights]
    for expected, found in zip(_gradients(stock, images), _gradients(ours, images), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * max(1e-2, np.abs(expected).max()))


def test_a_normalisation_that_predicts_or_is_frozen_uses_and_keeps_its_moving_statistics():
    stock, ours, images = _both("BatchNormalization", (3, 4, 4, 5))
    for training, trainable in ((False, True), (True, False)):
        before = [layer.get_weights() for layer in (stock, ours)]
        stock.trainable = ours.trainable = trainable
        np.testing.assert_array_equal(stock(images, training=training), ours(images, training=training))
        for layer, kept in zip((stock, ours), before, strict=True):
            assert all(map(np.array_equal, layer.get_weights(), kept))


def test_configurations_are_kerass():
    for kind, settings in (("BatchNormalization", {}), ("Conv3D", {"filters": 2, "kernel_size": 1}),
                           ("Adam", {}), ("AdamW", {"weight_decay": 0.1})):
        stock, ours = (getattr(kinds, kind)(name="one", **settings) for kinds in (KERAS, OURS))
        assert ours.get_config() == stock.get_config()


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_steps_of_adam_are_kerass_and_so_are_the_names_and_values_of_its_variables(kind):
    random, ends = np.random.default_rng(0), []
    first = random.normal(size=(4, 3))
    gradients = random.normal(size=(5, 4, 3)) * 10.0 ** np.arange(-3, 2)[:, None, None]
    for kinds in (KERAS, OURS):
        variable = keras.Variable(first.astype(np.float32), name="weights")
        optimizer = getattr(kinds, kind)(keras.optimizers.schedules.CosineDecay(0.01, 10), name="adam")
        optimizer.build([variable])
        for gradient in gradients:
            optimizer.apply([tensorflow.constant(gradient.astype(np.float32))])
        ends.append({each.path: np.asarray(each) for each in (*optimizer.variables, variable)})
    assert list(ends[0])[:-1] == list(ends[1])[:-1]
    for expected, found in zip(*map(dict.values, ends), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5)  # TensorFlow has 1 - 0.999 in float32


def test_a_network_of_either_kind_has_the_same_first_weights_and_loads_the_others_file(tmp_path):
    networks = []
    for kinds in (KERAS, OURS):
        keras.utils.set_random_seed(3)
        networks.append(build_network(NetworkSettings("resnet10", width=4), (9, 9, 9, 2), kinds=kinds))
    stock, ours = networks
    assert type(ours.get_layer("conv1_conv")).__module__.endswith("tensorflow_cpu")
    assert all(map(np.array_equal, stock.get_weights(), ours.get_weights()))
    images = np.random.default_rng(0).random((2, 9, 9, 9, 2), dtype=np.float32)
    for number, (source, target) in enumerate(((stock, ours), (ours, stock))):
        source.set_weights([each + np.float32(0.01 * (number + 1)) for each in source.get_weights()])
        source.save_weights(tmp_path / f"{number}.weights.h5")
        target.load_weights(tmp_path / f"{number}.weights.h5")
        assert all(map(np.array_equal, source.get_weights(), target.get_weights()))
        np.testing.assert_allclose(source(images), target(images), atol=1e-6)


def test_other_precisions_several_devices_and_who_asks_for_it_get_kerass_layers():
    assert training_kinds("keras") is KERAS
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        assert training_kinds("auto") is KERAS
    finally:
        keras.config.set_dtype_policy("float32")
    with tensorflow.distribute.MirroredStrategy(["CPU:0"]).scope():
        assert training_kinds("auto") is KERAS
    assert OURS.name == "radiogen"


def _exact_pooling(layer, x):
    """A 3-wide maximum at every second position: TensorFlow has none of float64."""
    count = (x.shape[1] - 3) // 2 + 1
    return tensorflow.reduce_max([x[(slice(None), *(slice(first, first + 2 * count - 1, 2) for first in place))]
                                  for place in np.ndindex(3, 3, 3)], axis=0)


@pytest.mark.slow
def test_gradients_are_as_near_to_a_float64_computation_as_kerass_are(monkeypatch):
    settings, shape, errors = NetworkSettings("resnet18", width=16), (24, 24, 24, 1), {}
    images = np.random.default_rng(0).random((4, *shape))
    keras.utils.set_random_seed(0)
    networks = {"keras": build_network(settings, shape), "ours": build_network(settings, shape, kinds=OURS)}
    try:
        keras.config.set_dtype_policy("float64")
        monkeypatch.setattr(keras.layers.MaxPooling3D, "call", _exact_pooling)
        networks["exact"] = build_network(settings, shape)
        exact = _network_gradients(networks["exact"], networks["keras"].get_weights(), images)
    finally:
        keras.config.set_dtype_policy("float32")
        monkeypatch.undo()
    for name in ("keras", "ours"):
        found = _network_gradients(networks[name], networks["keras"].get_weights(), images.astype(np.float32))
        errors[name] = [np.linalg.norm(one - other) / np.linalg.norm(other)
                        for one, other in zip(found, exact, strict=True) if np.linalg.norm(other) > 1e-9]
    assert np.median(errors["ours"]) < 1.5 * np.median(errors["keras"]) < 0.01
    assert max(errors["ours"]) < 1.5 * max(errors["keras"])


def _network_gradients(network, weights, images):
    network.set_weights(weights)
    labels = np.eye(2)[np.arange(len(images)) % 2].astype(images.dtype)
    with tensorflow.GradientTape() as tape:
        loss = -tensorflow.reduce_mean(tensorflow.cast(
            tensorflow.math.log(tensorflow.reduce_sum(network(images, training=True) * labels.astype("float32"), -1)),
            images.dtype))
    return [each.numpy().astype(np.float64)
            for each in tape.gradient(loss, [each.value for each in network.trainable_variables])]
