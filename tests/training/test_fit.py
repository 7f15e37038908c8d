"""Training: what may train what, what stops a fold, and that nothing is chosen on the fold that is scored."""

import dataclasses
import json
import re
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.dataset.geometry import read_geometry
from radiogen.inference.workflow import predict
from radiogen.runs.predictions import read_predictions
from radiogen.training import fit, runs, workflow
from radiogen.training.checkpoints import epochs_done
from radiogen.training.fit import _early_stopping_cases, fold_batches, train_fold
from radiogen.training.input.balance import plane_weights

ID, LABEL = "case", "label"


@pytest.fixture(scope="module")
def run(small_data, small_recipe, small_cache, tmp_path_factory):
    """A run with its tables written and nothing trained."""
    folder = tmp_path_factory.mktemp("runs") / "models" / "a"
    return workflow.begin_run(small_data, small_recipe, folder, small_cache, workers=1)


def _changed(run, name, folds=None, **change):
    """The run in another folder, its recipe or its table of folds changed."""
    return dataclasses.replace(run, folder=run.folder.parent / name, folds=run.folds if folds is None else folds,
                               recipe=run.recipe.replace(**change))


def _weights(run, fold="0"):
    found = {}
    with h5py.File(runs.fold_folder(run, fold) / runs.layout.WEIGHTS) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def test_a_label_that_can_be_seen_is_learnt_and_predicted_for_every_case(run):
    recipe = run.recipe.replace(epochs=60, batch_size=8, micro_batch_size=8, gamma=0.0)
    seen = workflow.begin_run(run.data, recipe, run.folder.parent / "seen", run.cache.parent.parent, workers=1)
    for fold in ("0", "1"):
        train_fold(seen, fold)
    table = read_predictions(predict(seen, workers=1))
    assert sorted(table[ID]) == [f"{number:05d}" for number in range(22)]
    assert table["fold"].value_counts().to_dict() == {"0": 8, "1": 8, "holdout": 4, "test": 2}
    known = table[table["fold"] != "test"]
    assert (known["predicted"] == known[LABEL]).mean() >= 0.85
    assert table[table["fold"] == "test"][LABEL].isna().all()
    history = pd.read_csv(runs.fold_folder(seen, "0") / "history.csv")
    assert history["auc"].iloc[-5:].mean() > 0.9 and history["epoch"].tolist() == list(range(1, 61))
    timings = json.loads((runs.fold_folder(seen, "0") / "timings.json").read_text())
    assert len(timings["seconds_an_epoch"]) == 60 and min(timings["seconds_an_epoch"]) > 0
    assert timings["batches_an_epoch"] == 1 and timings["precision"] == "float32" and timings["peak_memory_mb"] > 50


@pytest.mark.parametrize(("ends", "message"), [
    ((None, UserError("fold 1", "was killed", "x")),
     r"fold 1 failed: fold 1: was killed; x; .*--run folds --models {models} --fold 1$"),
    ((UserError("fold 0", "died", "x"), UserError("fold 1", "was killed", "x")),
     r"fold 0, 1 failed: fold 0: died; x; fold 1: was killed; x; .*--run folds --models {models} --fold all$"),
])
def test_every_fold_that_failed_is_reported_with_its_own_reason_and_what_to_run_again(run, monkeypatch, ends, message):
    monkeypatch.setattr(fit, "map_in_subprocesses", lambda *_: list(ends))
    changed = _changed(run, "folds")
    with pytest.raises(UserError, match=message.format(models=re.escape(str(changed.folder.parent)))):
        fit.train_folds(changed, ["0", "1"])


def test_each_case_has_one_part_in_a_fold_and_the_holdout_none(run):
    parts = fold_batches(_changed(run, "parts", early_stopping_fraction=0.25), "0")
    trained, chooses, scored = (set(part.inputs[ID]) for part in (parts.train, parts.stop, parts.scored))
    fold = run.folds.set_index(ID)["fold"]
    assert scored == set(fold.index[fold == "0"]) and trained | chooses == set(fold.index[fold == "1"])
    assert not trained & chooses and len(chooses) == 2
    assert parts.train.sampling and not parts.stop.sampling and not parts.scored.sampling
    assert fold_batches(run, "0").stop is None


def test_balanced_training_draws_by_planes_in_training_alone(run):
    changed = _changed(run, "balanced", balance="planes")
    workflow.begin_run(run.data, changed.recipe, changed.folder, run.cache.parent.parent, workers=1)
    parts = fold_batches(changed, "0")
    cases = run.folds[run.folds["fold"] == "1"]
    wanted = plane_weights(cases, read_geometry(changed.folder / "geometry.csv"), run.recipe.data.sequences)
    found = dict(zip(parts.train.inputs[ID], parts.train.sampling.weights, strict=True))
    assert [found[case] for case in cases[ID]] == wanted.tolist()
    assert parts.scored.sampling is None and fold_batches(run, "0").train.sampling.weights is None


def test_cases_that_choose_are_a_share_of_each_label_and_drawn_anew_by_seed_and_fold():
    cases = pd.DataFrame({ID: [f"{number:05d}" for number in range(100)], LABEL: [1] * 60 + [0] * 40})
    chosen = _early_stopping_cases(cases, 0.2, 42, 0)
    assert (chosen[:60].sum(), chosen[60:].sum()) == (12, 8)
    assert np.array_equal(chosen, _early_stopping_cases(cases, 0.2, 42, 0))
    for seed, fold in ((42, 1), (7, 0)):
        assert not np.array_equal(chosen, _early_stopping_cases(cases, 0.2, seed, fold))
    assert not _early_stopping_cases(cases, 0.0, 42, 0).any()
    said = "--early-stopping-fraction 0.9: leaves no case with label 0 to train on in fold 0"
    with pytest.raises(UserError, match=said):
        _early_stopping_cases(cases.iloc[[0, 60, 61, 62, 1, 2, 3, 4, 5, 6]], 0.9, 42, 0)


