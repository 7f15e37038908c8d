"""`models/<run>/explained.npz`: images of a few cases and where in them the networks looked.

In and out: an `Explained`. Inference writes it, the report draws it.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.npz import read_npz
from radiogen.core.wording import as_run, command
from radiogen.runs import layout


@dataclass(frozen=True)
class Explained:
    """Images and heat maps of K cases.

    ids, folds: text (K,), folds as in `predictions.csv`. labels, called: int (K,). probabilities: float (K,), of
    class 1. sequence: the name of the sequence that `images` are of. sequences: text (S,), the recipe's. rank: 2
    or 3. geometry: the recipe's. images, heat: uint8 (K, slices, rows, columns); heat speaks for the class that was
    called, 255 where it is hottest in the case. slices: int (K, slices), their numbers in the case's array. views:
    uint8 (K, S, rows, columns), the slice with most heat in each sequence.
    """

    ids: NDArray[np.str_]
    folds: NDArray[np.str_]
    labels: NDArray[np.int_]
    probabilities: NDArray[np.float64]
    called: NDArray[np.int_]
    sequence: str
    sequences: NDArray[np.str_]
    rank: int
    geometry: str
    images: NDArray[np.uint8]
    heat: NDArray[np.uint8]
    slices: NDArray[np.int_]
    views: NDArray[np.uint8]


class SliceView(NamedTuple):
    """A slice to draw: title, image and heat (row, column) in [0, 1], letters at its left and upper edge, mm a pixel.

    In radiological orientation; letters are "" and mm None where the series does not report where it lies.
    """

    title: str
    image: NDArray[np.float32]
    heat: NDArray[np.float32]
    left: str
    top: str
    mm: tuple[float, float] | None


def write_explained_cases(folder: Path, explained: Explained) -> Path:
    """Write `explained.npz` into the run's folder."""
    content = {field.name: np.asarray(getattr(explained, field.name)) for field in fields(Explained)}
    path = Path(folder) / layout.EXPLAINED  # numpy's stubs take any name for its own option
    return files.write_with(path, lambda file: np.savez_compressed(file, **content))  # type: ignore[arg-type]


def read_explained_cases(folder: Path) -> Explained | None:
    """What the run in `folder` keeps, None where it keeps none. Raises UserError where the file is damaged."""
    path = Path(folder) / layout.EXPLAINED
    if not path.is_file():
        return None
    again = f"delete it and make it again: {command('evaluate')} --run {as_run(path.parent)}"
    content: dict[str, Any] = read_npz(path, [field.name for field in fields(Explained)], again)
    if content["rank"].shape or content["rank"].dtype.kind not in "iu":
        raise UserError(path, "has a rank that is no number", again)
    return Explained(**{**content, "sequence": str(content["sequence"]), "rank": int(content["rank"]),
                        "geometry": str(content["geometry"])})
