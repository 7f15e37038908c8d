"""Training on masks: the network, its loss, its batches, what may train it, and that a resumed fold is the same."""

import dataclasses

import h5py
import numpy as np
import pytest

from radiogen.arrays.stored_arrays import read_index
from radiogen.core.errors import UserError
from radiogen.networks.settings import NetworkSettings
from radiogen.networks.training_kinds import training_kinds
from radiogen.networks.unet import build_unet
from radiogen.training.checkpoints import epochs_done
from radiogen.training.fit import fold_batches, train_fold
from radiogen.training.locator.segmentation import DiceCrossEntropy, dice_metric
from radiogen.training.locator.training import judge_locator, locator_options, note_cases
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.options import TrainOptions
from radiogen.training.recipe.recipes import DEMO_3D_TUMOUR, LOCATOR_3D
from radiogen.training.runs import fold_folder, open_run, prepare_run
from radiogen.training.workflow import begin_run

SMALL = LOCATOR_3D.replace(size=16, folds=2, epochs=2, width=2)


@pytest.fixture
def run(masked, home, tmp_path):
    return begin_run(masked, SMALL, tmp_path / "models" / "small", home / "cache", workers=1)


@pytest.mark.parametrize("shape", [(16, 24, 2), (8, 16, 24, 1)])
def test_the_network_says_something_of_every_voxel_in_each_rank(shape):
    model = build_unet(NetworkSettings(width=2), shape)
    assert model.predict_on_batch(np.zeros((1, *shape), np.float32)).shape == (1, *shape[:-1], 1)
    assert model.count_params() == build_unet(NetworkSettings(width=2), shape, training_kinds("auto")).count_params()


def test_an_image_that_cannot_be_halved_three_times_is_refused():
    with pytest.raises(ValueError, match="multiples of 8"):
        build_unet(NetworkSettings(width=2), (16, 20, 16, 1))
    with pytest.raises(UserError, match="--size 20.*multiple of 8, such as 24"):
        check_recipe(LOCATOR_3D.replace(size=20))


def test_the_loss_is_cross_entropy_and_soft_dice_of_each_case():
    random = np.random.default_rng(1)
    logits = random.normal(size=(3, 4, 4, 4, 1)).astype(np.float32)
    masks = (random.random((3, 4, 4, 4, 1)) > 0.7).astype(np.float32)
    masks[2] = 0  # a crop without tumour
    shares, axes = 1 / (1 + np.exp(-logits)), (1, 2, 3, 4)
    entropy = -(masks * np.log(shares) + (1 - masks) * np.log(1 - shares)).mean(axes)
    soft = (2 * (shares * masks).sum(axes) + 1) / ((shares + masks).sum(axes) + 1)
    assert float(DiceCrossEntropy()(masks, logits)) == pytest.approx(float((entropy + 1 - soft).mean()), rel=1e-5)
    metric = dice_metric()
    metric.update_state(masks, logits)
    hard = (2 * ((logits > 0) * masks).sum(axes) + 1) / ((logits > 0).sum(axes) + masks.sum(axes) + 1)
    assert float(metric.result()) == pytest.approx(float(hard.mean()), rel=1e-5)


def test_batches_are_images_without_the_mask_and_the_mask_which_moves_along(run):
    parts = fold_batches(run, "0")
    images, masks = parts.train[0]
    assert images.shape == (4, 16, 16, 16, 2) and masks.shape == (4, 16, 16, 16, 1)
    assert set(np.unique(masks)) == {0.0, 1.0}
    for image, mask in zip(images, masks, strict=True):
        tumour = mask[..., 0] > 0
        assert image[tumour, 1].mean() > 1.5 * image[~tumour & (image[..., 1] > 0.1), 1].mean()
    assert not set(parts.train.inputs["case"]) & set(parts.scored.inputs["case"])


