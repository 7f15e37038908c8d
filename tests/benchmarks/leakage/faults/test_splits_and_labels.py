"""Faults of split, labels, acquisition and copies get into a clean run as their names say."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.leakage.faults import acquisition, duplicates, labels, splits
from benchmarks.leakage.faults.fault import RUN, Base
from benchmarks.leakage.faults.learners import train_nearest
from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.dataset.patients import read_patients
from radiogen.evaluation.audit.findings import Code
from radiogen.evaluation.audit.leakage import review_patients, review_pixels
from radiogen.runs.fold_weights import check_run
from radiogen.runs.folds import read_folds
from radiogen.runs.predictions import out_of_fold, read_predictions, scored
from radiogen.runs.tables import read_arrays

from .made_source import CASES, made_draw


@pytest.fixture(scope="module")
def draw(tmp_path_factory):
    return made_draw(tmp_path_factory.mktemp("source"))


def injected(inject, draw, tmp_path):
    inject(tmp_path, draw)
    return read_folds(tmp_path / RUN / "folds.csv"), read_predictions(tmp_path / RUN / "predictions.csv")


def agreement(folds, trait_by_case) -> float:
    return float((folds["label"].to_numpy() == np.array([trait_by_case[case] for case in folds["case"]])).mean())


def test_labels_of_a_clean_signal_follow_the_latent_and_those_of_nothing_do_not(draw, tmp_path):
    latents = draw.source.latents
    for base, low, high in ((Base.SIGNAL, 0.75, 1.0), (Base.NOTHING, 0.3, 0.7)):
        folds = made_draw(tmp_path, base).tables.folds
        assert low < auc(folds["label"].to_numpy() == 1, latents.loc[folds["case"]].to_numpy()) < high


def test_another_draw_has_other_labels_and_other_folds(draw, tmp_path):
    other = made_draw(tmp_path, number=1).tables.folds
    assert (other["label"] != draw.tables.folds["label"]).any() and (other["fold"] != draw.tables.folds["fold"]).any()


def test_a_tenth_of_the_cases_is_predicted_in_another_fold_than_the_folds_say(draw, tmp_path):
    folds, predictions = injected(splits.moved, draw, tmp_path)
    found, = review_patients(folds, predictions)
    assert found.code is Code.PATIENT_IN_OTHER_FOLD
    assert len(found.values["patients"]) == round(0.1 * (folds["fold"] != "holdout").sum())


def test_folds_that_are_changed_to_fit_no_longer_fit_the_networks(draw, tmp_path):
    folds, predictions = injected(splits.moved_with_folds, draw, tmp_path)
    assert [one.code for one in review_patients(folds, predictions)] == [Code.PATIENTS_APART]
    with pytest.raises(UserError, match="folds.csv"):
        check_run(tmp_path / RUN)


def test_follow_ups_carry_the_first_examinations_label_and_only_a_table_of_patients_tells(draw, tmp_path):
    folds, predictions = injected(splits.follow_up_named, draw, tmp_path / "named")
    patients = read_patients(tmp_path / "named" / RUN)
    label = folds.set_index("case")["label"]
    assert all(label[one] == label[other] for one, other in zip(patients["case"], patients["patient"], strict=True))
    assert review_patients(folds, predictions, patients=patients)[0].code is Code.PATIENT_SPLIT
    injected(splits.follow_up_unnamed, draw, tmp_path / "unnamed")
    assert read_patients(tmp_path / "unnamed" / RUN) is None


@pytest.mark.parametrize(("inject", "sequence", "size"), [(labels.tied_to_slices, "T1w", "slices"),
                                                          (labels.mirrored_scanner, "T1wCE", "rows")])
def test_labels_tied_to_a_size_follow_it_in_nine_of_ten_cases(inject, sequence, size, draw, tmp_path):
    folds, _ = injected(inject, draw, tmp_path)
    sizes = draw.source.geometry.query("sequence == @sequence").set_index("case")[size]
    assert 0.78 < agreement(folds, sizes > sizes.median()) < 0.99


def test_labels_tied_to_the_plane_and_to_the_id_follow_them(draw, tmp_path):
    planes = draw.source.geometry.query("sequence == 'FLAIR'").set_index("case")["plane"]
    assert 0.78 < agreement(injected(labels.tied_to_plane, draw, tmp_path / "a")[0], planes != "axial") < 0.99
    late = {case: int(case) >= CASES / 2 for case in planes.index}
    assert 0.78 < agreement(injected(labels.tied_to_id, draw, tmp_path / "b")[0], late) < 0.99


def test_one_label_in_twenty_is_swapped(draw, tmp_path):
    folds, _ = injected(labels.swapped, draw, tmp_path)
    own = draw.tables.folds.set_index("case")["label"]
    assert (folds.set_index("case")["label"] != own).sum() == CASES // 20


def test_a_mark_on_label_1_alone_is_found_perfectly(draw, tmp_path):
    _, predictions = injected(labels.burnt_in_mark, draw, tmp_path)
    assert auc(*scored(out_of_fold(predictions))) > 0.97


def test_a_training_on_permuted_labels_knows_less_than_the_clean_one(draw, tmp_path):
    folds, predictions = injected(labels.permuted_in_training, draw, tmp_path)
    assert folds.equals(draw.tables.folds)
    clean = auc(*scored(out_of_fold(draw.tables.predictions)))
    assert clean > 0.7 and auc(*scored(out_of_fold(predictions))) < clean - 0.1


def test_a_hidden_vendor_goes_with_the_label_shows_in_the_air_and_has_no_name(draw, tmp_path):
    from radiogen.dataset.scanner import read_scanner

    folds, predictions = injected(acquisition.hidden_vendor, draw, tmp_path)
    scanner = read_scanner(tmp_path / RUN).set_index("case")
    assert set(scanner["manufacturer"]) == {""}
    assert agreement(folds, scanner["air_deviation"] > 2) > 0.78
    assert auc(*scored(out_of_fold(predictions))) > 0.7


def test_age_and_hospital_go_with_the_label_and_stand_in_the_table_of_patients(draw, tmp_path):
    folds, _ = injected(acquisition.age_as_proxy, draw, tmp_path / "age")
    ages = read_patients(tmp_path / "age" / RUN).set_index("case")["age"]
    assert agreement(folds, ages > ages.median()) > 0.75
    folds, _ = injected(acquisition.site_as_proxy, draw, tmp_path / "site")
    assert agreement(folds, read_patients(tmp_path / "site" / RUN).set_index("case")["site"] == "north") > 0.75


def test_the_same_pixels_under_two_ids_are_pairs_of_the_review(draw, tmp_path):
    folds, _ = injected(duplicates.same_pixels, draw, tmp_path)
    assert len(folds) == CASES + duplicates.TWINS
    codes = [one.code for one in review_pixels(folds, read_arrays(tmp_path / RUN))]
    assert Code.SAME_PIXELS_ACROSS in codes


@pytest.mark.parametrize("kind", ["exported again", *duplicates.KINDS])
def test_a_changed_copy_has_other_pixels_and_is_found_by_its_thumbnail(kind, draw, tmp_path, monkeypatch):
    from radiogen.evaluation.audit.near_pixels import near_thumbnails

    monkeypatch.setattr(duplicates, "TWINS", 2)
    monkeypatch.setattr(duplicates, "_voxels", _head)
    change = duplicates.exported_again if kind == "exported again" else duplicates.near_duplicate(kind)
    change(tmp_path, draw)
    arrays = read_arrays(tmp_path / RUN)
    copies = arrays[~arrays["case"].isin(draw.source.features.index)]
    assert len(copies) == 2 and not copies["sha256"].isin(draw.source.arrays["sha256"]).any()
    originals = sorted(draw.random(41).choice(draw.tables.folds["case"].to_numpy(str), 2, replace=False))
    marks = [duplicates.near_duplicates.marked(_head(tmp_path / case / "FLAIR")) for case in originals]
    assert {pair for pair in near_thumbnails(marks, list(copies["perceptual_hash"])) if pair[0] == pair[1]}


def _head(folder):
    """A head of its own for each case, of `near_duplicates`' phantoms."""
    return duplicates.near_duplicates.draw_phantoms(1, int(folder.parent.name))[0]


def test_a_model_that_knows_its_nearest_case_alone_repeats_a_copys_label_and_guesses_the_others():
    random = np.random.default_rng(0)
    features = pd.DataFrame(random.normal(size=(40, 8)), index=[f"{number:05d}" for number in range(40)])
    features.iloc[20:] = features.iloc[:20].to_numpy()
    labels = random.permutation(np.arange(20) % 2)
    folds = pd.DataFrame({"case": features.index, "label": np.concatenate([labels, labels]),
                          "fold": ["0"] * 20 + ["1"] * 20})
    found = train_nearest(features, folds)
    assert (found["predicted"] == found["label"]).all()
    alone = folds[folds["case"].isin(features.index[:10]) | folds["case"].isin(features.index[30:])]
    assert auc(alone["label"].to_numpy() == 1, train_nearest(features, alone)["probability"].to_numpy()) < 0.8
