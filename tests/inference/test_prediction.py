"""Every case is scored by networks that never saw it, in all the mirrors that the recipe names."""

import functools
import shutil

import numpy as np
import pandas as pd
import pytest

from radiogen.arrays.stored_arrays import open_array
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.inference.explained import write_explained
from radiogen.inference.one_case import predict_case
from radiogen.inference.prediction import predict_run
from radiogen.inference.test_set import predict_test
from radiogen.networks.backend import keras
from radiogen.runs.fold_weights import write_weights
from radiogen.runs.layout import WEIGHTS
from radiogen.training.model import make_network
from radiogen.training.recipe.recipes import REPORT_3D_SLICES
from radiogen.training.runs import fold_folder, open_run
from radiogen.training.workflow import begin_run


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where the arrays of this file's runs are made."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def make(small_data, cache, tmp_path):
    """A function that makes a run whose folds have networks of chance, as if they were trained."""
    def build(recipe, folds=("0", "1")):
        run = begin_run(small_data, recipe, tmp_path / "models" / "run", cache, workers=1)
        for fold in folds:
            keras.utils.set_random_seed(int(fold))
            network = make_network(recipe.network, recipe.data)
            write_weights(fold_folder(run, fold), network.save_weights)
        return run
    return build


@functools.lru_cache(2)
def _network(path, recipe):
    network = make_network(recipe.network, recipe.data)
    network.load_weights(path)
    return network


def _asked(run, fold, case, *, flips=()):
    """What a fold's network says of a case's joined cube or section, mirrored along these axes of the array."""
    network = _network(fold_folder(run, fold) / WEIGHTS, run.recipe)
    cube = np.flip(np.asarray(open_array(run.cache, case)), flips)
    images = np.moveaxis(cube, 0, -1)[None] if run.recipe.data.rank == 3 else cube.reshape(-1, *cube.shape[-2:], 1)
    output = network(images.astype(np.float32) / 255, training=False).numpy().astype(float)
    return 1 / (1 + np.exp(-output[:, 0])) if run.recipe.network.outputs == 1 else output[:, 1]


def test_a_case_is_scored_by_the_network_that_did_not_see_it_and_others_by_all(make, small_recipe):
    run = make(small_recipe)
    table = pd.read_csv(predict_run(run), dtype={"BraTS21ID": str, "fold": str})
    assert len(table) == 22 and set(table["fold"]) == {"0", "1", "holdout", "test"}
    for row in table.itertuples():
        networks = [row.fold] if row.fold in ("0", "1") else ["0", "1"]
        expected = np.mean([_asked(run, fold, row.BraTS21ID) for fold in networks])
        assert abs(row.probability - expected) < 1e-5


def test_with_test_flips_the_mean_of_all_mirrors_counts(make, small_recipe):
    recipe = small_recipe.replace(flips=("left-right", "front-back"), tta=True)
    run = make(recipe)
    table = pd.read_csv(predict_run(run), dtype={"BraTS21ID": str, "fold": str}).set_index("BraTS21ID")
    case = table.index[table["fold"] == "1"][0]
    expected = np.mean([_asked(run, "1", case, flips=flips) for flips in ((), (3,), (2,), (2, 3))])
    assert abs(table["probability"][case] - expected) < 1e-5
    assert abs(_asked(run, "1", case)[0] - expected) > 1e-6


def test_one_logit_becomes_a_probability(make, small_recipe):
    run = make(small_recipe.replace(outputs=1))
    table = pd.read_csv(predict_run(run), dtype={"BraTS21ID": str, "fold": str}).set_index("BraTS21ID")
    case = table.index[table["fold"] == "0"][0]
    assert abs(table["probability"][case] - _asked(run, "0", case)[0]) < 1e-5
    assert table["probability"].between(0, 1).all()


def test_a_case_of_sections_is_the_mean_of_them_all(make):
    recipe = REPORT_3D_SLICES.replace(sequences=("FLAIR", "T1wCE"), size=8, architecture="resnet6", width=4,
                                 folds=2)
    run = make(recipe)
    table = pd.read_csv(predict_run(run), dtype={"BraTS21ID": str, "fold": str}).set_index("BraTS21ID")
    case = table.index[table["fold"] == "0"][0]
    output = _asked(run, "0", case)
    assert len(output) == 16 and abs(table["probability"][case] - output.mean()) < 1e-5
    sections = pd.read_csv(run.folder / "predictions_slices.csv", dtype={"BraTS21ID": str})
    assert np.allclose(sections[sections["BraTS21ID"] == case]["probability"], output, atol=1e-5)


@pytest.mark.parametrize("use", [predict_run, write_explained,
                                 lambda run: predict_test(run, run.data, run.cache.parents[1]),
                                 lambda run: predict_case(run, run.data / "test" / "00020")],
                         ids=["predict", "Grad-CAM", "the kernel", "one case"])
def test_exchanged_weights_of_two_folds_answer_nothing(make, small_recipe, use):
    run = make(small_recipe)
    predict_run(run)
    first, second = (fold_folder(run, fold) / WEIGHTS for fold in "01")
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    with pytest.raises(UserError, match=r"model\.weights\.h5: is not the file that training of fold [01] wrote"):
        use(run)


def test_without_a_trained_fold_nothing_is_predicted(make, small_recipe):
    with pytest.raises(UserError, match="is not trained"):
        predict_run(make(small_recipe, folds=()))


def test_a_run_keeps_the_geometry_and_the_perceptual_hash_of_its_cases(make, small_recipe):
    run = make(small_recipe)
    geometry = pd.read_csv(run.folder / "geometry.csv", dtype={"BraTS21ID": str})
    arrays = pd.read_csv(run.folder / "arrays.csv", dtype=str)
    assert len(geometry) == 22 * 2 and len(arrays) == 22
    assert arrays.columns.tolist() == ["BraTS21ID", "split", "sha256", "perceptual_hash"]
    assert arrays["perceptual_hash"].str.fullmatch("[0-9a-f]{64}").all()
    assert set(arrays["split"]) == {"train", "test"}


def test_a_run_of_an_older_version_goes_on_with_its_arrays_where_they_are_kept_now(make, small_recipe):
    run = make(small_recipe)
    old = run.folder / "old-cache" / "small" / "cubes-0123456789"
    shutil.copytree(run.cache, old)
    (old / "geometry.csv").unlink()
    for name in ("geometry.csv", "arrays.csv"):
        (run.folder / name).unlink()
    facts = files.read_json(run.folder / "run.json")
    files.write_json(run.folder / "run.json", {**facts, "cache": str(old)})
    recipe = files.read_json(run.folder / "recipe.json")
    for part, new in {"network": ("outputs", "weights"), "data": ("cube_slices", "window", "depth"),
                      "augmentation": ("tta",)}.items():
        recipe[part] = {name: value for name, value in recipe[part].items() if name not in new}
    files.write_json(run.folder / "recipe.json", recipe)
    assert open_run(run.folder).cache == old
    assert begin_run(run.data, run.recipe, run.folder, run.cache.parent.parent, workers=1).cache == run.cache
    assert open_run(run.folder).cache == run.cache
    assert (run.folder / "geometry.csv").is_file() and (run.folder / "arrays.csv").is_file()
