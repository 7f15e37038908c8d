"""The split: stratified, by patient, the report's, and the same whatever the order of the label file."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_labels
from radiogen.runs.folds import HOLDOUT, fold_names, make_folds, read_folds
from radiogen.runs.tables import write_folds
from radiogen.task import RSNA_MICCAI


def _labels(cases: int, methylated: float = 0.5) -> pd.DataFrame:
    label = (np.arange(cases) < cases * methylated).astype(int)
    ids = [f"{number * 7:05d}" for number in range(cases)]
    return pd.DataFrame({"case": ids, "label": np.random.default_rng(1).permutation(label)})


def test_a_fifth_is_held_out_and_every_other_case_is_judged_in_one_fold():
    folds = make_folds(_labels(200))
    assert folds["case"].is_unique
    assert folds["fold"].value_counts().to_dict() == {HOLDOUT: 40, "0": 32, "1": 32, "2": 32, "3": 32, "4": 32}


def test_every_part_has_the_share_of_methylated_cases_of_the_whole():
    shares = make_folds(_labels(500, 0.3)).groupby("fold")["label"].mean()
    assert np.allclose(shares, 0.3, atol=1e-9)


def test_the_order_of_the_label_file_does_not_matter():
    labels = _labels(60)
    shuffled = labels.sample(frac=1, random_state=3)
    assert make_folds(labels).equals(make_folds(shuffled))


def test_the_folds_are_scikit_learns_with_the_reports_seed():
    labels = _labels(50)
    rest = labels[~labels["case"].isin(_held_out(labels))]
    splitter = StratifiedKFold(5, shuffle=True, random_state=42)
    expected = [rest["case"].iloc[judged].tolist() for _, judged in splitter.split(rest, rest["label"])]
    folds = make_folds(labels)
    assert [folds[folds["fold"] == str(k)]["case"].tolist() for k in range(5)] == expected


def _held_out(labels):
    folds = make_folds(labels)
    return folds[folds["fold"] == HOLDOUT]["case"]


def test_ids_that_are_bad_in_the_competition_are_ordinary_cases():
    labels = pd.concat([_labels(60), pd.DataFrame({"case": sorted(RSNA_MICCAI.blank_series), "label": 1})])
    assert set(RSNA_MICCAI.blank_series) <= set(make_folds(labels)["case"])


def test_the_folds_of_all_others_are_the_same_with_and_without_the_last_cases():
    labels = pd.concat([_labels(60), pd.DataFrame({"case": sorted(RSNA_MICCAI.blank_series), "label": 1})])
    none = make_folds(labels, leave_out=RSNA_MICCAI.blank_series, last=RSNA_MICCAI.blank_series)
    two = make_folds(labels, leave_out=["00709"], last=RSNA_MICCAI.blank_series).set_index("case")
    assert none.equals(make_folds(_labels(60)))
    assert two.loc[none["case"]].reset_index()[list(none)].equals(none)
    assert dict(two.loc[~two.index.isin(none["case"]), "fold"]) == {"00109": "0", "00123": "1"}
    assert two.index.is_monotonic_increasing


def test_another_seed_makes_another_split():
    assert not make_folds(_labels(100)).equals(make_folds(_labels(100), seed=43))


def test_too_few_cases_are_an_error_that_counts_them():
    with pytest.raises(UserError, match="only 4 cases with label 0 are left for 5 folds"):
        make_folds(_labels(10))


def test_folds_come_back_from_their_file_and_a_wrong_one_is_named(tmp_path):
    folds = make_folds(_labels(60))
    write_folds(tmp_path, folds)
    assert read_folds(tmp_path / "folds.csv").to_numpy().tolist() == folds.to_numpy().tolist()
    assert fold_names(folds) == ["0", "1", "2", "3", "4"]
    write_folds(tmp_path, folds.assign(fold="first"))
    with pytest.raises(UserError, match="row 2: fold is 'first'"):
        read_folds(tmp_path / "folds.csv")


def test_the_real_label_file_gives_582_cases(rsna_tables):
    folds = make_folds(read_labels(rsna_tables / "train_labels.csv"), leave_out=RSNA_MICCAI.blank_series)
    assert len(folds) == 582
    assert (folds["fold"] == HOLDOUT).sum() == 117


@pytest.mark.parametrize("seed", [-1, 2 ** 32])
def test_a_seed_that_no_split_can_have_is_named(seed):
    labels = pd.DataFrame({"case": [f"{case:05d}" for case in range(40)], "label": [0, 1] * 20})
    with pytest.raises(UserError, match=f"seed {seed}: is none"):
        make_folds(labels, seed=seed)
