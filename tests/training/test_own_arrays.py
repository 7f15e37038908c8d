"""A user's own arrays go through the package's own arrays, folds, training and predictions."""


import numpy as np
import pandas as pd
import pytest

from radiogen.arrays.stored_arrays import open_array, read_index
from radiogen.core.errors import UserError
from radiogen.imaging.volume import Volume
from radiogen.inference.prediction import predict_run
from radiogen.runs.predictions import read_predictions
from radiogen.task import RSNA_MICCAI, Task, read_task
from radiogen.training import workflow
from radiogen.training.input.batches import Batches, CachedImages, label_inputs
from radiogen.training.own_arrays import _holds, _own_folds, add_test_images, begin_own_run
from radiogen.training.recipe.recipes import DEMO_3D
from radiogen.training.recipe.settings import SplitSettings
from radiogen.training.runs import open_run

RECIPE = DEMO_3D.replace(sequences=("FLAIR",), size=8, geometry="stretch", normalisation="min-max",
                             width=4, epochs=6, folds=2, batch_size=4, micro_batch_size=4, flips=(), shift=0.0,
                             gamma=0.0)
TWO = RECIPE.replace(sequences=("FLAIR", "T1wCE"), sequences_as_channels=False)
LABELS = [number % 2 for number in range(20)]
SPLITS = ["train"] * 10 + ["validation"] * 6 + ["test"] * 4


def images(labels=LABELS, edge=16, seed=0):
    """Dark noise; label 1 has a bright block that fills an eighth."""
    random = np.random.default_rng(seed)
    made = random.integers(0, 40, (len(labels), edge, edge, edge)).astype(np.uint8)
    for image, label in zip(made, labels, strict=True):
        image[0, 0, 0] = 255
        image[:edge // 2, :edge // 2, :edge // 2] += np.uint8(200 * label)
    return made


def begun(tmp_path, recipe=RECIPE, stack=None, splits=SPLITS, **options):
    stack = images() if stack is None else stack
    return begin_own_run(stack, LABELS, recipe, tmp_path / "models" / "mine", tmp_path / "cache" / "mine",
                         splits=splits, **options)


def test_the_network_sees_the_means_of_the_blocks_that_a_voxel_covers_scaled_to_one(tmp_path):
    stack = images()
    run, _ = begun(tmp_path, stack=stack)
    inputs = pd.DataFrame({"case": ["00003"], "sequence": "FLAIR", "slice": "", "position": -1})
    batch, = Batches(run.recipe, CachedImages(run.cache, run.recipe.data), inputs)[0]
    means = stack[3].reshape(8, 2, 8, 2, 8, 2).mean((1, 3, 5))
    lowest, highest = stack[3].min(), stack[3].max()
    assert np.abs(batch[0, ..., 0] - (means - lowest) / (float(highest) - lowest)).max() <= 0.5 / 255 + 1e-6


def test_values_of_one_scale_are_not_stretched_case_by_case(tmp_path):
    recipe = RECIPE.replace(normalisation="none", size=16)
    dim = [image // 4 for image in images()]
    run, _ = begun(tmp_path / "bytes", recipe, dim)
    assert np.array_equal(open_array(run.cache, "00003")[0], dim[3])
    run, _ = begun(tmp_path / "masks", recipe, [image > 40 for image in dim])
    assert np.array_equal(open_array(run.cache, "00003")[0], 255 * (dim[3] > 40))
    with pytest.raises(UserError, match="^image 00000: has values from 0 to 63"):
        begun(tmp_path / "units", recipe, [image.astype(np.int16) for image in dim])


def test_each_image_stays_with_its_label(tmp_path):
    run, _ = begun(tmp_path)
    inputs = pd.DataFrame({"case": run.folds["case"]})
    bright = [open_array(run.cache, case)[..., :4, :4, :4].mean() > 150 for case in inputs["case"]]
    assert label_inputs(inputs, run.folds).tolist() == bright == [bool(label) for label in LABELS]


def test_a_fixed_split_trains_on_train_and_scores_validation_and_test(tmp_path):
    from radiogen.training.fit import fold_batches

    run, folds = begun(tmp_path)
    assert folds == ["0"]
    parts = fold_batches(run, "0")
    assert parts.train.inputs["case"].tolist() == [f"{number:05d}" for number in range(10)]
    assert parts.scored.inputs["case"].tolist() == [f"{number:05d}" for number in range(10, 16)]
    assert run.folds.query("fold == 'holdout'")["case"].tolist() == ["00016", "00017", "00018", "00019"]


def test_without_a_split_every_case_is_in_a_fold_or_the_holdout_also_one_that_the_competition_leaves_out():
    folds = _own_folds([number % 2 for number in range(200)], SplitSettings(folds=5, holdout_fraction=0.2), 42)
    assert len(folds) == 200 and "00109" in set(folds["case"]) and "00123" in set(folds["case"])
    assert sorted(folds["fold"].unique()) == ["0", "1", "2", "3", "4", "holdout"]


def test_arrays_by_sequence_are_the_same_as_one_array_with_sequences_first(tmp_path):
    flair, contrast = images(seed=1), images(seed=2)
    together, _ = begun(tmp_path / "a", TWO, np.stack([flair, contrast], axis=1))
    by_name, _ = begun(tmp_path / "b", TWO, [{"T1wCE": one, "FLAIR": other}
                                             for one, other in zip(contrast, flair, strict=True)])
    assert read_index(together.cache).equals(read_index(by_name.cache))
    assert open_array(together.cache, "00001").shape == (2, 8, 8, 8)


def test_volumes_that_say_where_they_lie_are_put_onto_a_grid_in_millimetres(tmp_path):
    affine = np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]]
    recipe = RECIPE.replace(geometry="isotropic", edge_mm=16.0, sequences_as_channels=True)
    run, _ = begun(tmp_path, recipe, [Volume(image, affine) for image in images()])
    assert open_array(run.cache, "00001").shape == (1, 8, 8, 8)
    with pytest.raises(UserError, match="image 00000"):
        begun(tmp_path / "none", recipe)


