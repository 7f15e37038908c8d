"""What the notebook calls: the ordinary predictions, whatever becomes of single series."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic.series_files import write_series
from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels.session import MANIFEST, predict_session
from radiogen.kaggle.mounts import competition_folder, mounted_file
from radiogen.task import RSNA_MICCAI, Task

from ..small_run import RECIPE, TEST_CASES, TRAIN_CASES, write_data, write_predicted_run


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two predicted runs, their bundle without wheels, and the data set that they were made from.

    The second began with a file of weights, which is not carried.
    """
    from radiogen.kaggle.kernels.bundle import _copy_run

    root = tmp_path_factory.mktemp("session")
    data = write_data(root / "data")
    (root / "bundle").mkdir()
    runs = {}
    for seed, name in enumerate(("first", "second")):
        weights = str(root / "models" / "first" / "fold-0" / "model.weights.h5") if seed else None
        write_predicted_run(data, root / "models" / name, root / "cache", seed, RECIPE.replace(weights=weights))
        runs[name] = _copy_run(root / "models" / name, root / "bundle")
    files.write_json(root / "bundle" / MANIFEST, {"wheels": [], "runs": runs})
    return root


@pytest.fixture
def inputs(world, tmp_path):
    """The competition's folder as Kaggle mounts it, with a training case that must not be read."""
    data = tmp_path / "input" / RSNA_MICCAI.name
    shutil.copytree(world / "data" / "test", data / "test")
    shutil.copyfile(world / "data" / "sample_submission.csv", data / "sample_submission.csv")
    (data / "train" / "00000" / "FLAIR").mkdir(parents=True)
    (data / "train" / "00000" / "FLAIR" / "Image-1.dcm").write_bytes(b"no DICOM")
    return data


def _predict(world, inputs):
    path = predict_session(world / "bundle", inputs.parent, inputs.parent.parent / "working", workers=1)
    table = pd.read_csv(path, dtype={"BraTS21ID": str}).set_index("BraTS21ID")["MGMT_value"]
    return table, files.read_json(path.with_name("session.json"))


def _ordinary(world):
    tables = [pd.read_csv(world / "models" / name / "predictions.csv", dtype={"BraTS21ID": str})
              for name in ("first", "second")]
    return pd.concat(tables).groupby("BraTS21ID")["probability"].mean()


def test_a_session_gives_the_mean_of_the_runs_ordinary_predictions(world, inputs):
    table, record = _predict(world, inputs)
    np.testing.assert_allclose(table, _ordinary(world)[list(TEST_CASES)], atol=1e-6)
    assert table.nunique() == 3 and record["imputed"] == [] and record["warnings"] == []


def test_broken_cases_end_no_session_and_leave_the_others_as_they_are(world, inputs):
    (inputs / "test" / "00030").mkdir()
    write_series(inputs / "test" / "00031" / "FLAIR", np.zeros((8, 8, 8), np.uint16))
    (inputs / "test" / "00032" / "FLAIR").mkdir(parents=True)
    (inputs / "test" / "00032" / "FLAIR" / "Image-1.dcm").write_bytes(b"no DICOM")
    shutil.copytree(inputs / "test" / "00020" / "T1wCE", inputs / "test" / "00032" / "T1wCE")
    ids = [*TEST_CASES, "00030", "00031", "00032", "00033"]
    pd.DataFrame({"BraTS21ID": ids, "MGMT_value": 0.5}).to_csv(inputs / "sample_submission.csv", index=False)
    table, record = _predict(world, inputs)
    assert list(table.index) == ids
    np.testing.assert_allclose(table[list(TEST_CASES)], _ordinary(world)[list(TEST_CASES)], atol=1e-6)
    prevalence = pd.read_csv(world / "data" / "train_labels.csv")["MGMT_value"].mean()
    assert table["00030"] == table["00033"] == prevalence
    assert {"00030", "00033"} <= set(record["imputed"]) and "00032" not in record["imputed"]
    assert any(line.startswith("00032: FLAIR: not used") for line in record["warnings"])


def test_a_test_set_without_a_needed_sequence_is_given_the_prevalence(world, inputs):
    for case in TEST_CASES:
        for sequence in ("FLAIR", "T1wCE"):
            shutil.rmtree(inputs / "test" / case / sequence)
    table, record = _predict(world, inputs)
    assert table.nunique() == 1 and record["imputed"] == list(TEST_CASES) and record["runs"] == []
    assert all("is left out" in line for line in record["warnings"]) and len(record["warnings"]) == 2


def test_without_a_sample_the_cases_of_the_test_folder_are_written(world, inputs, capsys):
    (inputs / "sample_submission.csv").unlink()
    table, _ = _predict(world, inputs)
    assert list(table.index) == list(TEST_CASES)
    assert "sample_submission.csv is missing" in capsys.readouterr().out


def test_a_session_writes_nothing_into_the_input_and_reads_no_training_case(world, inputs):
    before = sorted(path for path in inputs.parent.rglob("*"))
    _, record = _predict(world, inputs)
    assert sorted(path for path in inputs.parent.rglob("*")) == before
    named = set(re.findall(r"(?<![\d.])\d{5}(?!\d)", str(record)))
    assert record["cases"] == len(TEST_CASES) and not named & set(TRAIN_CASES)


@pytest.mark.parametrize("place", [RSNA_MICCAI.name, f"competitions/{RSNA_MICCAI.name}"])
def test_the_competition_is_found_in_both_ways_in_which_kaggle_mounts_it(tmp_path, place):
    (tmp_path / place / "test").mkdir(parents=True)
    assert competition_folder(tmp_path) == tmp_path / place


def test_a_kernel_without_its_competition_is_refused_with_what_to_add(tmp_path):
    with pytest.raises(UserError, match="add the competition to the kernel's sources"):
        competition_folder(tmp_path)


def test_a_run_of_no_competition_is_told_where_to_name_one(tmp_path):
    with pytest.raises(UserError, match="mine: is of no competition at Kaggle; name it in dataset.json"):
        competition_folder(tmp_path, Task("mine"))


@pytest.mark.parametrize("place", ["tables", "datasets/somebody/tables"])
def test_a_table_is_found_in_both_ways_in_which_a_data_set_is_mounted(tmp_path, place):
    path = files.write_text(tmp_path / place / "sites.csv", "x")
    assert mounted_file(tmp_path, "sites.csv") == path and mounted_file(tmp_path, "others.csv") is None
