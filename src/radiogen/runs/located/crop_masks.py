"""The masks that a run crops by where a locator predicted them, `masks.json`: training writes, evaluation reads it.

In and out: a `CropMasks`. Its figures are those of `located.csv`, which has a row a case.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.runs import layout
from radiogen.runs.records import another_run


@dataclass(frozen=True)
class MaskFigures:
    """How good predicted masks are.

    cases: all; predicted: those that have one; true_masks: those whose true mask is known, of which all else speaks.
    margin_mm: around the box of a mask in the crop. whole_head: by code, how many cases have no mask. dice,
    volume_error (absolute, a share), centres_mm, box_mm: `median`, `low` and `high` (quartiles) over the cases with
    both masks, None where there are none. wholly_inside, wholly_inside_of_predicted: cases whose whole tumour is in the
    crop; a whole head counts for the first. least_inside: the least share of a tumour in its crop.
    """

    cases: int
    predicted: int
    true_masks: int
    margin_mm: float
    whole_head: Mapping[str, int]
    dice: Mapping[str, float] | None
    volume_error: Mapping[str, float] | None
    centres_mm: Mapping[str, float] | None
    box_mm: Mapping[str, float] | None
    wholly_inside: int
    wholly_inside_of_predicted: int
    least_inside: float | None


@dataclass(frozen=True)
class CropMasks:
    """locator: its run and digest; figures: of the run's own cases; own: of the cases that trained the locator, each by
    the network that did not see it, None where that was not judged; reasons: by code of `whole_head`, in words."""

    locator: str
    figures: MaskFigures
    own: MaskFigures | None
    reasons: Mapping[str, str]


def write_crop_masks(folder: Path, masks: CropMasks) -> Path:
    """Write `masks.json`."""
    return files.write_json(Path(folder) / layout.CROP_MASKS, asdict(masks))


def read_crop_masks(folder: Path) -> CropMasks | None:
    """`masks.json`; None where there is none. Raises UserError where it is damaged."""
    path = Path(folder) / layout.CROP_MASKS
    if not path.is_file():
        return None
    try:
        kept = files.read_json(path)
        return CropMasks(kept["locator"], mask_figures(kept["figures"]),
                         None if kept["own"] is None else mask_figures(kept["own"]), kept["reasons"])
    except (TypeError, KeyError) as error:
        raise UserError(path, f"cannot be read ({error})", f"restore it, or {another_run()}") from error


def mask_figures(kept: Mapping[str, Any]) -> MaskFigures:
    """Figures as they are in a file; those of a locator of an earlier version had a true mask of every case."""
    return MaskFigures(**{"true_masks": kept["cases"], **kept})
