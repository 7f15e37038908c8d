"""Which parts gpu.py runs, in which order, with which limits: what is worth most comes first.

In: sizes (`FULL` for a GPU, `TINY` for a CPU and tests), engines. Out: stages; the parts of a stage run side by side.
Only parts that measure no time share the GPU: all folds, and beside them torch.compile, which keeps its programs for
later. The folds' data is made in the background on a quarter of the cores.
"""

import importlib.util
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

COMPILED = "compiled"
"""The engine that is PyTorch without Keras, under torch.compile; the others are Keras's back ends."""
GROUPS = ("card", "networks", "largest", "folds", "epochs", "input")
DATA = "data"
_MODULES = "benchmarks.speed.gpu_parts."


@dataclass(frozen=True)
class Sizes:
    """How much is computed. batches: the first tuple for each engine before the second for any."""

    name: str
    product: int
    network: dict[str, Any]
    batches: tuple[tuple[int, ...], tuple[int, ...]]
    steps: int
    rounds: int
    largest: tuple[int, int]
    """The batch that is tried first, and the one at which the search ends."""
    cases: int
    folds: dict[str, dict[str, Any]]
    precisions: tuple[str, ...]
    epochs: int
    report: tuple[dict[str, Any], ...]
    input: tuple[dict[str, Any], ...]
    patience: float = 1
    """What limits are multiplied by."""


def _epoch(recipe: str, inputs: int, micro: tuple[int, ...] = (), **changes: Any) -> dict[str, Any]:
    return {"recipe": recipe, "inputs": inputs, "micro": list(micro), "changes": changes}


FULL = Sizes(
    "full", 8192, {"architecture": "resnet50", "size": 64, "width": 64, "precision": "bfloat16"}, ((32,), (8, 128)),
    steps=10, rounds=3, largest=(1024, 4096), cases=200,
    folds={"demo-3d": {}, "isotropic-3d": {"epochs": 8, "schedule": "cosine"}}, precisions=("bfloat16", "float32"),
    epochs=1, report=(_epoch("report-3d", 1500, (1024, 16)), _epoch("report-2d", 2048, (1024, 32))),
    input=(_epoch("demo-2d", 3072), _epoch("demo-3d", 384), _epoch("isotropic-3d", 128)))

_SMALL = {"architecture": "resnet6", "width": 4}
TINY = Sizes(
    "tiny", 64, {"architecture": "resnet10", "size": 16, "width": 4, "precision": "float32"}, ((2,), (3,)),
    steps=1, rounds=1, largest=(2, 4), cases=20,
    folds={"demo-3d": {"size": 16, "width": 4, "epochs": 4},
           "isotropic-3d": {"size": 16, "epochs": 2, "balance": "nothing", "tta": False, **_SMALL}},
    precisions=("float32",), epochs=1,
    report=(_epoch("report-3d", 8, (8, 4), size=16, **_SMALL), _epoch("report-2d", 8, (8,), size=32, **_SMALL)),
    input=(_epoch("demo-3d", 8, size=16),), patience=4)


@dataclass(frozen=True)
class Part:
    """A function of gpu_parts/ with its order, in a process of its own that may take `limit` seconds."""

    name: str
    call: str
    order: dict[str, Any]
    limit: float
    environment: dict[str, str] = field(default_factory=dict)
    needs: str = ""
    """A part of an earlier stage that has to have ended well."""
    background: bool = False
    """Goes on beside the next stages, until one needs it."""

    @property
    def module(self) -> str:
        """The module that `call`, such as networks.race, names."""
        return _MODULES + self.call.partition(".")[0]

    @property
    def function(self) -> str:
        """The function that `call` names."""
        return self.call.partition(".")[2]


def installed_engines() -> tuple[str, ...]:
    """The engines that this interpreter has, the fastest first; TensorFlow only where there is nothing else."""
    there = {name: importlib.util.find_spec(name) is not None for name in ("jax", "torch", "tensorflow")}
    found = ("jax",) * there["jax"] + (COMPILED, "torch") * there["torch"]
    return found or ("tensorflow",) * there["tensorflow"]


def make_stages(sizes: Sizes, engines: tuple[str, ...], room: Path,
                only: tuple[str, ...] = GROUPS) -> list[tuple[Part, ...]]:
    """The stages in order, without the groups that are not in `only`."""
    keras_engines = [engine for engine in engines if engine != COMPILED]
    fast, slow = keras_engines[0], keras_engines[1:]
    first, rest = sizes.batches
    every, compiled = tuple(sorted((*first, *rest))), (COMPILED,) * (COMPILED in engines)
    folds = [("folds", part) for part in _folds(sizes, keras_engines, room)]
    stages: list[list[tuple[str, Part]]] = [
        [("folds", _data(sizes, keras_engines, room))],
        [("card", _card(sizes, engines))],
        [("networks", _network(sizes, fast, first))],
        [*folds, *[("networks", _warm(sizes, batch, room)) for _ in compiled for batch in every]],
        *[[("networks", _network(sizes, engine, every, room))] for engine in compiled],
        *[[("epochs", _epochs(sizes, fast, f"epochs {what['recipe']}", (what,)))] for what in sizes.report],
        [("input", _epochs(sizes, fast, "input", sizes.input))],
        [("networks", _network(sizes, fast, rest))],
        *[[("networks", _network(sizes, engine, batches))] for engine in slow for batches in (first, rest)],
        *[[("largest", _largest(sizes, engine))] for engine in engines[:2]]]
    chosen = [tuple(replace(part, limit=part.limit * sizes.patience) for group, part in stage if group in only)
              for stage in stages]
    return [stage for stage in chosen if stage]


