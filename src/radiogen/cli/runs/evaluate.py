"""Evaluate runs, or predictions of any program: tables per fold, AUC with intervals, a verdict in words, pictures."""

from pathlib import Path
from typing import Annotated

import tyro

from radiogen.cli.given import require
from radiogen.cli.names import SeveralRuns, open_report, several_runs, step_after_judgement
from radiogen.core.errors import UserError
from radiogen.evaluation.others.columns import Naming


def main(names: tyro.conf.Positional[SeveralRuns] = (), /, run: SeveralRuns = (), models: Path = Path("models"),
         data: Path | None = None, permutations: int = 0, within_planes: bool = False, parallel_folds: int = 1,
         predictions: tuple[Path, ...] = (), labels: Path | None = None, patients: Path | None = None,
         naming: Annotated[Naming, tyro.conf.arg(name="")] = Naming()) -> None:
    """Evaluate runs, or predictions of any program: tables per fold, AUC with intervals, a verdict in words, pictures.

    Example: evaluate phantom-demo-2d phantom-demo-3d
    Args:
        names: The same as --run.
        run: Names of runs under models/; rows come in this order (default: all that are predicted).
        models: Where runs are kept.
        data: The runs' data set where it was moved or copied (default: its last known place).
        permutations: Label-permutation test: first train each run again on this many permutations of its labels, to see
            which AUC chance reaches.
        within_planes: With --permutations: permute labels only among cases whose series lie in the same planes.
        parallel_folds: With --permutations: folds trained in parallel.
        predictions: Tables of predictions by any program (CSV: id, fold or split, label, probability), judged in place
            of runs; several are compared on their common cases.
        labels: With --predictions: a table of their labels (default: the labels in the tables themselves).
        patients: With --predictions: a table of their patients: id, patient, age, sex, site.
        naming: How these tables are to be read.
    """
    if (labels or patients) and not predictions:
        raise UserError("--labels and --patients", "are of predictions", "name them: --predictions FILE.csv")
    if predictions and (names or run or permutations):
        raise UserError("--predictions", "stands beside runs or trainings", "judge the predictions by themselves")
    require([models / name for name in several_runs(names, run)], data, (*predictions, labels, patients))
    from radiogen.evaluation.report.report import evaluate_runs
    from radiogen.evaluation.text_tables import short_paths
    from radiogen.runs.predictions import chosen_runs

    if predictions:
        from radiogen.evaluation.others.judge import judge_predictions

        text, written = judge_predictions(predictions, models, naming, labels, patients)
    else:
        runs = chosen_runs(models, several_runs(names, run))
        print(f"runs in {models}: {', '.join(runs)}", flush=True)
        if data is not None:
            from radiogen.training.workflow import locate_runs

            locate_runs([models / name for name in runs], data)
        for name in runs if permutations else ():
            from radiogen.inference.label_permutation import announce, run_permutations
            from radiogen.training.runs import open_run

            print(announce(opened := open_run(models / name), permutations), flush=True)
            run_permutations(opened, permutations, within_planes, parallel_folds)
        text, written = evaluate_runs(models, runs)
    print("\n".join([text, "\nfiles written:", *(f"  {line}" for line in short_paths(written))]))
    print(open_report(written) if predictions else step_after_judgement(models / runs[-1]))
