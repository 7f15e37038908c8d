"""List all runs and what is wrong with them; compare two, follow a training, remove one, log them to MLflow."""

from pathlib import Path

import tyro

from radiogen.cli.given import require
from radiogen.cli.names import SeveralRuns, several_runs
from radiogen.core.errors import UserError

Flag = tyro.conf.FlagCreatePairsOff[bool]


def main(names: tyro.conf.Positional[SeveralRuns] = (), /, run: SeveralRuns = (), compare: Flag = False,
         watch: Flag = False, remove: Flag = False, yes: Flag = False, mlflow: str | None = None,
         models: Path = Path("models")) -> None:
    """List all runs and what is wrong with them; compare two, follow a training, remove one, log them to MLflow.

    Example: runs --compare phantom-demo-2d phantom-demo-3d

    Args:
        names: The same as --run.
        run: Names of runs under models/ (default: all).
        compare: Show the fields in which two runs differ.
        watch: Follow the training of a run until it ends (default: of the run that is being trained).
        remove: Remove the runs, after asking: their own files only, and never one that is being trained.
        yes: With --remove: do not ask.
        mlflow: Log the runs to this MLflow server or folder, such as mlruns (needs mlflow-skinny).
        models: Where runs are kept.
    """
    chosen = several_runs(names, run)
    require([models / name for name in chosen])
    from radiogen.cli import run_actions, run_removal

    if compare + watch + remove + (mlflow is not None) > 1:
        raise UserError("--compare, --watch, --remove and --mlflow", "are different things", "choose one of them")
    if yes and not remove:
        raise UserError("--yes", "answers the question that --remove asks", "add --remove, or leave it out")
    if compare:
        run_actions.compare_runs(models, chosen)
    elif watch:
        run_actions.watch_run(models, chosen)
    elif remove:
        run_removal.remove_runs(models, chosen, ask=not yes)
    elif mlflow is not None:
        run_removal.log_to_mlflow(models, chosen, mlflow)
    else:
        run_actions.list_runs(models, chosen)
