"""The geometry of series from their headers alone: minutes for a data set whose pixels take hours.

In: a data set. Out: a row a series with plane, matrix and spacing, as a cache's table of geometry has them. Pixels that
turn out to be damaged or blank are not noticed: quality.py reads them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.core.parallel import map_items
from radiogen.dataset.geometry import COLUMNS, SIZES
from radiogen.dataset.layout import Split, case_ids, sequences_present, series_path
from radiogen.imaging.dicom.geometry import NotAVolume, place
from radiogen.imaging.folder import SeriesError, is_nifti
from radiogen.imaging.series import header_stack, read_series
from radiogen.imaging.volume import Volume, plane, spacing_mm
from radiogen.task import ID


def header_geometry(data: Path, split: Split = "train", *, workers: int | None = None) -> pd.DataFrame:
    """Plane, matrix and spacing of each series of a split, `COLUMNS` of dataset/geometry.py; no pixel is read.

    workers: processes (None: one an available core). A series whose headers are refused has no plane and no sizes.
    Raises UserError where there is no data set.
    """
    series = [(case, name, series_path(data, split, case, name)) for case in case_ids(data, split)
              for name in sequences_present(data, split, case)]
    rows = map_items(series_geometry, [path for *_, path in series], "headers", workers=workers, unit="series")
    cells = [{ID: case, "split": split, "sequence": name, **row}
             for (case, name, _), row in zip(series, rows, strict=True)]
    return pd.DataFrame(cells, columns=list(COLUMNS))


def series_geometry(path: Path) -> dict[str, str | float | None]:
    """Plane, slices, rows, columns and the three spacings in mm of one series; None for each that is not known."""
    try:
        volume = read_series(path) if is_nifti(path) else _empty_volume(path)
    except (SeriesError, NotAVolume):
        return dict.fromkeys(("plane", *SIZES))
    steps = spacing_mm(volume)
    rounded = (None, None, None) if steps is None else tuple(step and round(step, 4) for step in steps)
    return {"plane": plane(volume), **dict(zip(SIZES, (*volume.voxels.shape, *rounded), strict=True))}


def _empty_volume(folder: Path) -> Volume:
    """The volume that `read_series` makes of the folder, all voxels 0."""
    slices = header_stack(folder).slices
    placement = place(slices)
    count = len(slices if placement.at is None else placement.at)
    return Volume(np.broadcast_to(np.uint8(0), (count, slices[0].rows, slices[0].columns)), placement.affine)
