"""A batch of bytes is changed in one pass: to what NumPy and SciPy make of it step by step."""

import numpy as np
import pytest
from scipy import ndimage

from radiogen.imaging.compiled.draws import seed_words
from radiogen.training.input.one_pass import Changes, draw_changes, no_changes, write_images
from radiogen.training.recipe.recipes import DEMO_2D, DEMO_3D, ISOTROPIC_3D, REPORT_2D, WINNER_3D

TURNED_3D = DEMO_3D.replace(size=13, flips=("left-right", "up-down"), shift=0.17, rotation_degrees=25.0, zoom=0.2,
                            gamma=0.3)
TURNED_2D = DEMO_2D.replace(size=17, shift=0.2, rotation_degrees=25.0, zoom=0.2, gamma=0.3)


def _planes(shape, images=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (images, *shape), np.uint8)


def _written(planes, changes, mask_channel=False, channels=0):
    out = np.full((len(planes), *planes.shape[2:], channels or planes.shape[1]), np.nan, np.float32)
    write_images(out, planes, changes, mask_channel)
    return out


def _drawn(recipe, count=300):
    words = np.array([seed_words((recipe.seed, 0, 3, number, 1)) for number in range(count)], np.uint32)
    return draw_changes(recipe.augmentation, recipe.data, words, np.full(count, 5))


def _step_by_step(image, changes, number):
    """(slice, row, column) bytes flipped, shifted, gamma-corrected, then turned and zoomed by SciPy."""
    image = np.flip(image, np.flatnonzero(changes.flips[number])) / 255
    image = ndimage.shift(image, changes.shifts[number], order=0) ** changes.gammas[number]
    if changes.axes is None:
        return image
    axis, angle = int(changes.axes[number]), changes.angles[number]
    turn, zoom = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]), changes.zooms[number]
    matrix = np.eye(3)
    plane = np.ix_(*[[other for other in range(3) if other != axis]] * 2)
    matrix[plane] = np.linalg.inv(turn @ np.diag(zoom))
    middle = (np.array(image.shape) - 1) / 2
    return ndimage.affine_transform(image, matrix, middle - matrix @ middle, order=1, mode="grid-constant")


@pytest.mark.parametrize("recipe", [
    TURNED_3D, TURNED_2D, TURNED_3D.replace(rotation_degrees=0.0, zoom=0.0),
    WINNER_3D.replace(size=12, depth=5, shift=0.2, rotation_degrees=10.0)], ids=["cube", "slice", "no turn", "slab"])
def test_one_pass_is_the_composition_of_its_steps(recipe):
    data, changes = recipe.data, _drawn(recipe, 12)
    if changes.axes is not None and data.rank == 3 and not data.depth:
        changes = changes._replace(axes=np.arange(12) % 3)
    planes = _planes((data.channels if data.sequences_as_channels else 1, *data.image_shape), 12)
    volumes = planes.reshape(*planes.shape[:2], *(1,) * (3 - data.rank), *data.image_shape)
    expected = [np.stack([_step_by_step(plane, changes, number) for plane in image], axis=-1)
                for number, image in enumerate(volumes)]
    written = _written(planes, changes)
    assert np.abs(written - np.reshape(expected, written.shape)).max() < 1e-5


@pytest.mark.parametrize("shape", [(2, 5, 4), (1, 3, 5, 4), (2, 3, 5, 4)])
def test_without_a_change_a_byte_is_divided_by_255(shape):
    planes = _planes(shape)
    expected = np.moveaxis(planes, 1, -1) / np.float32(255)
    assert np.array_equal(_written(planes, no_changes(3)), expected)
    turned = no_changes(3)._replace(axes=np.arange(3) % (len(shape) - 1 if len(shape) > 3 else 1), angles=np.zeros(3),
                                    zooms=np.ones((3, 2)))
    assert np.array_equal(_written(planes, turned), expected)


@pytest.mark.parametrize("turned", [{}, {"rotation_degrees": 9.0}])
def test_an_image_is_changed_alike_whatever_is_in_its_batch(turned):
    recipe = DEMO_3D.replace(size=9, **turned)
    planes, changes = _planes((2, 9, 9, 9), 5), _drawn(recipe, 5)
    alone = [_written(planes[[one]], Changes(*(None if each is None else each[[one]] for each in changes)))[0]
             for one in range(5)]
    assert np.array_equal(_written(planes, changes), alone)


