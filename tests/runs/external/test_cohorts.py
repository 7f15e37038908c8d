"""What a run keeps of a cohort is read as it was written; what is damaged is one line."""

import dataclasses
import json
import shutil

import pandas as pd
import pytest

from radiogen.core.errors import UserError
from radiogen.runs.external.cohorts import (
    _JSON,
    INTENSITIES,
    CohortFacts,
    checked_cohort,
    external_cohorts,
    labels_digest,
    networks_digest,
    read_cohort,
    read_intensities,
    run_networks,
    write_cohort_facts,
    write_intensities,
)
from radiogen.runs.fold_weights import check_run, write_weights
from radiogen.runs.layout import cohort_folder
from radiogen.runs.predictions import complete, write_predictions
from radiogen.runs.records import write_facts

FACTS = CohortFacts("2026-11-28 10:00:00", "input/b", "f", "l", "n", "r", 5, ("a",), (), {"checked": ["files"]}, None)
GEOMETRY = "BraTS21ID,split,sequence,plane,slices,rows,columns,slice_spacing_mm,row_mm,column_mm\n"


def _write(run, name="b", fold="b", **changes):
    folder = cohort_folder(run, name)
    write_predictions(folder / "predictions.csv", complete(pd.DataFrame({
        "case": ["00001", "00002"], "fold": fold, "label": pd.array([0, 1], dtype="Int64"),
        "probability": [0.2, 0.9]})))
    (folder / "geometry.csv").write_text(GEOMETRY)
    write_cohort_facts(folder, dataclasses.replace(FACTS, **changes))
    return folder


def test_a_cohort_is_read_as_it_was_written(tmp_path):
    _write(tmp_path)
    cohort = read_cohort(tmp_path, "b")
    assert cohort.facts == FACTS and cohort.predictions["probability"].tolist() == [0.2, 0.9]
    assert (cohort.patients, cohort.intensities) == (None, None)


def test_cohorts_come_by_date_and_a_folder_without_its_last_file_is_none(tmp_path):
    _write(tmp_path, "late", "late", date="2026-12-01 00:00:00")
    _write(tmp_path, "early", "early")
    (_write(tmp_path, "half", "half") / "cohort.json").unlink()
    assert list(external_cohorts(tmp_path)) == ["early", "late"]


def test_the_fold_of_an_external_case_is_the_cohorts_name(tmp_path):
    _write(tmp_path, fold="0")
    with pytest.raises(UserError, match=r"row 2: fold is '0'; write b, the cohort's name"):
        read_cohort(tmp_path, "b")


def test_facts_of_another_version_are_one_line_with_the_command(tmp_path):
    folder = _write(tmp_path)
    (folder / "cohort.json").write_text(json.dumps({"date": "x"}))
    with pytest.raises(UserError, match="cohort.json: is damaged, or of another version .*validate"):
        read_cohort(tmp_path, "b")


def test_facts_that_were_written_before_engines_were_are_read(tmp_path):
    path = _write(tmp_path) / "cohort.json"
    facts = json.loads(path.read_text())
    del facts["predicted_by"]
    path.write_text(json.dumps(facts))
    assert read_cohort(tmp_path, "b").facts == FACTS


def test_intensities_keep_ids_hashes_and_empty_cells(tmp_path):
    row = {**dict.fromkeys(INTENSITIES, 1.5), "case": "00001", "split": "train", "sequence": "FLAIR",
           "perceptual_hash": "00", "noise": float("nan")}
    write_intensities(tmp_path, pd.DataFrame([row]))
    table = read_intensities(tmp_path)
    assert table.loc[0, ["case", "perceptual_hash", "median"]].tolist() == ["00001", "00", 1.5]
    assert table["noise"].isna().all()
    (tmp_path / "intensities.csv").write_text("BraTS21ID,split\n1,train\n")
    with pytest.raises(UserError, match="intensities.csv: cannot be read"):
        read_intensities(tmp_path)


