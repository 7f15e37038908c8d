"""The accuracy studies train what they say, once, and their tables and pictures show what was trained."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import studies, study_tables, study_trials
from benchmarks.accuracy.study_figures import draw
from benchmarks.accuracy.study_record import Record
from benchmarks.accuracy.study_trials import Trial, phantom, small, trials
from radiogen.core.auc import auc
from radiogen.core.errors import UserError
from radiogen.evaluation.ensembles import mean_ensemble
from radiogen.runs.predictions import read_predictions, scored
from radiogen.training.recipe.checks import check_recipe
from radiogen.training.recipe.recipe import as_flat_dict
from radiogen.training.recipe.recipes import RECIPES

ROOT = Path(__file__).resolve().parents[3]

TINY = {"size": 8, "width": 4, "epochs": 1, "folds": 2}


def rows(study: str) -> pd.DataFrame:
    """A made-up row for each trial of a study."""
    random = np.random.default_rng(3)
    return pd.DataFrame([{
        "study": study, "row": trial.row, "name": trial.name, "run": studies.whole_name(trial),
        "effect": trial.phantom.effect, "cases": trial.phantom.cases, "ceiling": 0.9, "auc": value, "low": value - 0.1,
        "high": value + 0.05, "share": (value - 0.5) / 0.4, "training_accuracy": 0.8, "minutes": 1.0, "within": 0.5,
        "within_low": 0.4, "within_high": 0.6, "free": 0.93, "known": 0.9, "correlation": 0.7,
        "correlation_low": 0.6, "correlation_high": 0.8} for trial, value in zip(
            trials(study), random.uniform(0.6, 0.9, len(trials(study))), strict=True)])


@pytest.mark.parametrize("study", study_trials.STUDIES)
def test_every_trial_is_one_that_can_be_trained_and_no_two_stand_in_one_place(study):
    planned = trials(study)
    assert all(check_recipe(trial.recipe) for trial in planned if trial.recipe is not None)
    assert len({(trial.row, trial.name) for trial in planned}) == len(planned)


def test_every_recipe_family_is_held_against_what_is_possible_at_four_effects():
    planned = trials("ceiling")
    for name in RECIPES:
        assert {trial.phantom.effect for trial in planned if trial.name == name} == {0, 1, 2, 3}


def test_reported_figures_are_of_another_phantom_than_the_one_that_chose():
    assert study_trials.SEED != study_trials.CHOOSING_SEED
    reported = [trial for study in study_trials.STUDIES if study != "choice" for trial in trials(study)]
    assert {trial.phantom.seed for trial in reported} == {study_trials.SEED}
    assert {trial.phantom.seed for trial in trials("choice")} == {study_trials.CHOOSING_SEED}


def test_three_seeds_are_three_trainings_on_one_split_the_first_of_which_is_the_recipe_itself():
    for trial in (trial for trial in trials("ceiling") if trial.seeds > 1):
        members = trial.members()
        alone, = (each for each in trials("ceiling") if (each.name, each.row) == ("phantom-3d", trial.row))
        assert studies.run_name(members[0]) == studies.run_name(alone)
        assert len({studies.run_name(member) for member in members}) == trial.seeds == 3
        assert len({member.recipe.seed_of_split for member in members}) == 1


def test_small_forms_keep_what_makes_a_family():
    for name, recipe in RECIPES.items():
        made, whole = as_flat_dict(small(name)), as_flat_dict(recipe)
        for path in ("data.rank", "data.sequences", "data.geometry", "data.normalisation", "data.sequences_as_channels",
                     "data.cube_slices", "augmentation.flips", "network.outputs", "optimisation.schedule"):
            assert made[path] == whole[path], path


def test_runs_are_shared_by_what_they_are_and_parted_by_any_change():
    one = Trial("ceiling", "3", "a", phantom(), small("demo-3d"))
    assert studies.run_name(one) == studies.run_name(replace(one, study="cases", row="200", name="b"))
    others = [replace(one, phantom=phantom(2.0)), replace(one, recipe=small("demo-3d", seed=1)),
              replace(one, train_plane="axial", test_plane="coronal"), replace(one, phantom=phantom(cases=50))]
    assert len({studies.run_name(each) for each in [one, *others]}) == 5


@pytest.mark.parametrize("study", study_trials.STUDIES)
def test_tables_hold_each_auc_and_pictures_are_drawn_of_all_or_some_trials(study, tmp_path):
    for table in (rows(study), rows(study).iloc[:3]):
        text = study_tables.study_text(study, table)
        assert all(f"{value:.3f}" in text for value in table["auc"])
        assert draw(tmp_path, study, table).read_bytes().startswith(b"\x89PNG")


def test_a_trial_that_is_not_trained_is_a_dash():
    text = study_tables.study_text("ceiling", rows("ceiling").query("name == 'demo-3d' or row == '3'"))
    areas, correlations = (line for line in text.splitlines() if line.startswith("| report-2d"))
    assert (areas.count("| -"), correlations.count("| -")) == (3, 2)


def test_what_is_recorded_is_shown_without_its_run_and_not_trained_again(tmp_path, capfd):
    record = tmp_path / "accuracy.csv"
    for row in rows("cases").iloc[[5, 0]].to_dict("records"):
        Record(record).add(row)
    assert list(pd.read_csv(record)["row"]) == [50, 100]
    options = {"folder": tmp_path / "none", "tables_only": True, "record": record, "pictures": tmp_path}
    studies.main(("cases",), **options)
    assert "6 of 8 trials are not trained" in (first := capfd.readouterr().out)
    assert f"| effect 3 | {rows('cases')['auc'][0]:.3f}" in first
    studies.main(("cases",), names=("effect 3",), rows=("50",), **{**options, "tables_only": False})
    assert not (tmp_path / "none").exists()
    studies.main(("cases",), ignore_record=True, **options)
    assert "8 of 8 trials are not trained" in capfd.readouterr().out


def test_a_changed_recipe_is_not_taken_from_the_record_and_replaces_the_old_one(tmp_path):
    record, trial = Record(tmp_path / "accuracy.csv"), trials("cases")[0]
    old = rows("cases").iloc[0].to_dict()
    record.add(old | {"auc": 1 / 3})
    changed = studies.whole_name(replace(trial, recipe=trial.recipe.replace(epochs=1)))
    assert record.row(trial, changed) is None and record.row(trial, old["run"])["auc"] == 0.333333
    record.add(old | {"run": changed})
    assert [row["run"] for row in Record(record.path).rows] == [changed]


def test_a_table_that_is_no_record_is_refused_by_name(tmp_path):
    (tmp_path / "other.csv").write_text("study,row,name\n")
    with pytest.raises(UserError, match=r"other\.csv: no column run; is it the record"):
        Record(tmp_path / "other.csv")


def _rows(lines):
    """By the label of a table's rows (without `seed 1: ` before and a remark behind) the figures of all of them."""
    found = {}
    for line in lines:
        if line.startswith("| "):
            label, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            label = re.sub(r"^seed \d+: |, hidden variable itself$", "", label)
            figures = re.findall(r"-?\d+\.\d+|\d+(?= ?%)", " ".join(cells))
            found.setdefault(label, set()).update(figures)
    return found


