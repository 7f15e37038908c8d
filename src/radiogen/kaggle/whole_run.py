"""The whole job on the real data as a list of steps, with an estimate of its cost on this machine before it begins.

In: a `Plan`. Out: the commands to call, in order, each of which resumes where it was interrupted; an `Estimate`. Kaggle
reports the bytes of the data. Reading is timed on two phantom cases of real size, training on two dozen small ones,
with the functions that will do the work. The speed of the connection is not measured.
"""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.kaggle.mounts import competition_of
from radiogen.runs import layout
from radiogen.task import RSNA_MICCAI

if TYPE_CHECKING:
    from radiogen.training.recipe.recipe import Recipe

_LOG = logging.getLogger(__name__)

RECIPES = ("isotropic-3d", "winner-3d")
SPARE = 2e9
"""Bytes that are kept free on the disk."""
BANDWIDTH = 100e6 / 8
"""Bytes a second that the estimate assumes for the download: 100 Mbit/s."""
SAMPLE_CASES, FULL_SIZE = 24, 1.0
"""Phantom cases for timing a network; matrix size of those for timing the reading, as a fraction of real ones."""

Step = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Plan:
    """The whole job. options: changed fields of the recipes, as options of train.py."""

    data: Path
    recipes: tuple[str, ...] = RECIPES
    seeds: int = 3
    options: tuple[str, ...] = ()
    parallel_folds: int = 1
    models: Path = Path("models")
    cache: Path = Path("input/cache")
    submissions: Path = Path("submissions")
    wheels: Path | None = None

    @property
    def ensemble(self) -> str:
        """Name of the run that joins all others."""
        return f"{files.name_from(self.data)}-ensemble"


@dataclass(frozen=True)
class RecipeCost:
    """The cost of one recipe's runs: seconds, bytes of memory in training, bytes of arrays and of weights."""

    seconds: float
    memory: float
    arrays: float
    weights: float


@dataclass(frozen=True)
class Estimate:
    """The cost of what is not done yet. files, archive: bytes of the data and of its archive that are still to be
    downloaded (reported by Kaggle); reading: seconds of reading all series; recipes: by name.
    """

    files: float
    archive: float
    reading: float
    recipes: Mapping[str, RecipeCost]

    @property
    def disk(self) -> float:
        """Bytes that the whole job adds; weights are both in the runs and in the bundle for Kaggle."""
        return self.files + self.archive + sum(one.arrays + 2 * one.weights for one in self.recipes.values())


def steps(plan: Plan, runs: Sequence[str], owner: str) -> list[Step]:
    """The commands and their arguments, in order; runs: `run_names`."""
    data, models = ("--data", str(plan.data)), ("--models", str(plan.models))
    wheels = ("--wheels", str(plan.wheels)) if plan.wheels else ()
    recipes = ("--recipe", *plan.recipes, "--cache", str(plan.cache), *plan.options)
    return [
        ("download", data),
        ("inspect_dataset", (*data, "--cache", str(plan.cache))),
        ("preprocess", (*data, *recipes)),
        ("train", (*data, *recipes, *models, "--seeds", str(plan.seeds), "--parallel-folds", str(plan.parallel_folds))),
        *(("predict", (run, *models)) for run in runs),
        ("ensemble", (*runs, *models, "--name", plan.ensemble)),
        ("evaluate", (*runs, plan.ensemble, *models)),
        ("submit", (plan.ensemble, *models, "--submissions", str(plan.submissions))),
        ("push_kernel", (*runs, *models, "--owner", owner, "--dry-run", "--output", str(plan.submissions / "kernel"),
                         *wheels)),
    ]


def run_names(plan: Plan) -> dict[str, str]:
    """The runs of all recipes and seeds, and the recipe of each."""
    from radiogen.training.runs import run_name, seeded_names

    return {run: recipe.name for recipe in _chosen_recipes(plan)
            for run in seeded_names(run_name(plan.data, recipe.name), recipe, plan.seeds)}


def _chosen_recipes(plan: Plan) -> "list[Recipe]":
    """The plan's recipes with its options. Raises UserError for one that does not exist or is not valid."""
    from radiogen.training.recipe.options import TrainOptions, parse_options

    words = ["--data", str(plan.data), "--recipe", *plan.recipes, *plan.options]
    return [one.settings for one in parse_options(TrainOptions, "", words)]


