"""Pictures of tumour masks over their images: a mask that is mirrored or of another patient is seen at once.

In: a data set and the table of its masks. Out: of some cases a slice with the mask's outline. Nothing is written.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from radiogen.core.errors import UserError
from radiogen.core.parallel import map_items
from radiogen.core.types import Mask
from radiogen.dataset.layout import Split, mask_path, sequences_present, series_path
from radiogen.imaging.inspect.nifti import picture_sides
from radiogen.imaging.inspect.quality import slice_picture
from radiogen.imaging.masks.grids import mask_on_grid
from radiogen.imaging.masks.reading import read_mask
from radiogen.imaging.series import read_series
from radiogen.imaging.volume import Volume, spacing_mm
from radiogen.task import ID, Task, read_task

OUTLINE = (77, 208, 225)
"""Red, green, blue of the line around the tumour."""


class MaskPicture(NamedTuple):
    """pixels: (rows, columns, 3) uint8 of the slice in which the tumour is largest; None where nothing of it lies in
    the series, which `note` says. title: case and sequence; caption: which slice. left, top: the patient's sides."""

    pixels: np.ndarray | None
    title: str
    caption: str
    note: str = ""
    left: str = ""
    top: str = ""


def mask_pictures(data: Path, table: pd.DataFrame, *, drawn: int, workers: int | None = None) -> list[MaskPicture]:
    """Pictures of `drawn` masks, spread evenly over those of the table (`inspect_masks`) that can be read.

    A mask is drawn on the first series on whose grid it lies, else on the case's first.
    """
    data, rows = Path(data), table[table["mask"] == "present"]
    chosen = np.linspace(0, len(rows) - 1, min(max(drawn, 0), len(rows))).round().astype(int)
    if not len(chosen):
        return []
    task = read_task(data)
    jobs = [(data, task, *row) for row in rows.iloc[chosen][["split", ID, "grid_of"]].itertuples(index=False)]
    return [one for one in map_items(_draw, jobs, "mask pictures", workers=workers) if one is not None]


def _draw(job: tuple[Path, Task, Split, str, str]) -> MaskPicture | None:
    """None of a case without a series that can be read: the table of series says why."""
    data, task, split, case, grids = job
    sequence = next(iter([*grids.split(), *sequences_present(data, split, case, task)]), None)
    path = mask_path(data, split, case)
    if sequence is None or path is None:
        return None
    try:
        mask, series = read_mask(path, task.mask_values), read_series(series_path(data, split, case, sequence))
    except UserError:
        return None
    title, found = f"{case} {sequence}", _on_series(mask, series)
    if found is None or not found.any():
        return MaskPicture(None, title, "", "the tumour lies outside of this series")
    number = int(found.sum(axis=(1, 2)).argmax())
    steps = spacing_mm(series) or (1.0, 1.0, 1.0)
    grey = slice_picture(series.voxels[number], steps[1:])
    coloured = np.repeat(grey[..., None], 3, axis=-1)
    coloured[_outline(found[number], grey.shape)] = OUTLINE
    return MaskPicture(coloured, title, f"slice {number + 1} of {len(series.voxels)}", "", *picture_sides(series))


def _on_series(mask: Volume, series: Volume) -> Mask | None:
    """The mask on the series' grid, voxel by voxel where one of them does not say where it lies; None: other shapes."""
    if mask.affine is not None and series.affine is not None:
        return mask_on_grid(mask, series.affine, series.voxels.shape)
    return mask.voxels != 0 if mask.voxels.shape == series.voxels.shape else None


def _outline(found: Mask, shape: tuple[int, ...]) -> Mask:
    """The pixels of a picture of this shape along the inner edge of the mask, so that what it surrounds is seen."""
    from scipy import ndimage

    rows, columns = (((np.arange(length) + 0.5) * stored / length).astype(int)
                     for length, stored in zip(shape, found.shape, strict=True))
    large = found[np.ix_(rows, columns)]
    outline: Mask = large & ~ndimage.binary_erosion(large, np.ones((3, 3)), border_value=1)
    return outline
