"""Evaluate runs: tables per fold, AUC with intervals, a verdict in words, pictures."""

from pathlib import Path

import tyro

from radiogen.cli.names import SeveralRuns, several_runs
from radiogen.core.wording import as_run, command


def main(names: tyro.conf.Positional[SeveralRuns] = (), /, run: SeveralRuns = (), models: Path = Path("models"),
         data: Path | None = None, permutations: int = 0, within_planes: bool = False, parallel_folds: int = 1) -> None:
    """Evaluate runs: tables per fold, AUC with intervals, a verdict in words, pictures.

    Args:
        names: The same as --run.
        run: Names of runs under models/; rows come in this order (default: all that are predicted).
        models: Where runs are kept.
        data: The runs' data set where it was moved or copied (default: its last known place).
        permutations: Label-permutation test: first train each run again on this many permutations of its labels, to see
            which AUC chance reaches.
        within_planes: With --permutations: permute labels only among cases whose series lie in the same planes.
        parallel_folds: With --permutations: folds trained in parallel.
    """
    from radiogen.dataset.layout import SAMPLE_SUBMISSION
    from radiogen.evaluation.report.report import evaluate_runs
    from radiogen.evaluation.text_tables import short_paths
    from radiogen.runs.predictions import chosen_runs
    from radiogen.runs.records import data_folder, read_facts

    runs = chosen_runs(models, several_runs(names, run))
    print(f"runs in {models}: {', '.join(runs)}", flush=True)
    if data is not None:
        from radiogen.training.workflow import locate_runs

        locate_runs([models / name for name in runs], data)
    for name in runs if permutations else ():
        from radiogen.inference.label_permutation import draw_seconds, run_permutations
        from radiogen.training.runs import open_run

        minutes = permutations * draw_seconds(open_run(models / name)) / 60
        print(f"label-permutation test of {name}: {permutations} draws, about {minutes:.1f} minutes if none is there "
              "yet", flush=True)
        run_permutations(open_run(models / name), permutations, within_planes, parallel_folds)
    text, written = evaluate_runs(models, runs)
    print(text)
    print("\nfiles written:")
    print("\n".join(f"  {line}" for line in short_paths(written)))
    last = models / runs[-1]
    place = data_folder(last, read_facts(last))
    if place is not None and (place / SAMPLE_SUBMISSION).is_file():
        print(f"next: {command('submit')} --run {as_run(last)}")
    else:
        print(f"next, with another hospital's data set: {command('validate')} --run {as_run(last)} --data FOLDER")
