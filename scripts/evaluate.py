"""Judge runs: tables per fold, AUC with intervals, a verdict in words, pictures."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from pathlib import Path
from typing import Annotated

import tyro

from radiogen.errors import run_command

Runs = Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")]


def main(names: tyro.conf.Positional[Runs] = (), /, run: Runs = (), models: Path = Path("models")) -> None:
    """Judge runs: tables per fold, AUC with intervals, a verdict in words, pictures.

    Args:
        names: The same as --run, and may stand instead of it.
        run: Names of runs under models/; rows come in this order (default: all that are predicted).
        models: Where runs are kept.
    """
    from radiogen.dataset.predictions import chosen_runs
    from radiogen.evaluation.report import evaluate_runs, short_paths

    runs = chosen_runs(models, (*names, *run))
    print(f"runs in {models}: {', '.join(runs)}", flush=True)
    text, written = evaluate_runs(models, runs)
    print(text)
    print("\nfiles written:")
    print("\n".join(f"  {line}" for line in short_paths(written)))
    print(f"next: python scripts/submit.py --run {runs[-1]}")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
