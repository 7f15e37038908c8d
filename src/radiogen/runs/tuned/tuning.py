"""What the searches of a tuned procedure found, `models/<run>/tuning.json`: training writes it, evaluation reads it.

In and out: a `Tuning`. Such a run has no networks of its own: each fold of its `predictions.csv` was scored by the
recipe that a search on the other folds chose.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import as_run, command
from radiogen.runs import layout
from radiogen.runs.records import read_facts


@dataclass(frozen=True)
class FoldSearch:
    """One search. fold: the outer one whose cases had no part in it. cases: those that had. trial: the chosen one's
    number, of `complete` and `pruned` trials; parameters: its, by path. inner_auc: its mean over the inner folds; auc:
    that of its recipe, trained on all cases of the search, in the outer fold; None for the last search. highest_auc: of
    the best trial in the inner folds, which is not the chosen one where the recipe itself was kept."""

    fold: str
    cases: int
    trial: int
    complete: int
    pruned: int
    inner_auc: float
    auc: float | None
    parameters: Mapping[str, Any]
    highest_auc: float


@dataclass(frozen=True)
class Tuning:
    """trials: of each search, scored in `inner_folds`. inner_auc, auc: means over `folds`; optimism: the first less the
    second. chosen: by field, how often each value (as JSON text) was chosen over the folds. last: the search over the
    cases of all folds, whose choice is the recipe to train in the end."""

    recipe: str
    trials: int
    inner_folds: int
    inner_auc: float
    auc: float
    optimism: float
    chosen: Mapping[str, Mapping[str, int]]
    folds: tuple[FoldSearch, ...]
    last: FoldSearch

    @property
    def kept_itself(self) -> int:
        """In how many of `folds` the recipe itself was kept, because the best trial was ahead of it by no more than
        chance."""
        return sum(one.inner_auc < one.highest_auc for one in self.folds)

    @property
    def kept_text(self) -> str:
        """`kept_itself` in words, without a capital or full stop; "" where it is none."""
        return (f"in {self.kept_itself} of {len(self.folds)} folds the recipe itself was kept: the best trial was "
                "ahead of it by no more than chance" if self.kept_itself else "")


def is_tuned(folder: Path) -> bool:
    """Whether the run in this folder is a tuned procedure."""
    return "tuning" in read_facts(folder)


def refuse_tuned(folder: Path) -> None:
    """Raise UserError where the run in this folder is a tuned procedure, which has no networks of its own."""
    if is_tuned(folder):
        raise UserError(folder, "is a tuned procedure, which has no networks of its own",
                        f"train the recipe that it chose as another run: {command('train')} --recipe "
                        f"{Path(folder) / layout.TUNED_RECIPE} --run NAME")


def write_tuning(folder: Path, tuning: Tuning) -> Path:
    """Write `tuning.json`."""
    return files.write_json(Path(folder) / layout.TUNING, asdict(tuning))


def read_tuning(folder: Path) -> Tuning | None:
    """`tuning.json`; None where there is none. Raises UserError where it is damaged."""
    path = Path(folder) / layout.TUNING
    if not path.is_file():
        return None
    try:
        kept = files.read_json(path)
        return Tuning(**{**kept, "folds": tuple(FoldSearch(**one) for one in kept["folds"]),
                         "last": FoldSearch(**kept["last"])})
    except (TypeError, KeyError) as error:
        raise UserError(path, f"cannot be read ({error})",
                        f"delete it and run {command('tune')} --run {as_run(folder)} again") from error
