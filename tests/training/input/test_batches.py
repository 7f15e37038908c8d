"""What a network is given: the right images with the right labels, the same again after a restart."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic.series_files import AXIAL
from radiogen.arrays.cache import build_caches, cache_folder
from radiogen.arrays.stored_arrays import open_array
from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_labels
from radiogen.imaging.export.series_export import write_nifti
from radiogen.imaging.volume import Volume
from radiogen.networks import residual
from radiogen.training.execution.devices import Share
from radiogen.training.input.batches import Batches, CachedImages, Sampling, label_inputs, list_inputs
from radiogen.training.model import make_network, network_scale
from radiogen.training.recipe.recipes import REPORT_2D, REPORT_3D, REPORT_3D_SLICES, WINNER_3D
from radiogen.training.runs import cache_settings

CASES = ["00003", "00000", "00005"]


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """Where the arrays of this file's recipes are made, once."""
    return tmp_path_factory.mktemp("caches")


@pytest.fixture
def make(small_data, caches, tmp_path):
    """A function that returns the folder of a copy of a recipe's arrays and the inputs of three cases."""
    def build(recipe):
        settings = cache_settings(recipe.data)
        index, = build_caches(small_data, [settings], caches, workers=1)
        folder = cache_folder(small_data, settings, caches)
        return (shutil.copytree(folder, tmp_path / folder.name, dirs_exist_ok=True),
                list_inputs(recipe.data, index, CASES))
    return build


def test_a_cube_has_the_sequences_as_channels(make, small_recipe):
    folder, inputs = make(small_recipe)
    batch, = Batches(small_recipe, CachedImages(folder, small_recipe.data), inputs)[0]
    assert batch.shape == (3, 8, 8, 8, 2) and batch.dtype == np.float32
    assert np.allclose(batch[0, ..., 1] * 255, open_array(folder, "00003")[1])


def test_half_floats_reach_the_network_as_they_are_also_augmented(make, small_recipe):
    recipe = small_recipe.replace(normalisation="z-score", array_dtype="float16", gamma=0.0)
    folder, inputs = make(recipe)
    batch, = Batches(recipe, CachedImages(folder, recipe.data), inputs)[0]
    assert batch.dtype == np.float32 and batch.min() < -0.5
    assert np.array_equal(batch[0, ..., 1], open_array(folder, "00003")[1].astype(np.float32))
    training = Batches(recipe, CachedImages(folder, recipe.data), inputs, np.zeros(3, int), sampling=Sampling())
    augmented, _ = training[0]
    assert augmented.shape == batch.shape and augmented.min() < -0.5


def test_separate_cubes_are_inputs_of_their_own(make, small_recipe):
    recipe = small_recipe.replace(sequences_as_channels=False)
    folder, inputs = make(recipe)
    assert inputs["sequence"].tolist() == ["FLAIR", "T1wCE"] * 3
    batch, = Batches(recipe, CachedImages(folder, recipe.data), inputs)[0]
    assert batch.shape[1:] == (8, 8, 8, 1)
    assert np.allclose(batch[1, ..., 0] * 255, open_array(folder, "00003")[1])


def test_slices_are_grey_in_three_channels_every_slice_of_every_sequence(make):
    recipe = REPORT_2D.replace(sequences=("FLAIR", "T1wCE"), size=16, micro_batch_size=50)
    folder, inputs = make(recipe)
    assert len(inputs) == 3 * 16
    batch, = Batches(recipe, CachedImages(folder, recipe.data), inputs)[0]
    assert batch.shape == (48, 16, 16, 3)
    assert np.array_equal(batch[..., 0], batch[..., 1]) and np.array_equal(batch[..., 0], batch[..., 2])
    assert np.allclose(batch[9, ..., 0] * 255, open_array(folder, "00003")[9])


def test_slices_of_cubes_are_axial_with_the_sequences_as_channels(make, small_recipe):
    recipe = small_recipe.replace(rank=2, slices_per_series=4, batch_size=12, micro_batch_size=12)
    folder, inputs = make(recipe)
    assert len(inputs) == 12 and recipe.data.channels == 2
    batch, = Batches(recipe, CachedImages(folder, recipe.data), inputs)[0]
    first = inputs["slice"].iloc[0]
    assert np.allclose(batch[0, ..., 0] * 255, open_array(folder, "00003")[0, first])


