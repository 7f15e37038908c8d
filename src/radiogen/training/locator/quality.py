"""How near predicted masks come to the true ones: Dice, volume, boxes, and what a crop by them shows of the tumour.

In: a data set with masks, the folder of its predicted ones. Out: a row a case (`COLUMNS`), its summary, and both as
files. Dice is on the true mask's own grid. A case that shows its whole head has no Dice; it is counted by its reason,
and its crop, the whole head, holds the whole tumour.
"""

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
from radiogen.task import ID, Task, read_task

COLUMNS = (ID, "networks", "whole_head", "dice", "true_ml", "found_ml", "volume_error", "centres_mm", "box_mm",
           "inside")
"""Of the table. networks: the folds that predicted the case. whole_head: the code for which it is not cropped, or "".
volume_error: found / true - 1. centres_mm: between the middles of both boxes; box_mm: the largest distance between a
side of one and that of the other. inside: the share of the true tumour in the crop."""


def judge_masks(data: Path, located: Path, cases: list[str], margin_mm: float, *, split: Split = "train",
                workers: int | None = None) -> pd.DataFrame:
    """The table of these cases, all of which have a mask of their own and a note in `located`."""
    jobs = [(data, located, read_task(data), split, case, margin_mm) for case in cases]
    return pd.DataFrame(map_items(_judge, jobs, "judge masks", workers=workers), columns=list(COLUMNS))


def summarise(table: pd.DataFrame, margin_mm: float) -> dict[str, Any]:
    """The figures of the table: medians and quartiles over the cases with a predicted mask, counts over all."""
    found = table[table["whole_head"] == ""]

    def spread(name: str) -> dict[str, float] | None:
        values = found[name].abs().to_numpy(float)
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75)) if len(values) else (np.nan,) * 3
        return {"median": float(median), "low": float(low), "high": float(high)} if len(values) else None

    return {"cases": len(table), "predicted": len(found), "margin_mm": margin_mm,
            "whole_head": {str(name): int(count) for name, count in
                           table.loc[table["whole_head"] != "", "whole_head"].value_counts().items()},
            **{name: spread(name) for name in ("dice", "volume_error", "centres_mm", "box_mm")},
            "wholly_inside": int((table["inside"] >= 1).sum()),
            "wholly_inside_of_predicted": int((found["inside"] >= 1).sum()),
            "least_inside": float(table["inside"].min()) if len(table) else None}


def quality_text(title: str, figures: dict[str, Any]) -> str:
    """The summary in lines."""
    cases, predicted = figures["cases"], figures["predicted"]
    lines = [f"{title}: {predicted} of {cases} cases have a predicted mask"]
    lines += [f"  {count} show the whole head: {FindingCode[code].meaning}"
              for code, count in figures["whole_head"].items()]
    for name, what, form in (("dice", "Dice", "{:.3f}"), ("volume_error", "error of the volume", "{:.1%}"),
                             ("centres_mm", "distance of the boxes' middles, mm", "{:.1f}"),
                             ("box_mm", "largest distance of the boxes' sides, mm", "{:.1f}")):
        if figures[name]:
            median, low, high = (form.format(figures[name][part]) for part in ("median", "low", "high"))
            lines.append(f"  {what}: median {median} (quartiles {low} to {high})")
    return "\n".join([*lines, f"  the whole tumour is in the crop with {figures['margin_mm']:g} mm around in "
                      f"{figures['wholly_inside']} of {cases} cases ({figures['wholly_inside_of_predicted']} of the "
                      f"{predicted} with a predicted mask); least share {figures['least_inside']:.1%}"])


def write_quality(run: Path, task: Task, table: pd.DataFrame, figures: dict[str, Any], text: str) -> list[Path]:
    """Write table, summary and text into the locator's folder; returns the paths."""
    return [files.write_csv(run / LOCATOR_TABLE, task.to_file(table)), files.write_json(run / LOCATOR_QUALITY, figures),
            files.write_text(run / LOCATOR_TEXT, text + "\n")]


def _judge(job: tuple[Path, Path, Task, Split, str, float]) -> dict[str, Any]:
    data, located, task, split, case, margin_mm = job
    note, path = located_path(located, case), mask_path(data, split, case)
    assert path is not None  # the caller's cases have one
    true, found = read_mask(path, task.mask_values), read_located(note)
    networks = " ".join(located_facts(note).get("folds", []))
    row = {ID: case, "networks": networks, "true_ml": _millilitres(true)}
    if found.unusable is not None:
        return {**row, "whole_head": found.unusable.code.name, "inside": 1.0}
    return {**row, "whole_head": "", **compare_masks(true, found.voxels, margin_mm)}


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
