"""What an encoder is shown: two different views of each image, the same again in a resumed epoch, and masked ones."""

import numpy as np
import pytest

from radiogen.pretraining.objectives import MASKED, Contrast, Masking
from radiogen.pretraining.settings import GAMMA, SHIFT, PretrainingSettings, pretraining_recipe
from radiogen.pretraining.views import CONTRAST, NOISE, SHADING, Views, _blurred, _zoomed, unchanged
from radiogen.training.model import make_network
from radiogen.training.recipe.recipes import DEMO_2D, DEMO_3D


class _Images:
    """Ten images of random bytes, such as `PretrainingImages` reads them."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return 10

    def read(self, row):
        shape = (self.data.channels, *self.data.image_shape)
        return np.random.default_rng(row).integers(1, 200, shape).astype(np.uint8)


def _views(objective=None, recipe=DEMO_3D, **change):
    made = pretraining_recipe(recipe.replace(size=8, width=4, **change), PretrainingSettings(batch_size=4))
    return Views(made, _Images(made.data), objective or Contrast())


def test_an_epoch_has_each_image_at_most_once_in_two_views_that_differ():
    views = _views()
    assert views.num_batches == 2
    batches = [views[number][0] for number in range(2)]
    assert [batch.shape for batch in batches] == [(8, 8, 8, 8, 2)] * 2
    for batch in batches:
        assert all(not np.array_equal(one, other) for one, other in zip(batch[:4], batch[4:], strict=True))
    firsts = {int(row) for row in views._order[:8]}
    assert len(firsts) == 8


def test_the_same_epoch_has_the_same_views_and_another_has_others():
    views, again = _views(), _views()
    again.begin(1)
    later = again[0][0]
    again.begin(0)
    assert np.array_equal(views[0][0], again[0][0]) and not np.array_equal(views[0][0], later)


def test_views_without_moves_are_the_images_with_another_contrast_and_shading_and_noise(monkeypatch):
    monkeypatch.setattr("radiogen.pretraining.settings.SHIFT", 0.0)
    monkeypatch.setattr("radiogen.pretraining.settings.GAMMA", 0.0)
    monkeypatch.setattr("radiogen.pretraining.views.ZOOM", 0.0)
    monkeypatch.setattr("radiogen.pretraining.views.BLURRED", 0.0)
    views = _views(flips=(), shift=0.0, gamma=0.0)
    whole = unchanged(views.recipe, views.images, views._order[:4])
    noisy = views[0][0][:4]
    monkeypatch.setattr("radiogen.pretraining.views.NOISE", 0.0)
    for view, noised, image in zip(views[0][0][:4], noisy, whole, strict=True):
        change = view / image
        assert 0 < (noised - view).std() < 1.2 * NOISE
        assert np.allclose(change[..., 0] / change[..., 1], change[0, 0, 0, 0] / change[0, 0, 0, 1], rtol=1e-4)
        logs = np.log(change[..., 0])
        for axis in range(3):  # the shading of each axis is a slope by itself
            steps = np.diff(logs, axis=axis)
            assert np.allclose(steps, steps.flat[0], atol=1e-4) and np.abs(steps).max() <= 2 * SHADING / 7 + 1e-4
        assert np.abs(np.exp(logs.mean()) - 1) <= CONTRAST + 1e-4


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_zoom_moves_what_lies_off_the_middle_by_its_factor_along_one_axis_alone(axis):
    place = np.arange(21, dtype=np.float32) - 10
    view = np.broadcast_to(place.reshape([-1 if one == axis else 1 for one in range(4)]), (21, 21, 21, 2))
    assert np.allclose(_zoomed(view, axis, 1.25), view / 1.25, atol=1e-5)
    assert np.allclose(_zoomed(view, (axis + 1) % 3, 1.25), view, atol=1e-5)
    assert np.allclose(_zoomed(view, axis, 1.0), view, atol=1e-5)


def test_a_blur_keeps_the_mean_of_what_lies_inside_and_spreads_it_along_one_axis():
    view = np.zeros((7, 7, 7, 1), np.float32)
    view[3, 3, 3] = 3
    blurred = _blurred(view, 1)
    assert blurred[3, 2:5, 3, 0].tolist() == [1, 1, 1] and blurred.sum() == 3
    assert np.allclose(_blurred(np.ones((3, 3, 1), np.float32), 0), 1)


def test_the_views_augmentation_is_at_least_that_of_pretraining_and_flips_are_the_recipes():
    own = pretraining_recipe(DEMO_2D, PretrainingSettings()).augmentation
    assert (own.shift, own.gamma, own.flips) == (SHIFT, GAMMA, DEMO_2D.augmentation.flips)
    wide = pretraining_recipe(DEMO_3D.replace(shift=0.3, gamma=0.6), PretrainingSettings()).augmentation
    assert (wide.shift, wide.gamma) == (0.3, 0.6)


def test_z_scores_get_no_gamma():
    scores = DEMO_3D.replace(normalisation="z-score", array_dtype="float16", gamma=0.0)
    assert pretraining_recipe(scores, PretrainingSettings()).augmentation.gamma == 0


@pytest.mark.parametrize(("recipe", "size"), [(DEMO_3D, 8), (DEMO_3D, 21), (DEMO_2D, 24)])
def test_masked_blocks_are_black_and_their_voxels_are_the_target(recipe, size):
    small = recipe.replace(size=size, width=4)
    objective = Masking(make_network(small.network, small.data))
    views = np.random.default_rng(0).random((60, *small.data.input_shape), np.float32) + 1
    masked, targets = objective.examples(views, np.random.default_rng(1))
    mask = targets[..., -1]
    assert np.array_equal(targets[..., :-1], views) and set(np.unique(mask)) == {0, 1}
    assert np.array_equal(masked == 0, np.broadcast_to(mask[..., None] == 1, views.shape))
    assert mask.mean() == pytest.approx(MASKED, abs=0.15)


def test_the_masking_loss_is_of_masked_voxels_alone():
    small = DEMO_3D.replace(size=8, width=4)
    objective = Masking(make_network(small.network, small.data))
    targets = np.zeros((2, 8, 8, 8, 3), np.float32)
    targets[0, ..., -1] = 1
    restored = np.zeros((2, 8, 8, 8, 2), np.float32)
    restored[0], restored[1] = 0.5, 100.0
    assert float(objective.loss(targets, restored)) == pytest.approx(0.25)


def test_a_restored_block_lies_where_its_features_are():
    """The decoder's channels become the voxels of their block: all of one block, none of another."""
    from radiogen.networks.backend import keras

    small = DEMO_3D.replace(size=32, width=4)
    network = make_network(small.network, small.data)
    objective = Masking(network)
    model = keras.Model(network.input, objective.head(network))
    last = model.get_layer("restore_2")
    kernel, bias = last.get_weights()
    last.set_weights([np.zeros_like(kernel), np.arange(len(bias), dtype=np.float32)])
    made = np.asarray(model(np.zeros((1, 32, 32, 32, 2), np.float32)))[0]
    step = objective.block[0]
    block = np.arange(len(bias)).reshape(*objective.block, 2)
    assert np.array_equal(made, np.tile(block, (*(32 // step for _ in range(3)), 1)))


def test_views_that_are_alike_and_varied_have_no_loss_and_a_collapse_has_the_most():
    objective, random = Contrast(), np.random.default_rng(0)
    good = np.linalg.qr(random.normal(size=(64, 32)) - 0.0)[0] * 8  # columns of deviation 1 without correlation
    good = (good - good.mean(axis=0)) / good.std(axis=0)
    collapsed = np.ones((128, 32), np.float32)
    alike = float(objective.loss(None, np.concatenate([good, good]).astype(np.float32)))
    apart = float(objective.loss(None, np.concatenate([good, -good]).astype(np.float32)))
    assert alike < 2 < 24 < float(objective.loss(None, collapsed)) < apart
