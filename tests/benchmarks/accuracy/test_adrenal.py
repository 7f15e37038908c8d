"""The benchmark on AdrenalMNIST3D chooses without the test split, and scores what was chosen."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import adrenal
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipe import as_dict
from radiogen.training.recipe.recipes import DEMO_3D

SMALL = DEMO_3D.replace(sequences=("FLAIR",), size=8, geometry="stretch", normalisation="min-max", width=4,
                        epochs=2, batch_size=8, micro_batch_size=8, flips=(), shift=0.0, gamma=0.0)
CASES = {"train": 24, "val": 12, "test": 10}


def masks(name: str, label_of_large: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Boxes of 0 and 255; the larger ones have `label_of_large`."""
    random = np.random.default_rng(len(name))
    large = np.arange(CASES[name]) % 2
    images = np.zeros((CASES[name], 16, 16, 16), np.uint8)
    for image, size in zip(images, 3 + 5 * large + random.integers(0, 2, CASES[name]), strict=True):
        image[2:2 + size, 2:2 + size, 2:2 + size] = 255
    return images, np.where(large == 1, label_of_large, 1 - label_of_large).astype(np.uint8)[:, None]


def write(path: Path, names=("train", "val", "test"), label_of_large=1) -> Path:
    parts = {}
    for name in names:
        parts[f"{name}_images"], parts[f"{name}_labels"] = masks(name, label_of_large)
    np.savez(path, **parts)
    return path


