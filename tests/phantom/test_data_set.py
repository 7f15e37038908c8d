"""The phantom as a data set: its answer key, its ceiling, same bytes, stopping and going on."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_labels, read_sample_submission
from radiogen.dataset.layout import case_ids, sequences_present
from radiogen.phantom import data_set
from radiogen.phantom.data_set import PhantomSettings, ceiling_auc, core_fraction, phantom_cases, write_phantom
from radiogen.task import RSNA_MICCAI

from ..warm_commands import run_python

SMALL = PhantomSettings(cases=3, test_cases=1, scale=0.05)


def contents(folder: Path) -> dict[str, str]:
    """Every file of a data set that is not hidden, and the hash of its bytes."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "small"
    write_phantom(folder, SMALL, workers=1)
    return folder


@pytest.mark.parametrize("effect", [0.0, 1.0, 2.0, 3.0])
def test_the_latent_itself_reaches_the_ceiling(effect):
    key = phantom_cases(PhantomSettings(cases=2000, test_cases=0, effect=effect))
    auc = roc_auc_score(key["label"], key["latent"])
    ceiling = norm.cdf(effect / np.sqrt(2))
    assert ceiling_auc(effect) == pytest.approx(ceiling, abs=1e-12)
    assert abs(auc - ceiling) < 4 * np.sqrt(ceiling * (1 - ceiling) / 1000)  # more than its standard error


@pytest.mark.parametrize("label", [0, 1])
def test_the_latent_is_normal_with_unit_variance_and_means_one_effect_apart(label):
    key = phantom_cases(PhantomSettings(cases=2000, test_cases=0, effect=2))
    latent = key.loc[key["label"] == label, "latent"]
    assert abs(latent.mean() - (2 * label - 1)) < 4 / np.sqrt(1000)
    assert abs(latent.std() - 1) < 4 / np.sqrt(2000)


@pytest.mark.parametrize("cases", [2, 7, 30])
def test_half_of_the_cases_are_methylated(cases):
    key = phantom_cases(PhantomSettings(cases=cases, test_cases=5))
    for split, count in (("train", cases), ("test", 5)):
        labels = key.loc[key["split"] == split, "label"]
        assert len(labels) == count
        assert abs(labels.sum() - count / 2) <= 0.5


def test_ids_are_five_digits_and_scattered_over_both_splits():
    key = phantom_cases(PhantomSettings(cases=1500, test_cases=300))
    assert key["case"].str.fullmatch("[0-9]{5}").all()
    assert key["case"].is_unique
    assert key["case"].iloc[0] == "00000"
    assert not set(RSNA_MICCAI.blank_series) & set(key["case"])
    assert roc_auc_score(key["split"] == "test", key["case"].astype(int)) == pytest.approx(0.5, abs=0.1)


def test_the_id_does_not_tell_the_label():
    key = phantom_cases(PhantomSettings(cases=800, test_cases=0))
    labels = key["label"].to_numpy()
    assert abs(roc_auc_score(labels, key["case"].astype(int)) - 0.5) < 4 * 0.29 / np.sqrt(200)
    assert abs((labels[1:] == labels[:-1]).mean() - 0.5) < 4 * 0.5 / np.sqrt(799)


def test_more_cases_leave_the_first_as_they_were():
    few, many = (phantom_cases(PhantomSettings(cases=count, test_cases=4)) for count in (21, 60))
    pd.testing.assert_frame_equal(few, many[many["case"].isin(few["case"])].reset_index(drop=True))


def test_the_acquisition_does_not_tell_the_label():
    key = phantom_cases(PhantomSettings(cases=2000, test_cases=0))
    for sequence in RSNA_MICCAI.sequences:
        for plane in ("axial", "coronal", "sagittal"):
            shares = (key[f"{sequence}_plane"] == plane).groupby(key["label"]).mean()
            assert abs(shares[1] - shares[0]) < 4 * np.sqrt(2 * 0.25 / 1000)


def test_confound_ties_the_label_to_the_planes_and_leaves_the_tumour_alone():
    key = phantom_cases(PhantomSettings(cases=1000, test_cases=0, confound=True))
    coronal = key["FLAIR_plane"] == "coronal"
    assert roc_auc_score(key["label"], coronal) > 0.85
    assert abs(roc_auc_score(key["label"], key["latent"]) - 0.5) < 4 * 0.29 / np.sqrt(250)
    within = key[~coronal]
    assert 15 < within["label"].sum() < 60  # both labels in each plane, so that it can be looked at alone


def test_the_core_grows_with_the_latent_and_never_fills_the_tumour():
    fractions = [core_fraction(latent) for latent in np.linspace(-6, 6, 49)]
    assert np.all(np.diff(fractions) > 0)
    assert 0 < fractions[0] < 0.1
    assert 0.8 < fractions[-1] < 0.9


def test_a_phantom_has_the_layout_of_the_competition(small):
    labels, sample = read_labels(small / "train_labels.csv"), read_sample_submission(small / "sample_submission.csv")
    assert case_ids(small, "train") == labels["case"].tolist()
    assert case_ids(small, "test") == sample["case"].tolist()
    assert (sample["label"] == 0.5).all()
    for split in ("train", "test"):
        for case in case_ids(small, split):
            assert sequences_present(small, split, case) == RSNA_MICCAI.sequences
    assert {path.name for path in (small / "train" / "00000").iterdir()} == {*RSNA_MICCAI.sequences, "mask.nii.gz"}
    for series in (path for path in (small / "train" / "00000").iterdir() if path.is_dir()):
        count = len(list(series.iterdir()))
        assert {path.name for path in series.iterdir()} == {f"Image-{number}.dcm" for number in range(1, count + 1)}


