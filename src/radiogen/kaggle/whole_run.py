"""The whole job on the real data as a list of steps, and what it will take on this machine, said before it begins.

In: a `Plan`. Out: the scripts to call, in order, each of which goes on where it was cut off; an `Estimate`. Kaggle
tells how many bytes there are. What they cost to read is measured on two phantom cases of real size, what a network
costs on two dozen small ones, through the very functions that will do the work. How fast the line is, nobody knows.
"""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.dataset.layout import BLANK, COMPETITION
from radiogen.kaggle.inventory import PUBLISHED
from radiogen.runs import layout

_LOG = logging.getLogger(__name__)

RECIPES = ("isotropic-3d", "winner-3d")
SPARE = 2e9
"""Bytes that are left free on the disk."""
LINE = 100e6 / 8
"""Bytes a second of the line that the estimate names: 100 Mbit/s."""
SAMPLE_CASES, FULL_SIZE = 24, 1.0
"""Phantom cases that a network is timed on; matrix of those that are only read, as a share of the real ones."""

Step = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Plan:
    """What is to be done. options: fields of the recipes that are not their own, as train.py takes them."""

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
    """What one recipe's runs take: seconds, bytes of memory while they train, bytes of arrays and of weights."""

    seconds: float
    memory: float
    arrays: float
    weights: float


@dataclass(frozen=True)
class Estimate:
    """files, archive: bytes that the competition has, and of its archive as far as it is still to come (told by
    Kaggle); seconds of reading all of them, as often as it takes; recipes: by name. As far as it is not done yet.
    """

    files: float
    archive: float
    reading: float
    recipes: Mapping[str, RecipeCost]

    @property
    def disk(self) -> float:
        """Bytes that the whole job adds; the weights lie in the runs and in the bundle for Kaggle."""
        return self.files + self.archive + sum(one.arrays + 2 * one.weights for one in self.recipes.values())


def steps(plan: Plan, runs: Sequence[str], owner: str) -> list[Step]:
    """The scripts and their arguments, in order; runs: `run_names`."""
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

    return {run: recipe.name for recipe in chosen_recipes(plan)
            for run in seeded_names(run_name(plan.data, recipe.name), recipe, plan.seeds)}


def chosen_recipes(plan: Plan) -> list[Any]:
    """The plan's recipes with its options. Raises UserError for one that does not exist or makes no sense."""
    from radiogen.training.recipe.options import TrainOptions, parse_options

    words = ["--data", str(plan.data), "--recipe", *plan.recipes, *plan.options]
    return [one.settings for one in parse_options(TrainOptions, "", words)]


def inspected(plan: Plan) -> Path:
    """The table that inspecting the data set leaves; where it is there, all series need not be read once more."""
    from radiogen.imaging.inspect.quality import output_folder

    downloaded = any((plan.data / split).is_dir() for split in ("train", "test"))
    return (output_folder(plan.data, None, plan.cache) if downloaded else plan.cache) / "quality.csv"


def estimate(plan: Plan, login: Any) -> Estimate:
    """What is still to be done of the plan, measured once and kept beside the runs; login: an authenticated client.

    Raises UserError where a network does not fit into memory.
    """
    from radiogen.arrays.cache import cache_folder
    from radiogen.dataset.fingerprint import data_fingerprint
    from radiogen.kaggle.download import published
    from radiogen.training.recipe.recipe import as_flat_dict
    from radiogen.training.runs import cache_settings

    kept = plan.models / f".{plan.data.resolve().name}-measured.json"
    recipes = chosen_recipes(plan)
    asked = _plain({"recipes": list(map(as_flat_dict, recipes)), "cores": len(os.sched_getaffinity(0))})
    measured = files.read_json(kept) if kept.is_file() else {}
    if measured.get("asked") != asked:
        measured = {"asked": asked, **_measure(plan)}
        files.write_json(kept, measured)
    _, total = published(login, COMPETITION, time.sleep)
    left = max(0, total - _bytes_there(plan.data))
    archive = 0 if not left or plan.data.with_name(f"{plan.data.name}.zip").is_file() else total
    mark = data_fingerprint(plan.data) if any((plan.data / split).is_dir() for split in ("train", "test")) else None
    made = mark is not None and all(
        (cache_folder(plan.data, cache_settings(one.data), plan.cache, mark) / "index.csv").is_file()
        for one in recipes)
    rounds = (not inspected(plan).is_file()) + (not made)
    return Estimate(left, archive, rounds * measured["seconds_a_byte"] * total, _costs(plan, measured["recipes"]))


