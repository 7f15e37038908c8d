"""Where a fold is trained: one device, all devices of a machine, or several machines, by what Keras itself offers.

In: the user's choice (`--devices`, `--machines`). Out: a context in which a network is built and trained, and the
share of each batch that this process feeds. TensorFlow mirrors a network over a machine's devices; JAX does so over
machines, too. The same batch gives the same steps to float tolerance, however many devices share it: batch
normalisation sees the whole batch (TensorFlow's is synchronised, JAX's is by nature).
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter

if TYPE_CHECKING:  # devices are chosen, and counted, without Keras
    from radiogen.networks.backend import Backend


@dataclass(frozen=True)
class Devices:
    """The devices that the user chose.

    choice: auto (every GPU, else the CPU), cpu, gpu, or either with a number, such as gpu:2; cpu:4 splits the CPU into
    four devices, for tests. machines: how many processes, one a machine, train one network together;
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

        Batches are as even as possible. With several devices each is a multiple of them, so that each input has the
        same weight; the last inputs of the order, fewer than devices, are left out: others in the next epoch.
        """
        if self.devices == 1:
            return _part(order, batches, number)
        whole = order[:len(order) // self.devices * self.devices].reshape(-1, self.devices)
        return _part(_part(whole, batches, number).ravel(), self.parts, self.part)


def check_devices(devices: Devices, backend: "Backend | None" = None) -> Devices:
    """`devices` itself; UserError where they cannot be used, before anything is made.

    backend: Keras's, which decides about several machines; None: it is not imported yet, and not checked.
    """
    _parse(devices.choice)
    if not 0 <= devices.machine < devices.machines:
        raise UserError(parameter("machine", devices.machine), f"is not one of {devices.machines} machines",
                        f"count them from 0 and give {parameter('machines')} the same number on each")
    if devices.machines > 1 and backend is not None and not backend.joins_machines:
        raise UserError(parameter("machines"), f"needs Keras on JAX, not on {backend.name}: "
                        "MultiWorkerMirroredStrategy of TensorFlow does not work with Keras 3's fit",
                        "pip install jax; set KERAS_BACKEND=jax on each machine")
    if devices.machines > 1 and ":" not in (devices.coordinator or ""):
        raise UserError(parameter("machines"), "needs the first machine's address",
                        f"add {parameter('coordinator')} HOST:PORT, the same on each machine")
    return devices


@contextlib.contextmanager
def placed(devices: Devices, fold: int = 0) -> Iterator[Share]:
    """Within: networks are built and trained on `devices`; yields this process's share of a batch.

    To be entered once a process, before anything is computed. fold: on several machines each fold has its own port.
    Raises UserError where a device is not available.
    """
    from radiogen.networks.backend import Cluster, backend

    check_devices(devices, backend())
    host, _, port = (devices.coordinator or "").rpartition(":")
    address = f"{host}:{int(port) + fold}" if devices.machines > 1 else None
    with backend().place(*_parse(devices.choice), Cluster(devices.machines, devices.machine, address)) as place:
        yield Share(place.devices, place.process, place.processes)


def synchronise(model: Any, share: Share) -> None:
    """Let batch normalisation use the whole batch's mean and variance where devices share it.

    TensorFlow's default is each device's own part: other statistics than on one device, and poor ones of few inputs.
    """
    from radiogen.networks.backend import backend, keras

    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = share.devices > 1 and backend().replicates


def check_accumulation(steps: int, share: Share) -> None:
    """Raise UserError where several TensorFlow devices would have to accumulate gradients, which Keras cannot."""
    from radiogen.networks.backend import backend

    if steps > 1 and share.devices > 1 and backend().replicates:
        raise UserError(parameter("optimisation.micro_batch_size"),
                        f"would need {steps} steps of gradient accumulation, which "
                        f"Keras cannot do on {share.devices} TensorFlow devices (merge_call within cond)",
                        f"make {parameter('optimisation.micro_batch_size')} as large as "
                        f"{parameter('optimisation.batch_size')}, take {parameter('devices')} gpu:1, "
                        "or set KERAS_BACKEND=jax")


def _visible_gpus() -> list[str]:
    """The GPUs that this process may use, by the numbers of CUDA_VISIBLE_DEVICES, without starting a driver."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() not in ("", "-1")]
    return [str(number) for number in range(len(list(Path("/proc/driver/nvidia/gpus").glob("*"))))]


def one_gpu_each(devices: Devices, parallel_folds: int) -> list[str | None]:
    """For each of `parallel_folds` the GPU that it has to itself; None where it uses whatever is available."""
    gpus = _visible_gpus()
    kind, count = _parse(devices.choice)
    if parallel_folds == 1 or len(gpus) < 2 or kind == "cpu" or count:
        return [None] * parallel_folds
    return [gpus[number % len(gpus)] for number in range(parallel_folds)]


def alone(devices: Devices) -> Devices:
    """The same devices without other machines: for work that each machine does by itself."""
    return replace(devices, machines=1, machine=0, coordinator=None)


def _part(rows: np.ndarray, parts: int, number: int) -> np.ndarray:
    """`np.array_split(rows, parts)[number]`, without all the other parts."""
    size, larger = divmod(len(rows), parts)
    first = number * size + min(number, larger)
    return rows[first:first + size + (number < larger)]


def _parse(choice: str) -> tuple[str, int]:
    """`gpu:2` is ("gpu", 2); the number is 0, all available, where there is none."""
    kind, _, count = choice.partition(":")
    numbered = kind in ("cpu", "gpu") and count.isdigit() and int(count) > 0
    if choice not in ("auto", "cpu", "gpu") and not numbered:
        raise UserError(parameter("devices", choice), "is not a choice of devices",
                        "give auto, cpu, gpu, or a number as in gpu:2")
    return kind, int(count or 0)
