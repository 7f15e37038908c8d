"""Options of scripts/tune.py."""

from dataclasses import dataclass
from pathlib import Path

from radiogen.training.recipe.options import CommandOptions


@dataclass(frozen=True)
class TuneOptions(CommandOptions):
    """Options of scripts/tune.py."""

    data: Path | None = None
    """Data set: the folder with train/, test/ and train_labels.csv, or with a dataset.json."""
    recipe: tuple[str, ...] = ()
    """Recipe that the search begins with, by name or as a file NAME.json; what is not searched stays as it is."""
    space: Path | None = None
    """What may be chosen: a JSON file of recipe fields, each with a list of values or a range (docs/tuning.md)."""
    trials: int = 30
    """Trials of each search; more of them later go on where the search ended."""
    inner_folds: int = 3
    """Folds of a search's cases that score a trial."""
    prune: bool = True
    """Stop a trial after an inner fold where it looks worse than half of those before."""
    parallel_folds: int = 1
    """Searches in parallel, which share the cores, or have a GPU each."""
    run: str | None = None
    """Name of the run under models/ (default: <data set>-<recipe>-tuned)."""
    leave_out: tuple[str, ...] = ()
    """Ids of training cases to leave out."""
    models: Path = Path("models")
    """Where runs are kept."""
    cache: Path = Path("input/cache")
    """Where arrays are kept; missing ones are made."""
    workers: int | None = None
    """Processes for making arrays (default: one per available core)."""
    scheduler: str | None = None
    """Dask scheduler, such as tcp://10.0.0.1:8786: each search becomes a task, one at a time on each worker."""
    forecast: bool = True
    """Forecast first how long it will take, from a few measured steps of the recipe."""
