"""Every engine computes what Keras computes on the same file of weights, whatever the network."""

import importlib.util

import numpy as np
import pytest

from radiogen.networks.architecture import HEAD, probabilities
from radiogen.networks.backend import keras
from radiogen.networks.engines.choice import EngineChoice, Use, make_engine
from radiogen.networks.engines.protocol import NetworkShape, weight_bytes
from radiogen.networks.settings import NetworkSettings
from radiogen.training.model import network_scale
from radiogen.training.recipe.recipes import RECIPES

ENGINES = [pytest.param("openvino", marks=pytest.mark.skipif(importlib.util.find_spec("openvino") is None,
                                                             reason="OpenVINO is not installed")),
           pytest.param("frozen", marks=pytest.mark.skipif(keras.backend.backend() != "tensorflow",
                                                           reason="Keras is not on TensorFlow")), "keras"]

NETWORKS = {
    "3D basic blocks, even and odd sizes": NetworkShape(NetworkSettings("resnet10", width=4), (20, 17, 18, 2)),
    "2D, three grey channels": NetworkShape(NetworkSettings("resnet6", width=4, stem_kernel_size=3), (16, 15, 3)),
    "a stem of stride 1 and one logit": NetworkShape(
        NetworkSettings("resnet6", width=4, stem_kernel_size=3, stem_stride=1, outputs=1), (5, 9, 8, 1)),
    "maximum pooling": NetworkShape(NetworkSettings("resnet6", width=4, pooling="maximum"), (12, 12, 12, 1)),
    "one voxel": NetworkShape(NetworkSettings("resnet6", width=4), (1, 1, 1, 1)),
}
SLOW_NETWORKS = {
    "3D bottlenecks of PyTorch": NetworkShape(NetworkSettings("resnet50", width=4), (17, 16, 20, 1)),
    "2D bottlenecks of Keras, colours exchanged": NetworkShape(
        NetworkSettings("resnet50", width=4), (33, 40, 3), "imagenet"),
    "inflated bottlenecks, z-scores": NetworkShape(
        NetworkSettings("resnet50", width=4), (16, 17, 16, 3), "imagenet z-score"),
    "photographs": NetworkShape(NetworkSettings("resnet18", width=4), (24, 25, 3), "photographs"),
    "PyTorch's weights, scaled to the head": NetworkShape(
        NetworkSettings("resnet34", width=4), (20, 20, 20, 1), "head"),
    "PyTorch's weights, unchanged": NetworkShape(NetworkSettings("resnet50", width=4), (20, 20, 20, 4), "unchanged"),
}


def _made(name, network):
    return make_engine(EngineChoice(name, ""), network, Use(batches=1))


def _check(name, network, save, expect):
    batch, expected, features = expect(network)
    engine = _made(name, network)
    engine.load_weights(save(network)[1])
    outputs = engine.outputs([batch[:2], batch[2:]])
    assert outputs.shape == expected.shape and outputs.dtype == np.float32
    assert probabilities(expected).std() > 1e-3  # the inputs differ in what is said of them
    np.testing.assert_allclose(probabilities(outputs), probabilities(expected), rtol=0, atol=1e-5)
    np.testing.assert_allclose(engine.features(batch), features, rtol=0, atol=5e-6 * np.abs(features).max())
    kernel = keras.ops.convert_to_numpy(save(network)[0].get_layer(HEAD).kernel)
    np.testing.assert_array_equal(engine.head_kernel(), kernel)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_outputs_and_features_are_those_of_the_keras_model(name, network, save, expect):
    _check(name, network, save, expect)


@pytest.mark.slow
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("network", SLOW_NETWORKS.values(), ids=SLOW_NETWORKS)
def test_outputs_and_features_of_public_layouts_are_those_of_the_keras_model(name, network, save, expect):
    _check(name, network, save, expect)


@pytest.mark.slow  # a network a recipe
@pytest.mark.parametrize("name", ENGINES[:2])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_probabilities_of_every_recipe_are_those_of_keras_to_1e_5(name, recipe, save, expect):
    small = recipe.replace(size=20, width=8, **({"depth": 9} if recipe.data.depth else {}))
    network = NetworkShape(small.network, small.data.input_shape, network_scale(small.network, small.data))
    engine, (batch, expected, _) = _made(name, network), expect(network, 5)
    engine.load_weights(save(network)[1])
    found = probabilities(engine.outputs([batch[:3], batch[3:]]))
    np.testing.assert_allclose(found, probabilities(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ENGINES)
def test_weights_that_are_loaded_take_the_place_of_those_before(name, save, expect):
    network = NETWORKS["2D, three grey channels"]
    engine, (batch, expected, _) = _made(name, network), expect(network)
    engine.load_weights(save(network, seed=1)[1])
    other = engine.outputs([batch])
    engine.load_weights(save(network)[1])
    np.testing.assert_allclose(engine.outputs([batch]), expected, rtol=0, atol=1e-5)
    assert np.abs(expected - other).max() > 1e-3


@pytest.mark.parametrize("name", ENGINES)
def test_an_input_gets_the_same_answer_whatever_batch_it_comes_in(name, save, expect):
    network = NETWORKS["2D, three grey channels"]
    engine, (batch, expected, _) = _made(name, network), expect(network, 5)
    engine.load_weights(save(network)[1])
    for parts in ((batch[:2], batch[2:]), (batch,), (batch[:1], batch[1:4], batch[4:])):
        np.testing.assert_allclose(engine.outputs(parts), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ENGINES[:2])
def test_weights_of_another_network_are_refused(name, save):
    network = NETWORKS["2D, three grey channels"]
    other = NetworkShape(NetworkSettings("resnet6", width=8, stem_kernel_size=3), (16, 15, 3))
    with pytest.raises(ValueError, match=r"layer conv1_conv has arrays .*3, 3, 3, 8"):
        _made(name, network).load_weights(save(other)[1])
    deeper = NetworkShape(NetworkSettings("resnet10", width=4, stem_kernel_size=3), (16, 15, 3))
    with pytest.raises(ValueError, match="it has layers that the network lacks|has arrays"):
        _made(name, network).load_weights(save(deeper)[1])


@pytest.mark.parametrize("name", ENGINES[:2])
def test_a_damaged_file_of_weights_is_refused(name, save, tmp_path):
    network, path = NETWORKS["2D, three grey channels"], tmp_path / "cut.weights.h5"
    path.write_bytes(save(network)[1].read_bytes()[:2000])
    with pytest.raises(ValueError, match="damaged"):
        _made(name, network).load_weights(path)


def test_the_bytes_of_a_network_are_those_of_its_weights(save):
    network = NETWORKS["3D basic blocks, even and odd sizes"]
    kernels = sum(4 * int(np.prod(layer.weights[0].shape)) for layer in save(network)[0].layers
                  if layer.name.endswith(("_conv", "_bn")))
    assert weight_bytes(network) == kernels