def inspected(plan: Plan) -> Path:
    """The table that inspecting the data set writes; where it exists, the series need not be read once more."""
    from radiogen.imaging.inspect.quality import output_folder

    downloaded = any((plan.data / split).is_dir() for split in ("train", "test"))
    return (output_folder(plan.data, None, plan.cache) if downloaded else plan.cache) / "quality.csv"


def estimate(plan: Plan, api: Any) -> Estimate:
    """The cost of what is left of the plan, measured once and kept beside the runs; api: an authenticated client.

    Raises UserError where a network does not fit into memory.
    """
    from radiogen.arrays.cache import cache_folder
    from radiogen.dataset.fingerprint import data_fingerprint
    from radiogen.kaggle.download import published
    from radiogen.training.recipe.recipe import as_flat_dict
    from radiogen.training.runs import cache_settings

    kept = plan.models / f".{plan.data.resolve().name}-measured.json"
    recipes = _chosen_recipes(plan)
    settings = _as_json({"recipes": list(map(as_flat_dict, recipes)), "cores": len(os.sched_getaffinity(0))})
    measured = files.read_json(kept) if kept.is_file() else {}
    if measured.get("settings") != settings:
        measured = {"settings": settings, **_measure(plan)}
        files.write_json(kept, measured)
    _, total = published(api, RSNA_MICCAI.name, time.sleep)
    left = max(0, total - _downloaded_bytes(plan.data))
    archive = 0 if not left or plan.data.with_name(f"{plan.data.name}.zip").is_file() else total
    mark = data_fingerprint(plan.data) if any((plan.data / split).is_dir() for split in ("train", "test")) else None
    made = mark is not None and all(
        (cache_folder(plan.data, cache_settings(one.data), plan.cache, mark) / "index.csv").is_file()
        for one in recipes)
    rounds = (not inspected(plan).is_file()) + (not made)
    return Estimate(left, archive, rounds * measured["seconds_a_byte"] * total, _costs(plan, measured["recipes"]))


def estimate_text(plan: Plan, cost: Estimate) -> str:
    """The estimate as lines; each says whether its figures are measured, reported by Kaggle, or neither."""
    from radiogen.core.wording import duration, size

    lines = [f"estimate for {plan.seeds} seeds of {', '.join(plan.recipes)}, as far as it is not done yet:"]
    if cost.archive:
        lines.append(f"  download    at most {size(cost.archive)} of archive for {size(cost.files)} of files (reported "
                     f"by Kaggle); {duration(cost.archive / BANDWIDTH)} at 100 Mbit/s (not measured)")
    if cost.reading:
        lines.append(f"  reading     {duration(cost.reading)} to inspect and preprocess all series (measured on two "
                     "phantom cases of real size)")
    for name, one in cost.recipes.items():
        lines.append(f"  {name:<11} {duration(one.seconds)} of training (steps measured), memory {size(one.memory)}, "
                     f"arrays {size(one.arrays)}, weights {size(one.weights)}")
    total = cost.archive / BANDWIDTH + cost.reading + sum(one.seconds for one in cost.recipes.values())
    lines.append(f"  together    {duration(total)}, disk {size(cost.disk)} ({size(_free(plan))} free), without "
                 "prediction, evaluation and the kernel's rehearsal (not measured)")
    return "\n".join(lines)


def check_room(plan: Plan, cost: Estimate) -> None:
    """Raise UserError where disk or memory are too small for the plan."""
    from radiogen.core.wording import size
    from radiogen.training.forecast import free_memory

    if cost.disk + SPARE > _free(plan):
        raise UserError(plan.data, f"the job needs {size(cost.disk + SPARE)} and the disk has {size(_free(plan))} free",
                        f"free space, or give a folder on another disk with {parameter('data')}")
    for name, one in cost.recipes.items():
        if one.memory > free_memory():
            raise UserError(parameter("recipe", name), f"training it needs {size(one.memory)} of memory, and "
                            f"{size(free_memory())} are free",
                            f"set {parameter('micro_batch_size', 1)} in {parameter('options')}, use a GPU, or choose "
                            f"another {parameter('recipe')}; {parameter('anyway')} starts nevertheless")


