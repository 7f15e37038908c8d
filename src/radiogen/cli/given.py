"""What a command is given has to be there: looked for by its name, before anything is imported that takes long.

Whether a file holds what it should is seen by whoever reads it.
"""

from collections.abc import Sequence
from pathlib import Path

from radiogen.core.errors import UserError
from radiogen.dataset.layout import check_data
from radiogen.runs.layout import no_such_run


def require(runs: Sequence[Path] = (), data: Path | None = None, tables: Sequence[Path | None] = (),
            series: Sequence[Path | None] = ()) -> None:
    """Raise a `UserError` for the first that is missing; None is an option that was not given.

    runs: their folders. data: a data set's. tables: files. series: folders or files.
    """
    for folder in runs:
        if not folder.is_dir():
            raise no_such_run(folder)
    if data is not None:
        check_data(data)
    _require(tables, "is missing", "put the table there or name another file")
    _require(series, "there is no such folder or file", "check the path")


def _require(paths: Sequence[Path | None], problem: str, remedy: str) -> None:
    for path in paths:
        if path is not None and not path.exists():
            raise UserError(path, problem, remedy)
