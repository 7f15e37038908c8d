"""The images that pretraining learns from: all cases of some data sets whose series the recipe needs, labelled or not.

In: data sets, a recipe. Out: their inputs, from the arrays that training reads, too, and the table of cases. Labels are
not read.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radiogen.arrays.cache import cache_folder, data_key
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.dataset.fingerprint import data_fingerprint
from radiogen.dataset.patients import PATIENT, data_patients
from radiogen.dataset.seen_cases import COHORT, IMAGES, SEEN
from radiogen.task import ID
from radiogen.training.input.inputs import CachedImages, list_inputs
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.runs import cache_settings
from radiogen.training.workflow import preprocess


@dataclass(frozen=True)
class DataSet:
    """A data set that is learned from: name, place, key of its images (`data_key`), number of cases."""

    name: str
    place: Path
    fingerprint: str
    cases: int


class PretrainingImages:
    """The inputs of all data sets, in one order: `read(row)` is an image as `CachedImages.read` returns it.

    cases: a row a case, `ID, patient, cohort, split, seen, sha256`: the cohort is the data set's name, seen says that
    its images were seen and no label, sha256 is its array's. data_sets: where they come from. models: the folder of
    the runs, where a locator is that the recipe names, with its digest.
    """

    def __init__(self, recipe: Recipe, data: Sequence[Path], cache: Path, *, leave_out: Collection[str] = (),
                 models: Path = Path("models"), workers: int | None = None):
        _check_names(data)
        self.data_sets: list[DataSet] = []
        self._inputs: list[tuple[CachedImages, str, int]] = []
        tables = []
        for place in data:
            images, index, mark = _arrays(recipe, place, cache, leave_out, models, workers)
            inputs = list_inputs(recipe.data, index, index[ID].tolist())
            self._inputs += [(images, str(case), int(position)) for case, position in
                             zip(inputs[ID], inputs["position"], strict=True)]
            self.data_sets.append(DataSet(files.name_from(place), Path(place), mark, len(index)))
            tables.append(pd.DataFrame({ID: index[ID], PATIENT: _patients(place, index[ID]),
                                        COHORT: files.name_from(place), "split": index["split"], SEEN: IMAGES,
                                        "sha256": index["sha256"]}))
        self.cases = pd.concat(tables, ignore_index=True)

    def __len__(self) -> int:
        return len(self._inputs)

    def read(self, row: int) -> np.ndarray:
        """The image of this row, (channel, [slice,] row, column)."""
        images, case, position = self._inputs[row]
        return images.read(case, position)

    @property
    def fingerprint(self) -> str:
        """A hash of all arrays in their order: other images, or others in other places, change it."""
        return hashlib.sha256("".join(self.cases[ID] + self.cases["sha256"]).encode()).hexdigest()


def _arrays(recipe: Recipe, data: Path, cache: Path, leave_out: Collection[str], models: Path,
            workers: int | None) -> tuple[CachedImages, pd.DataFrame, str]:
    """The arrays of a data set, brought up to date, the rows of their index, and the key of its images."""
    own = {path.name for path in Path(data).glob("*/*")}
    index, = preprocess(data, [recipe], cache, leave_out=[case for case in leave_out if case in own], models=models,
                        workers=workers)
    index = index[(index["sha256"] != "") & ~index[ID].isin(list(leave_out))].sort_values(ID, ignore_index=True)
    if index.empty:
        raise UserError(data, "has no case with the series that the recipe reads", f"leave it out of "
                        f"{parameter('data')}")
    settings, mark = cache_settings(recipe.data), data_fingerprint(data)
    folder = cache_folder(data, settings, cache, mark)
    expected = dict(zip(index[ID], index["sha256"], strict=True))
    return CachedImages(folder, recipe.data, expected), index, data_key(settings, mark)


def _patients(data: Path, cases: pd.Series) -> pd.Series:
    """The patient of each case, "" where none is known."""
    known = data_patients(data)
    return cases.map({} if known is None else dict(zip(known[ID], known[PATIENT], strict=True))).fillna("")


def _check_names(data: Sequence[Path]) -> None:
    """Raise UserError where two data sets have one name: a case would not say from which it is."""
    names = [files.name_from(place) for place in data]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(parameter("data", tuple(map(str, data))), f"names two data sets {twice[0]}",
                        "name each once, and rename the folder of one where both are wanted")
