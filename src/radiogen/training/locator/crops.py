"""What a run that crops by a locator keeps of its masks: how many cases have one, and how good they are.

In: a run whose arrays are made. Out: in its folder `located.csv`, a row a case, and `masks.json`, which the report
reads, with what the locator says of its own cases beside it.
"""

from radiogen.arrays.located import located_folder
from radiogen.core import files
from radiogen.imaging.findings import FindingCode
from radiogen.runs.layout import CROP_MASKS, LOCATOR_QUALITY
from radiogen.runs.located.crop_masks import CropMasks, mask_figures, write_crop_masks
from radiogen.task import ID
from radiogen.training.locator.networks import locator_name
from radiogen.training.locator.quality import judge_masks, summarise, write_table
from radiogen.training.runs import Run


def keep_crop_masks(run: Run, *, workers: int | None = None) -> None:
    """Judge the masks of a run's cases, and write what was found; nothing where it is there, or no locator was used.

    The predicted masks lie beside the run's arrays, with the digest that its recipe names.
    """
    if run.recipe.data.mask is None or (run.folder / CROP_MASKS).is_file():
        return
    name, digest = locator_name(run.recipe.data)
    located, margin = located_folder(run.cache, digest), run.recipe.data.margin_mm
    table = judge_masks(run.data, located, sorted(run.folds[ID]), margin, workers=workers)
    figures, kept = summarise(table, margin), run.folder.parent / name / LOCATOR_QUALITY
    own = mask_figures(files.read_json(kept)) if kept.is_file() else None
    codes = [code for one in (figures, own) if one is not None for code in one.whole_head]
    write_table(run.folder, run.task, table)
    write_crop_masks(run.folder, CropMasks(f"{name}@{digest}", figures, own,
                                           {code: FindingCode[code].meaning for code in codes}))
