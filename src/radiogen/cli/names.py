"""How commands name runs: `RUN` and `--run RUN` are the same, everywhere; and what comes after one is judged."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from radiogen.core.errors import UserError
from radiogen.core.files import checked_name
from radiogen.core.wording import as_run, command

OneRun = Annotated[str | None, tyro.conf.arg(metavar="RUN")]
SeveralRuns = Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN ...")]


def one_run(name: str | None, run: str | None) -> str | None:
    """The run that either names; None where neither does. Raises UserError where they name different runs."""
    if name is not None and run is not None and name != run:
        raise UserError(f"RUN {name} and --run {run}", "name two runs, and this command takes one", "name one of them")
    chosen = run if name is None else name
    return chosen if chosen is None else checked_name("RUN", chosen)


def several_runs(names: tuple[str, ...], run: tuple[str, ...]) -> tuple[str, ...]:
    """The runs that are named, those without `--run` first."""
    return tuple(checked_name("RUN", name) for name in (*names, *run))


def step_after_judgement(folder: Path) -> str:
    """What to do with a run that is judged: submit it, where its data set has a sample submission, else validate it; of
    a tuned procedure, train its recipe."""
    from radiogen.dataset.layout import sample_path
    from radiogen.runs.layout import TUNED_RECIPE
    from radiogen.runs.records import data_folder, read_facts
    from radiogen.runs.tuned.tuning import is_tuned

    if is_tuned(folder):
        return f"next: {command('train')} --recipe {folder / TUNED_RECIPE} --run NAME"
    place = data_folder(folder, read_facts(folder))
    if place is not None and sample_path(place).is_file():
        return f"next: {command('submit')} --run {as_run(folder)}"
    return f"next, with another hospital's data set: {command('validate')} --run {as_run(folder)} --data FOLDER"


def open_report(written: Sequence[Path]) -> str:
    """What to do with a report that is written."""
    from radiogen.runs.layout import REPORT

    return next(f"next: open {path} in a browser" for path in reversed(written) if path.name == REPORT)
