"""The masks that a locator predicts of a data set's cases: `input/cache/<data set>-<fingerprint>/located-<digest>/`.

In: a locator, and a data set or one patient's series. Out: a folder with a note a case (arrays/located.py): the mask,
or why there is none. Each case is predicted by the networks that were not trained on it, a case that none of them knows
by the mean of all. What is there of the same array and networks is kept, so a killed run resumes.
"""

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radiogen.arrays.cache import build_caches, cache_folder
from radiogen.arrays.case_findings import unused_sequences
from radiogen.arrays.located import located_facts, located_folder, located_path, write_located
from radiogen.arrays.settings import CacheSettings
from radiogen.core import files
from radiogen.core.progress import progress
from radiogen.core.types import Affine, FloatVoxels
from radiogen.dataset.fingerprint import Fingerprint
from radiogen.dataset.layout import case_ids
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.task import ID
from radiogen.training.execution.processes import run_in_subprocess
from radiogen.training.input.augmentation import tta_flips
from radiogen.training.input.inputs import CachedImages, InputBatches, list_inputs
from radiogen.training.locator.finding import Sizes, find_tumour
from radiogen.training.locator.known import case_marks, unseen_by
from radiogen.training.locator.networks import Locator
from radiogen.training.model import load_trained, make_network
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.runs import Run, cache_settings

_LOG = logging.getLogger(__name__)

AT_ONCE = 32
"""Cases whose probabilities are in memory together."""


class Wanted(NamedTuple):
    """A case to predict: grid: of its array; folds: of the networks; facts: what its note keeps."""

    case: str
    grid: Affine
    folds: Sequence[str]
    facts: Mapping[str, Any]


def input_recipe(locator: Run) -> Recipe:
    """The locator's recipe as it predicts: without the mask, which it was trained on."""
    return locator.recipe.replace(mask_channel=False)


def input_settings(locator: Run) -> CacheSettings:
    """The arrays that a locator predicts from."""
    return cache_settings(input_recipe(locator).data)


def predict_masks(data: Path, locator: Locator, cache: Path, mark: Fingerprint, *, leave_out: Collection[str] = (),
                  workers: int | str | None = None, fast: bool = True) -> Path:
    """The folder of the predicted masks of all cases of a data set; what is missing or outdated is made.

    mark: of the data set; others: as in `build_caches`.
    """
    settings = input_settings(locator.run)
    arrays = cache_folder(data, settings, cache, mark)
    _forget_without_grid(arrays)
    index, = build_caches(data, [settings], cache, leave_out=leave_out, workers=workers, fast=fast, fingerprint=mark)
    folder = located_folder(arrays, locator.digest)
    with files.working_folder(folder):
        wanted, refused = _jobs(data, locator, arrays, index, set(leave_out))
        for case, finding in refused.items():
            if located_facts(located_path(folder, case)).get("finding") != finding.code.name:
                write_located(folder, case, finding, {})
        todo = [job for job in wanted if not _is_kept(folder, job)]
        if todo:
            run_in_subprocess(locate, locator.run, locator.sizes, arrays, todo, folder, name="locate")
        _log_found(locator, folder, [*(job.case for job in wanted), *refused])
    return folder


def locate(locator: Run, sizes: Sizes, arrays: Path, jobs: Sequence[Wanted], folder: Path) -> None:
    """Predict and write the masks of these cases, in this process."""
    model = make_network(locator.recipe.network, locator.recipe.data)
    for first in progress(range(0, len(jobs), AT_ONCE), "locate", -(-len(jobs) // AT_ONCE), "batch"):
        some = jobs[first:first + AT_ONCE]
        total = {job.case: np.zeros(locator.recipe.data.image_shape, np.float32) for job in some}
        for fold in sorted({fold for job in some for fold in job.folds}, key=int):
            load_trained(model, locator, fold)
            mine = [job.case for job in some if fold in job.folds]
            for case, found in zip(mine, _probabilities(model, locator, arrays, mine), strict=True):
                total[case] += found
        for job in some:
            found = find_tumour(total[job.case] / np.float32(len(job.folds)), job.grid, sizes)
            write_located(folder, job.case, found, job.facts)


def _probabilities(model: Any, locator: Run, arrays: Path, cases: Sequence[str]) -> FloatVoxels:
    """(cases, slice, row, column): the mean over the recipe's flips, each turned back."""
    recipe = input_recipe(locator)
    inputs = list_inputs(recipe.data, pd.DataFrame({ID: list(cases), "slices": ""}), cases)
    images, flips = CachedImages(arrays, recipe.data), tta_flips(recipe.augmentation, recipe.data.rank)
    total = np.zeros((len(cases), *recipe.data.image_shape), np.float32)
    for flip in flips:
        batches = InputBatches(recipe, images, inputs, flip=flip).images_alone()
        logits = np.concatenate([np.asarray(model.predict_on_batch(batch)) for batch in batches])[..., 0]
        total += 0.5 * (1 + np.tanh(np.flip(logits, flip) / 2))
    return total / np.float32(len(flips))


def _jobs(data: Path, locator: Locator, arrays: Path, index: pd.DataFrame, leave_out: Collection[str]
          ) -> tuple[list[Wanted], dict[str, Finding]]:
    """The cases to predict, and by case why none of the networks can; those that are left out keep what they have."""
    made = index[index["failed"] == ""]
    rows, marks = made.set_index(ID), case_marks(data, arrays, made)
    wanted, refused = [], {}
    cases = [case for case in case_ids(data, "train") if case not in leave_out] + case_ids(data, "test")
    for case in cases:
        lacking = case not in rows.index or unused_sequences(rows.at[case, "finding_codes"])
        folds = [] if lacking else unseen_by(marks[case], locator.marks, locator.places, locator.folds)
        if not folds:
            refused[case] = Finding(FindingCode.LOCATOR_INPUT if lacking else FindingCode.LOCATOR_TRAINED)
            continue
        grid = np.array(files.read_json(arrays / f"{case}.json")["grid"])
        wanted.append(Wanted(case, grid, folds, {"array": rows.at[case, "sha256"], "folds": folds}))
    return wanted, refused


def _is_kept(folder: Path, job: Wanted) -> bool:
    """Whether the case's note is of this very array and of these networks."""
    kept = located_facts(located_path(folder, job.case))
    return all(kept.get(name) == value for name, value in job.facts.items())


def _forget_without_grid(arrays: Path) -> None:
    """Remove notes of an older version, which did not say where an array lies: these arrays are made again."""
    for note in arrays.glob("*.json"):
        if note.name != "settings.json" and "grid" not in located_facts(note):
            note.unlink()


def _log_found(locator: Locator, folder: Path, cases: Sequence[str]) -> None:
    """How many masks were predicted, and how many cases show their whole head, by reason."""
    said = [located_facts(located_path(folder, case)).get("finding", "") for case in cases]
    reasons = Counter(FindingCode[name].meaning for name in said if name)
    whole = "".join(f"\n  {count:5} show the whole head: {why}" for why, count in reasons.most_common())
    _LOG.info(f"{locator.run.folder.name}: {said.count('')} of {len(cases)} masks predicted, in {folder}{whole}")


