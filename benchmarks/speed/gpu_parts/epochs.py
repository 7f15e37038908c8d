"""Whole epochs as training does them, from a cache of bytes and from batches in memory: the difference is the wait.

In: an order as JSON: recipes, how many inputs an epoch has, micro-batches. Out: a line a recipe and micro-batch: the
seconds of an epoch from the cache and from memory, medians of some epochs behind the first, which compiles. The bytes
are random, as large as real ones. The callback is that of training, without its files.
"""

import gc
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.speed.gpu_parts.networks import is_out_of_memory
from benchmarks.speed.gpu_parts.results import emit
from radiogen.networks.backend import keras
from radiogen.task import ID
from radiogen.training.callbacks import CheckpointCallback
from radiogen.training.checkpoints import FoldState
from radiogen.training.fit import compile_network, set_precision
from radiogen.training.input.batches import Batches, CachedImages, Sampling, list_inputs
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.recipe.recipes import find_recipe

SLICES_A_SERIES = 40


class Held(keras.utils.PyDataset):
    """Batches kept in memory; each epoch has the same."""

    def __init__(self, batches: Batches):
        super().__init__()
        self.kept = [batches[number] for number in range(batches.num_batches)]

    @property
    def num_batches(self) -> int:
        return len(self.kept)

    def __getitem__(self, number: int) -> Any:
        return self.kept[number]

    def begin(self, epoch: int) -> None:
        """Nothing: the order stays."""


def measure(text: str) -> None:
    """Emit seconds of an epoch; text: JSON with `engine`, `epochs` and `recipes`.

    Each of `recipes` is {"recipe", "changes", "inputs", "micro": [batches in memory at once]}. Where memory runs out,
    that is emitted, and half of the micro-batch is tried.
    """
    order = json.loads(text)
    for one in order["recipes"]:
        recipe = find_recipe(one["recipe"]).replace(**one["changes"])
        with tempfile.TemporaryDirectory(prefix="radiogen-gpu-") as room:
            make_cache(recipe, Path(room), one["inputs"])
            todo = list(one["micro"] or [min(recipe.optimisation.micro_batch_size, recipe.optimisation.batch_size)])
            done: set[int] = set()
            while todo:
                micro = todo.pop(0)
                line = {"engine": order["engine"], "recipe": one["recipe"], "micro": micro, "inputs": one["inputs"],
                        "batch": min(recipe.optimisation.batch_size, one["inputs"])}
                done.add(micro)
                try:
                    seconds = _epochs(recipe.replace(micro_batch_size=micro), Path(room), one["inputs"],
                                      order["epochs"])
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
                    emit(**line, error="memory ran out")
                    todo = [micro // 2] * (micro > 1 and micro // 2 not in done) + todo
                else:
                    emit(**line, **seconds)
                keras.utils.clear_session()
                gc.collect()


def make_cache(recipe: Recipe, room: Path, inputs: int) -> None:
    """Arrays of random bytes and their index for at least so many inputs of this recipe."""
    data = recipe.data
    a_case = len(_list(recipe, ["0"]))
    cubes = data.rank == 3 or data.sequences_as_channels
    images = (len(data.sequences), data.depth or data.size) if cubes else (len(data.sequences) * SLICES_A_SERIES,)
    shape = (*images, data.size, data.size)
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for case in range(-(-inputs // a_case)):
        np.save(room / f"{case}.npy", array)


def _list(recipe: Recipe, cases: list[str]) -> pd.DataFrame:
    counts = " ".join(f"{name}:{SLICES_A_SERIES}" for name in recipe.data.sequences)
    return list_inputs(recipe.data, pd.DataFrame({ID: cases, "slices": counts}), cases)


def _epochs(recipe: Recipe, room: Path, inputs: int, epochs: int) -> dict[str, float]:
    """Seconds of an epoch from the cache and from memory, and of the first, which compiles."""
    set_precision(recipe.optimisation.precision)
    cases = sorted((path.stem for path in room.glob("*.npy")), key=int)
    table = _list(recipe, cases).iloc[:inputs].reset_index(drop=True)
    batches = Batches(recipe, CachedImages(room, recipe.data), table, np.arange(inputs) % 2, sampling=Sampling())
    model = compile_network(recipe, inputs, batches.num_batches)
    first, *cache = _fit(model, batches, room, 1 + epochs)
    memory = _fit(model, Held(batches), room, 1 + epochs)[1:]
    return {"first_epoch_s": round(first, 2), "cache_s": round(statistics.median(cache), 4),
            "memory_s": round(statistics.median(memory), 4), "batches": batches.num_batches}


def _fit(model: Any, batches: Any, room: Path, epochs: int) -> tuple[float, ...]:
    """Train, and return the seconds of each epoch."""
    callback = CheckpointCallback(room, FoldState(), batches, writes=False)
    model.fit(batches, epochs=epochs, verbose=0, shuffle=False, callbacks=[callback])
    return callback.state.seconds
