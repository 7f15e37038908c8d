"""`models/<run>/reference.npz`: what the arrays of a run's training cases look like, to compare a new patient with.

In and out: a `Reference`. Inference writes it beside the predictions and reads it for a patient.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.npz import read_npz
from radiogen.core.types import FloatArray
from radiogen.core.wording import as_run, command
from radiogen.runs import layout


class Reference(NamedTuple):
    """ids: text (cases,). summaries: float64 (cases, sequences, numbers), as `arrays.summary.array_summary`."""

    ids: NDArray[np.str_]
    summaries: FloatArray


def write_reference(folder: Path, reference: Reference) -> Path:
    """Write it into the run's folder."""
    ids, summaries = reference.ids.astype(np.str_), reference.summaries.astype(np.float32)
    return files.write_with(Path(folder) / layout.REFERENCE,
                            lambda file: np.savez_compressed(file, ids=ids, summaries=summaries))


def read_reference(folder: Path) -> Reference | None:
    """What `write_reference` wrote; None where there is none. Raises UserError where it is damaged."""
    path = Path(folder) / layout.REFERENCE
    if not path.is_file():
        return None
    again = f"{command('predict')} {as_run(folder)}"
    ids, summaries = read_npz(path, ("ids", "summaries"), again).values()
    if summaries.ndim != 3 or ids.shape != summaries.shape[:1] or (ids.dtype.kind, summaries.dtype.kind) != ("U", "f"):
        raise UserError(path, "has other shapes than it should", again)
    return Reference(ids, summaries.astype(np.float64))
