"""Who trains which fold: a fold is locked while it is trained, a run only while its own files are written.

In: a run's folder, models/<run>, and folds by name. Out: folds that are held, or a line that names the process which
has them. A fold has two locks: `.lock` of whoever writes into its folder, `.order.lock` of a command that has it
trained on a cluster. Whoever holds a fold waits for no other, so nobody waits in a circle.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from radiogen.core.files import LOCK, try_working_folder, working_folder, writing
from radiogen.core.locks import POLL_SECONDS, Holder, hold, holder, try_hold
from radiogen.runs.layout import fold_folder, fold_folders

_LOG = logging.getLogger(__name__)

ORDER = ".order.lock"
"""In a fold's folder: held by the command that has the fold trained by a cluster's workers."""


def fold_holders(run: Path, folds: Iterable[str] | None = None) -> dict[str, Holder]:
    """By fold who trains it now; folds: which are looked at (default: all that the run's folder has)."""
    run = Path(run)
    if folds is None:
        folds = fold_folders(run)
    found = {fold: holder(fold_folder(run, fold) / LOCK) or holder(fold_folder(run, fold) / ORDER) for fold in folds}
    return {fold: one for fold, one in found.items() if one is not None}


def training_text(run: Path, holders: dict[str, Holder]) -> list[str]:
    """A line for each process that trains folds of the run."""
    processes: dict[Holder, list[str]] = {}
    for fold, one in holders.items():
        processes.setdefault(one, []).append(fold)
    return [f"fold {', '.join(folds)} of run {Path(run).name} {'is' if len(folds) == 1 else 'are'} being trained by "
            f"{one.text()}" for one, folds in processes.items()]


def note_training(run: Path) -> None:
    """Print who trains folds of the run, for a command that takes what is there and does not wait."""
    for line in training_text(run, fold_holders(run)):
        _LOG.info(f"note: {line}: what was there before is used")


@contextlib.contextmanager
def hold_fold(run: Path, fold: str) -> Iterator[None]:
    """Hold a fold to train it; where another process has it, say which, and wait."""
    folder = fold_folder(run, fold)
    with _ordered(folder, run, fold), working_folder(folder, _waiting(run, fold)):
        yield


@contextlib.contextmanager
def hold_free_folds(run: Path, folds: Iterable[str]) -> Iterator[list[str]]:
    """Hold those of `folds` that nobody trains, and give them; say who trains the others, if there are both."""
    with contextlib.ExitStack() as stack:
        free: list[str] = []
        taken: dict[str, Holder] = {}
        for fold in folds:
            with contextlib.ExitStack() as both:
                if _try_fold(both, fold_folder(run, fold)):
                    stack.enter_context(both.pop_all())
                    free.append(fold)
                else:
                    taken |= fold_holders(run, [fold]) or {fold: Holder()}
        for line in training_text(run, taken) if free else ():  # else it is said by whoever waits for them now
            _LOG.info(f"{line}: waiting for it to finish once the others are trained")
        yield free


@contextlib.contextmanager
def order_fold(run: Path, fold: str) -> Iterator[None]:
    """Keep a fold for the workers of a cluster, which lock its folder themselves; waits as `hold_fold`."""
    with _ordered(fold_folder(run, fold), run, fold):
        yield


@contextlib.contextmanager
def worker_fold(run: Path, fold: str) -> Iterator[None]:
    """Hold a fold's folder on a worker, whose client has ordered it; waits as `hold_fold`."""
    with working_folder(fold_folder(run, fold), _waiting(run, fold)):
        yield


def wait_for_training(run: Path) -> None:
    """Wait until no fold of the run is trained any more; say at once which are, and by whom."""
    logged = []
    while holders := fold_holders(run):
        for line in training_text(run, holders):
            if line not in logged:
                _LOG.info(f"{line}: waiting for it to finish")
                logged.append(line)
        time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def working_run(run: Path) -> Iterator[Path]:
    """Hold the run's folder, with none of its folds in training; wait for both, and say at once for whom."""
    while True:
        wait_for_training(run)
        with working_folder(run) as folder:
            if not fold_holders(folder):
                yield folder
                return


def _waiting(run: Path, fold: str) -> Callable[[Holder], str]:
    return lambda one: f"{training_text(run, {fold: one})[0]}: waiting for it to finish"


@contextlib.contextmanager
def _ordered(folder: Path, run: Path, fold: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(hold(folder / ORDER, _waiting(run, fold)))
        yield


def _try_fold(stack: contextlib.ExitStack, folder: Path) -> bool:
    """Enter both locks of a fold into `stack`; whether both were free."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        ordered = stack.enter_context(try_hold(folder / ORDER))
    return ordered and stack.enter_context(try_working_folder(folder))
