"""First weights: found by name, inflated, damaged, from PyTorch; what a file may not do."""

import re
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.networks.backend import keras
from radiogen.networks.weights import IMAGENET_FILE, load_first_weights, load_torch_weights
from radiogen.training.model import load_trained

from .made import made_network


@pytest.fixture(scope="module")
def narrow_file(tmp_path_factory) -> Path:
    """A 2D ResNet-10 of width 4 with weights that are all different, as `.weights.h5`."""
    model = _narrow()
    random = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([random.uniform(0.1, 0.6, each.shape) for each in layer.get_weights()])
    path = tmp_path_factory.mktemp("weights") / "narrow.weights.h5"
    model.save_weights(path)
    return path


def _narrow(rank=2, channels=3, architecture="resnet10", width=4):
    return made_network(architecture, (*[32] * rank, channels), "imagenet", width=width)


def _values(model, layer, images):
    return keras.ops.convert_to_numpy(keras.Model(model.input, model.get_layer(layer).output)(images))


def _write_legacy(path, layers):
    """The layout of Keras 2: a group a layer, whose attribute names the arrays."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{number}:0".encode() for number in range(len(arrays))]
            for number, array in enumerate(arrays):
                group[f"{name}/{number}:0"] = array
    return path


def test_a_whole_file_gives_every_layer_but_the_head(narrow_file):
    model = _narrow()
    head = model.get_layer("predictions").get_weights()[0].copy()
    said = load_first_weights(model, str(narrow_file))
    assert said == "24 of 24 layers took their initial weights from narrow.weights.h5; not used of it: predictions"
    assert np.array_equal(model.get_layer("predictions").get_weights()[0], head)


def test_a_part_of_the_legacy_layout_is_found_by_name_and_counted(tmp_path):
    kernel = np.random.default_rng(0).normal(size=(7, 7, 3, 4)).astype(np.float32)
    path = _write_legacy(tmp_path / "part.h5", {"conv1_conv": [kernel, np.ones(4, np.float32)],
                                                "fc1000": [np.ones((2048, 1000), np.float32)]})
    model = _narrow()
    assert load_first_weights(model, str(path)) == \
        "1 of 24 layers took their initial weights from part.h5; the others are random: conv1_bn, " \
        "conv2_block1_1_conv, conv2_block1_1_bn and 20 more; not used of it: fc1000"
    assert np.array_equal(model.get_layer("conv1_conv").get_weights()[0], kernel)


@pytest.fixture(scope="module")
def flat_and_deep(imagenet_layers):
    """One channel through ResNet-50 with the real first layers, in 2D and in 3D; and what was said."""
    flat, deep = (made_network("resnet50", shape, "imagenet") for shape in ((32, 32, 1), (112, 32, 32, 1)))
    return flat, deep, [load_first_weights(model, str(imagenet_layers)) for model in (flat, deep)]


def test_the_first_thirty_layers_of_imagenet_are_found_in_2d_and_3d(flat_and_deep, imagenet_layers):
    start = f"30 of 106 layers took their initial weights from {imagenet_layers.name}"
    for line, words in zip(flat_and_deep[2], ("", ", inflated to 3D"), strict=True):
        assert line.startswith(f"{start}{words}; the others are random: conv3_block2_1_conv, ") and "73 more" in line


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_a_grey_image_in_every_channel_computes_what_grey_three_times_computes(narrow_file, channels):
    grey = np.random.default_rng(1).uniform(size=(2, 32, 32, 1)).astype(np.float32)
    made = []
    for each in (channels, 3):
        model = _narrow(channels=each)
        load_first_weights(model, str(narrow_file))
        made.append(_values(model, "conv1_conv", np.repeat(grey, each, axis=-1)))
    assert np.allclose(*made, rtol=1e-4, atol=1e-2)  # of values of some hundreds


def test_one_channel_takes_the_kernel_summed_over_the_three(narrow_file):
    one, three = _narrow(channels=1), _narrow()
    for model in (one, three):
        load_first_weights(model, str(narrow_file))
    kernel, summed = (model.get_layer("conv1_conv").get_weights()[0] for model in (three, one))
    assert np.allclose(summed, kernel.sum(axis=2, keepdims=True))


def test_a_volume_of_equal_slices_computes_what_the_slice_computes(flat_and_deep):
    """What I3D inflates for; far from the first and last slice, where zeros are padded."""
    flat, deep, _ = flat_and_deep
    slice_ = np.random.default_rng(0).uniform(size=(1, 32, 32, 1)).astype(np.float32)
    expected = _values(flat, "conv3_block1_out", slice_)
    made = _values(deep, "conv3_block1_out", np.repeat(slice_[:, None], 112, axis=1))
    assert np.allclose(made[:, made.shape[1] // 2], expected, atol=1e-3 * expected.max())


def test_damaged_foreign_and_missing_files_end_in_one_line(tmp_path, narrow_file):
    whole = narrow_file.read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[:len(whole) // 2])
    (tmp_path / "text.h5").write_text("no weights at all")
    (tmp_path / "empty.h5").write_bytes(b"")
    h5py.File(tmp_path / "other.h5", "w").close()
    _write_legacy(tmp_path / "stranger.h5", {"dense_1": [np.ones((2, 2), np.float32)]})
    _write_legacy(tmp_path / "nan.h5", {"conv1_conv": [np.full((7, 7, 3, 4), np.nan, np.float32), np.ones(4, "f")]})
    _write_legacy(tmp_path / "text-inside.h5", {"conv1_conv": [np.array([b"x"])]})
    model = _narrow()
    for name in ("cut.h5", "text.h5", "empty.h5", "other.h5", "stranger.h5", "nan.h5", "text-inside.h5", "absent.h5",
                 "."):
        with pytest.raises(UserError) as caught:
            load_first_weights(model, str(tmp_path / name))
        assert str(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_no_byte_that_is_cut_off_or_overwritten_leads_to_anything_but_one_line(tmp_path):
    """Whole or refused: HDF5 has no checksums, so a changed number in an array may pass; nothing else may."""
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(7, 7, 3, 4)).astype(np.float32), np.ones(4, np.float32)]
    whole = _write_legacy(tmp_path / "whole.h5", {"conv1_conv": arrays}).read_bytes()
    model, damaged = _narrow(), tmp_path / "damaged.h5"
    for number in range(60):
        content = bytearray(whole[:random.integers(len(whole))] if number % 2 else whole)
        for place in random.integers(len(content), size=40) if len(content) else ():
            content[place] = random.integers(256)
        damaged.write_bytes(content)
        try:
            load_first_weights(model, str(damaged))
        except UserError as error:
            assert "\n" not in str(error)


def test_weights_of_another_width_are_refused_with_both_shapes(narrow_file):
    with pytest.raises(UserError, match=r"conv1_conv is \(7, 7, 3, 4\) there and \(7, 7, 3, 8\) here"):
        load_first_weights(_narrow(width=8), str(narrow_file))


def test_3d_weights_do_not_go_into_a_2d_network(tmp_path):
    model = _narrow(rank=3, channels=3)
    model.save_weights(tmp_path / "deep.weights.h5")
    with pytest.raises(UserError, match="is of another network"):
        load_first_weights(_narrow(), str(tmp_path / "deep.weights.h5"))


@pytest.mark.parametrize("network", ["resnet10", "resnet18", "resnet34"])
def test_networks_without_imagenet_weights_in_keras_say_so(network):
    with pytest.raises(UserError, match="Keras has none for this network; use "
                                        "--architecture resnet50"):
        load_first_weights(made_network(network, (32, 32, 3), width=2), "imagenet")


def test_without_a_network_one_line_says_where_to_put_which_file(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise Exception("URL fetch failure on https://weights: None -- [Errno -2] Name or service not known")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(UserError) as caught:
        load_first_weights(_narrow(architecture="resnet50"), "imagenet")
    assert str(tmp_path / "models" / IMAGENET_FILE) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_put_into_kerass_cache_is_taken_without_a_network(tmp_path, monkeypatch, narrow_file):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.utils, "get_file", None)  # a call would fail
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / IMAGENET_FILE).write_bytes(narrow_file.read_bytes())
    with pytest.raises(UserError, match=f"{IMAGENET_FILE}: is of another network"):  # it was read
        load_first_weights(_narrow(architecture="resnet50"), "imagenet")


def test_pytorch_arrays_are_carried_over_by_name_and_a_missing_bias_is_zero():
    model = made_network("resnet10", (8, 8, 8, 1), width=2)
    kernel = np.arange(4 * 2 * 27, dtype=np.float32).reshape(4, 2, 3, 3, 3)
    state = {"module.layer2.0.conv1.weight": kernel,
             "module.layer2.0.downsample.0.weight": np.ones((4, 2, 1, 1, 1), np.float32)}
    assert load_torch_weights(model, state) == \
        "2 of 24 layers took their initial weights from PyTorch; the others are random: conv1, bn1, layer1.0.conv1 " \
        "and 19 more"
    assert model.get_layer("conv3_block1_1_conv").get_weights()[0][0, 1, 2, 1, 3] == kernel[3, 1, 0, 1, 2]
    assert not model.get_layer("conv3_block1_0_conv").get_weights()[1].any()


@pytest.mark.parametrize("where", ["link", "storage", "virtual"])
def test_arrays_that_lie_in_other_files_are_not_read(tmp_path, where):
    kernel = np.ones((7, 7, 3, 4), np.float32)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["kernel"] = kernel
    (tmp_path / "raw").write_bytes(kernel.tobytes())
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        group = file.create_group("conv1_conv")
        group.attrs["weight_names"] = [b"kernel"]
        if where == "link":
            group["kernel"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "kernel")
        elif where == "storage":
            group.create_dataset("kernel", kernel.shape, "f4", external=[(str(tmp_path / "raw"), 0, kernel.nbytes)])
        else:
            layout = h5py.VirtualLayout(kernel.shape, "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "kernel", kernel.shape)
            group.create_virtual_dataset("kernel", layout)
    with pytest.raises(UserError, match=r"weights\.h5: .*kernel lies in another file"):
        load_first_weights(_narrow(), str(tmp_path / "weights.h5"))


def test_an_array_that_claims_more_than_its_file_can_hold_is_not_made(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        group = file.create_group("conv1_conv")
        group.attrs["weight_names"] = [b"kernel"]
        group.create_dataset("kernel", (1 << 20, 1 << 18), "f4", chunks=(1024, 1024))
    with pytest.raises(UserError, match="declares more bytes than the file can contain"):
        load_first_weights(_narrow(), str(tmp_path / "weights.h5"))


def test_an_array_without_axes_is_no_kernel(tmp_path):
    _write_legacy(tmp_path / "weights.h5", {"conv1_conv": [np.float32(1)]})
    with pytest.raises(UserError, match="values in conv1_conv that are not finite numbers"):
        load_first_weights(_narrow(), str(tmp_path / "weights.h5"))


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_whole_model_with_a_lambda_layer_is_refused_and_does_not_run(tmp_path, name):
    ran = []
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Lambda(lambda x: (ran.append(1), x)[1])])
    model.save(tmp_path / "model.keras")
    ran.clear()
    (tmp_path / name).write_bytes((tmp_path / "model.keras").read_bytes())
    with pytest.raises(UserError, match=r"is an archive, such as \.keras, that may contain code"):
        load_first_weights(_narrow(), str(tmp_path / name))
    assert ran == []


def test_damaged_weights_of_a_trained_fold_are_named_with_the_command_that_makes_them_again(tmp_path):
    run, model = SimpleNamespace(folder=tmp_path / "models" / "one"), _narrow()
    path = run.folder / "fold-3" / "model.weights.h5"
    path.parent.mkdir(parents=True)
    model.save_weights(path)
    load_trained(model, run, "3")
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2])
    command = rf"train\.py --run one --models {re.escape(str(tmp_path / 'models'))} --fold 3"
    with pytest.raises(UserError, match=rf"fold-3/model\.weights\.h5: is damaged.*{command}"):
        load_trained(model, run, "3")
    path.write_bytes(whole)
    with pytest.raises(UserError, match="is damaged or of another network"):
        load_trained(_narrow(width=8), run, "3")


def test_weights_that_may_not_be_read_are_not_called_damaged(tmp_path, monkeypatch):
    run, model = SimpleNamespace(folder=tmp_path / "models" / "one"), _narrow()
    path = run.folder / "fold-3" / "model.weights.h5"
    path.parent.mkdir(parents=True)
    model.save_weights(path)

    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Unable to synchronously open file")

    monkeypatch.setattr(h5py, "File", closed)
    for reading in (lambda: load_trained(model, run, "3"), lambda: load_first_weights(model, str(path))):
        with pytest.raises(UserError, match=r"model\.weights\.h5: cannot be read \(Permission denied\); make it"):
            reading()
