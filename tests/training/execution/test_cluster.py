"""Folds of several runs on a real Dask cluster of two worker processes end as they do on one machine."""

import concurrent.futures
import dataclasses
import time

import h5py
import numpy as np
import pytest

from radiogen.arrays.stored_arrays import read_index
from radiogen.core import parallel
from radiogen.core.errors import UserError
from radiogen.training import runs, workflow
from radiogen.training.execution.cluster import train_on_cluster
from radiogen.training.fit import train_folds

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(processes=True, n_workers=2, threads_per_worker=2,
                                  dashboard_address=None) as running:
        yield running


@pytest.fixture(scope="module")
def run(small_data, small_recipe, tmp_path_factory):
    root = tmp_path_factory.mktemp("cluster")
    recipe = small_recipe.replace(epochs=2)
    return workflow.begin_run(small_data, recipe, root / "models" / "here", root / "cache", workers=1)


def _twin(run, name, **changed):
    twin = dataclasses.replace(run, folder=run.folder.parent / name,
                               recipe=run.recipe.replace(**changed))
    runs.prepare_run(twin, read_index(run.cache))
    return twin


def _weights(run, fold):
    found = {}
    with h5py.File(runs.fold_folder(run, fold) / runs.layout.WEIGHTS) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.slow
def test_folds_of_two_runs_on_a_cluster_have_the_weights_of_one_machine(cluster, run):
    one, other = _twin(run, "one"), _twin(run, "other", seed=7)
    train_on_cluster([(each, fold) for each in (one, other) for fold in ("0", "1")], cluster.scheduler_address)
    train_folds(run, ["0", "1"])
    assert runs.trained_folds(one) == runs.trained_folds(other) == ["0", "1"]
    for fold in ("0", "1"):
        here, there = _weights(run, fold), _weights(one, fold)
        assert here.keys() == there.keys()
        assert all(np.array_equal(here[name], there[name]) for name in here)
    before = {path: path.stat().st_mtime_ns for path in one.folder.rglob("*.h5")}
    train_on_cluster([(one, "0"), (one, "1")], cluster.scheduler_address)
    assert before == {path: path.stat().st_mtime_ns for path in one.folder.rglob("*.h5")}


@pytest.mark.slow
def test_a_fold_whose_worker_is_killed_goes_on_elsewhere_to_the_same_weights(cluster, run):
    whole, cut = _twin(run, "whole", epochs=20), _twin(run, "cut", epochs=20)
    train_folds(whole, ["0"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(train_on_cluster, [(cut, "0")], cluster.scheduler_address)
        while not (runs.fold_folder(cut, "0") / "checkpoint.npz").is_file():
            assert not waiting.done()
            time.sleep(0.01)
        fold, = (each for each in psutil.Process().children(recursive=True)
                 if "radiogen.training.execution.cluster" in each.cmdline())
        fold.parent().kill()
        waiting.result()
    here, there = _weights(whole, "0"), _weights(cut, "0")
    assert all(np.array_equal(here[name], there[name]) for name in here)


@pytest.mark.slow
def test_a_fold_that_fails_is_named_and_the_others_are_trained(cluster, run):
    good, bad = _twin(run, "good"), _twin(run, "bad")
    folder = runs.fold_folder(bad, "0")
    folder.mkdir(parents=True)
    (folder / "checkpoint.npz").write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"1 of 2 folds failed: bad fold 0: .*checkpoint.npz: cannot be read"):
        train_on_cluster([(bad, "0"), (good, "0")], cluster.scheduler_address)
    assert runs.trained_folds(good) == ["0"]


def test_a_scheduler_that_does_not_answer_is_named(run, monkeypatch):
    monkeypatch.setattr(parallel, "_ANSWER_WITHIN", "1s")
    with pytest.raises(UserError, match="no Dask scheduler answers"):
        train_on_cluster([(_twin(run, "lonely"), "0")], "tcp://127.0.0.1:9")


@pytest.mark.slow
def test_a_run_that_starts_from_another_one_does_so_on_a_cluster_as_on_one_machine(cluster, run):
    source = _twin(run, "source")
    train_folds(source, ["0", "1"])
    begun = [workflow.begin_run(run.data, run.recipe, run.folder.parent / name, run.cache.parent.parent, workers=1,
                                start_from=source.folder) for name in ("started-here", "started-there")]
    train_folds(begun[0], ["0"])
    train_on_cluster([(begun[1], "0")], cluster.scheduler_address)
    here, there = (_weights(each, "0") for each in begun)
    assert all(np.array_equal(here[name], there[name]) for name in here)
    assert (runs.fold_folder(begun[1], "0") / "first_weights.json").is_file()