def estimate_text(plan: Plan, told: Estimate) -> str:
    """The estimate as lines; each says whether its figures are measured, told by Kaggle, or neither."""
    from radiogen.training.forecast import duration, size

    lines = [f"estimate for {plan.seeds} seeds of {', '.join(plan.recipes)}, as far as it is not done yet:"]
    if told.archive:
        lines.append(f"  download    at most {size(told.archive)} of archive for {size(told.files)} of files (told by "
                     f"Kaggle); {duration(told.archive / LINE)} at 100 Mbit/s (your line is not measured)")
    if told.reading:
        lines.append(f"  reading     {duration(told.reading)} to inspect and preprocess all series (measured on two "
                     "phantom cases of real size)")
    for name, cost in told.recipes.items():
        lines.append(f"  {name:<11} {duration(cost.seconds)} of training (steps measured), memory {size(cost.memory)}, "
                     f"arrays {size(cost.arrays)}, weights {size(cost.weights)}")
    total = told.archive / LINE + told.reading + sum(one.seconds for one in told.recipes.values())
    lines.append(f"  together    {duration(total)}, disk {size(told.disk)} ({size(_free(plan))} free); predicting, "
                 "judging and the kernel's rehearsal come on top (not measured)")
    return "\n".join(lines)


def check_room(plan: Plan, told: Estimate) -> None:
    """Raise UserError where disk or memory cannot hold the plan."""
    from radiogen.training.forecast import free_memory, size

    if told.disk + SPARE > _free(plan):
        raise UserError(plan.data, f"the job needs {size(told.disk + SPARE)} and the disk has {size(_free(plan))} free",
                        f"free space, or give a folder on another disk with {parameter('data')}")
    for name, cost in told.recipes.items():
        if cost.memory > free_memory():
            raise UserError(parameter("recipe", name), f"training it needs {size(cost.memory)} of memory, and "
                            f"{size(free_memory())} are free", f'give --options="{parameter("micro_batch_size")} 1", a '
                                                               'GPU, or '
                            f"another {parameter('recipe')}; {parameter('anyway')} begins all the same")


def _measure(plan: Plan) -> dict[str, Any]:
    """Seconds a byte of series, and by recipe what its arrays and its training take, on phantoms of a moment."""
    from radiogen.phantom.data_set import PhantomSettings, write_phantom
    from radiogen.training.workflow import preprocess

    recipes = chosen_recipes(plan)
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


def _measure_recipe(recipe: Any, data: Path, scrap: Path) -> dict[str, float]:
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
    batch = steps.micro_batch_size if gpu else 1  # on a CPU an input costs the same in any batch, and a step is a wait
    tried = recipe.replace(folds=2, holdout_fraction=0.0, early_stopping_fraction=0.0, micro_batch_size=batch,
                           batch_size=min(steps.batch_size, batch))
    run = begin_run(data, tried, scrap / "models" / recipe.name, scrap / "cache")
    pace = run_in_subprocess(measure_fold, run, "0", Devices(), time.monotonic(), name=f"measure {recipe.name}")
    cases = SAMPLE_CASES / 2 * (1 + JUDGED)
    array = sum(path.stat().st_size for path in run.cache.glob("*.npy")) / SAMPLE_CASES
    scale = steps.micro_batch_size / batch if not gpu else 1
    return {"array": array, "case": (pace.epoch - pace.end) / cases, "start": pace.start, "end": pace.end,
            "memory": bare + (pace.memory - bare) * scale, "weights": pace.weights}


JUDGED = 1 / 3
"""What scoring an input costs of what training on it costs: one pass forward of three."""


def _costs(plan: Plan, measured: Mapping[str, Mapping[str, float]]) -> dict[str, RecipeCost]:
    """From a sample to all cases, folds and seeds of each recipe; folds that are trained cost nothing any more."""
    all_cases = sum(one.cases for one in PUBLISHED.values())
    costs = {}
    for recipe in chosen_recipes(plan):
        one, split = measured[recipe.name], recipe.split
        folds = [layout.fold_folder(plan.models / run, str(fold)) / layout.WEIGHTS
                 for run, name in run_names(plan).items() if name == recipe.name for fold in range(split.folds)]
        left = sum(not path.is_file() for path in folds)
        labelled = PUBLISHED["train"].cases - sum(sequence in recipe.data.sequences for sequence in BLANK.values())
        judged = labelled * (1 - split.holdout_fraction) / split.folds
        epoch = one["case"] * judged * (split.folds - 1 + JUDGED) + one["end"]
        seconds = left / plan.parallel_folds * (one["start"] + recipe.optimisation.epochs * epoch)
        costs[recipe.name] = RecipeCost(seconds, one["memory"] * plan.parallel_folds, one["array"] * all_cases,
                                        one["weights"] * left)
    return costs


def _bytes_there(data: Path) -> int:
    """Bytes of the data set's files that are there already."""
    return sum(path.stat().st_size for path in Path(data).rglob("*") if path.is_file())


def _free(plan: Plan) -> int:
    """Bytes free on the disk of the data set, whose folder need not exist yet."""
    place = Path(plan.data).absolute()
    return shutil.disk_usage(next(parent for parent in (place, *place.parents) if parent.exists())).free


def _plain(content: Any) -> Any:
    """As it comes back from JSON."""
    import json

    return json.loads(json.dumps(content))
