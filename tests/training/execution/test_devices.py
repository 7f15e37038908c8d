"""Several devices share a batch and take the steps that one takes; what cannot be done is said before it is begun."""

import dataclasses
import json
import os
import subprocess

import numpy as np
import pandas as pd
import pytest

from radiogen.arrays.stored_arrays import read_index
from radiogen.core.errors import UserError
from radiogen.networks.backend import _Jax, _TensorFlow
from radiogen.training import runs, workflow
from radiogen.training.execution.cluster import _fold_order
from radiogen.training.execution.devices import Devices, Share, _visible_gpus, check_devices, one_gpu_each

from ...warm_commands import run_python

JAX_PYTHON = os.environ.get("RADIOGEN_JAX_PYTHON")
needs_jax = pytest.mark.skipif(not JAX_PYTHON, reason="RADIOGEN_JAX_PYTHON names no interpreter with Keras on JAX: "
                                                      "make test-jax makes one")


@pytest.fixture(scope="module")
def run(small_data, small_recipe, small_cache, tmp_path_factory):
    """A run whose eight training cases are two batches of four; nothing is trained."""
    folder = tmp_path_factory.mktemp("devices") / "models" / "one"
    return workflow.begin_run(small_data, small_recipe.replace(epochs=3), folder, small_cache, workers=1)


def _twin(run, name):
    """The same run in another folder."""
    twin = dataclasses.replace(run, folder=run.folder.parent / name)
    runs.prepare_run(twin, read_index(run.cache))
    return twin


def _ended(run, devices):
    """Train fold 0 in a new process to its end: devices are chosen once in a process's life."""
    return run_python("-m", "radiogen.training.execution.cluster", json.dumps(_fold_order(run, "0", devices)))


def _begin_on_jax(run, devices, said):
    """Its process, which writes its errors to the file `said`; its input stays open: the end of that is the fold's."""
    order = json.dumps(_fold_order(run, "0", devices))
    with said.open("w") as file:
        return subprocess.Popen([JAX_PYTHON, "-m", "radiogen.training.execution.cluster", order], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=file,
                                env={**os.environ, "KERAS_BACKEND": "jax"})


def _train(run, devices):
    end = _ended(run, devices)
    assert end.returncode == 0, end.stderr
    return pd.read_csv(runs.fold_folder(run, "0") / "history.csv")


def _train_on_jax(run, devices):
    """The fold's history."""
    said = run.folder / "said.txt"
    process = _begin_on_jax(run, devices, said)
    assert process.wait() == 0, said.read_text()
    return pd.read_csv(runs.fold_folder(run, "0") / "history.csv")


def _assert_same_curve(one, other):
    assert len(one) == len(other) == 3
    for column in ("loss", "val_loss"):
        np.testing.assert_allclose(one[column], other[column], rtol=2e-3)


@pytest.mark.parametrize("devices", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_devices_that_share_a_batch_give_the_loss_curve_of_one(run, devices):
    one = _train(_twin(run, f"one-of-{devices}"), Devices("cpu"))
    several = _train(_twin(run, f"all-{devices}"), Devices(f"cpu:{devices}"))
    _assert_same_curve(one, several)
    assert one["loss"].nunique() == 3


@needs_jax
@pytest.mark.slow
def test_a_short_fold_trains_on_jax_without_tensorflow(run):
    twin = _twin(run, "jax")
    history = _train_on_jax(twin, Devices("cpu"))
    assert len(history) == 3
    assert (runs.fold_folder(twin, "0") / runs.layout.WEIGHTS).is_file()
    end = subprocess.run([JAX_PYTHON, "-c", "import sys; import radiogen.training.fit; "
                                            "sys.exit('tensorflow' in sys.modules)"],
                         env={**os.environ, "KERAS_BACKEND": "jax"})
    assert end.returncode == 0


@needs_jax
@pytest.mark.slow
def test_two_machines_on_jax_give_the_loss_curve_of_one_and_the_first_writes(run, free_port):
    one = _train_on_jax(_twin(run, "jax-one"), Devices("cpu"))
    twin = _twin(run, "jax-two")
    said = [twin.folder / f"said-{machine}.txt" for machine in (0, 1)]
    both = [_begin_on_jax(twin, Devices("cpu", 2, machine, f"127.0.0.1:{free_port}"), said[machine])
            for machine in (0, 1)]
    assert [process.wait() for process in both] == [0, 0], [file.read_text() for file in said]
    several = pd.read_csv(runs.fold_folder(twin, "0") / "history.csv")
    _assert_same_curve(one, several)


@pytest.fixture
def free_port():
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def test_accumulating_on_several_tensorflow_devices_is_refused_with_the_remedy(run):
    recipe = run.recipe.replace(micro_batch_size=2)
    twin = dataclasses.replace(run, recipe=recipe, folder=run.folder.parent / "accumulates")
    runs.prepare_run(twin, read_index(run.cache))
    end = _ended(twin, Devices("cpu:2"))
    assert end.returncode == 2
    assert "gradient accumulation" in end.stderr and "--micro-batch-size" in end.stderr
    assert not (runs.fold_folder(twin, "0") / runs.layout.WEIGHTS).is_file()


@pytest.mark.parametrize(("devices", "said"), [
    (Devices("tpu"), "not a choice"), (Devices("gpu:0"), "not a choice"), (Devices("auto:2"), "not a choice"),
    (Devices(machines=2, machine=2), "count them from 0"),
    (Devices(machines=2, coordinator="a:1"), "MultiWorkerMirroredStrategy"),
])
def test_what_tensorflow_cannot_do_is_said_at_once(devices, said):
    with pytest.raises(UserError, match=said):
        check_devices(devices, _TensorFlow())


def test_machines_need_an_address():
    with pytest.raises(UserError, match="--coordinator"):
        check_devices(Devices(machines=2), _Jax())


def test_a_gpu_that_is_not_there_is_not_replaced_by_the_cpu(run, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    end = _ended(_twin(run, "no-gpu"), Devices("gpu"))
    assert end.returncode == 2
    assert "asks for 1 where 0 can be used" in end.stderr


def test_machines_feed_each_input_of_a_batch_once_and_batches_divide_by_the_devices():
    order = np.random.default_rng(0).permutation(23)
    whole = [Share().of(order, 3, number) for number in range(3)]
    np.testing.assert_array_equal(np.concatenate(whole), order)
    parts = [[Share(4, part, 2).of(order, 3, number) for part in (0, 1)] for number in range(3)]
    assert all(len(one) == len(other) and len(one) % 2 == 0 for one, other in parts)
    np.testing.assert_array_equal(np.concatenate([np.concatenate(pair) for pair in parts]), order[:20])


def test_folds_side_by_side_get_a_gpu_each(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert _visible_gpus() == ["3", "5"]
    assert one_gpu_each(Devices(), 3) == ["3", "5", "3"]
    assert one_gpu_each(Devices("cpu"), 2) == [None, None]
    assert one_gpu_each(Devices(), 1) == [None]