def _card(sizes: Sizes, engines: tuple[str, ...]) -> Part:
    engine = "torch" if {"torch", COMPILED} & set(engines) else engines[0]
    return Part("card", "card.measure", {"engine": engine, "size": sizes.product, "steps": 10}, 60, _alone(engine))


def _network(sizes: Sizes, engine: str, batches: tuple[int, ...], room: Path | None = None) -> Part:
    order = {"engine": engine, "network": sizes.network, "batches": list(batches), "steps": sizes.steps,
             "rounds": sizes.rounds}
    return Part(f"networks {engine} {' '.join(map(str, batches))}", "networks.race", order, 60 + 30 * len(batches),
                {**_alone(engine), **(_kept_programs(room) if room else {})})


def _warm(sizes: Sizes, batch: int, room: Path) -> Part:
    order = {"engine": COMPILED, "network": sizes.network, "batch": batch}
    return Part(f"compile {batch}", "networks.warm", order, 150, {**_shared(COMPILED), **_kept_programs(room)})


def _kept_programs(room: Path) -> dict[str, str]:
    """Where torch.compile keeps its programs."""
    return {"TORCHINDUCTOR_CACHE_DIR": str(room / "programs")}


def _largest(sizes: Sizes, engine: str) -> Part:
    begin, most = sizes.largest
    return Part(f"largest {engine}", "networks.find_largest",
                {"engine": engine, "network": sizes.network, "first": begin, "most": most}, 90, _alone(engine))


def _data(sizes: Sizes, engines: list[str], room: Path) -> Part:
    runs = [(part.order["run"], part.order["recipe"], part.order["precision"]) for part in _folds(sizes, engines, room)]
    order = {"room": str(room), "cases": sizes.cases, "recipes": sizes.folds, "runs": runs,
             "workers": max(1, len(os.sched_getaffinity(0)) // 4)}
    return Part(DATA, "folds.make_data", order, 240, _on_cpu(engines[0]), background=True)


def _folds(sizes: Sizes, engines: list[str], room: Path) -> tuple[Part, ...]:
    """A fold an engine, recipe and precision; one that is killed an engine; and a CPU's, by PyTorch where it is."""
    parts, demo = [], next(iter(sizes.folds))
    for recipe in sizes.folds:
        for engine in engines:
            parts += [_fold(room, recipe, engine, precision) for precision in sizes.precisions]
        on_cpu = "torch" if "torch" in engines else engines[0]
        parts.append(_fold(room, recipe, on_cpu, "float32", devices="cpu"))
    parts += [_fold(room, demo, engine, sizes.precisions[0], killed=True) for engine in engines]
    return tuple(parts)


def _fold(room: Path, recipe: str, engine: str, precision: str, *, devices: str = "auto",
          killed: bool = False) -> Part:
    kind = "resume" if killed else "fold"
    name = f"{kind} {recipe} {engine} {precision}{' on the CPU' * (devices == 'cpu')}"
    order = {"room": str(room), "run": name.replace(" ", "-"), "recipe": recipe, "engine": engine,
             "precision": precision, "devices": devices}
    return Part(name, "folds.resume" if killed else "folds.train", order, 150 if killed else 110,
                _on_cpu(engine) if devices == "cpu" else _shared(engine), needs=DATA)


def _epochs(sizes: Sizes, engine: str, name: str, recipes: tuple[dict[str, Any], ...]) -> Part:
    order = {"engine": engine, "epochs": sizes.epochs, "recipes": list(recipes)}
    return Part(f"{name} {engine}", "epochs.measure", order, 110, _alone(engine))


def _alone(engine: str) -> dict[str, str]:
    """The environment of a process that has the GPU to itself."""
    return {**_environment(engine), "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.92"}


def _shared(engine: str) -> dict[str, str]:
    """The environment of a process that shares the GPU's memory."""
    return {**_environment(engine), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def _on_cpu(engine: str) -> dict[str, str]:
    return {**_environment(engine), "CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}


def _environment(engine: str) -> dict[str, str]:
    backend = {} if engine == COMPILED else {"KERAS_BACKEND": engine}
    return {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0"), "NO_ALBUMENTATIONS_UPDATE": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3", **backend}


