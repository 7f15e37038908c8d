"""The residual networks: their size, their names, what they compute, beside two public implementations and numpy."""

import numpy as np
import pytest

from radiogen.networks.architecture import MRI_STATISTICS, probabilities
from radiogen.networks.backend import keras
from radiogen.networks.weights import load_torch_weights

from .made import made_network, shaken


def _trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def _values(model, layer, images):
    return keras.ops.convert_to_numpy(keras.Model(model.input, model.get_layer(layer).output)(images))


def test_the_3d_resnet50_has_the_size_of_monais():
    """46,163,010 with one input channel and two classes: MONAI 1.6.1, resnet50(spatial_dims=3, num_classes=2)."""
    assert _trainable(made_network("resnet50", (64, 64, 64, 1))) == 46_163_010


def test_the_2d_resnet50_computes_what_keras_applications_computes_on_the_same_weights():
    ours = made_network("resnet50", (64, 64, 3), "photographs")
    theirs = shaken(keras.applications.ResNet50(weights=None, include_top=False, pooling="avg",
                                                input_shape=(64, 64, 3)))
    names = {layer.name: layer for layer in ours.layers}
    for layer in theirs.layers:
        if layer.weights:
            names[layer.name].set_weights(layer.get_weights())
    images = np.random.default_rng(1).uniform(size=(2, 64, 64, 3)).astype(np.float32)
    prepared = keras.applications.resnet.preprocess_input(images * 255)
    expected = keras.ops.convert_to_numpy(theirs(prepared))
    assert np.allclose(_values(ours, "avg_pool", images), expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("network", "stem_stride", "depth", "size"),
                         [("resnet10", 1, 9, 12), ("resnet18", 2, 17, 21), ("resnet50", 1, 12, 9),
                          ("resnet50", 2, 33, 20)])
