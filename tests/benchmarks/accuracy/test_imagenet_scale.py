"""Whether images reach real ImageNet weights as they want them; skipped where the weights are absent."""


import numpy as np
import pytest
from sklearn.datasets import load_sample_images

from benchmarks.accuracy.imagenet_scale import compare_statistics
from radiogen.networks.residual import build_network
from radiogen.networks.settings import NetworkSettings
from radiogen.networks.weights import load_first_weights


@pytest.fixture(scope="module")
def photographs() -> np.ndarray:
    """Crops of 224 x 224 of the two colour photographs that scikit-learn brings: red, green, blue in [0, 1]."""
    return np.stack([image[row:row + 224, column:column + 224] for image in load_sample_images().images
                     for row in (0, 200) for column in (0, 130, 260, 390)]).astype(np.float32) / 255


@pytest.fixture(scope="module")
def compared(imagenet_layers, photographs):
    """A function from images to `compare_statistics` with the real weights, in the layout of photographs."""
    model = build_network(NetworkSettings("resnet50"), (224, 224, 3), "photographs")
    load_first_weights(model, str(imagenet_layers))
    names = [layer.name for layer in model.layers if layer.name.endswith("_bn")][:15]
    return model, lambda images: compare_statistics(model, images, names)


@pytest.mark.slow
def test_photographs_reach_each_layer_with_about_the_means_and_variances_of_its_normalisation(compared, photographs):
    layers = compared[1](photographs).assign(shift=lambda table: table["shift"].abs()).groupby("layer").median()
    assert len(layers) == 15
    assert layers["shift"].max() < 0.3
    assert layers["ratio"].between(0.7, 1.4).all()


@pytest.mark.slow
def test_a_wrong_scale_or_order_of_colours_fits_the_weights_worse(compared, photographs):
    model, compare = compared
    kernel = model.get_layer("conv1_conv").get_weights()[0]
    alive = model.get_layer("conv1_bn").get_weights()[3] > 1
    colour = ((kernel[:, :, 0] - kernel[:, :, 2]) ** 2).sum(axis=(0, 1)) / (kernel ** 2).sum(axis=(0, 1, 2))
    colour = alive & (colour > np.quantile(colour[alive], 0.75))  # who tell red from blue most: others hardly know
    tables = {"right": compare(photographs), "order": compare(photographs[..., ::-1]),
              "255 less": compare(photographs / 255), "-1..1": compare((photographs * 2 - 1) / 255 + 0.45)}
    fits = {name: table["divergence"].mean() for name, table in tables.items()}
    assert fits["order"] > fits["right"]
    assert min(fits["255 less"], fits["-1..1"]) > 10 * fits["right"]
    shifts = {name: table["shift"].abs()[table["layer"] == "conv1_bn"][colour].mean() for name, table in tables.items()}
    assert shifts["order"] > shifts["right"]  # by how much, depends on the photographs
