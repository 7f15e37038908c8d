"""Files of several arrays, `.npz`, read whole: whatever is wrong with one is one line.

In: a path and the names of its arrays. Out: the arrays.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiogen.core.errors import UserError, short_reason


def read_npz(path: Path, names: Iterable[str], remedy: str) -> dict[str, NDArray[Any]]:
    """The arrays of these names. Raises UserError with `remedy` where one is missing or the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in names}
    except MemoryError:
        raise
    except Exception as error:  # a damaged archive raises errors of zip, zlib or npy, whichever notices it first
        raise UserError(path, f"cannot be read ({short_reason(error)})", remedy) from error
