"""One engine's 3D network in training and prediction at several batches, and the largest batch that fits.

In: an order as JSON: the engine (jax, torch or tensorflow under Keras with this package's own layers, loss, metrics and
optimiser; `compiled`: PyTorch alone, torch.compile, channels_last_3d, autocast, fused Adam), the network, the batches.
Out: a line a batch and job as soon as it is measured. Both copy each batch of float32 from the machine to the GPU.
"""

import gc
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.contestants.training import keras_flop, keras_steps
from benchmarks.speed.gpu_parts.plan import COMPILED
from benchmarks.speed.gpu_parts.results import emit

Steps = Callable[[int], Any]
"""Does so many steps and waits for the last."""


@dataclass(frozen=True)
class Network:
    """What every engine builds alike: a 3D network for one-channel cubes, and the arithmetic of its layers."""

    architecture: str
    size: int
    width: int
    precision: str


def race(text: str) -> None:
    """Emit volumes a second; text: JSON with `engine`, `network`, `batches`, `steps` a round and `rounds`."""
    order = json.loads(text)
    network = Network(**order["network"])
    _forget_choices()
    for batch in order["batches"]:
        for job in ("train", "predict"):
            line = {"engine": order["engine"], "batch": batch, "job": job, **order["network"]}
            try:
                began = time.perf_counter()
                run, flop = _begin(order["engine"], network, batch, job)
                run(2)  # compiles, chooses algorithms, makes the optimiser's moments
                start = time.perf_counter() - began
                run(2)
                rates = [batch / seconds for seconds in _seconds_a_step(run, order["steps"], order["rounds"])]
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                emit(**line, error="memory ran out")
            else:
                emit(**line, per_s=_rounded(statistics.median(rates)), low=_rounded(min(rates)),
                     high=_rounded(max(rates)), forward_flop=flop, start_s=round(start, 1), peak_gb=_peak_gb(order))
            run = None
            gc.collect()


def warm(text: str) -> None:
    """Let torch.compile make and keep its programs of one batch; text: JSON with `engine`, `network` and `batch`."""
    order = json.loads(text)
    for job in ("train", "predict"):
        _begin(order["engine"], Network(**order["network"]), order["batch"], job)[0](1)


def find_largest(text: str) -> None:
    """Emit for each batch that is tried whether a training step fits; text: JSON with `engine`, `network`, `first`."""
    order = json.loads(text)
    tried: dict[int, bool] = {}
    while (batch := next_batch(tried, order["first"])) is not None:
        began = time.perf_counter()
        try:
            run, _ = _begin(order["engine"], Network(**order["network"]), batch, "train")
            run(2)
            tried[batch] = True
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            tried[batch] = False
        run = None
        gc.collect()
        emit(engine=order["engine"], batch=batch, fits=tried[batch], seconds=round(time.perf_counter() - began, 1),
             most=order["most"])
        if batch >= order["most"]:
            break


def next_batch(tried: dict[int, bool], first: int) -> int | None:
    """The batch to try after those in `tried`; None where the largest that fits is known to a quarter.

    Doubled from `first` while it fits, halved while it does not, then once in the middle.
    """
    fitting = max((batch for batch, fits in tried.items() if fits), default=0)
    failing = min((batch for batch, fits in tried.items() if not fits), default=0)
    if not tried:
        return first
    if not failing:
        return 2 * fitting
    if not fitting:
        return failing // 2 or None
    middle = (fitting + failing) // 2
    return middle if failing == 2 * fitting and middle not in tried and middle > fitting else None


def _forget_choices() -> None:
    """Remove what kept programs chose by timing, which was not done alone: the choices are made again."""
    folder = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    for path in Path(folder).rglob("*.best_config") if folder else ():
        path.unlink()


def _begin(engine: str, network: Network, batch: int, job: str) -> tuple[Steps, int]:
    return (_begin_torch if engine == COMPILED else _begin_keras)(network, batch, job)


def _begin_keras(network: Network, batch: int, job: str) -> tuple[Steps, int]:
    """This package's network as its training compiles it, through Keras `fit` and `predict`."""
    from radiogen.networks.backend import keras
    from radiogen.training.fit import compile_network, set_precision
    from radiogen.training.model import make_network
    from radiogen.training.recipe.recipes import REPORT_3D

    keras.utils.clear_session()
    set_precision(network.precision)
    recipe = REPORT_3D.replace(size=network.size, architecture=network.architecture, width=network.width,
                               batch_size=batch, micro_batch_size=batch, precision=network.precision)
    training = job == "train"
    model = compile_network(recipe, batch, 1) if training else make_network(recipe.network, recipe.data)
    return keras_steps(model, _images(network, batch), job), keras_flop(model)


def _begin_torch(network: Network, batch: int, job: str) -> tuple[Steps, int]:
    """The peer: the same network in PyTorch, tuned as its documentation advises."""
    import torch

    from benchmarks.speed.gpu_parts.torch_resnet import forward_flop, residual_network

    torch.manual_seed(0)
    torch._dynamo.reset()  # another batch is another program, with its own sizes
    torch.backends.cudnn.benchmark = True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = getattr(torch, network.precision)
    plain = residual_network(network.architecture, width=network.width)
    flop = forward_flop(plain, network.size)
    plain = plain.to(device, memory_format=torch.channels_last_3d)
    model = torch.compile(plain, dynamic=False)
    images = np.ascontiguousarray(np.moveaxis(_images(network, batch), -1, 1))
    labels = torch.from_numpy(np.arange(batch) % 2).to(device)
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.001, fused=device.type == "cuda")
    loss = torch.nn.CrossEntropyLoss()

    def forward() -> "torch.Tensor":
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            return model(torch.from_numpy(images).to(device, memory_format=torch.channels_last_3d)).float()

    def train(steps: int) -> None:
        plain.train()
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            error = loss(forward(), labels)
            error.backward()
            optimizer.step()
        float(error)  # waits for the GPU

    def predict(steps: int) -> None:
        plain.eval()
        with torch.inference_mode():
            for _ in range(steps):
                forward().cpu()

    return (train if job == "train" else predict), flop


def _images(network: Network, batch: int) -> np.ndarray:
    """One batch, float32 (batch, slice, row, column, 1) in [0, 1]."""
    return np.random.default_rng(0).random((batch, *(network.size,) * 3, 1), dtype=np.float32)


def _seconds_a_step(run: Steps, steps: int, rounds: int) -> list[float]:
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        run(steps)
        seconds.append((time.perf_counter() - began) / steps)
    return seconds


def _peak_gb(order: dict[str, Any]) -> float | None:
    """The most of the GPU's memory that this process has used so far, GB; None on a CPU or with TensorFlow."""
    if order["engine"] == "jax":
        import jax

        peak = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
        return None if peak is None else round(peak / 1e9, 1)
    if order["engine"] == "tensorflow":
        return None
    import torch

    return round(torch.cuda.max_memory_allocated() / 1e9, 1) if torch.cuda.is_available() else None


def is_out_of_memory(error: Exception) -> bool:
    """PyTorch's OutOfMemoryError, JAX's RESOURCE_EXHAUSTED, TensorFlow's ResourceExhaustedError, Python's own."""
    return isinstance(error, MemoryError) or type(error).__name__ in ("OutOfMemoryError", "ResourceExhaustedError") \
        or "RESOURCE_EXHAUSTED" in str(error) or "out of memory" in str(error).lower()


def _rounded(rate: float) -> float:
    return float(f"{rate:.4g}")