def test_labels_go_with_their_cases(make, small_recipe, small_data):
    folder, inputs = make(small_recipe)
    labels = label_inputs(inputs, read_labels(small_data / "train_labels.csv"))
    assert labels.tolist() == [1, 0, 1]
    _, truth = Batches(small_recipe, CachedImages(folder, small_recipe.data), inputs, labels)[0]
    assert truth.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_one_output_has_one_label_an_input(make, small_recipe):
    folder, inputs = make(small_recipe)
    recipe = small_recipe.replace(outputs=1)
    _, truth = Batches(recipe, CachedImages(folder, recipe.data), inputs, np.array([1, 0, 1]))[0]
    assert truth.dtype == np.float32 and truth.tolist() == [[1], [0], [1]]


def test_cube_slices_are_the_cubes_own_one_channel_each_sequence_after_sequence(make):
    recipe = REPORT_3D_SLICES.replace(sequences=("FLAIR", "T1wCE"), size=8, micro_batch_size=48)
    folder, inputs = make(recipe)
    batch, = Batches(recipe, CachedImages(folder, recipe.data), inputs)[0]
    assert batch.shape == (48, 8, 8, 1) and recipe.data.channels == 1
    assert np.allclose(batch[:16, ..., 0] * 255, open_array(folder, "00003").reshape(16, 8, 8))
    assert inputs["sequence"].tolist()[:16] == ["FLAIR"] * 8 + ["T1wCE"] * 8
    cubes = REPORT_3D.replace(sequences=("FLAIR", "T1wCE"), size=8)
    assert cache_settings(recipe.data) == cache_settings(cubes.data)


def test_a_slab_is_as_deep_as_the_recipe_says_also_shifted(make):
    recipe = WINNER_3D.replace(size=12, depth=6)
    folder, inputs = make(recipe)
    batch, = Batches(recipe, CachedImages(folder, recipe.data), inputs)[0]
    assert batch.shape == (3, 6, 12, 12, 1)
    assert np.allclose(batch[0, ..., 0] * 255, open_array(folder, "00003")[0])
    moved, _ = Batches(recipe.replace(shift=0.2), CachedImages(folder, recipe.data), inputs, np.zeros(3, int),
                       sampling=Sampling())[0]
    assert moved.shape == batch.shape


@pytest.mark.parametrize(("batch_size", "micro_batch_size", "sizes"), [
    (2, 2, [2]), (2, 1, [1, 1]), (3, 2, [2, 1]), (8, 8, [3])])
def test_the_last_batch_is_dropped_where_it_is_smaller(make, small_recipe, batch_size, micro_batch_size, sizes):
    recipe = small_recipe.replace(batch_size=batch_size, micro_batch_size=micro_batch_size, drop_last=True)
    folder, inputs = make(recipe)
    batches = Batches(recipe, CachedImages(folder, recipe.data), inputs, np.zeros(3, int), sampling=Sampling())
    assert [len(batches[number][0]) for number in range(batches.num_batches)] == sizes
    judged = Batches(recipe, CachedImages(folder, recipe.data), inputs, np.zeros(3, int))
    assert sum(len(judged[number][0]) for number in range(judged.num_batches)) == 3


def test_another_input_is_left_out_in_another_epoch(make, small_recipe):
    recipe = small_recipe.replace(batch_size=2, micro_batch_size=2, drop_last=True, flips=(), shift=0.0,
                                 gamma=0.0)
    folder, inputs = make(recipe)
    batches = Batches(recipe, CachedImages(folder, recipe.data), inputs, np.zeros(3, int), sampling=Sampling())
    seen = set()
    for epoch in range(12):
        batches.begin(epoch)
        seen |= {image.tobytes() for image in batches[0][0]}
    assert len(seen) == 3


def test_a_flipped_batch_is_the_image_from_the_other_side(make, small_recipe):
    recipe = small_recipe.replace(tta=True)
    folder, inputs = make(recipe)
    plain, = Batches(recipe, CachedImages(folder, recipe.data), inputs)[0]
    turned, = Batches(recipe, CachedImages(folder, recipe.data), inputs, flip=(3,))[0]
    assert np.array_equal(turned, plain[:, :, :, ::-1])


