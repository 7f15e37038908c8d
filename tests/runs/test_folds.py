"""The split: stratified, by patient, the report's, and the same whatever the order of the label file."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from radiogen.core.errors import UserError
from radiogen.dataset.labels import read_labels
from radiogen.runs.folds import HOLDOUT, Groups, fold_names, make_folds, read_folds, site_of_folds
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


def _draw_groups(seed: int, cases: int = 150):
    """Labels of random cases, and the patient of each, of whom some have several."""
    rng = np.random.default_rng(seed)
    labels = _labels(cases, rng.uniform(0.3, 0.7))
    return labels, {case: f"patient-{rng.integers(cases * 0.7)}" for case in labels["case"]}


@pytest.mark.parametrize("seed", range(20))
def test_the_cases_of_a_patient_are_never_on_two_sides_of_a_split(seed):
    labels, patients = _draw_groups(seed)
    folds = make_folds(labels, groups=Groups(patients), seed=seed)
    assert (folds.groupby(folds["case"].map(patients))["fold"].nunique() == 1).all()
    assert sorted(folds["case"]) == sorted(labels["case"])
    sizes = folds["fold"].value_counts()
    assert abs(sizes[HOLDOUT] - 30) <= 8 and sizes.drop(HOLDOUT).between(17, 31).all()
    assert folds.groupby("fold")["label"].mean().sub(labels["label"].mean()).abs().max() < 0.15


def test_patients_with_one_case_each_change_no_fold():
    labels = _labels(120)
    patients = {case: f"patient-{case}" for case in labels["case"]}
    assert make_folds(labels, groups=Groups(patients)).equals(make_folds(labels))


def test_a_follower_goes_where_the_first_of_its_group_is_and_no_other_case_moves():
    labels = _labels(120)
    before = make_folds(labels).set_index("case")["fold"]
    first = before.index[before == "1"][0]
    other = before.index[before == HOLDOUT][0]
    after = make_folds(labels, groups=Groups(followers=((first, other), ("99998", "99999")))).set_index("case")["fold"]
    assert after[other] == "1" and after.drop(other).equals(before.drop(other))


def test_the_two_repeated_patients_of_the_competition_move_no_other_case(rsna_tables):
    labels = read_labels(rsna_tables / "train_labels.csv")
    bad = RSNA_MICCAI.blank_series
    before = make_folds(labels, leave_out=bad, last=bad).set_index("case")["fold"]
    after = make_folds(labels, leave_out=bad, last=bad, groups=Groups(followers=RSNA_MICCAI.same_patient))
    after = after.set_index("case")["fold"]
    moved = set(before.index[before != after])
    assert moved <= {"00639", "00758"}
    assert after["00557"] == after["00639"] and after["00626"] == after["00758"]


def test_a_late_case_goes_where_its_patient_is():
    labels = pd.concat([_labels(60), pd.DataFrame({"case": ["90001"], "label": [1]})])
    where = make_folds(_labels(60)).set_index("case")["fold"]
    case = where.index[where == "3"][0]
    folds = make_folds(labels, last=["90001"], groups=Groups({"90001": "A", case: "A"}))
    assert folds.set_index("case")["fold"]["90001"] == "3"


def test_each_large_site_is_a_fold_and_small_ones_share_the_last():
    labels = _labels(200)
    names = ["A"] * 90 + ["B"] * 50 + ["C"] * 30 + ["D"] * 10 + ["E"] * 15 + [""] * 5
    sites = dict(zip(labels["case"], np.random.default_rng(2).permutation(names), strict=True))
    folds = make_folds(labels, groups=Groups(sites=sites), folds=4)
    found = site_of_folds(folds, sites)
    assert [list(found[fold]) for fold in "012"] == [["A"], ["B"], ["C"]]
    assert set(found["3"]) == {"D", "E", "unknown"}
    held_out = make_folds(labels, folds=4)
    assert set(folds.loc[folds["fold"] == HOLDOUT, "case"]) == set(
        held_out.loc[held_out["fold"] == HOLDOUT, "case"])


def test_a_patient_of_two_sites_is_in_one_fold():
    labels = _labels(100)
    cases = sorted(labels["case"])
    sites = {case: "A" if number % 2 else "B" for number, case in enumerate(cases)}
    patients = {cases[number]: f"P{number // 2}" for number in range(40)}
    folds = make_folds(labels, groups=Groups(patients, sites=sites), folds=2)
    assert (folds.groupby(folds["case"].map(lambda case: patients.get(case, case)))["fold"].nunique() == 1).all()


def test_fewer_sites_than_folds_are_an_error():
    labels = _labels(100)
    sites = {case: "A" if number < 50 else "B" for number, case in enumerate(labels["case"])}
    with pytest.raises(UserError, match=r"names 2 sites for 5 folds by site \(.*\); use 2 folds"):
        make_folds(labels, groups=Groups(sites=sites))


def test_a_site_without_which_one_class_is_left_is_an_error():
    labels = _labels(100)
    sites = {case: "A" if label else ("B", "C")[int(case) % 2]
             for case, label in zip(labels["case"], labels["label"], strict=True)}
    with pytest.raises(UserError, match="without the sites of fold 0 one class alone is left"):
        make_folds(labels, groups=Groups(sites=sites), folds=3)


def test_without_a_holdout_every_case_is_judged_in_a_fold():
    folds = make_folds(_labels(60), holdout_fraction=0)
    assert HOLDOUT not in set(folds["fold"]) and folds["fold"].value_counts().tolist() == [12] * 5


@pytest.mark.parametrize("seed", [0, 2 ** 32 - 1])
def test_the_least_and_the_largest_seed_make_a_split(seed):
    assert len(make_folds(_labels(40), seed=seed)) == 40


@pytest.mark.parametrize(("cases", "folds", "enough"), [(10, 4, True), (10, 5, False), (4, 2, False), (6, 2, True)])
def test_a_class_needs_a_case_a_fold_behind_the_holdout(cases, folds, enough):
    if enough:
        assert fold_names(make_folds(_labels(cases), folds=folds)) == [str(number) for number in range(folds)]
    else:
        with pytest.raises(UserError, match=f"cases with label 0 are left for {folds} folds; add labelled cases"):
            make_folds(_labels(cases), folds=folds)


def test_sites_of_a_fold_are_counted_and_a_case_without_one_is_of_an_unknown():
    folds = pd.DataFrame({"case": list("abcde"), "label": 1, "fold": ["0", "0", "0", "1", HOLDOUT]})
    assert site_of_folds(folds, {"a": "north", "b": "south", "c": "south", "d": "", "e": "east"}) == {
        "0": {"south": 2, "north": 1}, "1": {"unknown": 1}}


@pytest.mark.parametrize("fold", ["-1", "1.0", "", "Holdout", "test"])
def test_a_fold_that_is_neither_a_number_nor_the_holdout_is_named_with_its_row(tmp_path, fold):
    (tmp_path / "folds.csv").write_text(f"BraTS21ID,MGMT_value,fold\n00000,1,0\n00001,0,{fold}\n")
    with pytest.raises(UserError, match=f"folds.csv: row 3: fold is '{fold}'; write a number from 0 up, or holdout"):
        read_folds(tmp_path / "folds.csv")


def test_the_largest_site_is_the_first_fold_and_cases_without_one_are_in_the_last_however_many_they_are():
    labels = _labels(30).sort_values("case")
    sites = dict(zip(labels["case"], ["z"] * 10 + ["a"] * 6 + [""] * 14, strict=True))
    folds = make_folds(labels, folds=2, holdout_fraction=0, groups=Groups(sites=sites))
    assert site_of_folds(folds, sites) == {"0": {"z": 10}, "1": {"unknown": 14, "a": 6}}
