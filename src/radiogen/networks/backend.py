"""Keras, imported without its back end's messages, and all code that differs by back end.

`from radiogen.networks.backend import keras`; `backend()` is a `Backend` for TensorFlow, JAX or PyTorch. TensorFlow
prints through C++ before Python can silence it, so standard error is captured while it is imported, and shown where the
import fails.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from radiogen.core.errors import UserError
from radiogen.core.wording import parameter


@contextlib.contextmanager
def _suppress_stderr() -> Iterator[None]:
    """Discard what is written to the process's standard error meanwhile; show it where an exception is raised."""
    sys.stderr.flush()
    original = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield
        except BaseException:
            captured.seek(0)
            os.write(original, captured.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


@contextlib.contextmanager
def _hide_modules(*names: str) -> Iterator[None]:
    """Make `import name` raise ImportError meanwhile, for modules that are not imported yet."""
    hidden = [name for name in names if name not in sys.modules]
    modules: MutableMapping[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: not importable
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow leaves oneDNN off on CPUs without AVX-512; Eigen's gradient of a 3D convolution is up to 100 times slower.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Both are optional to Keras, for plots and wrappers that are not used here, and take a third of its import.
with _suppress_stderr(), _hide_modules("matplotlib.pyplot", "sklearn"):
    import keras

__all__ = ["Backend", "Cluster", "Placement", "backend", "keras"]


@dataclass(frozen=True)
class Cluster:
    """Machines that train one network together, a process each: how many, which of them this is, where they meet."""

    machines: int = 1
    machine: int = 0
    address: str | None = None
    """Host and port of the first machine, such as 10.0.0.1:9876."""


@dataclass(frozen=True)
class Placement:
    """How many devices a network is on, over all processes, and which of the processes this is."""

    devices: int = 1
    process: int = 0
    processes: int = 1


class Backend:
    """What differs by Keras's back end; the defaults are for a back end that needs nothing special."""

    name: str
    joins_machines = False
    """Whether several machines can train one network."""
    replicates = False
    """Whether each of several devices sees its own part of a batch alone: then batch normalisation has to be
    synchronised, and Keras cannot accumulate gradients (merge_call within cond)."""

    def place(self, kind: str, count: int, cluster: Cluster) -> AbstractContextManager[Placement]:
        """Within: networks are built and trained on `count` devices of a kind (auto, cpu, gpu); 0: all available.

        Raises UserError where a device is not available.
        """
        raise NotImplementedError

    def gpu_name(self) -> str | None:
        """The driver's name of the GPU that is computed on; None on a CPU."""
        raise NotImplementedError

    def gpu_capabilities(self) -> list[tuple[int, int]]:
        """CUDA compute capability, major and minor, of each GPU that this process uses."""
        raise NotImplementedError

    def on_one_cpu(self) -> bool:
        """Whether this is TensorFlow on one CPU, as `tensorflow_cpu.py` is written for."""
        return False

    def feed(self, batches: Any) -> Any:
        """What `fit` and `evaluate` take of a PyDataset whose batches are (inputs, labels), float32 both."""
        return batches

    def compile_ahead(self) -> bool | str:
        """What `model.compile` takes as jit_compile."""
        return "auto"

    def make_deterministic(self) -> None:
        """Use operations that are reproducible bit for bit."""

    def limit_threads(self, threads: int) -> None:
        """Use at most this many cores."""


class _TensorFlow(Backend):
    """Mirrors a network over the devices of one machine."""

    name, replicates = "tensorflow", True

    @contextlib.contextmanager
    def place(self, kind: str, count: int, cluster: Cluster) -> Iterator[Placement]:
        import tensorflow

        gpus = tensorflow.config.list_physical_devices("GPU")
        if kind == "gpu" or (kind == "auto" and gpus):
            names = [f"GPU:{number}" for number in range(_count_gpus(kind, count, len(gpus)))]
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
            yield Placement()
            return
        with tensorflow.distribute.MirroredStrategy(names).scope():
            yield Placement(len(names))

    def gpu_name(self) -> str | None:
        import tensorflow

        for gpu in tensorflow.config.get_visible_devices("GPU"):
            return tensorflow.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        return None

    def gpu_capabilities(self) -> list[tuple[int, int]]:
        import tensorflow

        return [tensorflow.config.experimental.get_device_details(gpu).get("compute_capability", (7, 0))
                for gpu in tensorflow.config.get_visible_devices("GPU")]

    def on_one_cpu(self) -> bool:
        import tensorflow

        return not tensorflow.config.get_visible_devices("GPU") and not tensorflow.distribute.has_strategy()

    def feed(self, batches: Any) -> Any:
        """On one CPU without Keras's own adapter, whose `from_generator` takes 3 ms a batch for itself."""
        if not self.on_one_cpu():
            return batches
        import tensorflow

        shapes = [(None, *part.shape[1:]) for part in batches[0]]

        def one(number: Any) -> tuple[Any, ...]:
            parts = tensorflow.numpy_function(lambda at: batches[int(at)], [number], [tensorflow.float32] * len(shapes))
            return tuple(tensorflow.ensure_shape(part, shape) for part, shape in zip(parts, shapes, strict=True))
        return tensorflow.data.Dataset.range(batches.num_batches).map(one).prefetch(1)

    def compile_ahead(self) -> bool | str:
        """Never on a CPU, where XLA makes a 3D step five times slower."""
        return "auto" if self.gpu_capabilities() else False

    def make_deterministic(self) -> None:
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()

    def limit_threads(self, threads: int) -> None:
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)


class _Jax(Backend):
    """Splits a batch over the devices of one or several machines, which compute as one."""

    name, joins_machines = "jax", True

    @contextlib.contextmanager
    def place(self, kind: str, count: int, cluster: Cluster) -> Iterator[Placement]:
        import jax

        if kind == "cpu":
            jax.config.update("jax_platforms", "cpu")
            jax.config.update("jax_num_cpu_devices", max(1, count))
        if cluster.machines > 1:
            if kind == "cpu":
                jax.config.update("jax_cpu_collectives_implementation", "gloo")
            keras.distribution.initialize(job_addresses=cluster.address, num_processes=cluster.machines,
                                          process_id=cluster.machine)
        devices = jax.local_devices() if cluster.machines == 1 else jax.devices()
        names = None
        if kind == "gpu":
            wanted = _count_gpus(kind, count, sum(device.platform == "gpu" for device in jax.local_devices()))
            if cluster.machines == 1 and wanted < len(devices):
                devices = devices[:wanted]
                names = [f"{device.platform}:{device.id}" for device in devices]
        if len(devices) == 1:
            yield Placement()
            return
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names, auto_shard_dataset=False))
        yield Placement(len(devices), cluster.machine, cluster.machines)

    def gpu_name(self) -> str | None:
        import jax

        first = jax.local_devices()[0]
        return None if first.platform == "cpu" else first.device_kind

    def gpu_capabilities(self) -> list[tuple[int, int]]:
        import jax

        versions = [str(device.compute_capability).split(".") for device in jax.local_devices()
                    if device.platform == "gpu" and hasattr(device, "compute_capability")]
        return [(int(major), int(minor)) for major, minor in versions]


