"""Which engine is chosen, and why: by the user, the back end, the device, what is installed, batches and memory."""

import importlib.util

import pytest

from radiogen.core.errors import UserError
from radiogen.networks.backend import keras
from radiogen.networks.engines import choice
from radiogen.networks.engines.choice import SWITCH, Use, choose_engine, make_engine, switch_engine
from radiogen.networks.engines.protocol import NetworkShape
from radiogen.networks.settings import NetworkSettings

SMALL = NetworkShape(NetworkSettings("resnet6", width=4), (8, 8, 8, 1))
LARGE = NetworkShape(NetworkSettings("resnet50"), (64, 64, 64, 1))


@pytest.fixture
def machine(monkeypatch):
    """A function that sets what the machine is like; at first OpenVINO, TensorFlow on a CPU, and 8 GB left."""
    monkeypatch.delenv(SWITCH, raising=False)

    def change(installed=True, back_end="tensorflow", gpu="", memory=8e9):
        monkeypatch.setattr(choice, "_installed", lambda: installed)
        monkeypatch.setattr(choice, "_back_end", lambda: back_end)
        monkeypatch.setattr(choice, "_gpu", lambda: gpu)
        monkeypatch.setattr(choice, "available_memory", lambda: int(memory))
    change()
    return change


@pytest.mark.parametrize("batches", [1, 1000])
def test_openvino_is_taken_on_a_cpu_where_it_is_installed(machine, batches):
    assert choose_engine(LARGE, Use(batches)).name == "openvino"


@pytest.mark.parametrize(("kind", "use", "why"), [
    ({"back_end": "jax"}, Use(100), "Keras's back end is jax"),
    ({"gpu": "NVIDIA H100"}, Use(100), "it computes on NVIDIA H100"),
    ({}, Use(100, "bfloat16"), "the precision is bfloat16"),
])
def test_other_back_ends_gpus_and_16_bits_are_left_to_keras(machine, kind, use, why):
    machine(**kind)
    found = choose_engine(SMALL, use)
    assert (found.name, found.why) == ("keras", why)


def test_without_openvino_a_constant_graph_is_taken_where_batches_are_many_and_memory_suffices(machine):
    machine(installed=False)
    assert choose_engine(LARGE, Use(100)).name == "frozen"
    assert choose_engine(LARGE, Use(3)).name == "keras"
    machine(installed=False, memory=4e9)
    found = choose_engine(LARGE, Use(100))
    assert found.name == "keras" and found.why.endswith("takes 3.7 GB of memory, 4.0 GB are left")
    assert choose_engine(SMALL, Use(100)).name == "frozen"


def test_the_user_can_name_the_engine_for_this_process_and_its_children(machine, monkeypatch):
    monkeypatch.setenv(SWITCH, "")
    switch_engine("keras")
    assert choose_engine(SMALL, Use(100)).name == "keras"
    switch_engine("auto")
    assert choose_engine(SMALL, Use(100)).name == "keras"
    switch_engine("frozen")
    assert choose_engine(SMALL, Use(1)).name == "frozen"


@pytest.mark.parametrize(("name", "kind", "text"), [
    ("openvino", {"installed": False}, "OpenVINO is not installed"),
    ("frozen", {"back_end": "torch"}, "Keras's back end is torch"),
    ("fast", {}, "is no engine; name one of auto, openvino, frozen, keras"),
])
def test_a_named_engine_that_cannot_be_used_is_refused(machine, monkeypatch, name, kind, text):
    machine(**kind)
    monkeypatch.setenv(SWITCH, name)
    with pytest.raises(UserError, match=text):
        choose_engine(SMALL, Use(100))


def test_keras_traces_a_graph_for_many_batches_alone(machine, monkeypatch):
    monkeypatch.setenv(SWITCH, "keras")
    engines = [make_engine(choose_engine(SMALL, use), SMALL, use) for use in (Use(2), Use(100))]
    assert [engine.traced for engine in engines] == [False, True]


def test_the_back_end_is_keras_own_without_importing_it(monkeypatch, tmp_path):
    monkeypatch.delitem(choice.sys.modules, "keras")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert choice._back_end() == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "torch"}', encoding="utf-8")
    assert choice._back_end() == "torch"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert choice._back_end() == "jax"


def test_an_imported_keras_is_asked_for_its_back_end():
    assert choice._back_end() == keras.backend.backend()


def test_keras_is_asked_for_a_gpu_only_where_a_driver_is(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(choice, "GPU_DRIVERS", (str(tmp_path / "none"),))
    monkeypatch.setattr("radiogen.networks.backend.backend", lambda: pytest.fail("Keras was asked"))
    assert choice._gpu() == ""
    monkeypatch.setattr(choice, "GPU_DRIVERS", (str(tmp_path),))
    with pytest.raises(pytest.fail.Exception):
        choice._gpu()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert choice._gpu() == ""


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_the_choice_says_the_version_of_what_computes(machine):
    import openvino

    text = choose_engine(SMALL, Use(1)).text
    assert text.startswith("OpenVINO 20") and text.endswith(": float32 on a CPU")
    assert text.split()[1].rstrip(":") in openvino.__version__
