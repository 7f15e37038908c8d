"""Predict every case of a run's data set: out-of-fold, holdout and test."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from pathlib import Path

import tyro

from radiogen.errors import run_command


def main(run: str, models: Path = Path("models"), workers: int | None = None) -> None:
    """Predict every case of a run's data set: out-of-fold, holdout and test.

    Args:
        run: Name of the run under models/.
        models: Where runs are kept.
        workers: Processes for making arrays that are missing (default: as many as cores may be used).
    """
    from radiogen.learning import runs, workflow

    path = workflow.predict(runs.open_run(models / run), workers=workers)
    print(f"predictions: {path}")
    print(f"next: python scripts/evaluate.py --run {run}")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
