"""One phantom in six namings, by the commands: described, made into arrays, predicted and validated alike, by id."""

import json
import typing

import numpy as np
import pandas as pd
import pytest

from radiogen.arrays.stored_arrays import open_array
from radiogen.phantom.namings import Format, Naming

from ..warm_commands import ROOT, run_python

FORMATS = typing.get_args(Format)
COHORT = ("--cases", 10, "--test-cases", 2, "--scale", 0.12, "--seed", 5)
SMALL = ("--recipe", "demo-3d", "--size", 12, "--width", 4, "--folds", 2, "--epochs", 1, "--holdout-fraction", 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run, trained for an epoch on a phantom, and validated on another one in each naming."""
    place = tmp_path_factory.mktemp("six")

    def command(name, *words):
        done = run_python(ROOT / "scripts" / f"{name}.py", *words, cwd=place)
        assert done.returncode == 0, done.stderr

    # in BIDS: BraTS2021_00000 of the cohort below would be a patient of a run on the competition's 00000
    command("make_phantom", "--data", "input/own", "--cases", 16, "--test-cases", 0, "--scale", 0.12,
            "--format", "bids")
    command("train", "--data", "input/own", "--run", "one", *SMALL)
    command("predict", "--run", "one")
    for name in FORMATS:
        data = place / "written" / name
        command("make_phantom", "--data", data, *COHORT, "--format", name)
        if Naming(name).cohort is not None:
            tables = [path for path in [data / "metadata.csv"] if path.is_file()]
            column = ("--label-column", "label") if name == "bids" else ()
            command("describe_dataset", data / "images", "--output", place / "input" / name, *column,
                    *(("--tables", *tables) if tables else ()))
            data = place / "input" / name
        command("preprocess", "--data", data, *SMALL[:6])
        command("validate", "one", "--data", data, "--cohort", name)
    return place


def _by_number(table, name):
    """A table of a cohort by the phantom's own numbers."""
    numbers = {Naming(name).case(number): number for number in (f"{case:05d}" for case in range(10_000))}
    return table.assign(number=table.iloc[:, 0].map(numbers)).set_index("number").sort_index()


def _predictions(place, name, table="predictions"):
    return _by_number(pd.read_csv(place / "models/one/external" / name / f"{table}.csv", dtype={0: str}), name)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_the_same_patients_have_the_same_predictions_and_labels_by_id(place, name):
    expected, found = _predictions(place, "dicom"), _predictions(place, name)
    assert len(found) == 10 and list(found.index) == list(expected.index)
    assert found["probability"].to_numpy() == pytest.approx(expected["probability"].to_numpy(), abs=1e-4)
    labels = [table.iloc[:, 2].tolist() for table in (found, expected)]
    assert labels[0] == labels[1] and np.ptp(expected["probability"]) > 1e-4
    without = [_predictions(place, each, "unlabelled")["probability"] for each in (name, "dicom")]
    assert len(without[0]) == 2 and without[0].to_numpy() == pytest.approx(without[1].to_numpy(), abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_the_judgement_is_the_same(place, name):
    judged = [json.loads((place / "models/one/external" / each / "external.json").read_text())
              for each in (name, "dicom")]
    areas = [one["outside"]["verdict"]["estimate"]["value"] for one in judged]
    assert areas[0] == pytest.approx(areas[1], abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in FORMATS if each != "dicom"])
def test_the_arrays_agree_to_a_thousandth_of_their_range(place, name):
    folders = [next(path.parent for path in sorted((place / "input/cache").glob(f"{each}-*/*/index.csv")))
               for each in (name, "dicom")]
    numbers = _predictions(place, name).index
    for number in numbers:
        one, other = (np.asarray(open_array(folder, Naming(each).case(number)), float)
                      for folder, each in zip(folders, (name, "dicom"), strict=True))
        assert np.abs(one - other).max() <= 1e-3 * np.ptp(other)
