"""`models/<run>/reference.npz`: what the arrays of a run's training cases look like, to compare a new patient with.

In and out: a `Reference`. Inference writes it beside the predictions and reads it for a patient.
"""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from radiogen.core import files
from radiogen.core.errors import UserError
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
    try:
        with np.load(path, allow_pickle=False) as kept:
            found = Reference(kept["ids"], kept["summaries"].astype(np.float64))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(path, f"cannot be read ({error})", f"{command('predict')} {as_run(folder)}") from error
    if found.summaries.ndim != 3 or found.ids.shape != found.summaries.shape[:1]:
        raise UserError(path, "has other shapes than it should", f"{command('predict')} {as_run(folder)}")
    return found
