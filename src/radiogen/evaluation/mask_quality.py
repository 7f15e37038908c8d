"""What is said of the masks that a run crops by, where a locator predicted them: a table and sentences.

In: a `CropMasks`. Out: a row for the run's own cases, one for those that trained the locator; why cases have no mask.
"""

import pandas as pd

from radiogen.runs.located.crop_masks import CropMasks, MaskFigures

COLUMNS = ("masks", "cases", "predicted", "true_masks", "dice", "dice_low", "dice_high", "volume_error", "centres_mm",
           "box_mm", "wholly_inside", "least_inside")
"""dice with its quartiles, the others as medians; wholly_inside: cases whose whole tumour is in the crop."""


def masks_table(found: CropMasks) -> pd.DataFrame:
    """`COLUMNS`; NaN where no case has a true mask."""
    rows = {"of this run's cases": found.figures}
    if found.own is not None:
        rows["of the locator's own cases, each by a network that did not see it"] = found.own
    return pd.DataFrame([_row(name, figures) for name, figures in rows.items()], columns=list(COLUMNS))


def mask_sentences(found: CropMasks) -> list[str]:
    """How many cases have a mask, why the others have none, and how good the masks are, without a full stop."""
    figures = found.figures
    text = (f"{figures.predicted} of {figures.cases} cases are cropped to the tumour that run "
            f"{found.locator.partition('@')[0]} predicted")
    reasons = "; ".join(f"{count}: {found.reasons[code]}" for code, count in figures.whole_head.items())
    lines = [f"{text}. The others show their whole head: {reasons}" if reasons else text]
    if figures.dice is None:
        lines.append("no true mask of these cases is known, so how good the masks are is known of the locator's own "
                     "cases alone")
    return lines + [f"{whose}: Dice {one.dice['median']:.3f} (median; quartiles {one.dice['low']:.3f} to "
                    f"{one.dice['high']:.3f}), the whole tumour in the crop in {one.wholly_inside} of {one.true_masks}"
                    for whose, one in (("masks", figures), ("of the locator's own cases", found.own))
                    if one is not None and one.dice is not None]


def _row(name: str, figures: MaskFigures) -> dict[str, object]:
    dice = figures.dice or {}
    spreads = {"volume_error": figures.volume_error, "centres_mm": figures.centres_mm, "box_mm": figures.box_mm}
    medians = {column: spread["median"] for column, spread in spreads.items() if spread}
    return {"masks": name, "cases": figures.cases, "predicted": figures.predicted, "true_masks": figures.true_masks,
            "dice": dice.get("median"), "dice_low": dice.get("low"), "dice_high": dice.get("high"), **medians,
            "wholly_inside": figures.wholly_inside if figures.true_masks else None,
            "least_inside": figures.least_inside}
