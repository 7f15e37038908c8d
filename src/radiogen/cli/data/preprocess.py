"""Make the arrays that recipes need from the DICOM series of a data set; each series is read once for all of them.

Example: preprocess --data input/phantom --recipe demo-2d demo-3d
"""

import shlex
from dataclasses import dataclass
from pathlib import Path

from radiogen.cli.given import require
from radiogen.core.wording import command
from radiogen.training.recipe.options import CommandOptions, parse_options


@dataclass(frozen=True)
class _Options(CommandOptions):
    """Options of the command."""

    data: Path | None = None
    """Data set: the folder with train/, test/ and train_labels.csv, or with a dataset.json."""
    recipe: tuple[str, ...] = ()
    """Recipes whose arrays are made (default: that of train.py)."""
    leave_out: tuple[str, ...] = ()
    """Ids of training cases to leave out."""
    cache: Path = Path("input/cache")
    """Where arrays are kept."""
    models: Path = Path("models")
    """Where runs are kept, with the locators that --mask names."""
    workers: int | None = None
    """Processes (default: one per available core); reduced, with a message, where memory is too small for them."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as tcp://10.0.0.1:8786, to spread the cases over a cluster."""
    fast: bool = True
    """Read files by compiled code where possible; --no-fast: all files by pydicom, with the same arrays."""


def main() -> None:
    chosen = parse_options(_Options, __doc__)
    require(data=chosen[0].data)
    from radiogen.training.workflow import preprocess

    first, recipes = chosen[0], [options.settings for options in chosen]
    assert first.data is not None  # `parse_options` fills it in
    print(f"data set {first.data}; recipes {', '.join(recipe.name for recipe in recipes)}", flush=True)
    preprocess(first.data, recipes, first.cache, leave_out=first.leave_out, workers=first.workers,
               scheduler=first.scheduler, fast=first.fast, models=first.models)
    print(f"next: {command('train')} --data {shlex.quote(str(first.data))} --recipe {recipes[0].name} --fold all")
