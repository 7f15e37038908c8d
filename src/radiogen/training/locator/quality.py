"""How near predicted masks come to the true ones: Dice, volume, boxes, and what a crop by them shows of the tumour.

In: a data set with masks, the folder of its predicted ones. Out: a row a case (`COLUMNS`), its summary, and both as
files. Dice is on the true mask's own grid. A case that shows its whole head has no Dice; it is counted by its reason,
and its crop, the whole head, holds the whole tumour.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.arrays.located import located_facts, located_path, read_located
from radiogen.core import files
from radiogen.core.parallel import map_items
from radiogen.dataset.layout import Split, mask_path
from radiogen.imaging.findings import FindingCode
from radiogen.imaging.masks import read_mask
from radiogen.imaging.masks.grids import mask_on_grid, tumour_box, tumour_points
from radiogen.imaging.volume import Volume
from radiogen.runs.layout import LOCATOR_QUALITY, LOCATOR_TABLE, LOCATOR_TEXT
from radiogen.runs.located.crop_masks import MaskFigures
from radiogen.task import ID, Task, read_task

COLUMNS = (ID, "networks", "whole_head", "dice", "true_ml", "found_ml", "volume_error", "centres_mm", "box_mm",
           "inside")
"""Of the table. networks: the folds that predicted the case. whole_head: the code for which it is not cropped, or "".
volume_error: found / true - 1. centres_mm: between the middles of both boxes; box_mm: the largest distance between a
side of one and that of the other. inside: the share of the true tumour in the crop. Without a true mask all that needs
it is empty."""


def judge_masks(data: Path, located: Path, cases: list[str], margin_mm: float, *, split: Split = "train",
                workers: int | None = None) -> pd.DataFrame:
    """The table of these cases, all of which have a note in `located`."""
    jobs = [(data, located, read_task(data), split, case, margin_mm) for case in cases]
    return pd.DataFrame(map_items(_judge, jobs, "judge masks", workers=workers), columns=list(COLUMNS))


def summarise(table: pd.DataFrame, margin_mm: float) -> MaskFigures:
    """The figures of the table: medians and quartiles over the cases with both masks, counts over all."""
    alone = table["whole_head"] == ""
    found = table[alone]

    def spread(name: str) -> dict[str, float] | None:
        values = found[name].astype(float).abs().dropna().to_numpy()
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75)) if len(values) else (np.nan,) * 3
        return {"median": float(median), "low": float(low), "high": float(high)} if len(values) else None

    inside, reasons = table["inside"].astype(float), table.loc[~alone, "whole_head"].value_counts()
    return MaskFigures(
        len(table), len(found), int(inside.notna().sum()), margin_mm,
        {str(name): int(count) for name, count in reasons.items()},
        spread("dice"), spread("volume_error"), spread("centres_mm"), spread("box_mm"), int((inside >= 1).sum()),
        int((inside[alone] >= 1).sum()), float(inside.min()) if inside.notna().any() else None)


def quality_text(title: str, figures: MaskFigures) -> str:
    """The summary in lines."""
    lines = [f"{title}: {figures.predicted} of {figures.cases} cases have a predicted mask"]
    lines += [f"  {count} show the whole head: {FindingCode[code].meaning}"
              for code, count in figures.whole_head.items()]
    for spread, what, form in ((figures.dice, "Dice", "{:.3f}"),
                               (figures.volume_error, "error of the volume", "{:.1%}"),
                               (figures.centres_mm, "distance of the boxes' middles, mm", "{:.1f}"),
                               (figures.box_mm, "largest distance of the boxes' sides, mm", "{:.1f}")):
        if spread:
            median, low, high = (form.format(spread[part]) for part in ("median", "low", "high"))
            lines.append(f"  {what}: median {median} (quartiles {low} to {high})")
    if figures.least_inside is None:
        return "\n".join([*lines, "  no case has a true mask to compare with"])
    return "\n".join([*lines, f"  the whole tumour is in the crop with {figures.margin_mm:g} mm around in "
                      f"{figures.wholly_inside} of {figures.true_masks} cases ({figures.wholly_inside_of_predicted} of "
                      f"those with a predicted mask); least share {figures.least_inside:.1%}"])


def write_quality(run: Path, task: Task, table: pd.DataFrame, figures: MaskFigures, text: str) -> list[Path]:
    """Write table, summary and text into the locator's folder; returns the paths."""
    return [write_table(run, task, table), files.write_json(run / LOCATOR_QUALITY, asdict(figures)),
            files.write_text(run / LOCATOR_TEXT, text + "\n")]


def write_table(run: Path, task: Task, table: pd.DataFrame) -> Path:
    """Write the table into a run's folder."""
    return files.write_csv(run / LOCATOR_TABLE, task.to_file(table))


def _judge(job: tuple[Path, Path, Task, Split, str, float]) -> dict[str, Any]:
    data, located, task, split, case, margin_mm = job
    note, path = located_path(located, case), mask_path(data, split, case)
    found = read_located(note)
    row = {ID: case, "networks": " ".join(located_facts(note).get("folds", [])),
           "whole_head": "" if found.unusable is None else found.unusable.code.name}
    if path is None:
        return row
    true = read_mask(path, task.mask_values)
    if found.unusable is not None:
        return {**row, "true_ml": _millilitres(true), "inside": 1.0}
    return {**row, **compare_masks(true, found.voxels, margin_mm)}


def compare_masks(true: Volume, found: Volume, margin_mm: float) -> dict[str, float]:
    """Dice, volumes, boxes and the share inside the crop of two masks, each with an affine.

    The crop is the found tumour's box, along the patient's axes, and `margin_mm` on every side.
    """
    assert true.affine is not None
    own = true.voxels != 0
    over = mask_on_grid(found, true.affine, own.shape)
    (low, high), (found_low, found_high) = tumour_box(true), tumour_box(found)
    points = tumour_points(true)
    inside = np.all((points >= found_low - margin_mm) & (points <= found_high + margin_mm), axis=1)
    true_ml, found_ml = _millilitres(true), _millilitres(found)
    return {"dice": 2 * float((own & over).sum()) / float(own.sum() + over.sum()), "true_ml": true_ml,
            "found_ml": found_ml, "volume_error": found_ml / true_ml - 1,
            "centres_mm": float(np.linalg.norm((low + high - found_low - found_high) / 2)),
            "box_mm": float(np.abs([found_low - low, found_high - high]).max()), "inside": float(inside.mean())}


def _millilitres(mask: Volume) -> float:
    assert mask.affine is not None
    return float(mask.voxels.sum() * abs(np.linalg.det(mask.affine[:3, :3])) / 1000)
