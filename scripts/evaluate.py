"""Judge runs: tables per fold, AUC with intervals, a verdict in words, pictures."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from pathlib import Path
from typing import Annotated

import tyro

from radiogen.core.errors import as_run, call_main, run_command
from radiogen.training.recipe.options import in_option_words

Runs = Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")]


def main(names: tyro.conf.Positional[Runs] = (), /, run: Runs = (), models: Path = Path("models"),
         data: Path | None = None, null: int = 0, within_planes: bool = False, parallel_folds: int = 1) -> None:
    """Judge runs: tables per fold, AUC with intervals, a verdict in words, pictures.

    Args:
        names: The same as --run, and may stand instead of it.
        run: Names of runs under models/; rows come in this order (default: all that are predicted).
        models: Where runs are kept.
        data: The runs' data set where it was moved or copied (default: where the runs found it last).
        null: Train each run anew on so many permutations of its labels first, to see what chance would give it.
        within_planes: Exchange labels only among cases whose series lie in the same planes.
        parallel_folds: With --null: folds trained in parallel.
    """
    from radiogen.runs.predictions import chosen_runs
    from radiogen.evaluation.report.report import evaluate_runs
    from radiogen.evaluation.text_tables import short_paths

    runs = chosen_runs(models, (*names, *run))
    print(f"runs in {models}: {', '.join(runs)}", flush=True)
    if data is not None:
        from radiogen.training.workflow import locate_runs

        locate_runs([models / name for name in runs], data)
    for name in runs if null else ():
        from radiogen.inference.label_permutation import mirror_cost, run_null
        from radiogen.training.runs import open_run

        minutes = null * mirror_cost(open_run(models / name)) / 60
        print(f"null mirror of {name}: {null} draws, about {minutes:.1f} minutes if none is there yet", flush=True)
        run_null(open_run(models / name), null, within_planes, parallel_folds)
    text, written = evaluate_runs(models, runs)
    print(text)
    print("\nfiles written:")
    print("\n".join(f"  {line}" for line in short_paths(written)))
    print(f"next: python scripts/submit.py --run {as_run(models / runs[-1])}")


if __name__ == "__main__":
    run_command(lambda: call_main(main), in_option_words)
