"""Which engine predicts: by what is installed, the device, the precision, the number of batches and the memory.

In: a network, how it is to be used. Out: an `Engine` and why it was chosen. `RADIOGEN_ENGINE`, which `predict.py
--engine` sets, names one for every command; `keras` switches the others off. Keras is asked for its device only where
the machine has a GPU's driver, so that one patient needs neither Keras nor TensorFlow.
"""

import importlib.metadata
import importlib.util
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from radiogen.core.errors import UserError
from radiogen.core.memory import available_memory
from radiogen.core.wording import parameter
from radiogen.networks.engines.protocol import Engine, NetworkShape, weight_bytes

EngineName = Literal["auto", "openvino", "frozen", "keras"]

SWITCH = "RADIOGEN_ENGINE"
"""The environment variable that names the engine."""

FEW_BATCHES = 16
"""Up to so many, Keras's layers are called one by one, and a frozen graph costs more than it saves
(benchmarks/prediction/engines.py)."""

FROZEN_MEMORY = 20
"""Bytes that TensorFlow takes for each byte of weights while it freezes them (benchmarks/prediction/engines.py)."""

GPU_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Files of Linux's drivers: NVIDIA's, AMD's, Windows's for Linux in it."""


@dataclass(frozen=True)
class EngineChoice:
    """An engine by its name, and why it was chosen."""

    name: Literal["openvino", "frozen", "keras"]
    why: str

    @property
    def text(self) -> str:
        """Name and version of what computes, and why."""
        package = {"openvino": "openvino", "frozen": "tensorflow", "keras": "keras"}[self.name]
        of = {"openvino": "OpenVINO", "frozen": "TensorFlow, constant graph", "keras": "Keras"}[self.name]
        return f"{of} {importlib.metadata.version(package)}: {self.why}"


@dataclass(frozen=True)
class Use:
    """How a network is used: batches a set of weights, and the recipe's precision (`auto` is float32 on a CPU)."""

    batches: int
    precision: str = "auto"


def switch_engine(name: EngineName) -> None:
    """Let this process, and those that it starts, predict by this engine; `auto` leaves it as it is."""
    if name != "auto":
        os.environ[SWITCH] = name


def choose_engine(network: NetworkShape, use: Use) -> EngineChoice:
    """The engine for this use. Raises UserError where the user named one that cannot be used."""
    wanted = os.environ.get(SWITCH) or "auto"
    if wanted not in get_args(EngineName):
        raise UserError(f"{SWITCH}={wanted}", "is no engine", f"name one of {', '.join(get_args(EngineName))}")
    if wanted == "keras":
        return EngineChoice("keras", "named by the user")
    keras_alone = _needs_keras(use)
    if wanted != "auto":
        if keras_alone:
            raise UserError(parameter("engine", wanted), f"cannot be used: {keras_alone}",
                            f"leave {parameter('engine')} out")
        if wanted == "openvino" and not _installed():
            raise UserError(parameter("engine", wanted), "OpenVINO is not installed",
                            f"pip install openvino, or leave {parameter('engine')} out")
        return EngineChoice("openvino" if wanted == "openvino" else "frozen", "named by the user")
    if keras_alone:
        return EngineChoice("keras", keras_alone)
    if _installed():
        return EngineChoice("openvino", "float32 on a CPU")
    if use.batches <= FEW_BATCHES:
        return EngineChoice("keras", f"OpenVINO is not installed, {use.batches} batches a fold")
    needed, left = FROZEN_MEMORY * weight_bytes(network), available_memory()
    if needed > left / 2:
        return EngineChoice("keras", f"OpenVINO is not installed; a constant graph takes {needed / 1e9:.1f} GB of "
                                     f"memory, {left / 1e9:.1f} GB are left")
    return EngineChoice("frozen", f"OpenVINO is not installed, {use.batches} batches a fold")


def make_engine(choice: EngineChoice, network: NetworkShape, use: Use) -> Engine:
    """The engine, without weights; layers of Keras have the precision that `keras.config` says."""
    if choice.name == "openvino":
        from radiogen.networks.engines.openvino_engine import OpenVinoEngine

        return OpenVinoEngine(network)
    if choice.name == "frozen":
        from radiogen.networks.engines.frozen import FrozenEngine

        return FrozenEngine(network)
    from radiogen.networks.engines.keras_engine import KerasEngine

    return KerasEngine(network, traced=use.batches > FEW_BATCHES)


def _needs_keras(use: Use) -> str:
    """Why nothing but Keras computes what it would, or ""."""
    if (name := _back_end()) != "tensorflow":
        return f"Keras's back end is {name}"
    if use.precision not in ("auto", "float32"):
        return f"the precision is {use.precision}"
    gpu = _gpu()
    return f"it computes on {gpu}" if gpu else ""


def _back_end() -> str:
    """Keras's back end by its own rules, without importing it: the environment, its configuration, TensorFlow."""
    if "keras" in sys.modules:
        return sys.modules["keras"].backend.backend()
    if name := os.environ.get("KERAS_BACKEND"):
        return name
    path = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "keras.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("backend", "tensorflow")
    except (OSError, ValueError, AttributeError):
        return "tensorflow"


def _gpu() -> str:
    """The name of the GPU that Keras would compute on, or ""."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if hidden or not any(Path(path).exists() for path in GPU_DRIVERS):
        return ""
    from radiogen.networks.backend import backend

    return backend().gpu_name() or ""


def _installed() -> bool:
    return importlib.util.find_spec("openvino") is not None
