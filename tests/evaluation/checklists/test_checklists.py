"""Checklists: what the run knows stands there, what it cannot know is left to the author, no link leads nowhere."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.checklists.answers import answers_of
from radiogen.evaluation.checklists.checklist import LISTS, UNKNOWN, checklists, topics_of
from radiogen.evaluation.checklists.metric_answers import metric_answers
from radiogen.evaluation.report.assess import assess_run
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, write_predictions

from ..cohorts import write_cohort
from ..report import small_runs

RECIPE = {name: part for name, part in small_runs.RECIPE.items() if name != "suspicious_auc"} | {
    "seed": 5, "data": small_runs.RECIPE["data"] | {"sequences": ["FLAIR"]},
    "split": {"holdout_fraction": 0.25, "folds": 4}}


@pytest.fixture
def run(tmp_path):
    """Forty cases in four folds with a holdout."""
    random = np.random.default_rng(0)
    labels = np.arange(40) % 2
    write_predictions(tmp_path / "r" / "predictions.csv", complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(40)], "fold": np.resize(["0", "1", "2", "3", "holdout"], 40),
        "label": pd.array(labels, dtype="Int64"), "probability": random.random(40)})))
    (tmp_path / "r" / "run.json").write_text(json.dumps({"recipe": "demo-3d", "data": "input/mine"}))
    return open_predictions(tmp_path, "r")


def _write_recipe(run, part="data", **changes):
    """RECIPE as the run's, with changes in a part of it."""
    (run.folder / "recipe.json").write_text(json.dumps({**RECIPE, part: {**RECIPE[part], **changes}}))


def _items(run, explained=False, key="claim"):
    found = next(one for one in checklists(assess_run(run), explained) if one.key == key)
    return {item.number: item for item in found.items}


@pytest.mark.parametrize(("key", "items", "main"), [("claim", 44, 44), ("tripod_ai", 52, 27),
                                                    ("metrics_reloaded", 25, 25)])
def test_a_list_has_its_items_in_order_and_each_main_item_once(key, items, main):
    numbers = topics_of(key)["number"]
    assert len(numbers) == items and numbers.is_unique
    assert list(dict.fromkeys(int(number.rstrip("abcdefg")) for number in numbers)) == list(range(1, main + 1))
    letters = numbers[numbers.str.contains("[a-z]")]
    for start, group in letters.groupby(letters.str.rstrip("abcdefg")):
        assert list(group) == [f"{start}{letter}" for letter in "abcdefg"[:len(group)]]


def test_every_answer_belongs_to_an_item_and_every_topic_can_be_answered(run):
    _write_recipe(run)
    (run.folder / "environment.json").write_text(json.dumps({"radiogen": "1", "packages": {"keras": "3.1"}}))
    topics = set().union(*(topics_of(key)["topic"] for key in LISTS)) - {""}
    assessed = assess_run(run)
    known = {**answers_of(assessed, True), **metric_answers(assessed)}
    assert set(known) <= topics
    assert topics - set(known) == {"acquisition", "groups", "clusters", "centres"}  # no geometry, no patients here


def test_what_no_program_knows_is_for_the_author_to_say(run):
    items = _items(run)
    assert all(items[number].answer == UNKNOWN and not items[number].links for number in ("2", "5", "11", "16", "44"))
    items = _items(run, key="tripod_ai")
    assert all(items[number].answer == UNKNOWN for number in ("2", "8c", "14", "17", "18a", "18d", "19"))


def test_a_list_counts_what_is_known_and_keeps_its_sections_in_order(run):
    lists = {one.key: one for one in checklists(assess_run(run))}
    claim = lists["claim"]
    assert claim.known == sum(item.answer != UNKNOWN for item in claim.items)
    assert list(claim.sections)[:3] == ["Title and abstract", "Introduction", "Methods: design"]
    assert [item for part in claim.sections.values() for item in part] == list(claim.items)
    assert "2024" in claim.source and "2024" in lists["tripod_ai"].source


