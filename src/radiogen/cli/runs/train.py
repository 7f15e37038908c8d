"""Train the fold networks of one or more runs; finished folds are kept, interrupted ones resume.

Example: train --data input/phantom --recipe demo-3d
"""

from radiogen.cli.given import require
from radiogen.core.wording import as_run, command
from radiogen.training.recipe.options import TrainOptions, parse_options


def main() -> None:
    chosen = parse_options(TrainOptions, __doc__)
    require(data=chosen[0].data)
    from radiogen.runs import layout
    from radiogen.training import runs
    from radiogen.training.execution import planning

    devices = planning.check_options(chosen)
    from radiogen.evaluation.figures.run_figures import history_png
    from radiogen.evaluation.stats.power import resolvability_text

    started = planning.begin_runs(chosen)
    print(resolvability_text(started[0][0].folds), flush=True)
    planning.train_runs(started, chosen[0], devices)
    for run, _ in started:
        for fold in runs.trained_folds(run):
            folder = runs.fold_folder(run, fold)
            history_png(folder / layout.HISTORY_PICTURE, folder / layout.HISTORY, f"{run.folder.name}, fold {fold}")
        print(f"trained: fold {', '.join(runs.trained_folds(run))} in {run.folder}", flush=True)
        for line in planning.others_training(run.folder, runs.choose_folds(run.recipe.split.folds, "all")):
            print(line, flush=True)
    print("next: " + "; ".join(f"{command('predict')} --run {as_run(run.folder)}" for run, _ in started))