def test_the_answer_key_holds_the_labels_of_both_splits(small):
    key = RSNA_MICCAI.from_file(pd.read_csv(small / "phantom_cases.csv", dtype={"BraTS21ID": str}))
    train = key[key["split"] == "train"].set_index("case")["label"]
    assert train.to_dict() == read_labels(small / "train_labels.csv").set_index("case")["label"].to_dict()
    assert set(key.loc[key["split"] == "test", "label"]) <= {0, 1}


def test_a_phantom_says_its_ceiling_and_another_folder_that_it_is_none(small, tmp_path):
    assert data_set.read_phantom(small)["ceiling_auc"] == pytest.approx(norm.cdf(3 / np.sqrt(2)))
    assert data_set.read_phantom(tmp_path) is None


def test_a_confounded_phantom_has_no_ceiling_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(data_set, "_write_case", lambda folder, settings, case: None)
    write_phantom(tmp_path / "set", PhantomSettings(cases=2, test_cases=0, confound=True), workers=1)
    record = data_set.read_phantom(tmp_path / "set")
    assert record["ceiling_auc"] is None
    assert "planes" in record["ceiling"]


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(small, tmp_path):
    write_phantom(tmp_path / "again", SMALL, workers=2)
    assert contents(tmp_path / "again") == contents(small)


def test_another_seed_gives_other_heads(small, tmp_path):
    write_phantom(tmp_path / "other", PhantomSettings(cases=2, test_cases=0, scale=0.05, seed=43), workers=1)
    pixels = [{digest for path, digest in contents(folder).items() if path.endswith(".dcm")}
              for folder in (small, tmp_path / "other")]
    assert not pixels[0] & pixels[1]


@pytest.mark.parametrize("written", [0, 1, 3])
def test_a_phantom_that_was_cut_off_is_finished_with_the_same_bytes(small, tmp_path, monkeypatch, written):
    folder, write_image, count = tmp_path / "set", data_set.write_series, iter(range(100))

    def stop_in_the_middle(*arguments):
        if next(count) == 4 * written + 2:
            raise KeyboardInterrupt
        write_image(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(data_set, "write_series", stop_in_the_middle)
        write_phantom(folder, SMALL, workers=1)
    assert not (folder / "train_labels.csv").exists()
    write_phantom(folder, SMALL, workers=1)
    assert contents(folder) == contents(small)
    assert not list(folder.rglob(".*.part"))


def test_a_case_that_was_deleted_is_made_again(small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "set")
    shutil.rmtree(folder / "train" / "00000")
    write_phantom(folder, SMALL, workers=1)
    assert contents(folder) == contents(small)


def test_a_finished_phantom_is_left_as_it_is(small, capsys, monkeypatch):
    monkeypatch.setattr(data_set, "_write_case", None)
    monkeypatch.setattr(files, "write_bytes", None)
    write_phantom(small, SMALL, workers=1)
    assert "complete already" in capsys.readouterr().out


def test_a_phantom_of_other_settings_is_not_written_over(small):
    before = contents(small)
    with pytest.raises(UserError, match=r"small: is a phantom with effect 3.0 instead of 1; .*--data") as error:
        write_phantom(small, PhantomSettings(cases=3, test_cases=1, scale=0.05, effect=1))
    assert "\n" not in str(error.value)
    assert contents(small) == before


def test_a_folder_with_something_else_is_not_touched(tmp_path):
    (tmp_path / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00000,1\n")
    with pytest.raises(UserError, match="exists already and is not a phantom"):
        write_phantom(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["train_labels.csv"]


@pytest.mark.parametrize(("name", "value"), [("cases", 1), ("cases", -3), ("effect", -1), ("effect", float("nan")),
                                             ("scale", 0), ("scale", 1.5), ("noise", -0.1), ("seed", -1)])
def test_settings_that_make_no_phantom_are_reported_by_their_option(tmp_path, name, value):
    with pytest.raises(UserError, match=f"--{name}: is {value}"):
        write_phantom(tmp_path / "set", PhantomSettings(**{name: value}))
    assert not (tmp_path / "set").exists()


def make_phantom(*options: str) -> subprocess.CompletedProcess:
    root = Path(__file__).resolve().parents[2]
    return run_python(root / "scripts" / "make_phantom.py", *options)


def test_the_script_says_what_it_made_its_ceiling_and_the_next_command(small):
    done = make_phantom("--data", str(small), "--cases", "3", "--test-cases", "1", "--scale", "0.05")
    assert done.returncode == 0
    assert "3 training and 1 test cases" in done.stdout
    assert "0.983" in done.stdout
    assert done.stdout.splitlines()[-1] == f"next: python scripts/preprocess.py --data {small}"


def test_the_script_tells_a_mistake_in_one_line(tmp_path):
    done = make_phantom("--data", str(tmp_path / "set"), "--scale", "2")
    assert done.returncode == 2
    assert done.stderr == "error: --scale: is 2.0; give a number from 0.02 to 1\n"