def test_recipe_and_split_stand_in_words(run):
    _write_recipe(run)
    items = _items(run)
    assert "resnet6 in 3D" in items["22"].answer and items["24"].answer == "random (He), seed 5"
    assert "32 cases in folds, 8 held out; a holdout of 25%, then 4 folds" in items["19"].answer
    assert "flipped left-right, shifted by up to 10%;" in items["25"].answer
    tripod = _items(run, key="tripod_ai")
    assert tripod["12a"].answer == items["19"].answer and "4 folds by patient" in tripod["12c"].answer


def test_rotations_and_zooms_are_reported_where_the_recipe_has_them(run):
    _write_recipe(run, "augmentation", rotation_degrees=15.0, zoom=0.1)
    assert "shifted by up to 10%, rotated by up to 15 degrees, zoomed by up to 10%;" in _items(run)["25"].answer


def test_what_was_done_about_planes_is_reported(run):
    _write_recipe(run, "optimisation", balance="planes")
    assert "the label says nothing of the planes" in _items(run)["25"].answer
    assert "the label says nothing of the planes" in _items(run, key="tripod_ai")["13"].answer


def test_without_a_recipe_the_model_is_unknown_and_nothing_is_made_up(run):
    items, tripod = _items(run), _items(run, key="tripod_ai")
    assert {number for number in ("9", "22", "24", "25", "43") if items[number].known} == set()
    assert {number for number in ("12b", "12c", "12g", "13", "22") if tripod[number].known} == set()


def test_only_files_that_are_there_are_linked(run):
    assert _items(run)["19"].links == ()
    (run.folder / "folds.csv").write_text("BraTS21ID\n")
    assert _items(run)["19"].links == (("folds.csv", "folds.csv"),)


def test_images_are_named_only_where_there_are_some(run):
    assert not _items(run)["31"].known
    assert "Grad-CAM" in _items(run, explained=True)["31"].answer


def test_the_items_on_external_data_are_none_until_another_cohort_was_judged(run):
    items = _items(run)
    assert items["33"].answer.startswith("none") and "no external test" in items["40"].answer
    write_cohort(run.folder)
    items = _items(run)
    assert items["33"].answer.startswith("elsewhere: 80 cases, AUC 0.") and "look 1 of 1" in items["33"].answer
    assert "external test on elsewhere alone" in items["40"].answer and "no external test" not in items["40"].answer
    assert items["33"].links == (("#external", "another hospital"),)
    assert "on another cohort, too" in _items(run, key="tripod_ai")["4"].answer


def test_each_metric_is_reported_with_its_figure_or_not_reported_with_a_reason(run):
    assessed, items = assess_run(run), _items(run, key="metrics_reloaded")
    for number in map(str, range(7, 22)):
        assert re.match(r"reported|not reported: \w", items[number].answer), items[number]
    measures, rates = assessed.main.measures, assessed.clinical.rates
    assert f"{measures['accuracy']:.3f} at 0.5" in items["7"].answer
    assert f"{rates.sensitivity.value:.3f}" in items["12"].answer
    assert f"{assessed.main.verdict.estimate.value:.3f}" in items["17"].answer
    assert f"{measures['brier']:.3f}" in items["19"].answer
    assert items["2"].answer.startswith("50.0% of 32 cases")
    assert items["3"].answer == UNKNOWN  # what an error costs


def test_a_holdout_alone_has_no_figure_that_needs_two_folds(run):
    table = run.folder / "predictions.csv"
    kept = pd.read_csv(table, dtype=str)
    kept[kept["fold"] == "holdout"].to_csv(table, index=False)
    items = _items(open_predictions(run.folder.parent, "r"), key="metrics_reloaded")
    assert items["13"].answer == items["15"].answer == "not reported: two folds with both classes are needed"
    assert items["12"].answer.startswith("reported at 0.5") and items["24"].answer == "there is one set and no fold"
