"""Train the fold networks of one or more runs; what is finished is kept, what was cut off goes on."""

import environment  # noqa: F401  (goes on in the clone's .venv where radiogen is not installed)

from radiogen.core.errors import as_run, run_command
from radiogen.training.recipe.options import TrainOptions, parse_options


def main() -> None:
    chosen = parse_options(TrainOptions, __doc__)
    from radiogen.training.execution import planning
    from radiogen.training import runs

    devices = planning.check_options(chosen)
    from radiogen.evaluation.figures.run_figures import history_png
    from radiogen.evaluation.stats.power import resolvability_text
    from radiogen.runs import layout

    begun = planning.begin_runs(chosen)
    print(resolvability_text(begun[0][0].folds), flush=True)
    planning.train_runs(begun, chosen[0], devices)
    for run, _ in begun:
        for fold in runs.trained_folds(run):
            folder = runs.fold_folder(run, fold)
            history_png(folder / layout.HISTORY_PICTURE, folder / layout.HISTORY, f"{run.folder.name}, fold {fold}")
        print(f"trained: fold {', '.join(runs.trained_folds(run))} in {run.folder}", flush=True)
        for line in planning.others_training(run.folder, runs.choose_folds(run.recipe, "all")):
            print(line, flush=True)
    print("next: " + "; ".join(f"python scripts/predict.py --run {as_run(run.folder)}" for run, _ in begun))


if __name__ == "__main__":
    run_command(main)
