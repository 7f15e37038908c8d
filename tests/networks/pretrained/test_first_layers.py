"""Files of other people's weights on our networks: names, heads, shortcuts, first layers, other architectures."""

import numpy as np
import pytest

from benchmarks.synthetic.weight_files import Names, safetensors_of, state_of, tensors, write_legacy, write_zip
from radiogen.core.errors import UserError
from radiogen.networks.architecture import HEAD_STATISTICS
from radiogen.networks.backend import keras
from radiogen.networks.pretrained.first_layers import check_first_weights, read_first_layers
from radiogen.networks.pretrained.layer_shapes import layer_shapes
from radiogen.networks.settings import BLOCKS, NetworkSettings
from radiogen.networks.weights import load_first_weights

from ..made import made_network

SHAPE = (8, 8, 8, 1)
SMALL = {"width": 4, "stem_kernel_size": 3}


def _read(path, architecture="resnet10", shape=SHAPE, **settings):
    return read_first_layers(path, layer_shapes(NetworkSettings(architecture, **{**SMALL, **settings}), shape))


def _med3d(state):
    """As MedicalNet keeps them: each name behind `module.`, with its segmentation head, in a checkpoint."""
    head = {f"conv_seg.{place}.weight": np.ones((2, 2, 1, 1, 1), "f4") for place in (0, 1, 3, 4, 6)}
    return {"ecpoch": 3, "state_dict": tensors({f"module.{name}": array for name, array in {**state, **head}.items()})}


def _monai(state):
    return tensors({**state, "fc.weight": np.ones((400, 32), "f4"), "fc.bias": np.ones(400, "f4")})


@pytest.mark.parametrize("architecture", BLOCKS)
@pytest.mark.parametrize("rank", [2, 3])
def test_the_shapes_of_a_network_are_known_without_building_it(architecture, rank):
    settings = NetworkSettings(architecture, width=3, stem_kernel_size=3)
    model = made_network(architecture, (*[8] * rank, 2), width=3, stem_kernel_size=3)
    built = {layer.name: tuple(layer.weights[0].shape) for layer in model.layers
             if layer.name.endswith(("_conv", "_bn"))}
    assert layer_shapes(settings, (*[8] * rank, 2)) == built


def test_a_file_of_medicalnet_fills_every_layer_and_its_head_is_named_as_unused(tmp_path):
    fitted = _read(write_legacy(tmp_path / "resnet_10.pth", _med3d(state_of((1, 1, 1, 1)))))
    assert fitted.message == ("24 of 24 layers took their initial weights from resnet_10.pth; "
                              "not used of it: conv_seg.0, conv_seg.1, conv_seg.3 and 2 more")


def test_a_file_of_monai_fills_every_layer_with_the_biases_of_its_shortcuts(tmp_path):
    state = state_of((2, 2, 2, 2))
    state["layer2.0.downsample.0.bias"] = np.arange(8, dtype="f4")
    fitted = _read(write_zip(tmp_path / "net.pt", _monai(state)), "resnet18")
    assert fitted.message == "40 of 40 layers took their initial weights from net.pt; not used of it: fc"
    assert fitted.layers["conv3_block1_0_conv"][1].tolist() == [*range(8)]
    assert not fitted.layers["conv4_block1_0_conv"][1].any()


def test_names_lead_to_the_layer_of_the_same_place_with_its_axes_turned(tmp_path):
    state = state_of((3, 4, 6, 3), bottleneck=True)
    fitted = _read(safetensors_of(tmp_path / "net.safetensors", state), "resnet50")
    assert "106 of 106" in fitted.message
    for ours, theirs in (("conv1_conv", "conv1"), ("conv2_block3_2_conv", "layer1.2.conv2"),
                         ("conv4_block6_3_conv", "layer3.5.conv3"), ("conv5_block1_0_conv", "layer4.0.downsample.0")):
        kernel = fitted.layers[ours][0]
        assert kernel[0, -1, 0, 0, 3] == state[f"{theirs}.weight"][3, 0, 0, -1, 0]
    for part, array in zip(("weight", "bias", "running_mean", "running_var"), fitted.layers["conv3_block1_0_bn"],
                           strict=True):
        assert np.array_equal(array, state[f"layer2.0.downsample.1.{part}"])


def test_the_three_formats_give_a_network_the_same_outputs(tmp_path):
    state, images = state_of((1, 1, 1, 1)), np.random.default_rng(0).normal(size=(2, *SHAPE)).astype("f4")
    made = []
    for path in (write_legacy(tmp_path / "a.pth", _med3d(state)), write_zip(tmp_path / "b.pth", _monai(state)),
                 safetensors_of(tmp_path / "c.safetensors", state)):
        model = made_network("resnet10", SHAPE, "unchanged", **SMALL)
        load_first_weights(model, str(path))
        features = keras.Model(model.input, model.get_layer("avg_pool").output)
        made.append(keras.ops.convert_to_numpy(features(images)))
    assert np.array_equal(made[0], made[1]) and np.array_equal(made[0], made[2])
    assert np.abs(made[0]).max() > 0.1


