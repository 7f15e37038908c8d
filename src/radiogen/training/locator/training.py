"""What `train_locator` does beside `train`: cases without a mask are left out, and the masks of unseen cases judged.

In: the command's options, a run. Out: options for `train`'s own steps; what trained the locator, noted in its folder;
and when all folds are trained its quality, out of fold.
"""

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import command, listing, parameter
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.dataset.layout import case_ids, mask_path
from radiogen.runs.folds import fold_names
from radiogen.runs.layout import LOCATOR_CASES
from radiogen.task import ID
from radiogen.training.locator.networks import open_locator, write_locator_cases
from radiogen.training.locator.predicted_masks import predict_masks
from radiogen.training.locator.quality import judge_masks, quality_text, summarise, write_quality
from radiogen.training.recipe.options import TrainOptions
from radiogen.training.recipe.settings import DataSettings
from radiogen.training.runs import Run, trained_folds

_LOG = logging.getLogger(__name__)

MARGIN_MM = DataSettings.margin_mm
"""Around the found tumour's box in the crop that is judged: the default of a recipe's crop."""


def locator_options(chosen: Sequence[TrainOptions]) -> TrainOptions:
    """The options with cases that have no mask left out.

    Raises UserError for several recipes or seeds, another kind of network, and where no case has a mask.
    """
    options, *others = chosen
    if others or options.seeds > 1:
        raise UserError(parameter("recipe" if others else "seeds"), "makes several runs", "train one locator at a time")
    if not options.settings.network.locates:
        raise UserError(parameter("network.architecture", options.settings.network.architecture),
                        "says nothing of where the tumour is", f"train such a recipe with {command('train')}")
    assert options.data is not None  # `parse_options` fills it in
    cases = case_ids(options.data, "train")
    bare = [case for case in cases if mask_path(options.data, "train", case) is None]
    if len(bare) == len(cases):
        raise UserError(options.data, "has no mask of any case to learn from",
                        "put one a case there, such as train/<case>/mask.nii.gz (docs/data-sets.md)")
    if bare:
        _LOG.info(f"{len(bare)} cases have no mask and do not train the locator: {listing(bare)}")
    left = dict.fromkeys([*options.leave_out, *bare])
    return dataclasses.replace(options, leave_out=tuple(left))


def note_cases(runs: Iterable[Run]) -> None:
    """Note in each locator's folder what the cases that train it are recognised by; once: others build on it."""
    for run in runs:
        with files.working_folder(run.folder):
            if not (run.folder / LOCATOR_CASES).is_file():
                write_locator_cases(run)


def judge_locator(run: Run, *, workers: int | None = None) -> list[Path]:
    """Predict the masks of the locator's own cases, each by the network that did not see it, and judge them.

    Returns the files written; [] where a fold is not trained yet.
    """
    if set(trained_folds(run)) != set(fold_names(run.folds)):
        return []
    locator = open_locator(DataSettings(3, run.recipe.data.sequences, 1, mask=f"locator:{run.folder.name}"),
                           run.folder.parent)
    with files.reading_folder(run.data):
        located = predict_masks(run.data, locator, run.cache.parent.parent, data_fingerprint(run.data),
                                leave_out=run.leave_out, workers=workers)
        table = judge_masks(run.data, located, sorted(run.folds[ID]), MARGIN_MM, workers=workers)
    figures = summarise(table, MARGIN_MM)
    text = quality_text(f"{run.folder.name}, cases of {run.data.name} by networks that did not see them", figures)
    print(text)
    return write_quality(run.folder, run.task, table, figures, text)
