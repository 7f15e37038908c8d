"""Models without images: no look at what they score, chance where there is nothing, and the competition's finding."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.dataset.geometry import read_geometry
from radiogen.dataset.labels import read_labels
from radiogen.evaluation.audit import image_free
from radiogen.evaluation.audit.image_free import (
    CASE_ID,
    GEOMETRY,
    IMAGE_FREE,
    PLANES,
    StudySettings,
    acquisition_table,
    image_free_predictions,
    image_free_table,
    permuted_auc,
    share_by_plane,
    study,
    transferred_predictions,
    within_fold,
)
from radiogen.evaluation.stats.cross_validation import variance_factor
from radiogen.runs.folds import make_folds
from radiogen.runs.predictions import scored

from ..acquisitions import made


@pytest.mark.parametrize("part", ["0", "holdout"])
def test_the_labels_of_the_scored_cases_do_not_change_their_probabilities(part):
    folds, geometry = made(80, tied="plane", holdout_fraction=0.2)
    inside = folds["fold"] == part
    turned = folds.assign(label=folds["label"].where(~inside, 1 - folds["label"]))
    for name, table in image_free_predictions(folds, geometry).items():
        again = image_free_predictions(turned, geometry, models=(name,))[name]
        assert table.loc[inside, "probability"].tolist() == again.loc[inside, "probability"].tolist()


def test_a_label_tied_to_the_plane_is_predicted_by_planes_and_not_by_the_id():
    folds, geometry = made(tied="plane", holdout_fraction=0.2)
    table = image_free_table(image_free_predictions(folds, geometry)).set_index(["model", "set"])
    assert table.loc[(PLANES, "out-of-fold"), "auc"] > 0.75 and table.loc[(PLANES, "holdout"), "auc"] > 0.7
    assert table.loc[(PLANES, "out-of-fold"), "verdict"] == "better than chance"
    assert table.loc[(CASE_ID, "out-of-fold"), "auc"] < 0.65


def test_intervals_out_of_fold_are_widened_as_p_is_and_those_of_the_holdout_are_not():
    folds, geometry = made(tied="plane", holdout_fraction=0.2)
    predicted = image_free_predictions(folds, geometry, models=(PLANES,))
    table = image_free_table(predicted).set_index("set")
    own = predicted[PLANES]
    for part, cases, factor in (("out-of-fold", own[own["fold"] != "holdout"], np.sqrt(variance_factor(5))),
                                ("holdout", own[own["fold"] == "holdout"], 1.0)):
        plain, row = within_fold(cases), table.loc[part]
        assert row["within_fold_high"] == pytest.approx(min(1, plain.value + factor * (plain.high - plain.value)))
        assert row["within_fold_low"] == pytest.approx(max(0, plain.value - factor * (plain.value - plain.low)))


def test_a_label_tied_to_the_number_of_slices_is_predicted_by_the_geometry_and_not_by_planes():
    folds, geometry = made(tied="slices")
    table = image_free_table(image_free_predictions(folds, geometry)).set_index("model")
    assert table.loc[GEOMETRY, "auc"] > 0.75 and table.loc[PLANES, "auc"] < 0.62


def test_a_label_tied_to_an_even_id_is_predicted_by_the_id():
    folds, geometry = made(200)
    folds["label"] = [int(case) % 2 for case in folds["case"]]
    found = image_free_predictions(folds, geometry, models=(CASE_ID,))[CASE_ID]
    assert within_fold(found).value > 0.95


def test_where_no_plane_differs_planes_tell_nothing_at_all():
    folds, geometry = made()
    table = image_free_predictions(folds, geometry.assign(plane="axial"), models=(PLANES,))[PLANES]
    assert (table["probability"] == 0.5).all()


def test_a_case_without_a_series_has_an_unknown_plane_and_is_still_predicted():
    folds, geometry = made(60)
    lacking = geometry[geometry["case"] != "00007"]
    wide = acquisition_table(lacking, folds["case"])
    assert wide.loc["00007", "FLAIR plane"] == "unknown" and np.isnan(wide.loc["00007", "FLAIR slices"])
    for name in IMAGE_FREE:
        table = image_free_predictions(folds, lacking, models=(name,))[name]
        assert table["probability"].notna().all()


def test_test_series_have_no_part_in_it():
    folds, geometry = made(60)
    wide = acquisition_table(geometry, folds["case"])
    both = pd.concat([geometry, geometry.assign(split="test", slices=999.0)])
    assert acquisition_table(both, folds["case"]).equals(wide)


def test_geometry_of_another_data_set_is_reported():
    folds, geometry = made(60)
    with pytest.raises(UserError, match="no training series of these 60 cases"):
        acquisition_table(geometry.assign(split="test"), folds["case"])


def test_the_auc_within_folds_is_the_mean_of_the_folds_where_they_are_alike():
    folds, geometry = made(300, tied="slices")
    found = image_free_predictions(folds, geometry, models=(GEOMETRY,))[GEOMETRY]
    areas = [within_fold(part).value for _, part in found.groupby("fold")]
    assert within_fold(found).value == pytest.approx(np.mean(areas), abs=1e-12)


def test_training_on_permuted_labels_lies_around_a_half_and_below_a_true_relation():
    folds, geometry = made(120, tied="plane")
    null = permuted_auc(folds, geometry, draws=25)
    assert np.mean(null) == pytest.approx(0.5, abs=4 * np.std(null) / np.sqrt(25))
    found = image_free_predictions(folds, geometry, models=(PLANES,))[PLANES]
    assert within_fold(found).value > null.max()


def test_shares_by_plane_are_counts_with_wilsons_interval():
    folds, geometry = made(200, tied="plane")
    table = share_by_plane(folds, geometry)
    flair = table[table["sequence"] == "FLAIR"]
    assert flair["cases"].sum() == 200 and flair["positive"].sum() == folds["label"].sum()
    row = flair.iloc[0]
    expected = stats.binomtest(int(row["positive"]), int(row["cases"])).proportion_ci(method="wilson")
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected))


@pytest.mark.slow
def test_a_study_says_what_the_planes_tell():
    folds, geometry = made(150, tied="plane")
    found = study(folds[["case", "label"]], geometry, StudySettings(repeats=2, permutations=20))
    row = found.models.set_index("model").loc[PLANES]
    assert row["trained_p"] == pytest.approx(1 / 21) and row["repeated_auc"] > 0.7
    assert "without any image" in found.sentence and "over other draws" in found.sentence


def test_on_the_competitions_training_set_planes_alone_are_distinguished_from_chance(rsna_tables):
    labels, geometry = read_labels(rsna_tables / "train_labels.csv"), read_geometry(rsna_tables / "series_geometry.csv")
    shares = share_by_plane(labels, geometry).set_index(["sequence", "plane"])
    assert shares.loc[("FLAIR", "coronal"), ["positive", "cases"]].tolist() == [126, 198]
    assert shares.loc[("FLAIR", "axial"), ["positive", "cases"]].tolist() == [168, 358]
    folds = make_folds(labels, holdout_fraction=0, seed=42, leave_out=())
    found = image_free_predictions(folds, geometry, models=(PLANES,))[PLANES]
    output = within_fold(found)
    assert 0.55 < output.value < 0.60 and output.p < 0.05 and output.low > 0.5


def test_models_without_images_are_carried_to_another_cohort_by_what_both_have():
    inside, geometry = made(300, tied="plane", seed=1)
    tied, other = made(200, tied="plane", seed=2)
    free, elsewhere = made(200, seed=3)
    for cohort, place, low, high in ((tied, other, 0.75, 0.95), (free, elsewhere, 0.4, 0.6)):
        found = transferred_predictions(inside, geometry, cohort[["case", "label"]], place)
        assert set(found) == {PLANES, GEOMETRY, IMAGE_FREE[2]}
        assert low < auc(*scored(found[PLANES])) < high
        assert found[PLANES]["case"].tolist() == cohort["case"].tolist()


def test_a_plane_and_a_sequence_that_the_training_never_saw_are_no_input():
    inside, geometry = made(100, tied="plane", seed=1)
    cohort, place = made(60, tied="plane", seed=2)
    strange = pd.concat([place.assign(plane=place["plane"].replace("axial", "sagittal")),
                         place[place["sequence"] == "FLAIR"].assign(sequence="T2w")])
    found = transferred_predictions(inside, geometry, cohort[["case", "label"]], strange)
    assert found[PLANES]["probability"].notna().all() and found[PLANES]["probability"].nunique() == 2


def test_the_holdout_trains_no_model_that_is_carried_outside():
    inside, geometry = made(120, tied="plane", seed=1, holdout_fraction=0.25)
    cohort, place = made(60, seed=2)
    swapped = inside.assign(label=inside["label"].where(inside["fold"] != "holdout", 1 - inside["label"]))
    one, other = (transferred_predictions(folds, geometry, cohort[["case", "label"]], place)[GEOMETRY]
                  for folds in (inside, swapped))
    assert one["probability"].equals(other["probability"])


def test_leaving_out_scikit_learns_checks_changes_no_number(monkeypatch):
    folds, geometry = made(60, tied="slices")
    quick = image_free_predictions(folds, geometry)
    monkeypatch.setattr(image_free, "UNCHECKED", {})
    for name, table in image_free_predictions(folds, geometry).items():
        assert table["probability"].tolist() == quick[name]["probability"].tolist()