def test_pages_have_the_figures_of_the_record_and_the_record_those_of_the_recipes_as_they_are():
    kept = pd.DataFrame(Record(ROOT / "docs" / "accuracy.csv").rows)
    shown = _rows(line for page in ("accuracy", "squeezing") for line in
                  (ROOT / "docs" / f"{page}.md").read_text().splitlines())
    recorded = {}
    for study, own in kept.groupby("study"):
        rows = _rows(study_tables.study_text(study, own).splitlines())
        assert {name for name, figures in rows.items() if figures} & set(shown), study
        for label, figures in rows.items():
            recorded.setdefault(label, set()).update(figures)
    both = set(shown) & set(recorded)
    assert len(both) > 40
    assert not {label: more for label in both if (more := shown[label] - recorded[label])}
    listed = {(trial.study, trial.row, trial.name): studies.whole_name(trial)
              for study in study_trials.STUDIES for trial in trials(study)}
    assert all(listed[row.study, row.row, row.name] == row.run for row in kept.itertuples())


def test_the_correlation_with_the_hidden_variable_ignores_what_the_label_alone_gives():
    random = np.random.default_rng(4)
    labels = np.repeat([0, 1], 200)
    hidden = random.normal(size=400) + 3 * labels
    knows, low_high = studies.correlation(labels, np.exp(hidden), hidden)
    assert knows == pytest.approx(1) and low_high == pytest.approx((1, 1))
    by_label, (low, high) = studies.correlation(labels, labels + 0.1 * random.normal(size=400), hidden)
    assert low < by_label < high and abs(by_label) < 0.2 and low < 0 < high