def write_poisoned(path: Path) -> Path:
    """The test split's entries are no arrays: whoever reads them fails."""
    write(path, ("train", "val"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("test_images.npy", b"poison")
        archive.writestr("test_labels.npy", b"poison")
    return path


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """Training of no cost: the probability is the mask's share, turned round for the candidate `worse`."""
    calls = []

    def stand_in(images, labels, splits, recipe, folder, arrays):
        import pandas as pd

        calls.append((folder.name, recipe.seed, len(images)))
        share = images.mean((1, 2, 3)) / 255
        share = 1 - share if recipe.name == "worse" else share
        table = pd.DataFrame({"case": [f"{number:05d}" for number in range(len(images))],
                              "fold": np.where(splits == "validation", "0", "1"), "label": labels,
                              "probability": share, "predicted": 0})
        return table[table["fold"] == "0"]

    monkeypatch.setattr(adrenal, "train_and_predict", stand_in)
    monkeypatch.setattr(adrenal, "candidates", lambda: {
        name: adrenal.Candidate("masks", SMALL.replace(name=name)) for name in ("worse", "better")})
    return calls


@pytest.mark.parametrize("without", [write_poisoned, lambda path: write(path, ("train", "val"))])
def test_choosing_does_not_read_the_test_split(trained, tmp_path, without):
    data = without(tmp_path / "data.npz")
    adrenal.choose(data, tmp_path / "models", tmp_path / "arrays")
    assert files.read_json(tmp_path / "models" / adrenal.CHOICE)["chosen"] == "better"
    assert {count for _, _, count in trained} == {36}
    with pytest.raises(UserError, match="cannot be read"):
        adrenal.score(data, tmp_path / "models", tmp_path / "arrays")


def test_the_choice_is_the_same_whatever_the_test_split_says(trained, tmp_path):
    output = []
    for name, label in (("one", 1), ("other", 0)):
        data = write(tmp_path / f"{name}.npz")
        if label == 0:  # the same file but for the test split, whose labels are turned round
            with np.load(data) as kept:
                parts = dict(kept)
            np.savez(data, **{**parts, "test_labels": 1 - parts["test_labels"]})
        adrenal.choose(data, tmp_path / name, tmp_path / "arrays")
        output.append((tmp_path / name / adrenal.CHOICE).read_bytes())
    assert output[0] == output[1]


def test_nothing_is_chosen_any_more_once_the_test_split_was_scored(trained, tmp_path):
    files.write_json(tmp_path / "models" / adrenal.SCORE, {})
    with pytest.raises(UserError, match="scored already"):
        adrenal.choose(write(tmp_path / "data.npz"), tmp_path / "models", tmp_path / "arrays")


def test_every_candidate_can_be_trained_and_starts_from_the_first_seed():
    for name, (seen, recipe) in adrenal.candidates().items():
        assert len(adrenal.as_seen(np.zeros((1, 16, 16, 16), np.uint8), seen)) == 1
        assert check_recipe(recipe).seed == adrenal.SEEDS[0], name


def test_scoring_needs_a_choice(tmp_path):
    with pytest.raises(UserError, match=adrenal.CHOICE):
        adrenal.score(write(tmp_path / "data.npz"), tmp_path / "models", tmp_path / "arrays")


def test_a_file_of_another_kind_is_reported_with_the_remedy(tmp_path):
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with pytest.raises(UserError, match="get adrenalmnist3d_64.npz"):
        adrenal.read_splits(tmp_path / "other.npz", ("train",))
    with pytest.raises(UserError, match="get adrenalmnist3d_64.npz"):
        adrenal.read_splits(tmp_path / "none.npz", ("train",))


def test_the_floors_are_the_larger_class_and_the_volume_learnt_on_the_training_split():
    known, labels = masks("train")
    unseen, truth = masks("test")
    output = adrenal.floors(truth.ravel() == 1, adrenal.volume_floor(known, labels.ravel(), unseen))
    assert output["the mask's volume alone"]["auc"] == output["the mask's volume alone"]["accuracy"] == 1
    turned = adrenal.floors(truth.ravel() == 0, adrenal.volume_floor(known, labels.ravel(), unseen))
    assert turned["the mask's volume alone"]["auc"] == 0
    rare = np.arange(10) == 0
    larger = adrenal.floors(rare, np.linspace(0, 1, 10))["always the larger class"]
    assert (larger["auc"], larger["accuracy"]) == (0.5, 0.9)


def test_the_table_has_floors_published_figures_and_ours_beside_each_other():
    ours = adrenal.figures(np.arange(40) % 2 == 1, np.arange(40) % 2 * 0.5 + np.linspace(0, 0.45, 40))
    text = adrenal.score_text({"seed 42": ours}, {"always the larger class": ours}, {"ResNet-18, 3D": (0.827, 0.721)})
    lines = text.splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "| ResNet-18, 3D (MedMNIST v2) | 0.827 | 0.721 |" in lines and lines[-1].startswith("| radiogen, seed 42 |")


def test_distances_count_voxels_from_the_surface_on_one_scale_for_all_masks():
    mask = np.zeros((64, 64, 64), np.uint8)
    mask[20:31, 20:41, 10:61] = 255  # 11 voxels thick: the middle ones are 6 from the outside
    signed = adrenal.distances(mask) / 255 * 24 - 12
    assert signed.shape == (48, 48, 48)
    row = signed[:, 22, 22]  # the first axis through the middle of the box, from voxel 8
    assert np.allclose(row[[11, 12, 13, 17, 22, 23]], [-1, 1, 2, 6, 1, -1], atol=0.05)
    assert signed.min() == -12 and abs(signed.max() - 6) < 0.05
    whole = adrenal.distances(np.full((64, 64, 64), 255, np.uint8))
    assert whole.min() == 223 and whole.max() == 255  # 9 voxels from the border of the image; 12 and more


@pytest.mark.slow
@pytest.mark.parametrize("seen", ["masks", "distances"])
def test_a_small_data_set_goes_all_the_way_and_no_run_ever_holds_a_test_label(monkeypatch, tmp_path, seen):
    recipe = SMALL.replace(name="adrenal", normalisation="min-max" if seen == "masks" else "none")
    monkeypatch.setattr(adrenal, "candidates", lambda: {"base": adrenal.Candidate(seen, recipe)})
    monkeypatch.setattr(adrenal, "SEEDS", (42, 43))
    data, models = write(tmp_path / "data.npz"), tmp_path / "models"
    adrenal.choose(data, models, tmp_path / "arrays")
    adrenal.score(data, models, tmp_path / "arrays", tmp_path / "table.md")
    output = files.read_json(models / adrenal.SCORE)["test"]
    assert {each["cases"] for each in output.values()} == {10}
    assert set(output) == {"seed 42", "seed 43", "the three together"}
    assert (tmp_path / "table.md").read_text().count("\n") == 2 + 2 + 5 + 3
    for run in ("adrenal-base", "adrenal-base-seed-43"):
        assert len(files.read_json(models / run / "recipe.json")) == len(as_dict(SMALL))
        kept = (models / run / "predictions.csv").read_text().splitlines()
        assert all(",test,," in line for line in kept[13:]) and len(kept) == 1 + 12 + 10