def test_the_labels_of_the_scored_fold_change_no_weight(run, eager):
    """The epoch is chosen, yet on other cases; the scored fold's own curve does change."""
    scored = run.folds["fold"] == "0"
    turned = run.folds.assign(**{LABEL: run.folds[LABEL].where(~scored, 1 - run.folds[LABEL])})
    ours, other = (_changed(run, name, folds, epochs=4, early_stopping_fraction=0.25, early_stopping_patience=2)
                   for name, folds in (("right", run.folds), ("turned", turned)))
    for each in (ours, other):
        train_fold(each, "0")
    here, there = _weights(ours), _weights(other)
    assert here.keys() == there.keys() and all(np.array_equal(here[name], there[name]) for name in here)
    histories = [pd.read_csv(runs.fold_folder(each, "0") / "history.csv") for each in (ours, other)]
    assert histories[0]["stop_loss"].equals(histories[1]["stop_loss"])
    assert not histories[0]["val_loss"].equals(histories[1]["val_loss"])
    best = int(histories[0]["stop_loss"].argmin())
    assert json.loads((ours.folder / "fold-0" / "timings.json").read_text())["chosen_epoch"] == best + 1
    assert len(histories[0]) == min(4, best + 1 + 2)


def test_a_loss_that_is_no_number_stops_at_its_batch_and_keeps_the_epoch_before(run, monkeypatch, eager):
    sick, read = _changed(run, "sick"), []

    def get(batches, number, get=fit.Batches.__getitem__):
        images, labels = get(batches, number)
        if batches.sampling and batches.epoch == 1:
            read.append(number)
            images = images * np.float32("nan")
        return images, labels

    steps = []
    monkeypatch.setattr(fit.Batches, "__getitem__", get)
    monkeypatch.setattr(fit.ProgressBar, "on_train_batch_end", lambda bar, batch, logs: steps.append(batch))
    said = "the loss became nan in epoch 2; the previous epoch is kept; lower --learning-rate"
    with pytest.raises(UserError, match=said):
        train_fold(sick, "0")
    assert steps == [0, 1] and 0 in read  # two batches an epoch: the first of the second epoch is not counted
    assert epochs_done(sick.folder / "fold-0" / "checkpoint.npz") == 1
    assert len(pd.read_csv(sick.folder / "fold-0" / "history.csv")) == 1
    assert not (sick.folder / "fold-0" / runs.layout.WEIGHTS).exists()


def test_a_rate_that_is_far_too_high_is_named(run, eager):
    wild = _changed(run, "wild", learning_rate=1e30, schedule="constant")
    with pytest.raises(UserError, match="became n.*in epoch .*lower --learning-rate"):
        train_fold(wild, "0")
    assert not (wild.folder / "fold-0" / runs.layout.WEIGHTS).exists()


@pytest.mark.parametrize("error", ["tensorflow", "python", "jax"])
def test_memory_that_runs_out_names_the_batch_and_the_accumulation(run, monkeypatch, error):
    def get(batches, number):
        if error == "tensorflow":
            import tensorflow

            raise tensorflow.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        raise MemoryError if error == "python" else RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(fit.Batches, "__getitem__", get)
    said = "--micro-batch-size 4: memory ran out .*: --batch-size 4 stays, gradients"
    with pytest.raises(UserError, match=said):
        train_fold(_changed(run, "full"), "0")


def test_a_fold_whose_history_was_not_written_before_the_kill_gets_it_whole(run, eager):
    """Killed after the last checkpoint: nothing is left to train, but history, timings and weights are."""
    late, folder = _changed(run, "late", epochs=1), run.folder.parent / "late" / "fold-0"
    kept = fit._finish
    try:
        fit._finish = lambda *arguments: None
        train_fold(late, "0")
    finally:
        fit._finish = kept
    before = (folder / "checkpoint.npz").read_bytes()
    (folder / "history.csv").unlink()
    train_fold(late, "0")
    assert len(pd.read_csv(folder / "history.csv")) == 1 and before
    assert (folder / runs.layout.WEIGHTS).is_file() and not (folder / "checkpoint.npz").exists()


@pytest.mark.slow
def test_tensorboard_gets_its_files(run):
    pytest.importorskip("tensorboard")
    program = (f"from pathlib import Path\nfrom radiogen.training.runs import open_run\n"
               f"from radiogen.training.fit import train_fold\ntrain_fold(open_run(Path({str(run.folder)!r})), "
               f"'1', tensorboard=True)")
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert list((run.folder / "fold-1" / "tensorboard").rglob("events.out.tfevents.*"))


def test_of_a_removed_fold_nothing_that_training_wrote_is_left_and_what_is_not_its_own_stays(tmp_path):
    from radiogen.runs.fold_weights import write_weights
    from radiogen.training.fit import remove_fold

    for name in ("fold-0", "fold-1"):
        write_weights(tmp_path / name, lambda path: path.write_bytes(b"weights"))
    (tmp_path / "fold-1" / "notes.txt").write_text("mine")
    for name in ("fold-0", "fold-1"):
        remove_fold(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["fold-1"]
    assert [path.name for path in (tmp_path / "fold-1").iterdir()] == ["notes.txt"]
