"""Images change by chance, the same chance again for the same seed, and only as the recipe says."""

import numpy as np
import pytest

from radiogen.imaging.compiled.draws import seed_words
from radiogen.training.input.augmentation import augment, channels_last, make_augmentation, tta_flips
from radiogen.training.input.one_pass import draw_changes, write_images
from radiogen.training.recipe.recipes import DEMO_2D, DEMO_3D, REPORT_3D, WINNER_3D

STILL_2D = DEMO_2D.replace(size=16, flips=(), shift=0.0, gamma=0.0)
STILL_3D = DEMO_3D.replace(size=12, flips=(), shift=0.0, gamma=0.0)
FLOATS_2D, FLOATS_3D = (recipe.replace(array_dtype="float16") for recipe in (STILL_2D, STILL_3D))
SLAB = WINNER_3D.replace(size=12, depth=6)


def _image(recipe):
    return np.random.default_rng(0).integers(1, 256, (*recipe.data.image_shape, 2), np.uint8)


def _drawn(recipe, draws=30):
    planes = np.moveaxis(_image(recipe), -1, 0)
    return [_changed(recipe, planes.copy(), (0, draw)) for draw in range(draws)]


def _changed(recipe, planes, seed):
    settings, data = recipe.augmentation, recipe.data
    if data.array_dtype != "uint8":
        made = augment(make_augmentation(settings, data), settings, data, planes.astype(np.float32), seed)
        return np.rint(made).astype(np.uint8)
    made = np.empty((1, *data.image_shape, len(planes)), np.float32)
    write_images(made, planes[None], _changes(recipe, [seed]), data.mask_channel)
    return np.rint(255 * made[0]).astype(np.uint8)


def _changes(recipe, seeds):
    words = np.array([seed_words(seed) for seed in seeds], np.uint32)
    return draw_changes(recipe.augmentation, recipe.data, words, np.full(len(words), words.shape[1]))


def _flips(recipe):
    return tta_flips(recipe.augmentation, recipe.data.rank)


def test_a_recipe_without_augmentation_has_none():
    for recipe in (REPORT_3D, WINNER_3D):
        assert make_augmentation(recipe.augmentation, recipe.data) is None


@pytest.mark.parametrize("recipe", [
    STILL_2D.replace(flips=("left-right",), shift=0.1, gamma=0.2),
    STILL_3D.replace(flips=("left-right", "up-down"), shift=0.1, gamma=0.2),
    STILL_2D.replace(rotation_degrees=15.0),
    STILL_3D.replace(rotation_degrees=15.0, zoom=0.1),
    SLAB.replace(shift=0.2), FLOATS_2D.replace(rotation_degrees=15.0),
    FLOATS_3D.replace(flips=("left-right",), rotation_degrees=15.0, zoom=0.1, shift=0.1)])
def test_the_seed_alone_decides_what_is_drawn(recipe):
    first, second = _drawn(recipe, 12), _drawn(recipe, 12)
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert len({image.tobytes() for image in first}) > 6
    assert {image.shape for image in first} == {_image(recipe).shape}


@pytest.mark.parametrize(("recipe", "flip", "axis"), [
    (STILL_2D, "left-right", 1), (STILL_2D, "front-back", 0),
    (STILL_3D, "left-right", 2), (STILL_3D, "front-back", 1), (STILL_3D, "up-down", 0),
    (FLOATS_2D, "left-right", 1), (FLOATS_3D, "up-down", 0)])
def test_a_flip_turns_its_axis_round_in_half_of_the_images_and_no_other(recipe, flip, axis):
    recipe = recipe.replace(flips=(flip,))
    image = _image(recipe)
    turned = [not np.array_equal(drawn, image) for drawn in _drawn(recipe, 60)]
    assert 15 < sum(turned) < 45
    assert all(np.array_equal(drawn, np.flip(image, axis) if other else image)
               for drawn, other in zip(_drawn(recipe, 60), turned, strict=True))


def test_all_combinations_of_flips_are_drawn():
    recipe = STILL_3D.replace(flips=("left-right", "front-back", "up-down"))
    image = _image(recipe)
    seen = {axes for drawn in _drawn(recipe, 120) for axes in _flips(recipe.replace(tta=True))
            if np.array_equal(drawn, np.flip(image, [axis - 1 for axis in axes]))}
    assert len(seen) == 8


@pytest.mark.parametrize("recipe", [
    STILL_2D.replace(shift=0.13), STILL_3D.replace(shift=0.17), SLAB.replace(shift=0.17),
    FLOATS_2D.replace(shift=0.13), FLOATS_3D.replace(shift=0.17)])
def test_a_shift_moves_whole_pixels_at_most_so_far_along_each_axis_and_what_moves_in_is_black(recipe):
    image = _image(recipe)
    sizes = image.shape[:-1]
    reach = [round(recipe.augmentation.shift * size) for size in sizes]
    for drawn in _drawn(recipe):
        black = (drawn == 0).all(axis=-1)
        lost = [int(black.all(axis=tuple(other for other in range(len(sizes)) if other != axis)).sum())
                for axis in range(len(sizes))]
        assert all(gone <= most for gone, most in zip(lost, reach, strict=True))
        assert black.sum() == np.prod(sizes) - np.prod([size - gone for size, gone in zip(sizes, lost, strict=True)])
    assert any((drawn == 0).any() for drawn in _drawn(recipe))


