"""What a network is given: the right images with the right labels, the same again after a restart."""

import dataclasses

import numpy as np
import pytest

from radiogen.dataset.labels import read_labels
from radiogen.imaging.cache import build_caches, cache_folder, open_array
from radiogen.learning.batches import Batches, channels, label_inputs, list_inputs
from radiogen.learning.recipes import REPORT_2D
from radiogen.learning.runs import cache_settings

CASES = ["00003", "00000", "00005"]


@pytest.fixture
def make(small_data, tmp_path):
    """A function that builds a recipe's cache and gives its folder and the inputs of three cases."""
    def build(recipe):
        settings = cache_settings(recipe)
        index, = build_caches(small_data, [settings], tmp_path, workers=1)
        return cache_folder(small_data, settings, tmp_path), list_inputs(recipe, index, CASES)
    return build


def test_a_joined_cube_has_the_sequences_as_channels(make, small_recipe):
    folder, inputs = make(small_recipe)
    batch, = Batches(small_recipe, folder, inputs)[0]
    assert batch.shape == (3, 8, 8, 8, 2) and batch.dtype == np.float32
    assert np.allclose(batch[0, ..., 1] * 255, open_array(folder, "00003")[1])


def test_half_floats_reach_the_network_as_they_are_also_augmented(make, small_recipe):
    recipe = dataclasses.replace(small_recipe, normalisation="z-score", array_dtype="float16", brightness=0.0)
    folder, inputs = make(recipe)
    batch, = Batches(recipe, folder, inputs)[0]
    assert batch.dtype == np.float32 and batch.min() < -0.5
    assert np.array_equal(batch[0, ..., 1], open_array(folder, "00003")[1].astype(np.float32))
    training = Batches(recipe, folder, inputs, np.zeros(3, int), training=True)
    augmented, _ = training[0]
    assert augmented.shape == batch.shape and augmented.min() < -0.5


def test_separate_cubes_are_inputs_of_their_own(make, small_recipe):
    recipe = dataclasses.replace(small_recipe, joined=False)
    folder, inputs = make(recipe)
    assert inputs["sequence"].tolist() == ["FLAIR", "T1wCE"] * 3
    batch, = Batches(recipe, folder, inputs)[0]
    assert batch.shape[1:] == (8, 8, 8, 1)
    assert np.allclose(batch[1, ..., 0] * 255, open_array(folder, "00003")[1])


def test_slices_are_grey_in_three_channels_every_slice_of_every_sequence(make):
    recipe = dataclasses.replace(REPORT_2D, sequences=("FLAIR", "T1wCE"), size=16, memory_batch=50)
    folder, inputs = make(recipe)
    assert len(inputs) == 3 * 16
    batch, = Batches(recipe, folder, inputs)[0]
    assert batch.shape == (48, 16, 16, 3)
    assert np.array_equal(batch[..., 0], batch[..., 1]) and np.array_equal(batch[..., 0], batch[..., 2])
    assert np.allclose(batch[9, ..., 0] * 255, open_array(folder, "00003")[9])


def test_joined_slices_are_axial_with_the_sequences_as_channels(make, small_recipe):
    recipe = dataclasses.replace(small_recipe, rank=2, slices_per_series=4, batch_size=12, memory_batch=12)
    folder, inputs = make(recipe)
    assert len(inputs) == 12 and channels(recipe) == 2
    batch, = Batches(recipe, folder, inputs)[0]
    first = inputs["slice"].iloc[0]
    assert np.allclose(batch[0, ..., 0] * 255, open_array(folder, "00003")[0, first])


def test_labels_go_with_their_cases(make, small_recipe, small_data):
    folder, inputs = make(small_recipe)
    labels = label_inputs(inputs, read_labels(small_data / "train_labels.csv"))
    assert labels.tolist() == [1, 0, 1]
    _, truth = Batches(small_recipe, folder, inputs, labels)[0]
    assert truth.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_order_and_augmentation_follow_from_the_epoch_alone(make, small_recipe):
    folder, inputs = make(small_recipe)
    labels = np.array([0, 1, 2])  # tells the cases apart in the one-hot rows below

    def images(epoch, seed=42):
        batches = Batches(dataclasses.replace(small_recipe, seed=seed), folder, inputs, labels % 2, training=True)
        batches.begin(epoch)
        return batches[0][0]

    assert np.array_equal(images(3), images(3))
    assert not np.array_equal(images(3), images(4))
    assert not np.array_equal(images(3), images(3, seed=43))


def test_prediction_sees_every_image_unchanged_and_in_order(make, small_recipe):
    folder, inputs = make(dataclasses.replace(small_recipe, memory_batch=2))
    batches = Batches(dataclasses.replace(small_recipe, memory_batch=2), folder, inputs)
    seen = np.concatenate([batches[number][0] for number in range(batches.num_batches)])
    expected = [np.moveaxis(open_array(folder, case), 0, -1) / 255 for case in CASES]
    assert np.allclose(seen, expected, atol=1e-6)


def test_without_left_right_flips_the_side_of_the_patient_is_kept(make, small_recipe):
    recipe = dataclasses.replace(small_recipe, flips=("front-back", "up-down"), shift=0.0, brightness=0.0)
    folder, inputs = make(recipe)
    batches = Batches(recipe, folder, inputs, np.zeros(3, int), training=True)
    sides = np.stack([np.moveaxis(open_array(folder, case), 0, -1) for case in CASES]).astype(int).sum(axis=(1, 2))
    for epoch in range(8):
        batches.begin(epoch)
        images = (batches[0][0] * 255).round().astype(int).sum(axis=(1, 2))
        assert sorted(map(str, images.tolist())) == sorted(map(str, sides.tolist()))