def _measure(plan: Plan) -> dict[str, Any]:
    """Seconds a byte of series, and by recipe the cost of its arrays and its training, on temporary phantoms."""
    from radiogen.phantom.data_set import PhantomSettings, write_phantom
    from radiogen.training.workflow import preprocess

    recipes = _chosen_recipes(plan)
    plan.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".measure-", dir=plan.cache) as scrap:
        large, small = Path(scrap) / "large", Path(scrap) / "small"
        _LOG.info("measuring on phantoms how fast this machine reads and trains: some minutes, once")
        write_phantom(small, PhantomSettings(cases=SAMPLE_CASES, test_cases=0))
        preprocess(small, recipes, Path(scrap) / "cache")  # once: kernels are compiled
        write_phantom(large, PhantomSettings(cases=2, test_cases=0, scale=FULL_SIZE))
        began = time.perf_counter()
        preprocess(large, recipes, Path(scrap) / "cache")
        took = time.perf_counter() - began
        read = sum(path.stat().st_size for path in large.rglob("*.dcm"))
        return {"seconds_a_byte": took / read,
                "recipes": {recipe.name: _measure_recipe(recipe, small, Path(scrap)) for recipe in recipes}}


def _measure_recipe(recipe: "Recipe", data: Path, scrap: Path) -> dict[str, float]:
    """Bytes of a case's array; seconds to train on a case, of a fold's start and end; bytes of memory and weights."""
    from radiogen.training.execution.devices import Devices
    from radiogen.training.execution.processes import run_in_subprocess
    from radiogen.training.fit import peak_memory
    from radiogen.training.forecast import measure_fold
    from radiogen.training.optimisation import gpu_capability
    from radiogen.training.workflow import begin_run

    bare = run_in_subprocess(peak_memory, name="measure")
    gpu = run_in_subprocess(gpu_capability, name="measure") is not None
    steps = recipe.optimisation
    batch = steps.micro_batch_size if gpu else 1  # on a CPU an input costs the same in any batch
    tried = recipe.replace(folds=2, holdout_fraction=0.0, early_stopping_fraction=0.0, micro_batch_size=batch,
                           batch_size=min(steps.batch_size, batch))
    run = begin_run(data, tried, scrap / "models" / recipe.name, scrap / "cache")
    pace = run_in_subprocess(measure_fold, run, "0", Devices(), time.monotonic(), name=f"measure {recipe.name}")
    cases = SAMPLE_CASES / 2 * (1 + SCORING)
    array = sum(path.stat().st_size for path in run.cache.glob("*.npy")) / SAMPLE_CASES
    scale = steps.micro_batch_size / batch if not gpu else 1
    return {"array": array, "case": (pace.epoch - pace.end) / cases, "start": pace.start, "end": pace.end,
            "memory": bare + (pace.memory - bare) * scale, "weights": pace.weights}


SCORING = 1 / 3
"""Cost of scoring an input relative to training on it: one forward pass of three passes."""


def _costs(plan: Plan, measured: Mapping[str, Mapping[str, float]]) -> dict[str, RecipeCost]:
    """Extrapolate from a sample to all cases, folds and seeds of each recipe; trained folds cost nothing."""
    published = competition_of(RSNA_MICCAI)
    all_cases = published.train_cases + published.test_cases
    costs = {}
    for recipe in _chosen_recipes(plan):
        one, split = measured[recipe.name], recipe.split
        folds = [layout.fold_folder(plan.models / run, str(fold)) / layout.WEIGHTS
                 for run, name in run_names(plan).items() if name == recipe.name for fold in range(split.folds)]
        left = sum(not path.is_file() for path in folds)
        labelled = published.train_cases - sum(
            sequence in recipe.data.sequences for sequence in RSNA_MICCAI.blank_series.values())
        scored = labelled * (1 - split.holdout_fraction) / split.folds
        epoch = one["case"] * scored * (split.folds - 1 + SCORING) + one["end"]
        seconds = left / plan.parallel_folds * (one["start"] + recipe.optimisation.epochs * epoch)
        costs[recipe.name] = RecipeCost(seconds, one["memory"] * plan.parallel_folds, one["array"] * all_cases,
                                        one["weights"] * left)
    return costs


def _downloaded_bytes(data: Path) -> int:
    """Bytes of the data set's files that are downloaded already."""
    return sum(path.stat().st_size for path in Path(data).rglob("*") if path.is_file())


def _free(plan: Plan) -> int:
    """Bytes free on the disk of the data set, whose folder need not exist yet."""
    place = Path(plan.data).absolute()
    return shutil.disk_usage(next(parent for parent in (place, *place.parents) if parent.exists())).free


def _as_json(content: Any) -> Any:
    """`content` as it comes back from JSON."""
    import json

    return json.loads(json.dumps(content))
