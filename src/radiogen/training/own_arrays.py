"""Train on volumes in memory instead of DICOM series: the same arrays, folds, training and tables.

In: an image a case (an array, a `Volume`, or one of either a sequence), a label a case, a recipe, and where there is
one a fixed split. Out: a cache and a run, as `scripts/preprocess.py` and `scripts/train.py` make them, so that
`workflow.train`, `prediction.predict_run` and `scripts/evaluate.py` work on them unchanged.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radiogen.arrays.case_arrays import case_array
from radiogen.arrays.case_findings import index_cells
from radiogen.arrays.case_series import CaseSeries
from radiogen.arrays.perceptual_hash import hash_targets, perceptual_hash
from radiogen.arrays.settings import REVISION, CacheSettings
from radiogen.arrays.stored_arrays import COLUMNS, read_index
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.wording import parameter
from radiogen.dataset import geometry
from radiogen.dataset.layout import GEOMETRY_TABLE
from radiogen.dataset.source import MASK
from radiogen.imaging.findings import Finding, FindingCode
from radiogen.imaging.resized import resize_volume
from radiogen.imaging.volume import Volume
from radiogen.runs.folds import HOLDOUT, TEST, fold_names, make_folds
from radiogen.task import ID, LABEL, Task, read_task, write_task
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipe import Recipe
from radiogen.training.recipe.settings import SplitSettings
from radiogen.training.runs import Run, arrays_fingerprint, cache_settings, prepare_run

Image = np.ndarray | Volume
Images = Image | Mapping[str, Image]

OWN_ARRAYS = Task(name="own arrays", id_example="00042")
"""Images whose labels have no names."""

TRAIN, VALIDATION = "train", "validation"
FOLD_OF_SPLIT = {VALIDATION: "0", TRAIN: "1", TEST: HOLDOUT}
"""A fixed split as folds: fold 0's network trains on fold 1 and is scored on fold 0 and on the holdout."""


def begin_own_run(images: Iterable[Images], labels: Sequence[int], recipe: Recipe, folder: Path, arrays: Path, *,
                  splits: Sequence[str] | None = None, task: Task = OWN_ARRAYS) -> tuple[Run, list[str]]:
    """Start, or resume, a run on images in memory; returns it and the folds to train.

    images: one a case, in the order of `labels`: (slice, row, column) of any real dtype, or a `Volume` with an
    affine (geometry `isotropic` needs it); for recipes of several sequences a mapping from each sequence's
    name, or (sequence, slice, row, column) in the recipe's order. Consumed one by one: a generator may read them.
    Recipes that use a mask of the tumour (not 0 inside) find it in the mapping as `mask`.
    labels: 0 or 1 a case. Cases are called 00000, 00001, ... in this order.
    folder: the run's, as models/mine. arrays: where the recipe's arrays are kept, as input/cache/mine; runs share it.
    splits: `train`, `validation` or `test` a case: one network trains on the first, predictions.csv has the second as
    fold 0 and the third as holdout. None: the recipe's folds and holdout.
    task: what tables and report call the cases, the label and the classes.

    Raises UserError naming the case or the field that is wrong.
    """
    check_recipe(recipe)
    if recipe.data.mask is not None:
        raise UserError(parameter("data.mask", recipe.data.mask), "is of series on the disk",
                        "give the mask of each image in its mapping, as `mask`")
    folds = _own_folds(labels, recipe.split, recipe.seed_of_split, splits)
    settings = cache_settings(recipe.data)
    run = Run(Path(folder), recipe, Path(arrays), Path(arrays) / f"{settings.kind}-{settings.key}", folds,
              task=task)
    index = _write_cases(run, images, folds[ID].tolist(), "train")
    run = dataclasses.replace(run, arrays=arrays_fingerprint(folds, index))
    with files.working_folder(run.folder):
        prepare_run(run, index)
    return run, (fold_names(folds) if splits is None else [FOLD_OF_SPLIT[VALIDATION]])


def add_test_images(run: Run, images: Iterable[Images]) -> list[str]:
    """Add images without labels to a run; `predict_run` then predicts them as fold `test`. Returns their ids.

    Their numbers follow those of the labelled cases; images of an earlier call are replaced.
    """
    images, first = list(images), len(run.folds)
    ids = _ids(first, len(images))
    _write_cases(run, images, ids, TEST)
    return ids


