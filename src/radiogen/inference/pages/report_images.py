"""The explained cases of a run in three planes at their own resolution, with Grad-CAM over every sequence.

In: a run with `explained.npz`, and its data set. Out: `report_images.html` beside it, which the report shows. Heat
stays on the grid of the network's input and is laid over the series by its affine; nothing is resampled.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.arrays.case_arrays import CaseArray, case_array, read_case
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.grids import array_grid
from radiogen.arrays.located import case_mask_path, located_folder
from radiogen.arrays.stored_arrays import read_index
from radiogen.core import owned
from radiogen.core.types import IndexArray
from radiogen.dataset.layout import Split, series_path
from radiogen.dataset.source import MASK
from radiogen.imaging.series import read_series
from radiogen.imaging.view.packing import UNPLACED
from radiogen.imaging.view.page import Form, NamedVolume, ShownCase, volumes_folder, write_cases
from radiogen.imaging.volume import Volume
from radiogen.runs.explained import Explained, read_explained_cases
from radiogen.runs.folds import HOLDOUT
from radiogen.runs.layout import REPORT_IMAGES
from radiogen.task import ID
from radiogen.training.runs import Run, cache_settings

WORDS = ("The cases that the report explains, as they were read, and over them Grad-CAM: where the evidence for the "
         "class that was called lies, on the grid of the network's input. These are whole heads: a face can be made "
         "of them, so hand this page on as you would hand on the images.")


def write_report_images(run: Run) -> list[Path]:
    """Write `report_images.html`, and beside it the volumes that do not fit into it; returns their paths.

    Without an explained case an earlier page is removed and [] returned. Raises UserError where a series cannot be
    read.
    """
    path, explained = run.folder / REPORT_IMAGES, read_explained_cases(run.folder)
    if explained is None or not len(explained.ids):
        path.unlink(missing_ok=True)
        owned.remove_folder(volumes_folder(path))
        return []
    splits = read_index(run.cache).set_index(ID)["split"]
    shown = (shown_case(run, explained, number, splits) for number in range(len(explained.ids)))
    return write_cases(path, shown, f"{run.folder.name}: explained cases", words=WORDS, form=Form(small=True))


def shown_case(run: Run, explained: Explained, number: int, splits: "pd.Series[str]") -> ShownCase:
    """One explained case with its heat; splits: by id, train or test."""
    case, settings = str(explained.ids[number]), cache_settings(run.recipe.data)
    split: Split = "test" if splits[case] == "test" else "train"
    places: dict[str, Path | None] = {name: series_path(run.data, split, case, name) for name in settings.sequences}
    if settings.mask is not None:
        located = located_folder(run.cache, settings.locator) if settings.locator else None
        places[MASK] = case_mask_path(run.data, split, case, located)
    values = {} if settings.locator else run.task.mask_values
    series = read_case(places, [settings], whole=False, case=case, mask_values=values)
    made = case_array(settings, series, whole=False, case=case)
    usable = [name for name in settings.sequences if series[name].unusable is None]
    volumes = [NamedVolume(name, series[name].volume or read_series(places[name] or case)) for name in usable]
    first = series[explained.sequence]
    heat = None if made is None or first.unusable is not None else heat_volume(run, explained, number, made, first)
    over = [one.name for one in volumes if one.volume.affine is not None]
    if first.unusable is None and first.affine is None:  # in millimetres of its own
        over = [explained.sequence]
    return ShownCase(_title(explained, number, run.task.classes), volumes, heat, over, _note(run, explained, heat))


def heat_volume(run: Run, explained: Explained, number: int, made: CaseArray, series: CaseSeries) -> Volume:
    """Grad-CAM of a case as a volume: uint8, 0 where none was computed. A slice's reaches half way to the next one.

    made: the case's array. series: the sequence whose images the heat is of; where it does not report its place, the
    heat lies on the grid of `UNPLACED`.
    """
    slices, rows, columns = series.header.voxels.shape
    grid = array_grid(cache_settings(run.recipe.data), made, explained.sequence, (slices, rows, columns),
                      UNPLACED if series.affine is None else series.affine)
    computed = grid.slices[explained.slices[number]]
    voxels = np.zeros(grid.shape, np.uint8)
    around = nearest_slices(computed, len(voxels))
    voxels[around >= 0] = explained.heat[number][around[around >= 0]]
    return Volume(voxels, grid.affine)


def nearest_slices(computed: IndexArray, count: int) -> IndexArray:
    """For each of `count` slices the nearest of those that Grad-CAM was computed in, as an index into `computed`; -1
    where it is farther away than half the widest gap between them.
    """
    distances = np.abs(np.arange(count)[:, None] - computed)
    nearest: IndexArray = distances.argmin(axis=1)
    widest = np.diff(np.sort(computed)).max(initial=1)
    return np.where(distances.min(axis=1) <= widest / 2, nearest, -1)


def _title(explained: Explained, number: int, classes: tuple[str, str]) -> str:
    fold = str(explained.folds[number])
    return (f"{explained.ids[number]}: {classes[int(explained.labels[number])]}, called "
            f"{classes[int(explained.called[number])]} ({explained.probabilities[number]:.2f}), "
            f"{HOLDOUT if fold == HOLDOUT else f'fold {fold}'}")


def _note(run: Run, explained: Explained, heat: Volume | None) -> str:
    """Of which sequence the heat is, and of how many slices."""
    if heat is None:
        return ""
    data = run.recipe.data
    source = ("all sequences together" if data.sequences_as_channels and len(data.sequences) > 1
              else explained.sequence)
    computed, there = explained.slices.shape[1], len(heat.voxels)
    some = f", in {computed} of {there} slices, each shown half way to the next" if computed < there else ""
    return f"Grad-CAM of {source}{some}"
