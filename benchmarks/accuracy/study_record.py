"""The record of `studies.py`: one CSV with the figures of every trial that was ever evaluated.

In: the file, where there is one. Out: the row of a trial; new rows, in the order in which trials are listed.
"""

from pathlib import Path

import pandas as pd

from benchmarks.accuracy.study_trials import STUDIES, Trial, trials
from radiogen.core import files
from radiogen.core.errors import UserError

_NAMES = ("study", "row", "name", "run")
_DIGITS = 6


class Record:
    """A row a trial, as `studies.judge` returns it, each written to the file as it comes.

    keep_all: a trial whose recipe changed keeps the rows of its earlier runs, so that each look is recorded.
    A file that is no such table raises UserError.
    """

    def __init__(self, path: Path, keep_all: bool = False) -> None:
        self.path, self.rows, self.columns = path, [], []
        self.key = _NAMES if keep_all else _NAMES[:3]
        if path.is_file():
            table = pd.read_csv(path, dtype=dict.fromkeys(_NAMES, str))
            if missing := [name for name in _NAMES if name not in table.columns]:
                raise UserError(path, f"no column {', '.join(missing)}", "is it the record of this benchmark?")
            self.rows, self.columns = table.to_dict("records"), list(table.columns)

    def row(self, trial: Trial, run: str) -> dict[str, object] | None:
        """The figures of the trial's run; None where they are not recorded, or another run's."""
        wanted = (trial.study, trial.row, trial.name, run)
        return next((row for row in self.rows if tuple(map(row.get, _NAMES)) == wanted), None)

    def add(self, new: dict[str, object]) -> None:
        """Add a row, or replace the trial's earlier one; write the file."""
        listed = [(trial.study, trial.row, trial.name) for study in STUDIES for trial in trials(study)]
        rows = {self._place(row): row for row in self.rows}
        rows[self._place(new)] = {name: round(value, _DIGITS) if isinstance(value, float) else value
                             for name, value in new.items()}
        self.columns = list(dict.fromkeys([*self.columns, *new]))
        known = [place for place in listed if place in rows]
        self.rows = [rows[place] for place in known + [place for place in rows if place not in known]]
        files.write_csv(self.path, pd.DataFrame(self.rows, columns=self.columns))

    def _place(self, row: dict[str, object]) -> tuple[object, ...]:
        return tuple(row[name] for name in self.key)