def _own_folds(labels: Sequence[int], split: SplitSettings, seed: int,
               splits: Sequence[str] | None = None) -> pd.DataFrame:
    """`ID, LABEL, fold` of cases numbered from 00000; see `begin_own_run`. Raises UserError."""
    truth = np.asarray(labels).ravel()
    wrong = np.flatnonzero(~np.isin(truth, (0, 1)))
    if len(wrong):
        raise UserError("labels", f"the label of case {wrong[0]} is {truth[wrong[0]]!s}", "give 0 or 1 a case")
    table = pd.DataFrame({ID: _ids(0, len(truth)), LABEL: truth.astype(int)})
    if splits is None:
        try:
            return make_folds(table, folds=split.folds, holdout_fraction=split.holdout_fraction, leave_out=(),
                              seed=seed)
        except UserError as error:
            raise UserError("labels", error.problem, error.remedy) from error
    if len(splits) != len(table):
        raise UserError("splits", f"are {len(splits)} for {len(table)} labels", "give one a case")
    table["fold"] = pd.Series(list(splits), dtype=object).map(FOLD_OF_SPLIT)
    if table["fold"].isna().any():
        row = int(np.flatnonzero(table["fold"].isna())[0])
        raise UserError("splits", f"case {row} is in {splits[row]!r}", f"choose among {', '.join(FOLD_OF_SPLIT)}")
    for name in (TRAIN, VALIDATION):
        if table.loc[table["fold"] == FOLD_OF_SPLIT[name], LABEL].nunique() < 2:
            raise UserError("splits", f"no case of each label is in {name}", "put some of both there")
    return table


def _ids(first: int, count: int) -> list[str]:
    if first + count > 100_000:
        raise UserError("images", f"are {first + count}", "ids have five digits: give 100,000 at most")
    return [f"{number:05d}" for number in range(first, first + count)]


def _write_cases(run: Run, images: Iterable[Images], ids: Sequence[str], split: str) -> pd.DataFrame:
    """Write arrays and rows of these cases, all of a split; the other split's rows stay. Returns the whole index."""
    settings, folder = cache_settings(run.recipe.data), run.cache
    rows: list[dict[str, Any]] = []
    measured: list[dict[str, Any]] = []
    with files.working_folder(folder):
        if split == "train":
            _check_cases(folder, ids)
        write_task(folder, run.task)
        files.write_json(folder / "settings.json", {"revision": REVISION, **settings.fields})
        for case, image in zip(ids, _counted(images, len(ids)), strict=True):
            series = _series(case, image, settings)
            rows.append(_write_case(folder, settings, case, split, series))
            measured += [{ID: case, "split": split, "sequence": name, **series[name].geometry}
                         for name in settings.sequences]
        index = _joined(folder / "index.csv", pd.DataFrame(rows, columns=COLUMNS), split)
        sizes = _joined(folder / GEOMETRY_TABLE, pd.DataFrame(measured, columns=geometry.COLUMNS).astype(
            dict.fromkeys(("slices", "rows", "columns"), int)), split)
        files.write_csv(folder / GEOMETRY_TABLE, run.task.to_file(sizes))
        files.write_csv(folder / "index.csv", run.task.to_file(index))
    return read_index(folder)


def _check_cases(folder: Path, ids: Sequence[str]) -> None:
    """Raise UserError where the folder was made of another number of labelled cases: other runs depend on them."""
    if (folder / "index.csv").is_file():
        index = read_index(folder)
        count = int((index["split"] == "train").sum())
        if count != len(ids):
            raise UserError(folder, f"has {count} labelled images, not {len(ids)}", "name another folder of arrays")


def _counted(images: Iterable[Images], wanted: int) -> Iterable[Images]:
    """The images; UserError where they are not as many as the labels."""
    count = 0
    for count, image in enumerate(images, start=1):
        if count > wanted:
            raise UserError("images", f"are more than the {wanted} labels", "give one a label")
        yield image
    if count < wanted:
        raise UserError("images", f"are {count} for {wanted} labels", "give one a label")


