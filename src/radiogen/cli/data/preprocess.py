"""Make the arrays that recipes need from the DICOM series of a data set; each series is read once for all of them."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from radiogen.core.wording import command
from radiogen.training.recipe.options import RecipeOptions, parse_options


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    settings: RecipeOptions
    data: Path | None = None
    """Data set: the folder with train/, test/ and train_labels.csv."""
    recipe: tuple[str, ...] = ()
    """Recipes whose arrays to make (default: the one that train.py would take)."""
    leave_out: tuple[str, ...] = ()
    """Ids of training cases to leave out."""
    cache: Path = Path("input/cache")
    """Where arrays are kept."""
    workers: int | None = None
    """Processes (default: as many as cores may be used); fewer where memory would not do, which is told."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as tcp://10.0.0.1:8786, to spread the cases over a cluster."""
    fast: bool = True
    """Read plain files by compiled code; --no-fast: all files by pydicom, which gives the same arrays."""


def main() -> None:
    chosen = parse_options(Options, __doc__)
    from radiogen.training.workflow import preprocess

    first, recipes = chosen[0], [options.settings for options in chosen]
    print(f"data set {first.data}; recipes {', '.join(recipe.name for recipe in recipes)}", flush=True)
    preprocess(first.data, recipes, first.cache, leave_out=first.leave_out, workers=first.workers,
               scheduler=first.scheduler, fast=first.fast)
    print(f"next: {command('train')} --data {shlex.quote(str(first.data))} --recipe {recipes[0].name} --fold all")