class _Torch(Backend):
    """One device."""

    name = "torch"

    @contextlib.contextmanager
    def place(self, kind: str, count: int, cluster: Cluster) -> Iterator[Placement]:
        import torch

        if count > 1:
            raise UserError(parameter("devices", f"{kind}:{count}"), "Keras trains on one device with PyTorch",
                            "set KERAS_BACKEND=jax or tensorflow")
        if kind == "gpu":
            _count_gpus(kind, count, torch.cuda.device_count())
        with keras.device("cpu") if kind == "cpu" else contextlib.nullcontext():
            yield Placement()

    def gpu_name(self) -> str | None:
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else None

    def gpu_capabilities(self) -> list[tuple[int, int]]:
        import torch

        return [torch.cuda.get_device_capability()] if torch.cuda.is_available() else []

    def limit_threads(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)


def backend() -> Backend:
    """The adapter to the back end that Keras was imported with."""
    return {one.name: one for one in (_TensorFlow, _Jax, _Torch)}[keras.backend.backend()]()


@contextlib.contextmanager
def on_one_machine() -> Iterator[None]:
    """Variables that are made meanwhile lie on this machine alone.

    Keras makes an optimizer to compare with when it saves weights. Where machines share the batches, JAX would wait
    until all of them had made it, and only the first one saves.
    """
    shared = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(shared)


def _count_gpus(kind: str, count: int, available: int) -> int:
    """How many GPUs are used: `count`, or all where it is 0. Raises UserError where fewer are available."""
    if available < max(1, count):
        raise UserError(parameter("devices", f"{kind}:{count}" if count else kind),
                        f"asks for {count or 1} where {available} can be used",
                        f"leave {parameter('devices')} out, or repair the driver: nvidia-smi has to list them")
    return count or available
