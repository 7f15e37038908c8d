"""A page that is made to be mailed names no folders of the machine that made it.

In: the finished page and how its runs were made. Out: the page with paths from the project's folder on; of a data set
or a file that lies elsewhere only the name is left.
"""

import html
import json
from collections.abc import Iterable
from pathlib import Path

from radiogen.evaluation.report.provenance import RunProvenance


def without_folders(text: str, models: Path, provenances: Iterable[RunProvenance]) -> str:
    """`text`, a page of runs under `models`, without the absolute paths that the runs' records tell."""
    homes = {str(Path(models).resolve().parent), str(Path(models).absolute().parent), str(Path.cwd())} - {"/"}
    shorter = {f"{home}/": "" for home in homes}
    for path in {one for provenance in provenances for one in _recorded_paths(provenance)}:
        inside = [home for home in homes if path.startswith(f"{home}/")]
        shorter[path] = path.removeprefix(f"{max(inside, key=len)}/") if inside else Path(path).name
    for path in sorted(shorter, key=len, reverse=True):
        for written in (str, html.escape, lambda value: json.dumps(value)[1:-1]):
            text = text.replace(written(path), written(shorter[path]))
    return text


def _recorded_paths(provenance: RunProvenance) -> Iterable[str]:
    """The absolute paths in the records of a run and of its members."""
    for value in (*provenance.facts.values(), *provenance.recipe.values()):
        if isinstance(value, str) and value.startswith("/") and len(value) > 1:
            yield value.rstrip("/")
    for other in (*provenance.members.values(), *provenance.ancestors):
        yield from _recorded_paths(other)
