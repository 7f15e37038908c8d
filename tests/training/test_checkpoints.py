"""A checkpoint holds everything that the next epoch depends on; a wrong one is named and never used."""

import json

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.networks.backend import keras
from radiogen.training.checkpoints import FoldState, epochs_done, load_checkpoint, save_checkpoint

IMAGES = np.random.default_rng(0).uniform(size=(12, 6)).astype(np.float32)
LABELS = np.eye(2, dtype=np.float32)[np.arange(12) % 2]


def _model(width=5):
    """A small network with dropout and batch normalisation, gradients of two batches accumulated."""
    layers = keras.layers
    inputs = layers.Input((6,), name="input")
    x = layers.BatchNormalization(name="bn")(layers.Dense(width, activation="relu", name="hidden")(inputs))
    outputs = layers.Dense(2, activation="softmax", name="predictions")(layers.Dropout(0.5, name="dropout")(x))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.AdamW(0.01, gradient_accumulation_steps=2), "categorical_crossentropy",
                  jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


def _fit(model, batches):
    """Train on so many batches of four: an odd number leaves gradients accumulated."""
    model.fit(IMAGES[:4 * batches], LABELS[:4 * batches], batch_size=4, shuffle=False, verbose=0)
    return model


@pytest.fixture
def kept(tmp_path, eager):
    """The path of a checkpoint, and the model as it was saved."""
    keras.utils.set_random_seed(1)
    model = _fit(_model(), 3)
    state = FoldState(({"epoch": 1, "loss": 0.5},), (2.0,), 0.25, 1, tuple(model.get_weights()))
    save_checkpoint(tmp_path / "checkpoint.npz", model, state, {"fold": "0", "seed": 42})
    return tmp_path / "checkpoint.npz", model, state


def test_training_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(kept):
    path, model, _ = kept
    keras.utils.set_random_seed(2)  # another first state of everything, dropout's too
    other = _model()
    load_checkpoint(path, other, {"fold": "0", "seed": 42})
    for one, two in zip(_fit(model, 3).variables, _fit(other, 3).variables, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(two)), one.path


def test_history_and_the_best_epoch_so_far_come_back(kept):
    path, model, state = kept
    again = load_checkpoint(path, model, {"fold": "0", "seed": 42})
    assert (again.history, again.seconds, again.best_loss, again.best_epoch) == (
        state.history, state.seconds, state.best_loss, state.best_epoch)
    assert all(np.array_equal(one, two) for one, two in zip(again.best_weights, state.best_weights, strict=True))
    assert epochs_done(path) == 1 and epochs_done(path.with_name("none.npz")) == 0


def test_patience_counts_the_epochs_since_the_best_one():
    state = FoldState()
    for loss in (0.9, 0.5, 0.7, 0.5):
        state = state.after({"loss": 0.1}, 1.0).improved(loss, [np.float32(loss)])
    assert (state.best_epoch, state.best_loss, state.waited) == (2, 0.5, 2)
    assert state.best_weights == (np.float32(0.5),)
    assert state.finished(10, 2) and not state.finished(10, 3) and state.finished(4, 3) and not state.finished(10, None)


def test_a_checkpoint_of_another_network_fold_or_recipe_is_refused(kept):
    path, model, _ = kept
    owner = {"fold": "0", "seed": 42}
    with pytest.raises(UserError, match=r"checkpoint\.npz: belongs to another network; delete"):
        load_checkpoint(path, _model(width=7), owner)
    with pytest.raises(UserError, match=r"belongs to another run or fold: seed was 42, not 43; delete"):
        load_checkpoint(path, model, owner | {"seed": 43})


def test_a_checkpoint_of_an_older_version_goes_on_where_new_fields_are_the_default_and_else_is_refused(kept):
    path, model, state = kept
    asked = {"fold": "0", "seed": 42, "new": None, "newer": 3}
    again = load_checkpoint(path, model, asked, {"new": None, "newer": 3, "seed": 7})
    assert again.history == state.history
    for field, output in (("new", "new was None, not 5"), ("newer", "newer was 3, not 5")):
        with pytest.raises(UserError, match=output):
            load_checkpoint(path, model, asked | {field: 5}, {"new": None, "newer": 3, "seed": 7})
    with pytest.raises(UserError, match="new was not recorded, not None"):
        load_checkpoint(path, model, asked)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_checkpoint_is_named(kept, damage):
    path, model, _ = kept
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 3] ^= 1
    path.write_bytes({"cut": content[:-200], "flipped": content, "empty": b""}[damage])
    with pytest.raises(UserError, match=r"checkpoint\.npz: cannot be read .*; delete .* to train this fold from its"):
        load_checkpoint(path, model, {"fold": "0", "seed": 42})


def test_weights_that_are_no_numbers_never_replace_a_good_checkpoint(kept):
    path, model, state = kept
    before = path.read_bytes()
    model.get_layer("hidden").bias.assign(np.full(5, np.inf))
    with pytest.raises(UserError, match="weights became NaN or infinite in epoch 2; the previous epoch is kept"):
        save_checkpoint(path, model, state.after({"loss": 0.4}, 1.0))
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["history", "seconds", "best_loss", "best_epoch", "names", "best", "owner"])
def test_a_checkpoint_of_a_version_without_a_field_is_named(kept, name):
    path, model, _ = kept
    with np.load(path) as file:
        arrays = dict(file)
    note = {key: value for key, value in json.loads(arrays["note"].tobytes()).items() if key != name}
    np.savez(path, **{**arrays, "note": np.frombuffer(json.dumps(note).encode(), np.uint8)})
    for read in (lambda: load_checkpoint(path, model, {"fold": "0", "seed": 42}), lambda: epochs_done(path)):
        with pytest.raises(UserError, match=rf"of another version: it has no {name}"):
            read()


def test_a_compressed_checkpoint_is_refused_before_it_is_unpacked(kept):
    path, model, _ = kept
    with np.load(path) as file:
        arrays = dict(file)
    np.savez_compressed(path, **{**arrays, "00000": np.zeros(1 << 24, np.float32)})
    with pytest.raises(UserError, match="is compressed, which no checkpoint is"):
        load_checkpoint(path, model, {"fold": "0", "seed": 42})