def test_3d_networks_compute_what_monais_compute_on_the_same_weights(network, stem_stride, depth, size):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed beside this Keras")
    nets = pytest.importorskip("monai.networks.nets", reason="MONAI is not installed beside this Keras")
    theirs = getattr(nets, network)(spatial_dims=3, n_input_channels=2, conv1_t_stride=stem_stride,
                                    feed_forward=False).eval()
    random = np.random.default_rng(0)
    for name, tensor in theirs.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            tensor.copy_(torch.tensor(random.uniform(0.5, 1.5, tensor.shape)))
    ours = made_network(network, (depth, size, size, 2), stem_stride=stem_stride)
    load_torch_weights(ours, {name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    images = random.uniform(size=(2, depth, size, size, 2)).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.tensor(np.moveaxis(2 * images - 1, -1, 1))).numpy()
    assert np.allclose(_values(ours, "avg_pool", images), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("scale", "first", "second"), [("centre", 1, 2), ("imagenet", 2, 1)])
@pytest.mark.parametrize("size", [15, 16])
def test_a_3d_bottleneck_computes_what_its_definition_says(scale, first, second, size):
    model = shaken(made_network("resnet50", (size, size, size, 1), scale, width=3))
    images = np.random.default_rng(2).uniform(size=(1, size, size, size, 1)).astype(np.float32)
    x, name = _values(model, "conv2_block3_out", images)[0].astype(np.float64), "conv3_block1"
    inside = np.maximum(_reference(model, f"{name}_1", x, first), 0)
    inside = np.maximum(_reference(model, f"{name}_2", inside, second), 0)
    expected = np.maximum(_reference(model, f"{name}_3", inside, 1) + _reference(model, f"{name}_0", x, 2), 0)
    assert np.allclose(_values(model, f"{name}_out", images)[0], expected, atol=1e-4)


def _reference(model, name, x, step):
    """Convolution with zeros outside, every `step`-th voxel from the first, then batch normalisation; numpy."""
    kernel, *bias = model.get_layer(f"{name}_conv").get_weights()
    width = kernel.shape[0]
    padded = np.pad(x, [(width // 2, width // 2)] * 3 + [(0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (width,) * 3, axis=(0, 1, 2))[::step, ::step, ::step]
    made = np.einsum("xyzcijk,ijkco->xyzo", windows, kernel) + (bias[0] if bias else 0)
    layer = model.get_layer(f"{name}_bn")
    gamma, beta, mean, variance = layer.get_weights()
    return (made - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta


@pytest.mark.parametrize(("network", "rank"), [("resnet10", 3), ("resnet18", 2), ("resnet34", 2), ("resnet50", 3)])
def test_probabilities_of_two_classes_sum_to_one(network, rank):
    model = made_network(network, (*[16] * rank, 2), width=4)
    images = np.random.default_rng(0).uniform(size=(3, *(16,) * rank, 2)).astype(np.float32)
    made = keras.ops.convert_to_numpy(model(images))
    assert made.shape == (3, 2)
    assert np.allclose(made.sum(axis=1), 1, atol=1e-6)
    assert np.allclose(probabilities(made), made[:, 1])


def test_a_logit_becomes_its_sigmoid_and_a_huge_one_does_not_overflow():
    logits = np.array([[0.0], [np.log(3.0)], [-np.log(3.0)], [1e4], [-1e4]], np.float32)
    with np.errstate(all="raise"):
        assert np.allclose(probabilities(logits), [0.5, 0.75, 0.25, 1, 0])


def test_one_output_is_a_logit_without_bounds():
    model = made_network("resnet10", (16, 16, 1), width=4, outputs=1)
    model.get_layer("predictions").set_weights([np.zeros((32, 1)), np.full(1, -7.5)])
    assert np.allclose(keras.ops.convert_to_numpy(model(np.zeros((2, 16, 16, 1), np.float32))), [[-7.5], [-7.5]])


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (9, 4), (16, 33)])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_any_depth_and_size_of_cube_goes_through(shape, channels):
    model = made_network("resnet6", (shape[0], shape[1], shape[1], channels), width=2, stem_stride=1)
    assert model.input_shape == (None, shape[0], shape[1], shape[1], channels)
    made = keras.ops.convert_to_numpy(model(np.ones((1, *model.input_shape[1:]), np.float32)))
    assert np.isfinite(made).all()


def test_a_stem_without_a_step_sees_every_voxel():
    for step, edge in {1: 15, 2: 8}.items():
        model = made_network("resnet10", (15, 15, 15, 1), width=2, stem_stride=step)
        assert model.get_layer("conv1_conv").output.shape[1:4] == (edge,) * 3


def test_depths_count_their_weighted_layers_as_the_paper_does():
    for network, depth in {"resnet10": 10, "resnet18": 18, "resnet34": 34, "resnet50": 50}.items():
        model = made_network(network, (32, 32, 3), width=4)
        weighted = [layer for layer in model.layers if layer.name.endswith("_conv") and "_0_" not in layer.name]
        assert len(weighted) + 1 == depth


def test_widths_scale_every_stage():
    model = made_network("resnet18", (16, 16, 16, 1), width=8)
    assert [model.get_layer(f"conv{stage}_block1_1_conv").filters for stage in (2, 3, 4, 5)] == [8, 16, 32, 64]


def test_a_network_is_kept_and_loaded_without_any_code_in_its_file(tmp_path):
    model = made_network("resnet6", (16, 16, 3), "imagenet", width=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    images = np.random.default_rng(0).uniform(size=(2, 16, 16, 3)).astype(np.float32)
    assert np.allclose(*(keras.ops.convert_to_numpy(each(images)) for each in (loaded, model)))


def test_mri_slices_of_the_stated_statistics_reach_the_weights_with_mean_0_and_the_deviation_of_photographs():
    for scale, statistics in MRI_STATISTICS.items():
        slices = np.random.default_rng(0).normal(*statistics, (4, 32, 32, 1)).astype(np.float32).repeat(3, axis=-1)
        made = _values(made_network("resnet6", (32, 32, 3), scale, width=2), "imagenet", slices)
        assert abs(made.mean()) < 3
        assert abs(made.std() - 58) < 3
