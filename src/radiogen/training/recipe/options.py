"""Command-line options from a recipe: every field is an option by its own name, grouped by the recipe's parts.

In: the command line and a frozen dataclass of a command's own options, with a field `settings: Recipe`. Out: that
dataclass filled in. tyro parses twice, because the recipe that provides the defaults is itself an option.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro
from tyro.conf import OmitArgPrefixes

from radiogen.core import files
from radiogen.core.terminal.command_line import HELP, parse, usage_in_one_line
from radiogen.core.wording import parameter
from radiogen.runs import layout
from radiogen.task import RSNA_MICCAI, read_task
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipe import Recipe, from_dict
from radiogen.training.recipe.recipes import default_recipe, find_recipe, recipe_for

RecipeOptions = OmitArgPrefixes[Annotated[Recipe, tyro.conf.arg(name="")]]
"""A recipe as options: flat, with a group for each part."""


@dataclass(frozen=True)
class _Choice:
    """The options that decide about the defaults of all others."""

    data: Path | None = None
    recipe: tuple[str, ...] = ()
    run: str | None = None
    start_from: str | None = None
    models: Path = Path("models")


@dataclass(frozen=True)
class CommandOptions:
    """Options of a command that takes recipes: the recipe's fields; its own follow in subclasses."""

    settings: RecipeOptions


Options = TypeVar("Options", bound=CommandOptions)


@dataclass(frozen=True)
class TrainOptions(CommandOptions):
    """Options of scripts/train.py."""

    data: Path | None = None
    """Data set: the folder with train/, test/ and train_labels.csv, or with a dataset.json."""
    recipe: tuple[str, ...] = ()
    """Recipes, by name or NAME.json; several are trained one after another, or in parallel with --scheduler (default:
    isotropic-3d on the competition's data, else demo-3d)."""
    fold: str = "all"
    """Fold to train, a number from 0, or all."""
    parallel_folds: int = 1
    """Folds trained in parallel, which share the cores, or have a GPU each: small networks train faster this way."""
    seeds: int = 1
    """Train this many runs on the same split, with the seeds from --seed up: <run>, <run>-seed-43, ..."""
    run: str | None = None
    """Name of the run under models/ (default: <data set>-<recipe>)."""
    start_from: str | None = None
    """Run under models/ whose weights a new run starts with, fold by fold, on the same folds: for more epochs."""
    leave_out: tuple[str, ...] = ()
    """Ids of training cases to leave out."""
    models: Path = Path("models")
    """Where runs are kept."""
    cache: Path = Path("input/cache")
    """Where arrays are kept; missing ones are made."""
    workers: int | None = None
    """Processes for making arrays (default: one per available core)."""
    devices: str = "auto"
    """auto: every GPU shares a fold's batches, else the CPU; or cpu, gpu, gpu:2; cpu:4 splits the CPU, for tests."""
    machines: int = 1
    """Machines that train one network together; needs Keras on JAX and folders that all of them see."""
    machine: int = 0
    """Which of the machines this is, from 0; the same command runs on each."""
    coordinator: str | None = None
    """With --machines: address and port of machine 0, such as 10.0.0.1:9876."""
    scheduler: str | None = None
    """Dask scheduler, such as tcp://10.0.0.1:8786: all folds of all runs become tasks, one at a time on each worker."""
    forecast: bool = True
    """Forecast first how long training will take, and how much memory and disk, from a few measured steps."""
    tensorboard: bool = False
    """Write logs for TensorBoard to models/<run>/fold-<k>/tensorboard."""


def _default_data() -> Path:
    """The data set where none is named: the competition's if it exists, else the demo's phantom."""
    real = Path("input") / RSNA_MICCAI.name
    return real if real.is_dir() else Path("input/phantom")


def parse_options(options: type[Options], description: str, arguments: list[str] | None = None, *,
                  recipe: str | None = None) -> list[Options]:
    """The command's options, once for each recipe named with `--recipe`, its fields overridden by other options.

    A recipe whose sequences the data set does not have reads all that it has (its `dataset.json`), unless options say
    which. recipe: the command's own, where the command line names none. Without `--recipe`, a run that exists is
    resumed: its own recipe, data set and left-out cases are the defaults, and those of the run that `--start-from`
    names for a new one.
    `--help` shows `description` and the recipe's own.
    Raises UserError for a recipe that does not exist or whose fields are not valid together.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    with usage_in_one_line():
        choice, _ = tyro.cli(_Choice, args=[word for word in arguments if word not in HELP],
                             return_unknown_args=True)
    if choice.run is not None:
        files.checked_name(parameter("run"), choice.run)
    if choice.start_from is not None:
        files.checked_name(parameter("start_from"), choice.start_from)
    defaults, recipes = _defaults(choice, recipe)
    known = {field.name for field in dataclasses.fields(options)}
    parsed = []
    for one in recipes:
        default = options(settings=one, **{key: value for key, value in defaults.items() if key in known})
        text = f"{description}\n\n{one.name}: {one.description}"
        parsed.append(parse(options, arguments, default=default, description=text))
        check_recipe(parsed[-1].settings)
    return parsed


def _defaults(choice: _Choice, own: str | None) -> tuple[dict[str, Any], list[Recipe]]:
    folder = choice.models / choice.run if choice.run else None
    if folder is not None and (folder / layout.RUN).is_file() and not choice.recipe:
        from radiogen.runs.records import read_facts, read_recipe

        facts, recipe = read_facts(folder), from_dict(read_recipe(folder))
        data = choice.data or files.found_path(facts["data"], folder)
        return {"data": data, "leave_out": tuple(facts["leave_out"])}, [recipe]
    if choice.start_from:
        if not (choice.models / choice.start_from / layout.RUN).is_file():
            raise layout.no_such_run(choice.models / choice.start_from)
        from radiogen.training.runs import open_run

        source = open_run(choice.models / choice.start_from)
        recipes = [find_recipe(name) for name in choice.recipe] or [source.recipe]
        return ({"data": choice.data or source.data, "leave_out": source.leave_out},
                [recipe.replace(split_seed=source.recipe.seed_of_split) for recipe in recipes])
    data = choice.data or _default_data()
    names, task = choice.recipe or (own or default_recipe(data.name),), read_task(data)
    return {"data": data}, [recipe_for(find_recipe(name), task) for name in names]