def test_a_fold_learns_on_masks_and_keeps_dice_in_its_history(run, eager):
    train_fold(run, "0")
    text = (fold_folder(run, "0") / "history.csv").read_text()
    assert "dice" in text and "val_dice" in text and len(text.splitlines()) == 3


@pytest.mark.slow
def test_a_resumed_fold_ends_with_the_same_weights(run, tmp_path):
    twin = dataclasses.replace(run, folder=tmp_path / "models" / "twin")
    prepare_run(twin, read_index(run.cache))
    train_fold(run, "0")
    from radiogen.training import callbacks

    saved, kept = [], callbacks.save_checkpoint

    def stop(*arguments):
        kept(*arguments)
        saved.append(1)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callbacks, "save_checkpoint", stop)
        with pytest.raises(KeyboardInterrupt):
            train_fold(twin, "0")
    assert saved and epochs_done(fold_folder(twin, "0") / "checkpoint.npz") == 1
    train_fold(twin, "0")
    assert all(np.array_equal(one, other) for one, other in zip(_weights(run), _weights(twin), strict=True))


def _weights(run):
    found = []
    with h5py.File(fold_folder(run, "0") / "model.weights.h5") as file:
        file.visititems(lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize(("changes", "message"), [
    ({"mask_channel": False}, "train_locator"), ({"region": "tumour"}, "train_locator"),
    ({"without_mask": "head"}, "not marked"), ({"architecture": "resnet6", "mask_channel": False,
                                                 "mask": "locator:x"}, "--region tumour")])
def test_recipes_that_make_no_locator_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        check_recipe(LOCATOR_3D.replace(**changes))


@pytest.mark.parametrize("name", ["x", "locator:", "locator:a/b", "locator:a@12"])
def test_a_mask_that_names_no_locator_is_refused(name):
    with pytest.raises(UserError, match="names no locator"):
        check_recipe(DEMO_3D_TUMOUR.replace(mask=name))
    assert check_recipe(DEMO_3D_TUMOUR.replace(mask="locator:a@0123456789ab"))


def test_cases_without_a_mask_train_no_locator(masked, tmp_path, capsys):
    import shutil

    data = tmp_path / "data"
    shutil.copytree(masked, data)
    for case in ("00001", "00004"):
        (data / "train" / case / "mask.nii.gz").unlink()
    options = TrainOptions(SMALL, data=data, leave_out=("00000",))
    assert locator_options([options]).leave_out == ("00000", "00001", "00004")
    assert "2 cases have no mask and do not train the locator: 00001 and 00004" in capsys.readouterr().out
    for mask in data.glob("train/*/mask.nii.gz"):
        mask.unlink()
    with pytest.raises(UserError, match="has no mask of any case to learn from"):
        locator_options([options])
    with pytest.raises(UserError, match="says nothing of where the tumour is"):
        locator_options([dataclasses.replace(options, settings=DEMO_3D_TUMOUR)])


def test_a_locator_is_judged_when_all_of_its_folds_are_trained(home, bright, tmp_path):
    import shutil

    shutil.copytree(home / "models" / "loc", tmp_path / "models" / "loc")
    there = open_run(home / "models" / "loc")
    run = dataclasses.replace(there, folder=tmp_path / "models" / "loc")
    note_cases([run])
    written = judge_locator(run, workers=1)
    assert [path.name for path in written] == ["located.csv", "locator.json", "locator.txt"]
    assert "8 of 8 cases have a predicted mask" in written[2].read_text()
    shutil.rmtree(fold_folder(run, "1"))
    assert judge_locator(run, workers=1) == []


def test_the_table_of_runs_names_the_locators_own_next_step(home, tmp_path):
    import shutil

    from radiogen.runs.overview.state import run_state

    folder = tmp_path / "models" / "loc"
    shutil.copytree(home / "models" / "loc", folder)
    assert run_state(folder).step.endswith("train_locator.py --run loc --models " + str(folder.parent) + " --fold all")
    (folder / "locator.json").write_text("{}")
    assert run_state(folder).step == ""
