"""Join runs into one: the mean of their probabilities, case by case."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from pathlib import Path
from typing import Annotated, Literal

import tyro

from radiogen.errors import run_command

Runs = Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")]


def main(names: tyro.conf.Positional[Runs] = (), /, run: Runs = (), name: str | None = None,
         method: Literal["mean", "rank-mean"] = "mean", models: Path = Path("models")) -> None:
    """Join runs into one: the mean of their probabilities, case by case.

    Args:
        names: The same as --run, and may stand instead of it.
        run: Names of the member runs under models/.
        name: Name of the new run (default: <data set>-ensemble).
        method: Mean of the probabilities, or of the ranks within each fold.
        models: Where runs are kept.
    """
    from radiogen.evaluation.ensembles import write_ensemble

    members = (*names, *run)
    path = write_ensemble(models, members, name, method)
    print(f"run {path.parent.name}: {method} of {', '.join(members)}")
    print(f"predictions: {path}")
    print(f"next: python scripts/evaluate.py --run {' '.join(members)} {path.parent.name}")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
