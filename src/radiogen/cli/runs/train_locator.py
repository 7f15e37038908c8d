"""Train networks that find the tumour, on a data set's masks; then judge them on cases that they did not see.

Example: train-locator --data input/phantom --run locator
"""

from radiogen.cli.given import require
from radiogen.core.wording import as_run, command
from radiogen.training.recipe.options import TrainOptions, parse_options


def main() -> None:
    chosen = parse_options(TrainOptions, __doc__, recipe="locator-3d")
    require(data=chosen[0].data)
    from radiogen.evaluation.figures.run_figures import history_png
    from radiogen.runs import layout
    from radiogen.training.execution import planning
    from radiogen.training.locator import training
    from radiogen.training.runs import fold_folder, trained_folds

    options = training.locator_options(chosen)
    devices = planning.check_options([options])
    started = planning.begin_runs([options])
    training.note_cases(run for run, _ in started)
    planning.train_runs(started, options, devices)
    for run, _ in started:
        for fold in trained_folds(run):
            folder = fold_folder(run, fold)
            history_png(folder / layout.HISTORY_PICTURE, folder / layout.HISTORY, f"{run.folder.name}, fold {fold}")
        print(f"trained: fold {', '.join(trained_folds(run))} in {run.folder}", flush=True)
        written = training.judge_locator(run, workers=options.workers)
        if not written:
            print(f"next: {command('train_locator')} --run {as_run(run.folder)} --fold all")
            continue
        print("\n".join(["files written:", *(f"  {path}" for path in written)]))
        print(f"next: {command('train')} --data DATA --recipe demo-3d-tumour --mask locator:{run.folder.name}")
