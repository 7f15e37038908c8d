"""Train the fold networks of a run; what is finished is kept, what was cut off goes on."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import OmitArgPrefixes

from radiogen.errors import run_command
from radiogen.learning.options import parse_options
from radiogen.learning.recipes import Recipe


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    settings: OmitArgPrefixes[Recipe]
    data: Path | None = None
    """Data set: the folder with train/, test/ and train_labels.csv."""
    recipe: str | None = None
    """Recipe: report-2d, report-3d, demo-2d or demo-3d."""
    fold: str = "all"
    """Fold to train, a number from 0, or all."""
    at_once: int = 1
    """Folds side by side, which share the cores: small networks train faster so."""
    run: str | None = None
    """Name of the run under models/ (default: <data set>-<recipe>)."""
    leave_out: tuple[str, ...] = ()
    """Ids of training cases to leave out."""
    models: Path = Path("models")
    """Where runs are kept."""
    cache: Path = Path("input/cache")
    """Where arrays are kept; missing ones are made."""
    workers: int | None = None
    """Processes for making arrays (default: as many as cores may be used)."""


def main() -> None:
    options, *_ = parse_options(Options, __doc__)
    from radiogen.evaluation.figures import history_png
    from radiogen.learning import runs, workflow

    name = options.run or runs.run_name(options.data, options.settings.name)
    print(f"data set {options.data}; recipe {options.settings.name}; run {options.models / name}", flush=True)
    folds = runs.choose_folds(options.settings, options.fold)
    run = workflow.begin_run(options.data, options.settings, options.models / name, options.cache,
                             leave_out=options.leave_out, workers=options.workers)
    workflow.train(run, folds, options.at_once)
    for fold in runs.trained_folds(run):
        folder = runs.fold_folder(run, fold)
        history_png(folder / "history.png", folder / "history.csv", f"{name}, fold {fold}")
    print(f"trained: fold {', '.join(runs.trained_folds(run))} in {run.folder}")
    print(f"next: python scripts/predict.py --run {name}")


if __name__ == "__main__":
    run_command(main)
