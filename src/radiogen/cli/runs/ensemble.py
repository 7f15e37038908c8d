"""Join runs into one, case by case: the mean of their probabilities, or weights fitted in the other folds."""

import shlex
from pathlib import Path
from typing import Literal

import tyro

from radiogen.cli.given import require
from radiogen.cli.names import SeveralRuns, several_runs
from radiogen.core.files import checked_name
from radiogen.core.wording import as_run, command


def main(names: tyro.conf.Positional[SeveralRuns] = (), /, run: SeveralRuns = (), name: str | None = None,
         method: Literal["mean", "rank-mean", "stacking", "greedy"] = "mean", models: Path = Path("models")) -> None:
    """Join runs into one, case by case: the mean of their probabilities, or weights fitted in the other folds.

    Example: ensemble phantom-demo-2d phantom-demo-3d

    Args:
        names: The same as --run.
        run: Names of the member runs under models/.
        name: Name of the new run (default: <data set>-ensemble).
        method: Mean of the probabilities, or of the ranks within each fold; stacking: logistic regression; greedy:
            runs selected one by one. The last two fit a fold's weights in the other folds.
        models: Where runs are kept.
    """
    members = several_runs(names, run)
    name = name if name is None else checked_name("--name", name)
    require([models / member for member in members])
    import pandas as pd

    from radiogen.evaluation.ensembles import ensemble_sentence, write_ensemble
    from radiogen.evaluation.text_tables import rounded, text_table
    from radiogen.runs.layout import ENSEMBLE

    path = write_ensemble(models, members, name, method)
    print(f"run {path.parent.name}: {method} of {', '.join(members)}")
    table = pd.read_csv(path.with_name(ENSEMBLE))
    if len(table):
        print(f"{text_table(rounded(table))}\n{ensemble_sentence(table, method)}")
    print(f"predictions: {path}")
    print(f"next: {command('evaluate')} --run {shlex.join(members)} {as_run(path.parent)}")