def test_no_file_of_the_cache_stays_mapped_or_open(make, small_recipe):
    folder, inputs = make(small_recipe)
    batches = Batches(small_recipe, CachedImages(folder, small_recipe.data), inputs)
    batches[0]
    assert str(folder) not in Path("/proc/self/maps").read_text()
    assert not [link for link in Path("/proc/self/fd").iterdir() if str(folder) in os.path.realpath(link)]


def test_the_network_takes_what_the_batches_give(make, small_recipe):
    for recipe in (small_recipe, WINNER_3D.replace(size=16, depth=8, width=4),
                   REPORT_3D_SLICES.replace(sequences=("FLAIR", "T1wCE"), size=16, width=4,
                                       architecture="resnet10")):
        folder, inputs = make(recipe)
        batch, truth = Batches(recipe, CachedImages(folder, recipe.data), inputs, np.zeros(len(inputs), int))[0]
        assert make_network(recipe.network, recipe.data).output_shape[1:] == truth.shape[1:]
        assert make_network(recipe.network, recipe.data).input_shape[1:] == batch.shape[1:]


@pytest.mark.parametrize(("change", "scale"), [
    ({}, "centre"), ({"weights": "imagenet"}, "imagenet"),
    ({"weights": "imagenet", "normalisation": "z-score", "array_dtype": "float16"}, "imagenet z-score")])
def test_first_weights_get_the_scale_that_they_were_trained_on(change, scale, monkeypatch):
    asked = []
    monkeypatch.setattr(residual, "build_network", lambda *given: asked.append(given[2]))
    recipe = REPORT_2D.replace(**change)
    make_network(recipe.network, recipe.data)
    assert asked == [scale] == [network_scale(recipe.network, recipe.data)]


def test_order_and_augmentation_follow_from_the_epoch_alone(make, small_recipe):
    folder, inputs = make(small_recipe)
    labels = np.array([0, 1, 2])  # tells the cases apart in the one-hot rows below

    def images(epoch, seed=42):
        batches = Batches(small_recipe.replace(seed=seed), CachedImages(folder, small_recipe.data), inputs, labels % 2,
                          sampling=Sampling())
        batches.begin(epoch)
        return batches[0][0]

    assert np.array_equal(images(3), images(3))
    assert not np.array_equal(images(3), images(4))
    assert not np.array_equal(images(3), images(3, seed=43))


def test_ids_of_any_text_have_an_augmentation_of_their_own_and_numbers_the_one_they_had(make, small_recipe):
    folder, inputs = make(small_recipe)
    ids = {"00003": "UCSF-PDGM-0003", "00000": "sub-a", "00005": "00005"}
    for old, new in ids.items():
        if old != new:
            shutil.copy(folder / f"{old}.npy", folder / f"{new}.npy")

    def image(row):
        batches = Batches(small_recipe, CachedImages(folder, small_recipe.data), row, np.zeros(1, int),
                          sampling=Sampling())
        batches.begin(1)
        return batches[0][0]

    def images(inputs):
        return {case: image(inputs.iloc[[row]]) for row, case in enumerate(inputs["case"])}

    before, after = images(inputs), images(inputs.assign(case=inputs["case"].map(ids)))
    again = images(inputs.assign(case=inputs["case"].map(ids)))
    assert np.array_equal(before["00005"], after["00005"])
    assert not np.array_equal(before["00003"], after["UCSF-PDGM-0003"])
    assert all(np.array_equal(after[case], again[case]) for case in after)


def test_a_case_that_is_drawn_twice_is_changed_in_two_ways_and_one_of_weight_0_never_comes(make, small_recipe):
    folder, inputs = make(small_recipe)
    labels = np.array([0, 0, 1])
    batches = Batches(small_recipe, CachedImages(folder, small_recipe.data), inputs, labels,
                      sampling=Sampling(weights=np.array([0.0, 0.0, 3.0])))
    images, truth = batches[0]
    assert len(images) == 3 and (truth[:, 1] == 1).all()
    assert not any(np.array_equal(images[one], images[other]) for one, other in ((0, 1), (0, 2), (1, 2)))
    assert np.array_equal(batches[0][0], images)


def test_prediction_sees_every_image_unchanged_and_in_order(make, small_recipe):
    recipe = small_recipe.replace(micro_batch_size=2)
    folder, inputs = make(recipe)
    batches = Batches(recipe, CachedImages(folder, recipe.data), inputs)
    seen = np.concatenate([batches[number][0] for number in range(batches.num_batches)])
    expected = [np.moveaxis(open_array(folder, case), 0, -1) / 255 for case in CASES]
    assert np.allclose(seen, expected, atol=1e-6)