@pytest.mark.slow
def test_a_trial_is_trained_once_and_judged_against_the_best_that_is_possible(tmp_path, capfd):
    trial = Trial("ceiling", "3", "tiny", phantom(3.0, 20), small("demo-3d", **TINY))
    assert studies.judge(trial, tmp_path) is None
    studies.train(trial, tmp_path, 1, 1)
    first = studies.judge(trial, tmp_path)
    studies.train(trial, tmp_path, 1, 1)
    assert "fold 0 is already trained" in capfd.readouterr().out
    assert studies.judge(trial, tmp_path) == first
    assert first["cases"] == 20 and first["ceiling"] == pytest.approx(0.983, abs=1e-3)
    twice = replace(trial, seeds=2)
    assert studies.judge(twice, tmp_path) is None
    studies.train(twice.members()[1], tmp_path, 1, 1)
    both = [read_predictions(tmp_path / "models" / studies.run_name(member) / "predictions.csv")
            for member in twice.members()]
    together = studies.judge(twice, tmp_path)
    assert together["auc"] == auc(*scored(mean_ensemble({"one": both[0], "other": both[1]})))
    assert together["minutes"] > first["minutes"]


@pytest.mark.slow
def test_features_are_judged_on_the_folds_that_networks_have(tmp_path):
    features = Trial("ceiling", "3", "features", phantom(3.0, 20), None)
    studies.train(features, tmp_path, 1, 1)
    predicted = read_predictions(tmp_path / "models" / studies.run_name(features) / "predictions.csv")
    folds = studies.begin(replace(features, recipe=small("demo-3d", size=8)), tmp_path, 1).folds
    assert predicted[["case", "fold"]].equals(folds[["case", "fold"]])
    assert studies.judge(features, tmp_path)["cases"] == 20
    knowing = replace(features, on_hidden=True)
    studies.train(knowing, tmp_path, 1, 1)
    assert studies.judge(knowing, tmp_path)["auc"] != studies.judge(features, tmp_path)["auc"]


@pytest.mark.slow
def test_a_trial_between_planes_trains_on_the_one_and_is_judged_on_the_other(tmp_path):
    trial = Trial("traps", "axial to coronal", "tiny", phantom(3.0, 40), small("demo-3d", **TINY), "axial", "coronal")
    studies.train(trial, tmp_path, 1, 1)
    planes = studies.phantom_column(trial, "FLAIR_plane")
    folds = studies.begin(trial, tmp_path).folds.set_index("case")["fold"]
    assert set(planes[folds[folds == "0"].index]) == {"coronal"} and set(planes[folds[folds == "1"].index]) == {"axial"}
    assert studies.judge(trial, tmp_path)["cases"] == (folds == "0").sum()
