"""What `radiogen runs` does with the runs that it is given: remove them, after a question, or log them to MLflow."""

import sys
from collections.abc import Sequence
from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.core.wording import command, size
from radiogen.runs.layout import LEDGER
from radiogen.runs.overview import removal, table
from radiogen.runs.overview.state import named_states


def remove_runs(models: Path, names: Sequence[str], ask: bool) -> None:
    """Remove runs, one after another, each after a question."""
    if not names:
        raise UserError("--remove", "names no run", f"{command('runs')} --remove RUN")
    if ask and not sys.stdin.isatty():
        raise UserError(f"--remove {' '.join(names)}", "asks first, and there is no terminal to answer on", "add --yes")
    for state in named_states(models, names):
        files = removal.removable_files(state.folder)
        removal.check_free(state.folder)
        if others := removal.ensembles_with(state.folder):
            print(f"warning: {', '.join(others)} was joined from it, and cannot be made or validated again without it")
        if others := removal.crops_by(state.folder):
            print(f"warning: {', '.join(others)} crops by its masks, and can predict no new case without it")
        what = f"{state.folder}: {len(files)} files, {size(state.size)}, {table.folds_text(state)} folds trained"
        if ask and not _agreed(f"remove {what}? [y/N] "):
            print(f"kept: {state.folder}")
            continue
        removal.remove_run(state.folder)
        print(f"removed {what}; {models / LEDGER} keeps what was looked at")


def log_to_mlflow(models: Path, names: Sequence[str], address: str) -> None:
    """Log runs to MLflow."""
    from radiogen.runs.overview.mlflow_log import log_runs, next_step

    states = named_states(models, names)
    if not states:
        raise UserError(models, "holds no run to log", f"train one: {command('train')}")
    print("\n".join(log_runs(states, address)))
    print(f"in {address}: {len(states)} run{'s' * (len(states) != 1)}; next: {next_step(address)}")


def _agreed(question: str) -> bool:
    """Whether the user types yes; the end of the input is a no."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False