def test_without_left_right_flips_the_side_of_the_patient_is_kept(make, small_recipe):
    recipe = small_recipe.replace(flips=("front-back", "up-down"), shift=0.0, gamma=0.0)
    folder, inputs = make(recipe)
    batches = Batches(recipe, CachedImages(folder, recipe.data), inputs, np.zeros(3, int), sampling=Sampling())
    sides = np.stack([np.moveaxis(open_array(folder, case), 0, -1) for case in CASES]).astype(int).sum(axis=(1, 2))
    for epoch in range(8):
        batches.begin(epoch)
        images = (batches[0][0] * 255).round().astype(int).sum(axis=(1, 2))
        assert sorted(map(str, images.tolist())) == sorted(map(str, sides.tolist()))


@pytest.mark.parametrize("change", [lambda array: array[..., :-1], lambda array: array[0], lambda array: array[:0],
                                    lambda array: array.astype(np.float32), lambda array: array.astype(np.int8),
                                    np.asfortranarray])
def test_an_array_of_another_shape_or_type_is_named_rather_than_trained_on(make, small_recipe, change):
    folder, inputs = make(small_recipe)
    array = np.load(folder / "00000.npy")
    np.save(folder / "00000.npy", change(array))
    with pytest.raises(UserError, match=r"00000\.npy: .*; delete it and run python scripts/preprocess\.py again"):
        Batches(small_recipe, CachedImages(folder, small_recipe.data), inputs)[0]


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_an_image_is_augmented_alike_in_batches_of_any_size(make, small_recipe, dtype):
    recipe = small_recipe.replace(array_dtype=dtype, rotation_degrees=10.0)
    folder, inputs = make(recipe)

    def images(size):
        sized = recipe.replace(batch_size=size, micro_batch_size=size)
        batches = Batches(sized, CachedImages(folder, recipe.data), inputs, np.zeros(3, int), sampling=Sampling())
        return np.concatenate([batches[number][0] for number in range(batches.num_batches)])

    assert np.array_equal(images(1), images(3)) and np.array_equal(images(2), images(3))


def test_a_share_is_the_part_of_a_batch_that_it_names(make, small_recipe):
    folder, inputs = make(small_recipe)
    images = CachedImages(folder, small_recipe.data)
    whole, = Batches(small_recipe, images, inputs)[0]
    for part in (0, 1):
        own, = Batches(small_recipe, images, inputs, share=Share(2, part, 2))[0]
        assert np.array_equal(own, whole[[part]])


def _with_masks(small_data, folder):
    """A copy of the small data set, with a mask of the corner that is bright in label 1, in every case."""
    data = shutil.copytree(small_data, folder / "masked")
    voxels = np.zeros((8, 8, 8), np.uint8)
    voxels[2:5, 2:5, 2:5] = 1
    for case in (*(data / "train").iterdir(), *(data / "test").iterdir()):
        write_nifti(case / "mask.nii.gz", Volume(voxels, AXIAL))
    return data


@pytest.mark.parametrize("changes", [{}, {"rank": 2, "slices_per_series": 4, "flips": ("left-right",)}],
                         ids=["cube", "axial slices"])
@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_the_mask_is_the_last_channel_and_is_0_or_1(small_data, small_recipe, tmp_path, changes, dtype):
    recipe = small_recipe.replace(region="tumour", margin_mm=1.0, mask_channel=True, array_dtype=dtype, **changes)
    data, settings = _with_masks(small_data, tmp_path), cache_settings(recipe.data)
    index, = build_caches(data, [settings], tmp_path / "cache", workers=1)
    folder, inputs = cache_folder(data, settings, tmp_path / "cache"), list_inputs(recipe.data, index, CASES)
    for sampling in (None, Sampling()):
        labels = None if sampling is None else np.zeros(len(inputs), int)
        batch = Batches(recipe, CachedImages(folder, recipe.data), inputs, labels, sampling=sampling)[0][0]
        assert batch.shape[1:] == recipe.data.input_shape and batch.shape[-1] == 3
        assert set(np.unique(batch[..., -1])) == {0, 1}
    assert make_network(recipe.network, recipe.data).output_shape == (None, 2)
