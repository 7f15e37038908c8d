"""The card: its name, its memory, and what a product of two square matrices reaches on it.

In: the engine that multiplies and the matrices' size. Out: one line; on a CPU it says so. With PyTorch float32 is
measured with and without TF32; Keras's other back ends take what their default is.
"""

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Callable
from typing import Any

from benchmarks.speed.gpu_parts.results import Line, emit

PACKAGES = ("keras", "jax", "torch", "tensorflow", "numpy")


def measure(text: str) -> None:
    """Emit the line; text: JSON with `engine` (torch, jax or tensorflow), `size`, `steps`."""
    order = json.loads(text)
    facts, products = (_with_torch if order["engine"] == "torch" else _with_keras)(order["size"])
    peaks = {name: round(_tera_flop(run, order["size"], order["steps"]), 2) for name, run in products.items()}
    emit(**facts, peak_tflops=peaks, engine=order["engine"], cores=len(os.sched_getaffinity(0)),
         python=platform.python_version(), versions=_versions(), date=time.strftime("%Y-%m-%d"))


def _with_torch(size: int) -> tuple[Line, dict[str, Callable[[int], Any]]]:
    import torch

    there = torch.cuda.is_available()
    device = torch.device("cuda" if there else "cpu")
    facts: Line = {"card": f"CPU, {platform.machine()}", "memory_gb": None}
    if there:
        properties = torch.cuda.get_device_properties(device)
        facts = {"card": properties.name, "memory_gb": round(properties.total_memory / 1e9, 1)}

    def product(dtype: torch.dtype, tf32: bool) -> Callable[[int], Any]:
        left, right = (torch.rand(size, size, device=device).to(dtype) for _ in range(2))

        def run(steps: int) -> None:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            for _ in range(steps):
                made = left @ right
            float(made[0, 0])  # waits for the GPU

        return run

    products = {"bfloat16": product(torch.bfloat16, False), "float32": product(torch.float32, False)}
    return facts, {**products, "tf32": product(torch.float32, True)} if there else products


def _with_keras(size: int) -> tuple[Line, dict[str, Callable[[int], Any]]]:
    from benchmarks.speed.contestants.training import Contestant, start_product
    from radiogen.networks.backend import backend

    name = backend().gpu_name()
    return {"card": name or f"CPU, {platform.machine()}", "memory_gb": _jax_memory() if name else None}, {
        precision: start_product(Contestant("", "product", 0, size, 1, "", precision=precision))[0]
        for precision in ("bfloat16", "float32")}


def _jax_memory() -> float | None:
    """What XLA may take of the GPU's memory, in GB; None with another back end."""
    from radiogen.networks.backend import keras

    if keras.backend.backend() != "jax":
        return None
    import jax

    return round(jax.local_devices()[0].memory_stats()["bytes_limit"] / 1e9, 1)


def _tera_flop(run: Callable[[int], Any], size: int, steps: int) -> float:
    """The best of five rounds, TFLOP/s: a peak."""
    run(2)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        run(steps)
        seconds.append((time.perf_counter() - began) / steps)
    return 2 * size ** 3 / min(seconds) / 1e12


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