def _series(case: str, image: Images, settings: CacheSettings) -> dict[str, CaseSeries]:
    """The case's images as read series, by the settings' sequences, with the hash by which similar cases are found."""
    names = settings.sequences
    parts: dict[str, Image]
    if isinstance(image, Mapping):
        parts = dict(image)
    elif not isinstance(image, Volume) and np.ndim(image) == 4:
        parts = dict(zip(names, image, strict=False)) if len(image) == len(names) else {}
    else:
        parts = {names[0]: image} if len(names) == 1 else {}
    missing = [name for name in names if name not in parts]
    if missing:
        raise UserError(f"image {case}", f"has no {' or '.join(missing)}, which the recipe needs",
                        "give a mapping by sequence or (sequence, slice, row, column), or other "
                        f"{parameter('data.sequences')}")
    series = {}
    for name in names:
        volume, alike = _volume(case, parts[name]), name == settings.first_sequence
        series[name] = CaseSeries(volume, perceptual_hash=_perceptual_hash(volume) if alike else "")
    if settings.mask is not None:
        series[MASK] = _mask(_volume(case, parts[MASK])) if MASK in parts else CaseSeries(
            unusable=Finding(FindingCode.MASK_MISSING))
    return series


def _volume(case: str, part: Image) -> Volume:
    """An image as a volume, of bytes where it is boolean. Raises UserError for what is no image."""
    volume = part if isinstance(part, Volume) else Volume(np.asarray(part), None)
    voxels = volume.voxels
    if voxels.ndim != 3 or not voxels.size or not (np.issubdtype(voxels.dtype, np.number) or voxels.dtype == bool):
        raise UserError(f"image {case}", f"has shape {voxels.shape} and dtype {voxels.dtype}",
                        "give numbers as (slice, row, column)")
    return Volume(voxels * np.uint8(255), volume.affine, volume.findings) if voxels.dtype == bool else volume


def _mask(volume: Volume) -> CaseSeries:
    """A mask in memory as `read_case_mask` returns one of a file: what is not 0 is tumour."""
    tumour = volume.voxels != 0
    if not tumour.any():
        return CaseSeries(unusable=Finding(FindingCode.MASK_EMPTY))
    return CaseSeries(Volume(tumour.astype(np.uint8), volume.affine, volume.findings))


def _perceptual_hash(volume: Volume) -> str:
    """`perceptual_hash`; "" for a mask, for masks of different patients lie as near as heads of one."""
    voxels = volume.voxels
    if ((voxels == voxels.min()) | (voxels == voxels.max())).all():
        return ""
    return perceptual_hash(resize_volume(volume, hash_targets(voxels.shape)))


def _write_case(folder: Path, settings: CacheSettings, case: str, split: str,
                series: dict[str, CaseSeries]) -> dict[str, Any]:
    """The case's array on the disk, and its row of the index. Raises UserError where a labelled one is another."""
    try:
        made = case_array(settings, series, whole=True, case=case)
    except UserError as error:
        raise UserError(f"image {case}", error.problem, error.remedy) from error
    assert made is not None  # no series is missing
    path = folder / f"{case}.npy"
    same = path.is_file() and _holds(path, made.array)
    if path.is_file() and not same and split == "train":  # other runs may depend on it
        raise UserError(path, "is of another image", "name another folder of arrays, or delete this one")
    if not same:
        files.write_array(path, made.array)
    return {ID: case, "split": split, "sha256": files.sha256(path), "shape": " x ".join(map(str, made.array.shape)),
            "slices": made.slices, **index_cells(made.findings, made.changes), "failed": "", "failed_code": "",
            "perceptual_hash": series[settings.first_sequence].perceptual_hash}


def _holds(path: Path, array: np.ndarray) -> bool:
    """Whether the file is this very array."""
    try:
        kept = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # of an empty file
        return False
    return isinstance(kept, np.ndarray) and kept.dtype == array.dtype and np.array_equal(kept, array)


def _joined(path: Path, table: pd.DataFrame, split: str) -> pd.DataFrame:
    """`table` with the rows of the other split that are in `path` already."""
    if not path.is_file():
        return table
    kept = read_task(path.parent).from_file(pd.read_csv(path, dtype=str, keep_default_na=False))
    kept = kept[kept["split"] != split]
    return pd.concat([kept, table.astype(object)], ignore_index=True)[list(table.columns)].sort_values(
        [ID], kind="stable", ignore_index=True)
