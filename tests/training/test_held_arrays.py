"""A training reads the arrays that it began with, or stops: not another data set's, and not one that was changed."""

import shutil

import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic.series_files import write_series
from radiogen.arrays.stored_arrays import read_index
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.training import runs, workflow
from radiogen.training.fit import fold_batches, train_fold


@pytest.fixture
def run(small_data, small_recipe, tmp_path):
    """A run with its tables written and nothing trained, with arrays of its own."""
    return workflow.begin_run(small_data, small_recipe, tmp_path / "models" / "a", tmp_path / "cache", workers=1)


def _replaced(run, case):
    """Another image under the case's name, of the same shape."""
    path = run.cache / f"{case}.npy"
    array = np.load(path)
    path.unlink()
    np.save(path, 255 - array)


def _all(batches):
    return [batches[number] for number in range(batches.num_batches)]


def test_preprocessing_a_data_set_of_the_same_name_changes_nothing_for_a_training(run, small_data, tmp_path):
    other = shutil.copytree(small_data, tmp_path / "elsewhere" / small_data.name)
    for case in (other / "train").iterdir():
        for sequence in ("FLAIR", "T1wCE"):
            voxels = np.random.default_rng(int(case.name)).integers(50, 400, (8, 8, 8))
            write_series(case / sequence, voxels.astype(np.uint16))
    before, batches = {path: path.read_bytes() for path in run.cache.iterdir()}, fold_batches(run, "0").train
    images = _all(batches)
    second = workflow.begin_run(other, run.recipe, tmp_path / "models" / "b", tmp_path / "cache", workers=1)
    assert second.cache != run.cache and second.arrays != run.arrays
    assert {path: path.read_bytes() for path in run.cache.iterdir()} == before
    assert all(np.array_equal(one[0], two[0]) for one, two in zip(images, _all(batches), strict=True))


def test_an_array_that_was_replaced_before_training_is_refused_by_name(run):
    case = run.folds.loc[run.folds["fold"] == "1", "case"].iloc[0]
    _replaced(run, case)
    with pytest.raises(UserError, match=rf"{case}\.npy: is not the array that this training began with"):
        train_fold(run, "0")
    assert not (runs.fold_folder(run, "0") / runs.layout.WEIGHTS).exists()


def test_an_array_that_is_replaced_between_two_epochs_stops_the_fold(run):
    parts = fold_batches(run, "0")
    for batches in (parts.train, parts.scored):
        _all(batches)
        _replaced(run, batches.inputs["case"].iloc[0])
        batches.begin(1)
        with pytest.raises(UserError, match="is not the array that this training began with"):
            _all(batches)


def test_an_index_that_tells_other_arrays_than_the_run_began_with_ends_the_next_fold(run):
    index = read_index(run.cache)
    files.write_csv(run.cache / "index.csv", index[index["case"] != run.folds["case"].iloc[0]])
    for opened in (run, runs.open_run(run.folder)):
        with pytest.raises(UserError, match=r"index\.csv: does not list the arrays that a was started with"):
            fold_batches(opened, "0")
    again = workflow.begin_run(run.data, run.recipe, run.folder, run.cache.parent.parent, workers=1)
    assert fold_batches(again, "0").train.num_batches > 0


def test_an_array_that_is_replaced_while_a_fold_trains_is_named_and_the_epoch_before_is_kept(run, monkeypatch):
    from radiogen.training.callbacks import CheckpointCallback

    case = fold_batches(run, "0").train.inputs["case"].iloc[0]
    ended = CheckpointCallback.on_epoch_end

    def replace_after_the_first(callback, epoch, logs=None):
        ended(callback, epoch, logs)
        if epoch == 0:
            _replaced(run, case)

    monkeypatch.setattr(CheckpointCallback, "on_epoch_end", replace_after_the_first)
    with pytest.raises(UserError, match=rf"{case}\.npy: is not the array that this training began with"):
        train_fold(run, "0")
    assert len(pd.read_csv(runs.fold_folder(run, "0") / runs.layout.HISTORY)) == 1