def _places(recipe, axis, draws=60):
    """(draw, axis) in voxels from the middle: where a block goes that lay 12 voxels from it along `axis`."""
    shape = np.array(recipe.data.image_shape)
    planes, middle = np.zeros((1, *shape), np.uint8), (shape - 1) / 2
    centre = middle + 12 * np.eye(len(shape))[axis]
    planes[(0, *(slice(round(place) - 1, round(place) + 2) for place in centre))] = 200
    grid = np.indices(shape).reshape(len(shape), -1)
    drawn = [_changed(recipe, planes, (1, draw))[..., 0].ravel().astype(float) for draw in range(draws)]
    return np.array([grid @ image / image.sum() for image in drawn]) - middle


@pytest.mark.parametrize("recipe", [
    STILL_2D.replace(size=41), SLAB.replace(size=41, depth=5), STILL_3D.replace(size=41),
    FLOATS_3D.replace(size=41)])
def test_a_rotation_turns_by_at_most_so_many_degrees_within_a_slice_or_about_any_axis_of_a_cube(recipe):
    recipe, first = recipe.replace(rotation_degrees=20.0), 1 if recipe.data.depth else 0
    for axis in range(first, recipe.data.rank):
        places = _places(recipe, axis)
        beside = np.degrees(np.arctan2(places, places[:, [axis]]))  # by axis: how far it went round in that plane
        for other in set(range(recipe.data.rank)) - {axis}:
            reach = np.abs(beside[:, other]).max()
            assert reach < 1 if other < first else 12 < reach < 21
        assert ((np.abs(np.delete(beside, axis, 1)) > 2).sum(axis=1) <= 1).all()  # one plane at a time
        assert np.allclose(np.linalg.norm(places, axis=1), 12, atol=0.5)


@pytest.mark.parametrize("recipe", [STILL_3D, FLOATS_3D], ids=["bytes", "floats"])
def test_a_zoom_changes_distances_by_at_most_its_share_along_two_axes_of_a_cube(recipe):
    recipe = recipe.replace(size=41, zoom=0.2)
    for axis in range(3):
        factors = _places(recipe, axis)[:, axis] / 12
        assert 0.78 < factors.min() < 0.9 and 1.1 < factors.max() < 1.22
        assert 0.2 < np.isclose(factors, 1, atol=0.01).mean() < 0.6  # drawn: the axis that is not zoomed


def test_gamma_keeps_black_and_white_and_the_order_between():
    recipe = STILL_2D.replace(gamma=0.2)
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    for draw in range(20):
        drawn = _changed(recipe, ramp.copy(), (draw,))[..., 0].ravel().astype(int)
        assert (drawn[0], drawn[-1]) == (0, 255) and (np.diff(drawn) >= 0).all()
        gamma = np.log(drawn[128] / 255) / np.log(128 / 255)
        assert 0.79 < gamma < 1.26


def test_the_flips_of_a_prediction_are_all_combinations_of_the_flips():
    recipe = DEMO_3D.replace(tta=True)
    assert sorted(_flips(recipe)) == sorted([(), (1,), (2,), (3,), (3, 2), (3, 1), (2, 1), (3, 2, 1)])
    assert _flips(recipe)[0] == () and _flips(DEMO_3D) == [()]
    assert _flips(DEMO_2D.replace(tta=True, flips=("left-right",))) == [(), (2,)]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(1, 5, 4), (3, 5, 4), (2, 3, 5, 4), (3, 40, 50, 60)])
def test_channels_are_put_last(shape, dtype):
    planes = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    for given in (planes, planes[..., ::-1]):
        assert np.array_equal(channels_last(given), np.moveaxis(given, 0, -1))
        assert channels_last(given).flags.c_contiguous


@pytest.mark.parametrize("recipe", [
    STILL_2D.replace(mask_channel=True, rotation_degrees=30.0, zoom=0.2, gamma=0.3, shift=0.2, flips=("left-right",)),
    STILL_3D.replace(mask_channel=True, rotation_degrees=30.0, zoom=0.2, gamma=0.3, shift=0.2, flips=("up-down",)),
    STILL_3D.replace(mask_channel=True, gamma=0.3)], ids=["slices", "cubes", "gamma alone"])
def test_a_mask_moves_with_its_image_and_keeps_its_values(recipe):
    shape = recipe.data.image_shape
    mask = np.zeros(shape, np.uint8)
    mask[tuple(slice(3, 8) for _ in shape)] = 255
    image = np.where(mask, 200, 40).astype(np.uint8)
    planes = np.stack([image] * (recipe.data.channels - 1) + [mask])
    changed = [_changed(recipe, planes.copy(), (0, draw)) for draw in range(30)]
    assert all(set(np.unique(one[..., -1])) <= {0, 255} for one in changed)
    agreement = [((one[..., 0] > 110) == (one[..., -1] == 255)).mean() for one in changed]
    assert min(agreement) > 0.9 and len({one[..., 0].tobytes() for one in changed}) > 10


def test_without_a_mask_among_the_channels_the_last_one_is_an_image():
    recipe = STILL_3D.replace(gamma=0.4)
    changed = _drawn(recipe)
    assert any(not np.array_equal(one[..., -1], _image(recipe)[..., -1]) for one in changed)