def test_a_grey_slice_fills_all_of_its_channels():
    planes = np.arange(6, dtype=np.uint8).reshape(1, 1, 2, 3)
    changes = no_changes(1)
    changes.flips[0, 2], changes.shifts[0, 1] = True, 1
    expected = np.float32([[0, 0, 0], [2, 1, 0]])[..., None].repeat(3, -1) / np.float32(255)
    assert np.array_equal(_written(planes, changes, channels=3)[0], expected)


def test_a_shift_by_the_whole_image_leaves_nothing_of_it():
    for shift in (4, -4, 9):
        changes = no_changes(1)
        changes.shifts[0, 2] = shift
        assert not _written(_planes((1, 3, 3, 4), 1), changes).any()


def test_gamma_is_of_the_numbers_in_0_to_1_and_is_not_rounded_to_bytes():
    planes = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    written = _written(planes, no_changes(1)._replace(gammas=np.float32([0.8])))
    assert np.allclose(written.ravel(), (np.arange(256) / 255) ** 0.8, atol=1e-6)


def test_a_mask_is_moved_by_nearest_neighbour_into_the_image_alone():
    mask = np.zeros((1, 1, 1, 9, 9), np.uint8)
    mask[..., :, 6:] = 255
    changes = no_changes(1)._replace(axes=np.zeros(1, int), angles=np.radians([90.0]), zooms=np.ones((1, 2)))
    image, turned = np.moveaxis(_written(np.concatenate([mask, mask], 1), changes, mask_channel=True)[0, 0], -1, 0)
    assert np.array_equal(turned, np.rint(image)) and set(np.unique(turned)) == {0, 1} and turned.mean() == 1 / 3
    smaller = changes._replace(angles=np.zeros(1), zooms=np.full((1, 2), 0.5))
    assert not _written(np.full_like(mask, 255), smaller, mask_channel=True)[0, 0, 0].any()


def test_shifts_flips_and_gamma_are_drawn_as_often_as_they_should():
    drawn = _drawn(DEMO_3D.replace(size=20, flips=("left-right", "up-down"), shift=0.1, gamma=0.2), 3000)
    for axis in range(3):
        places, counts = np.unique(drawn.shifts[:, axis], return_counts=True)
        assert places.tolist() == [-2, -1, 0, 1, 2] and counts.min() > 500
    often, never, also = drawn.flips.sum(axis=0)
    assert 1400 < often < 1600 and never == 0 and 1400 < also < 1600
    assert 1400 < (drawn.gammas != 1).sum() < 1600 and 0.8 <= drawn.gammas.min() < 0.81 and drawn.gammas.max() <= 1.25


def test_rotation_and_zoom_are_drawn_evenly_between_their_limits_and_about_every_axis_of_a_cube():
    drawn = _drawn(DEMO_3D.replace(rotation_degrees=30.0, zoom=0.1), 3000)
    assert np.bincount(drawn.axes).min() > 900
    assert abs(np.degrees(drawn.angles).mean()) < 1 and 29 < np.abs(np.degrees(drawn.angles)).max() <= 30
    assert abs(drawn.zooms.mean() - 1) < 0.01 and 0.099 < np.abs(drawn.zooms - 1).max() <= 0.1
    assert not _drawn(WINNER_3D.replace(rotation_degrees=30.0), 50).axes.any()


@pytest.mark.parametrize("recipe", [DEMO_2D, DEMO_3D, ISOTROPIC_3D,
                                    REPORT_2D.replace(shift=0.1, flips=("left-right",))])
def test_the_draws_of_a_recipe_are_those_of_the_versions_before(recipe):
    """Flips, shifts by axis, whether gamma changes, and by how much: in this order from NumPy's generator."""
    settings, data, drawn = recipe.augmentation, recipe.data, _drawn(recipe, 40)
    names = ("up-down", "front-back", "left-right")
    reach = [round(settings.shift * size) for size in data.image_shape]
    for number in range(40):
        random = np.random.default_rng((recipe.seed, 0, 3, number, 1))
        flips = {name: random.random() < 0.5 for name in settings.flips}
        shifts = [int(random.random() * (2 * most + 1)) - most for most in reach]
        changed, gamma = random.random() < 0.5, random.random()
        low = 1 - settings.gamma
        assert [flips.get(name, False) for name in names] == drawn.flips[number].tolist()
        assert drawn.shifts[number].tolist() == [0] * (3 - data.rank) + shifts
        assert drawn.gammas[number] == np.float32(low + gamma * (1 / low - low) if settings.gamma and changed else 1)