def test_shortcuts_without_weights_pass_channels_on_and_add_channels_of_zero(tmp_path):
    """Type A of MedicalNet's ResNet-18 and 34: every second voxel, then channels of 0."""
    path = write_legacy(tmp_path / "resnet_18.pth", _med3d(state_of((2, 2, 2, 2), shortcut="A")))
    model = made_network("resnet18", SHAPE, "unchanged", **SMALL)
    assert "40 of 40" in (said := load_first_weights(model, str(path))) and "6 of them shortcuts of type A" in said
    images = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype("f4")
    before, after = (keras.ops.convert_to_numpy(keras.Model(model.input, model.get_layer(name).output)(images))
                     for name in ("conv2_block2_out", "conv3_block1_0_bn"))
    assert np.abs(after[..., :4] - before[:, ::2, ::2, ::2]).max() < 1e-5 * np.abs(before).max()
    assert not after[..., 4:].any()


def test_a_file_that_lacks_one_shortcut_is_not_of_type_a(tmp_path):
    state = {name: array for name, array in state_of((1, 1, 1, 1)).items() if "layer2.0.downsample" not in name}
    said = _read(safetensors_of(tmp_path / "x.safetensors", state)).message
    assert "22 of 24" in said and "the others are random: layer2.0.downsample.0, layer2.0.downsample.1" in said


@pytest.mark.parametrize(("stored", "wanted"), [(1, 4), (3, 1), (3, 2), (1, 3)])
def test_one_image_in_every_channel_computes_what_it_did_in_the_files_channels(tmp_path, stored, wanted):
    path = safetensors_of(tmp_path / "x.safetensors", state_of((1, 1, 1, 1), channels=stored))
    image, made = np.random.default_rng(0).normal(size=(1, 8, 8, 8, 1)).astype("f4"), []
    for channels in (stored, wanted):
        model = made_network("resnet10", (8, 8, 8, channels), "unchanged", **SMALL)
        load_first_weights(model, str(path))
        first = keras.Model(model.input, model.get_layer("conv1_conv").output)
        made.append(keras.ops.convert_to_numpy(first(np.repeat(image, channels, axis=-1))))
    assert np.allclose(*made, atol=1e-4)


def test_a_first_layer_of_four_channels_does_not_go_onto_one(tmp_path):
    path = safetensors_of(tmp_path / "x.safetensors", state_of((1, 1, 1, 1), channels=4))
    with pytest.raises(UserError, match=r"conv1_conv is \(3, 3, 3, 4, 4\) there and \(3, 3, 3, 1, 4\) here"):
        _read(path)
    assert "24 of 24" in _read(path, shape=(8, 8, 8, 4)).message


@pytest.mark.parametrize(("theirs", "change", "problem"), [
    ((2, 2, 2, 2), {}, r"its stages have 2, 2, 2, 2 blocks, and 1, 1, 1, 1 here; .*--architecture"),
    ((1, 1), {"architecture": "resnet18"}, "blocks, and 2, 2, 2, 2 here"),
    ((3, 4, 23, 3), {"architecture": "resnet34"}, "3, 4, 23, 3 blocks"),
    ((1, 1, 1, 1), {"architecture": "resnet6"}, "1, 1, 1, 1 blocks, and 1, 1 here"),
    ((3, 4, 6, 3), {"architecture": "resnet50"}, "conv2_block1_1_conv is"),
    ((1, 1, 1, 1), {"width": 8}, r"\(3, 3, 3, 1, 4\) there and \(3, 3, 3, 1, 8\) here"),
    ((1, 1, 1, 1), {"stem_kernel_size": 7}, "conv1_conv is"),
    ((1, 1, 1, 1), {"shape": (8, 8, 1)}, "conv1_conv is"),
])
def test_another_architecture_is_refused_with_both(tmp_path, theirs, change, problem):
    path = safetensors_of(tmp_path / "x.safetensors", state_of(theirs))
    with pytest.raises(UserError, match=problem):
        _read(path, **change)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_are_not_finite_in_float32_are_refused(tmp_path, value):
    state = state_of((1, 1, 1, 1))
    state["layer1.0.bn1.bias"] = np.full(4, value)
    for path in (safetensors_of(tmp_path / "x.safetensors", state), write_zip(tmp_path / "x.pth", tensors(state))):
        with pytest.raises(UserError, match=r"conv2_block1_1_bn that are not finite"):
            _read(path)


