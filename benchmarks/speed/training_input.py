"""What an epoch waits for its images, and the memory that it needs: the parts `input` and `memory` of training.py.

In: caches of random bytes, made for the purpose, as large as real ones. Out: Markdown tables. Processor time of all
threads: of an epoch's batches, made alone, and of the same epoch of training; their ratio is what the input takes.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.processes import python_call
from radiogen.core import files
from radiogen.networks.backend import backend
from radiogen.training.fit import compile_network
from radiogen.training.input.batches import Batches, CachedImages, Sampling, list_inputs
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.recipe.recipes import DEMO_2D, DEMO_3D, ISOTROPIC_3D, REPORT_2D

INPUT_RECIPES = (("demo-2d", DEMO_2D, 384), ("demo-3d", DEMO_3D, 384), ("isotropic-3d", ISOTROPIC_3D, 12))

VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("its own", {}), ("none", {"flips": (), "shift": 0.0, "gamma": 0.0}),
    ("with rotation and zoom", {"rotation_degrees": 15.0, "zoom": 0.1}))
"""Augmentations by name, and what they change of a recipe."""


def input_text(rounds: int) -> str:
    """A row a recipe and augmentation: processor seconds of an epoch, of its batches alone, and their share."""
    rows = ["| recipe | augmentation | inputs | epoch, processor s | its batches alone, processor s | share |",
            "| --- | --- | --- | --- | --- | --- |"]
    for name, recipe, cases in INPUT_RECIPES:
        with tempfile.TemporaryDirectory(prefix="radiogen-benchmark-") as room:
            batches, model = _epoch(recipe, Path(room), cases)
            variants = {text: Batches(recipe.replace(**change), batches.images, batches.inputs, batches.labels,
                                      sampling=Sampling()) for text, change in VARIANTS}
            times: dict[str, list[tuple[float, float]]] = {text: [] for text in variants}
            for number in range(rounds + 1):
                for text, each in variants.items():
                    each.begin(number)
                    times[text].append((_processor_seconds(_make, each), _processor_seconds(_fit, each, model)))
        for text, seconds in times.items():
            alone, epoch = np.array(seconds[1:]).T
            share = alone / epoch
            low, high = np.percentile(share, [25, 75])
            rows.append(f"| {name} | {text} | {len(batches.inputs)} | {np.median(epoch):.2f} | {np.median(alone):.3f} "
                        f"| {np.median(share):.1%} ({low:.1%} to {high:.1%}) |")
    return "\n".join(rows)


def _make(batches: Batches) -> None:
    for number in range(batches.num_batches):
        batches[number]


def _fit(batches: Batches, model: Any) -> None:
    model.fit(backend().feed(batches), epochs=1, verbose=0, shuffle=False)


def _processor_seconds(work: Callable[..., None], *given: Any) -> float:
    began = time.process_time()
    work(*given)
    return time.process_time() - began


def memory_text() -> str:
    """Peak resident memory of a 2D epoch with 1 and 10 times the cases, each in a process of its own."""
    rows = ["| cases | slices | arrays on disk, MB | peak resident memory, MB |", "| --- | --- | --- | --- |"]
    for cases in (8, 80):
        end = subprocess.run(python_call(__name__, "print_memory_of_an_epoch", cases), capture_output=True, text=True,
                             check=True)
        found = json.loads(end.stdout.splitlines()[-1])
        rows.append(f"| {cases} | {found['slices']} | {found['disk_mb']:.0f} | {found['peak_mb']:.0f} |")
    return "\n".join(rows)


def _epoch(recipe: Recipe, room: Path, cases: int) -> tuple[Any, Any]:
    """A cache of random bytes for this recipe, its training batches, and its compiled network."""
    random = np.random.default_rng(0)
    ids = [f"{number:05d}" for number in range(cases)]
    data = recipe.data
    cubes = data.rank == 3 or data.sequences_as_channels
    slices = 4 * 40
    shape = (len(data.sequences), *(data.size,) * 3) if cubes else (slices, data.size, data.size)
    for case in ids:
        np.save(room / f"{case}.npy", random.integers(0, 256, shape, np.uint8))
    counts = "" if cubes else " ".join(f"{name}:40" for name in data.sequences)
    index = pd.DataFrame({"case": ids, "split": "train", "shape": " x ".join(map(str, shape)),
                          "slices": counts})
    inputs = list_inputs(data, index, ids)
    hashes = {case: files.sha256(room / f"{case}.npy") for case in ids}
    batches = Batches(recipe, CachedImages(room, data, hashes), inputs, np.arange(len(inputs)) % 2, sampling=Sampling())
    return batches, compile_network(recipe, len(inputs), batches.num_batches)


def print_memory_of_an_epoch(cases: str) -> None:
    """In a process of its own: print slices, arrays on disk and peak memory in MB of a 2D epoch, as JSON."""
    import resource

    recipe = REPORT_2D.replace(architecture="resnet6", width=4, micro_batch_size=32, batch_size=32,
                               flips=("left-right",), shift=0.05)
    with tempfile.TemporaryDirectory(prefix="radiogen-benchmark-") as room:
        batches, model = _epoch(recipe, Path(room), int(cases))
        disk = sum(path.stat().st_size for path in Path(room).iterdir())
        model.fit(backend().feed(batches), epochs=1, verbose=0, shuffle=False)
    print(json.dumps({"slices": len(batches.inputs), "disk_mb": disk / 1e6,
                      "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}))