def test_hashes_do_not_depend_on_the_order_and_change_with_a_label_or_a_network():
    cases = pd.DataFrame({"case": ["a", "b"], "label": [0, 1]})
    assert labels_digest(cases) == labels_digest(cases[::-1]) != labels_digest(cases.assign(label=[1, 0]))
    assert networks_digest({"0": "x", "1": "y"}) == networks_digest({"1": "y", "0": "x"}) != networks_digest({"0": "y"})


@pytest.mark.parametrize("name", ["7", "holdout", "test", "a/b", ""])
def test_a_name_that_is_a_folds_or_no_folders_is_refused(name):
    with pytest.raises(UserError):
        checked_cohort(name)
    assert checked_cohort("UCSF-PDGM") == "UCSF-PDGM"


def _weights(run, *folds, content="weights"):
    for fold in folds:
        write_weights(run / f"fold-{fold}", lambda path, fold=fold: path.write_text(f"{content} of {fold}"))


def test_the_networks_of_a_run_are_those_of_all_its_folds(tmp_path):
    _weights(tmp_path / "a", "0", "1")
    both = run_networks(tmp_path / "a")
    assert both == networks_digest(check_run(tmp_path / "a"))
    shutil.rmtree(tmp_path / "a" / "fold-1")
    assert run_networks(tmp_path / "a") != both


def test_the_networks_of_an_ensemble_are_its_members_and_how_it_joins_them(tmp_path):
    for name in "ab":
        _weights(tmp_path / name, "0", content=name)
    digests = set()
    for facts in ({"members": ["a"]}, {"members": ["a", "b"]}, {"members": ["a", "b"], "method": "rank"}):
        write_facts(tmp_path / "both", facts)
        digests.add(run_networks(tmp_path / "both"))
    _weights(tmp_path / "b", "0", content="other")
    digests.add(run_networks(tmp_path / "both"))
    assert len(digests) == 4


@pytest.mark.parametrize("change", [
    {"date": 7}, {"networks": "5"}, {"leave_out": "a"}, {"without_label": None}, {"overlap": []}, {"ceiling": "high"},
    {"fingerprint": None}])
def test_a_fact_of_another_type_is_refused_before_anything_is_said_of_the_cohort(tmp_path, change):
    path = _write(tmp_path) / "cohort.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    for read in (lambda: external_cohorts(tmp_path), lambda: read_cohort(tmp_path, "b")):
        with pytest.raises(UserError, match="cohort.json: is damaged, or of another version"):
            read()


@pytest.mark.parametrize("ceiling", [None, 1, 0.9])
def test_a_cohort_may_have_a_ceiling(tmp_path, ceiling):
    _write(tmp_path, ceiling=ceiling)
    assert read_cohort(tmp_path, "b").facts.ceiling == ceiling


def test_every_fact_has_a_form_in_json():
    assert set(_JSON) == {one.name for one in dataclasses.fields(CohortFacts)}


@pytest.mark.parametrize("content", ["[]", "{}", "7"])
def test_facts_that_are_no_table_of_these_names_are_one_line(tmp_path, content):
    folder = _write(tmp_path)
    (folder / "cohort.json").write_text(content)
    with pytest.raises(UserError, match="cohort.json: is damaged, or of another version .*; delete its folder"):
        external_cohorts(tmp_path)


def test_a_cohort_that_nobody_predicted_is_named(tmp_path):
    with pytest.raises(UserError, match="cohort.json: is missing"):
        read_cohort(tmp_path, "b")
    assert external_cohorts(tmp_path) == {}


def test_a_label_that_is_whole_counts_alike_however_it_is_stored():
    cases = pd.DataFrame({"case": ["a", "b"], "label": pd.array([0, 1], dtype="Int64")})
    assert labels_digest(cases) == labels_digest(cases.astype({"label": float}))
    assert networks_digest({}) != networks_digest({"0": ""})
