"""One phantom in every naming is the same patients: same labels, same images, same masks, same arrays."""

import typing
from dataclasses import replace

import numpy as np
import pytest

from radiogen.arrays.case_arrays import case_array, read_case
from radiogen.arrays.settings import CacheSettings
from radiogen.cohorts.describe import describe_dataset
from radiogen.core.errors import UserError
from radiogen.dataset.labels import data_labels
from radiogen.dataset.layout import case_ids, mask_path, sequences_present, series_path
from radiogen.imaging.masks import read_mask
from radiogen.imaging.series import read_series
from radiogen.phantom.data_set import PhantomSettings, list_cases, write_phantom
from radiogen.phantom.namings import Format, Naming
from radiogen.task import RSNA_MICCAI, read_task

SETTINGS = PhantomSettings(cases=4, test_cases=1, scale=0.15)
FORMATS = typing.get_args(Format)
COHORTS = [each for each in FORMATS if Naming(each).cohort is not None]


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    for name in FORMATS:
        write_phantom(folder / name, replace(SETTINGS, format=name), workers=1)
    return folder


def _places(folder, name):
    """By number of a case, its series by sequence and its mask."""
    naming = Naming(name)
    found = {}
    for case in list_cases(SETTINGS):
        split = case.split if naming.cohort is None else "train"
        found[case.name] = ({sequence: series_path(folder, split, naming.case(case.name), sequence)
                             for sequence in RSNA_MICCAI.sequences}, mask_path(folder, split, naming.case(case.name)))
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_every_naming_is_a_data_set_with_the_same_cases_and_labels(phantoms, name):
    folder, naming = phantoms / name, Naming(name)
    task = read_task(folder)
    labels, _ = data_labels(folder)
    truth = {naming.case(case.name): case.label for case in list_cases(SETTINGS) if case.split == "train"}
    assert dict(zip(labels["case"], labels["label"], strict=True)) == truth
    assert len(case_ids(folder, "train")) + len(case_ids(folder, "test")) == 5
    for case in case_ids(folder, "train"):
        assert sequences_present(folder, "train", case) == task.sequences == RSNA_MICCAI.sequences


def test_one_network_predicts_the_same_for_the_same_patients_in_every_naming(phantoms, tmp_path):
    from radiogen.inference.prediction import predict_run
    from radiogen.networks.backend import keras
    from radiogen.runs.fold_weights import write_weights
    from radiogen.runs.predictions import read_predictions
    from radiogen.training.model import make_network
    from radiogen.training.recipe.recipes import DEMO_3D
    from radiogen.training.runs import fold_folder
    from radiogen.training.workflow import begin_run

    recipe = DEMO_3D.replace(size=12, width=4, folds=2, holdout_fraction=0.0, batch_size=4, micro_batch_size=4)
    keras.utils.set_random_seed(3)
    network, predicted = make_network(recipe.network, recipe.data), {}
    for name in FORMATS:
        run = begin_run(phantoms / name, recipe, tmp_path / "models" / name, tmp_path / "cache", workers=1)
        for fold in ("0", "1"):
            write_weights(fold_folder(run, fold), network.save_weights)
        table = read_predictions(predict_run(run)).set_index("case")
        predicted[name] = table.loc[[Naming(name).case(case.name) for case in list_cases(SETTINGS)]]
    expected = predicted["dicom"]["probability"].to_numpy()
    assert len(expected) == 5 and np.ptp(expected) > 1e-3
    for table in predicted.values():
        assert table["probability"].to_numpy() == pytest.approx(expected, abs=1e-4)
        assert (table["fold"] == "test").tolist() == [case.split == "test" for case in list_cases(SETTINGS)]


@pytest.mark.parametrize("name", FORMATS)
def test_every_naming_has_the_same_voxels_and_masks(phantoms, name):
    expected = _places(phantoms / "dicom", "dicom")
    for number, (series, mask) in _places(phantoms / name, name).items():
        for sequence, path in series.items():
            one, other = read_series(path), read_series(expected[number][0][sequence])
            assert np.array_equal(one.voxels, other.voxels)
            assert np.abs(one.affine - other.affine).max() < 1e-4 * 240
        assert np.array_equal(read_mask(mask).voxels, read_mask(expected[number][1]).voxels)


@pytest.mark.parametrize("name", [each for each in FORMATS if each != "dicom"])
@pytest.mark.parametrize("geometry", ["stretch", "isotropic"])
def test_every_naming_becomes_the_same_arrays(phantoms, name, geometry):
    settings = CacheSettings("cubes", RSNA_MICCAI.sequences, 24, geometry, "min-max", dtype="float16",
                             edge_mm=180.0 if geometry == "isotropic" else None)
    expected, apart = _places(phantoms / "dicom", "dicom"), []
    for number, (series, _) in _places(phantoms / name, name).items():
        one, other = (case_array(settings, read_case(paths, [settings], whole=True, case=number), whole=True).array
                      for paths in (series, expected[number][0]))
        apart.append(np.abs(one.astype(float) - other.astype(float)).max() / np.ptp(other.astype(float)))
    assert max(apart) <= 1e-3


@pytest.mark.parametrize("name", COHORTS)
def test_describing_the_images_of_a_naming_finds_what_the_phantom_says(phantoms, tmp_path, name):
    folder = phantoms / name
    tables = [path for path in [folder / "metadata.csv"] if path.is_file()]
    column = "label" if name == "bids" else None
    made = describe_dataset(folder / "images", tmp_path / "described", tables, column)
    assert case_ids(made.folder, "train") == case_ids(folder, "train")
    assert data_labels(made.folder)[0].equals(data_labels(folder)[0])
    for case in case_ids(folder, "train"):
        assert mask_path(made.folder, "train", case).samefile(mask_path(folder, "train", case))


def test_an_interrupted_phantom_is_completed_in_every_naming(phantoms, tmp_path):
    for name in FORMATS:
        folder = tmp_path / name
        write_phantom(folder, replace(SETTINGS, format=name), workers=1)
        number = list_cases(SETTINGS)[0].name
        mask = folder / Naming(name).mask("train", number)
        before = mask.read_bytes()
        mask.unlink()
        (folder / "train_labels.csv").unlink()
        write_phantom(folder, replace(SETTINGS, format=name), workers=1)
        assert mask.read_bytes() == before and (folder / "train_labels.csv").is_file()


def test_a_phantom_of_another_naming_is_not_mixed_into_one(phantoms):
    with pytest.raises(UserError, match="is a phantom with format nifti instead of bids"):
        write_phantom(phantoms / "nifti", replace(SETTINGS, format="bids"), workers=1)


def test_ids_that_a_naming_cannot_hold_are_refused(tmp_path):
    with pytest.raises(UserError, match="--format ucsf-pdgm: has no id for case"):
        write_phantom(tmp_path / "p", PhantomSettings(cases=9000, test_cases=0, format="ucsf-pdgm"))
    assert not (tmp_path / "p").exists()
