"""Where a fold is trained: one device, all devices of a machine, or several machines, by what Keras itself offers.

In: what the user asked for (`--devices`, `--machines`). Out: a context in which a network is built and trained, and the
share of each batch that this process feeds. TensorFlow mirrors a network over a machine's devices; JAX does so over
machines, too. The same batch gives the same steps to float tolerance, however many devices share it: batch
normalisation sees the whole batch (TensorFlow's is synchronised, JAX's is by nature).
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from radiogen.core.errors import UserError


@dataclass(frozen=True)
class Devices:
    """What was asked for.

    choice: auto (every GPU, else the CPU), cpu, gpu, or either with a number, such as gpu:2; cpu:4 splits the CPU into
    four devices, to try what several do. machines: how many processes, one a machine, train one network together;
    machine: which of them this is, from 0; coordinator: address and port of the first, such as 10.0.0.1:9876.
    """

    choice: str = "auto"
    machines: int = 1
    machine: int = 0
    coordinator: str | None = None


@dataclass(frozen=True)
class Share:
    """What this process feeds: part `part` of `parts` of each batch, whose size is a multiple of `devices`."""

    devices: int = 1
    part: int = 0
    parts: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes the run's files."""
        return self.part == 0

    def of(self, order: np.ndarray, batches: int, number: int) -> np.ndarray:
        """The rows of batch `number` of `batches` that this process feeds; `order`: (inputs,) rows of an epoch.

        Batches are as even as can be. With several devices each is a multiple of them, so that each input weighs the
        same; the last few of the order, fewer than there are devices, are left out: others in the next epoch.
        """
        if self.devices == 1:
            return np.array_split(order, batches)[number]
        whole = order[:len(order) // self.devices * self.devices].reshape(-1, self.devices)
        return np.array_split(np.array_split(whole, batches)[number].ravel(), self.parts)[self.part]


def check_devices(devices: Devices, backend: str) -> Devices:
    """`devices` itself; UserError where no such thing can be done with this Keras back end, before anything is made."""
    _parse(devices.choice)
    if not 0 <= devices.machine < devices.machines:
        raise UserError(f"--machine {devices.machine}", f"is none of {devices.machines} machines",
                        "count them from 0 and give --machines the same number on each")
    if devices.machines > 1 and backend != "jax":
        raise UserError("--machines", f"needs Keras on JAX, not on {backend}: MultiWorkerMirroredStrategy of "
                        "TensorFlow does not work with Keras 3's fit",
                        "pip install jax; set KERAS_BACKEND=jax on each machine")
    if devices.machines > 1 and ":" not in (devices.coordinator or ""):
        raise UserError("--machines", "needs the first machine's address",
                        "add --coordinator HOST:PORT, the same on each machine")
    return devices


@contextlib.contextmanager
def placed(devices: Devices, fold: int = 0) -> Iterator[Share]:
    """Within: networks are built and trained on `devices`; yields this process's share of a batch.

    To be entered once a process, before anything is computed. fold: folds that follow each other on several machines
    each meet at a port of their own. Raises UserError where a device that was asked for is not there.
    """
    from radiogen.networks.backend import keras

    backend = keras.backend.backend()
    check_devices(devices, backend)
    kind, count = _parse(devices.choice)
    if backend == "tensorflow":
        with _tensorflow(kind, count) as share:
            yield share
    elif backend == "jax":
        yield _jax(devices, kind, count, fold)
    else:
        with _torch(kind, count) as share:
            yield share


def synchronise(model: Any, share: Share) -> None:
    """Let batch normalisation use the whole batch's mean and variance where TensorFlow's devices share it.

    Each device's own part would be the default: other numbers than one device's, and poor ones where it is small.
    """
    from radiogen.networks.backend import keras

    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = share.devices > 1 and keras.backend.backend() == "tensorflow"


def check_accumulation(steps: int, share: Share) -> None:
    """Raise UserError where several TensorFlow devices would have to accumulate gradients, which Keras cannot."""
    from radiogen.networks.backend import keras

    if steps > 1 and share.devices > 1 and keras.backend.backend() == "tensorflow":
        raise UserError("--memory-batch", f"would need {steps} steps of gradient accumulation, which Keras cannot do "
                        f"on {share.devices} TensorFlow devices (merge_call within cond)",
                        "give --memory-batch as much as --batch-size, take --devices gpu:1, or set KERAS_BACKEND=jax")


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, by the numbers of CUDA_VISIBLE_DEVICES; nothing is started to find out."""
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is not None:
        return [name for name in told.split(",") if name.strip() not in ("", "-1")]
    return [str(number) for number in range(len(list(Path("/proc/driver/nvidia/gpus").glob("*"))))]


def one_gpu_each(devices: Devices, at_once: int) -> list[str | None]:
    """For each of `at_once` folds side by side the GPU that it gets to itself; None where it takes what there is."""
    gpus = visible_gpus()
    kind, count = _parse(devices.choice)
    if at_once == 1 or len(gpus) < 2 or kind == "cpu" or count:
        return [None] * at_once
    return [gpus[number % len(gpus)] for number in range(at_once)]


def alone(devices: Devices) -> Devices:
    """The same without other machines: for work that each does by itself."""
    return replace(devices, machines=1, machine=0, coordinator=None)


def _parse(choice: str) -> tuple[str, int]:
    """`gpu:2` is ("gpu", 2); without a number 0, as many as there are."""
    kind, _, count = choice.partition(":")
    numbered = kind in ("cpu", "gpu") and count.isdigit() and int(count) > 0
    if choice not in ("auto", "cpu", "gpu") and not numbered:
        raise UserError(f"--devices {choice}", "is no choice of devices", "give auto, cpu, gpu, or as in gpu:2")
    return kind, int(count or 0)


@contextlib.contextmanager
def _tensorflow(kind: str, count: int) -> Iterator[Share]:
    import tensorflow

    gpus = tensorflow.config.list_physical_devices("GPU")
    if kind == "gpu" or (kind == "auto" and gpus):
        names = [f"GPU:{number}" for number in range(_enough(kind, count, len(gpus)))]
        for gpu in gpus:  # the display, or another fold, may need some of it
            tensorflow.config.experimental.set_memory_growth(gpu, True)
    else:
        tensorflow.config.set_visible_devices([], "GPU")
        names = [f"CPU:{number}" for number in range(max(1, count))]
        if len(names) > 1:
            tensorflow.config.set_logical_device_configuration(
                tensorflow.config.list_physical_devices("CPU")[0],
                [tensorflow.config.LogicalDeviceConfiguration() for _ in names])
    if len(names) == 1:
        yield Share()
        return
    with tensorflow.distribute.MirroredStrategy(names).scope():
        yield Share(devices=len(names))


def _jax(devices: Devices, kind: str, count: int, fold: int) -> Share:
    import jax

    from radiogen.networks.backend import keras

    if kind == "cpu":
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_num_cpu_devices", max(1, count))
    if devices.machines > 1:
        if kind == "cpu":
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
        host, _, port = devices.coordinator.rpartition(":")
        keras.distribution.initialize(job_addresses=f"{host}:{int(port) + fold}", num_processes=devices.machines,
                                      process_id=devices.machine)
    there = jax.local_devices() if devices.machines == 1 else jax.devices()
    names = None
    if kind == "gpu":
        wanted = _enough(kind, count, sum(device.platform == "gpu" for device in jax.local_devices()))
        if devices.machines == 1 and wanted < len(there):
            there = there[:wanted]
            names = [f"{device.platform}:{device.id}" for device in there]
    if len(there) == 1:
        return Share()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names, auto_shard_dataset=False))
    return Share(len(there), devices.machine, devices.machines)


@contextlib.contextmanager
def _torch(kind: str, count: int) -> Iterator[Share]:
    import torch

    from radiogen.networks.backend import keras

    if count > 1:
        raise UserError(f"--devices {kind}:{count}", "Keras trains on one device with PyTorch",
                        "set KERAS_BACKEND=jax or tensorflow")
    if kind == "gpu":
        _enough(kind, count, torch.cuda.device_count())
    with keras.device("cpu") if kind == "cpu" else contextlib.nullcontext():
        yield Share()


def _enough(kind: str, count: int, there: int) -> int:
    """How many GPUs are taken. Raises UserError where there are fewer than asked for."""
    if there < max(1, count):
        raise UserError(f"--devices {kind}{f':{count}' if count else ''}", f"{there} GPUs are to be seen here",
                        "leave --devices out, or mend the driver: nvidia-smi has to list them")
    return count or there