def test_whole_numbers_are_no_weights(tmp_path):
    state = {**state_of((1, 1, 1, 1)), "layer1.0.bn1.bias": np.ones(4, "i8")}
    with pytest.raises(UserError, match="not finite numbers"):
        _read(safetensors_of(tmp_path / "x.safetensors", state))


def test_weights_of_a_2d_network_are_not_inflated_from_pytorchs_files(tmp_path):
    state = {name: array[..., 0] if array.ndim == 5 else array for name, array in state_of((1, 1, 1, 1)).items()}
    with pytest.raises(UserError, match="is of another network"):
        _read(safetensors_of(tmp_path / "x.safetensors", state))


def _ended_early(path):
    path.write_bytes(path.read_bytes()[:-100])
    return path


@pytest.mark.parametrize(("name", "write", "problem"), [
    ("absent.pth", None, "is missing"),
    ("absent.safetensors", None, "is missing"),
    ("weights.npz", lambda path: path.write_bytes(b"x"), r"has no ending of a file of weights.*\.h5.*\.safetensors"),
    ("weights", lambda path: path.write_bytes(b"x"), "has no ending"),
    ("folder.pth", lambda path: path.mkdir(), "folder.pth"),
    ("empty.pth", lambda path: path.write_bytes(b""), "is no file of torch.save"),
    ("page.pth", lambda path: path.write_text("<!DOCTYPE html>"), "is no file of torch.save: it is damaged"),
    ("evil.pth", lambda path: path.write_bytes(b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."),
     r"its pickle names os\.system, which is no tensor: only tensors are read; save its state_dict alone"),
    ("cut.pth", lambda path: _ended_early(write_zip(path, tensors(state_of((1, 1, 1, 1))))), "cut off"),
    ("cut.pt", lambda path: _ended_early(write_legacy(path, tensors(state_of((1, 1, 1, 1))))), "fewer bytes"),
    ("cut.safetensors", lambda path: _ended_early(safetensors_of(path, state_of((1, 1, 1, 1)))), "ends before"),
    ("unet.pth", lambda path: write_zip(path, tensors({"up.weight": np.ones((2, 2), "f4")})), "has no layer of this"),
    ("twice.pth", lambda path: write_zip(path, tensors({"module.bn1.bias": np.ones(4, "f4"),
                                                        "bn1.bias": np.ones(4, "f4")})), "both with and without"),
])
def test_a_file_that_cannot_be_loaded_ends_in_one_line_that_names_it(tmp_path, name, write, problem):
    if write is not None:
        write(tmp_path / name)
    with pytest.raises(UserError, match=problem) as caught:
        check_first_weights(NetworkSettings("resnet10", **SMALL, weights=str(tmp_path / name)), SHAPE)
    assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "x.pth", tensors(state_of((1, 1, 1, 1))))

    def closed(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", closed)
    with pytest.raises(UserError, match="cannot be read"):
        _read(path)


def test_random_and_imagenet_weights_need_no_file():
    check_first_weights(NetworkSettings("resnet50"), SHAPE)
    check_first_weights(NetworkSettings("resnet50", weights="imagenet"), SHAPE)


def test_a_name_of_a_layer_that_is_no_text_for_a_terminal_is_shown_without_it(tmp_path):
    state = Names({**tensors(state_of((1, 1, 1, 1))), **tensors({"\x1b[31m" + "x" * 500: np.ones(1, "f4")})})
    state["\x1b[31m" + "x" * 500].key = "last"
    said = _read(write_zip(tmp_path / "x.pth", state)).message
    assert "\x1b" not in said and len(said) < 250


def test_heads_of_mean_036_and_deviation_016_reach_the_weights_with_mean_0_and_deviation_1():
    assert np.allclose(HEAD_STATISTICS, (0.36, 0.16))
    heads = np.random.default_rng(0).normal(0.36, 0.16, (4, *SHAPE)).astype("f4")
    model = made_network("resnet10", SHAPE, "head", **SMALL)
    scaled = keras.ops.convert_to_numpy(keras.Model(model.input, model.get_layer("head").output)(heads))
    assert abs(scaled.mean()) < 0.1 and abs(scaled.std() - 1) < 0.1


def test_the_3d_resnet50_has_pytorchs_strides_for_pytorchs_weights():
    model = made_network("resnet50", (16, 16, 16, 1), "head", **SMALL)
    first, second = (model.get_layer(f"conv3_block1_{place}_conv") for place in (1, 2))
    assert first.strides == (1, 1, 1) and second.strides == (2, 2, 2)