def test_going_on_writes_no_array_again_and_other_images_are_refused(tmp_path):
    run, _ = begun(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in run.cache.glob("*.npy")}
    begun(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in run.cache.glob("*.npy")} == before
    with pytest.raises(UserError, match="of another image"):
        begun(tmp_path, stack=images(seed=5))
    with pytest.raises(UserError, match="has 20 labelled images, not 18"):
        begin_own_run(images()[:18], LABELS[:18], RECIPE, tmp_path / "other", tmp_path / "cache" / "mine",
                      splits=SPLITS[:18])


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_array_does_not_hold_one(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    assert not _holds(tmp_path / "a.npy", np.zeros(3))
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert _holds(tmp_path / "a.npy", np.zeros(3)) and not _holds(tmp_path / "a.npy", np.zeros(3, np.float32))


def test_images_that_look_alike_can_be_found_and_masks_are_not_compared(tmp_path):
    grey, _ = begun(tmp_path / "grey")
    masks, _ = begun(tmp_path / "masks", stack=[image > 100 for image in images()])
    assert read_index(grey.cache)["perceptual_hash"].str.fullmatch(r"[0-9a-f]{64}\.[\w-]{6912}").all()
    assert set(read_index(masks.cache)["perceptual_hash"]) == {""}


@pytest.mark.parametrize(("change", "said"), [
    ({"stack": images()[:19]}, "are 19 for 20 labels"),
    ({"stack": np.concatenate([images(), images()])}, "more than the 20 labels"),
    ({"stack": images()[:, 0]}, "image 00000: has shape"),
    ({"recipe": TWO}, "has no FLAIR or T1wCE"),
    ({"splits": SPLITS[:-1]}, "are 19 for 20 labels"),
    ({"splits": [*SPLITS[:-1], "val"]}, "case 19 is in 'val'"),
    ({"splits": ["train"] * 20}, "no case of each label is in validation"),
])
def test_a_mistake_is_reported_in_one_line_that_names_it(tmp_path, change, said):
    with pytest.raises(UserError, match=said):
        begun(tmp_path, **change)


def test_labels_of_which_no_folds_can_be_made_are_refused():
    with pytest.raises(UserError, match="case 2 is 3"):
        _own_folds([0, 1, 3, 1], RECIPE.split, 42)
    with pytest.raises(UserError, match="^labels: only 1 cases with label 1"):
        _own_folds([0] * 20 + [1], SplitSettings(holdout_fraction=0.0), 42)


def test_images_without_a_label_leave_the_run_and_its_cases_as_they_were(tmp_path):
    run, _ = begun(tmp_path)
    before = read_index(run.cache)
    assert add_test_images(run, images([1, 0, 1], seed=9)) == ["00020", "00021", "00022"]
    assert add_test_images(run, images([1, 0], seed=9)) == ["00020", "00021"]
    index = read_index(run.cache)
    assert index[index["split"] == "train"].reset_index(drop=True).equals(before)
    assert index[index["split"] == "test"]["case"].tolist() == ["00020", "00021"]
    begun(tmp_path)  # the same run goes on
    assert len(read_index(run.cache)) == 22


@pytest.mark.slow
def test_a_network_learns_what_can_be_seen_and_predicts_images_that_it_has_not_seen(tmp_path):
    run, folds = begun(tmp_path, RECIPE.replace(epochs=12))
    workflow.train(run, folds)
    add_test_images(run, images([1, 0, 1, 0], seed=9))
    table = read_predictions(predict_run(open_run(run.folder)))
    assert table["fold"].tolist() == ["0"] * 6 + ["holdout"] * 4 + ["test"] * 4
    assert table["predicted"].tolist() == [0, 1] * 5 + [1, 0, 1, 0]
    assert table.loc[table["fold"] == "test", "label"].isna().all()


def test_labels_without_names_are_not_called_the_competitions(tmp_path):
    run, _ = begun(tmp_path)
    assert (run.folder / "folds.csv").read_text().splitlines()[:2] == ["case,label,fold", "00000,0,1"]
    task = read_task(run.folder)
    assert task.classes == ("negative", "positive") and task != RSNA_MICCAI
    assert read_task(run.cache) == task and read_index(run.cache)["case"].tolist()[:2] == ["00000", "00001"]


def test_names_of_ones_own_stand_in_every_table(tmp_path):
    task = Task("glands", id_column="gland", label_column="tumour", classes=("healthy", "adenoma"))
    run, _ = begun(tmp_path, task=task)
    add_test_images(run, images([0, 1], seed=9))
    for path, heading in ((run.folder / "folds.csv", "gland,tumour,fold"), (run.cache / "index.csv", "gland,split,")):
        assert path.read_text().startswith(heading), path
    again = open_run(run.folder)
    assert again.task == task and again.folds.equals(run.folds)
    assert (read_index(run.cache)["split"] == "test").sum() == 2


def test_a_run_on_the_same_arrays_with_other_names_is_refused(tmp_path):
    begun(tmp_path, task=Task("glands", classes=("healthy", "adenoma")))
    with pytest.raises(UserError, match="describes another task than"):
        begun(tmp_path, task=Task("glands", classes=("adenoma", "healthy")))


def test_masks_in_memory_crop_images_in_memory(tmp_path):
    mask = np.zeros((16, 16, 16), bool)
    mask[:8, :8, :8] = True
    recipe = RECIPE.replace(region="tumour", margin_mm=0.0)
    run, _ = begun(tmp_path, recipe, [{"FLAIR": image, "mask": mask} for image in images()])
    whole, _ = begun(tmp_path / "whole", RECIPE, [image[:8, :8, :8] for image in images()])
    for case in ("00002", "00003"):
        found, alone = open_array(run.cache, case)[0], open_array(whole.cache, case)[0]
        assert np.corrcoef(found.ravel(), alone.ravel())[0, 1] > 0.999


def test_a_labelled_image_without_the_mask_that_its_recipe_needs_is_named(tmp_path):
    recipe = RECIPE.replace(region="tumour-only")
    with pytest.raises(UserError, match="00000.*mask"):
        begun(tmp_path, recipe)
    with pytest.raises(UserError, match="00000.*mask.*no voxel"):
        begun(tmp_path / "empty", recipe, [{"FLAIR": image, "mask": image * 0} for image in images()])
