"""The residual networks: their size, their names, what they give."""

import numpy as np
import pytest

from radiogen.learning.backend import keras
from radiogen.learning.networks import build_network


def _trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def test_the_3d_resnet50_has_the_size_of_monais():
    """46,163,010 with one input channel and two classes: MONAI 1.6.1, resnet50(spatial_dims=3, num_classes=2)."""
    assert _trainable(build_network("resnet50", 3, 64, 1)) == 46_163_010


def test_the_2d_resnet50_has_the_layers_and_kernels_of_keras_applications():
    ours = build_network("resnet50", 2, 64, 3)
    theirs = keras.applications.ResNet50(weights=None, include_top=False, input_shape=(64, 64, 3))
    names = {layer.name: layer for layer in ours.layers}
    for layer in theirs.layers:
        if layer.weights:
            assert names[layer.name].weights[0].shape == layer.weights[0].shape, layer.name


@pytest.mark.parametrize(("network", "rank"), [("resnet10", 3), ("resnet18", 2), ("resnet34", 2), ("resnet50", 3)])
def test_probabilities_of_two_classes_sum_to_one(network, rank):
    model = build_network(network, rank, 16, 2, width=4)
    images = np.random.default_rng(0).uniform(size=(3, *(16,) * rank, 2)).astype(np.float32)
    probabilities = keras.ops.convert_to_numpy(model(images))
    assert probabilities.shape == (3, 2)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_depths_count_their_weighted_layers_as_the_paper_does():
    for network, depth in {"resnet10": 10, "resnet18": 18, "resnet34": 34, "resnet50": 50}.items():
        model = build_network(network, 2, 32, 3, width=4)
        weighted = [layer for layer in model.layers if layer.name.endswith("_conv") and "_0_" not in layer.name]
        assert len(weighted) + 1 == depth


def test_widths_scale_every_stage():
    model = build_network("resnet18", 3, 16, 1, width=8)
    assert [model.get_layer(f"conv{stage}_block1_1_conv").filters for stage in (2, 3, 4, 5)] == [8, 16, 32, 64]
