"""What the searches found is kept as files: optimism, stability, and a recipe that trains as it was chosen."""

import json

import pytest

from radiogen.core.errors import UserError
from radiogen.runs.predictions import read_predictions
from radiogen.runs.tuned.tuning import read_tuning, refuse_tuned
from radiogen.task import RSNA_MICCAI, write_task
from radiogen.training.recipe.recipes import DEMO_3D, find_recipe
from radiogen.training.runs import Run
from radiogen.tuning.nested import ALL, Found, outer_folds, search_fold
from radiogen.tuning.record import recipe_source, summarise, tuning_lines, write_found
from radiogen.tuning.search import Trial
from tests.tuning.toy import Learner, inner_halves, made_cases, made_plan

pytest.importorskip("optuna", reason='tuning needs Optuna: pip install "radiogen[tune]"')


def _found(fold, width, score, labels=(0, 1), pruned=2):
    import pandas as pd

    trials = (Trial(0, {"network.width": width}, (score,), False), *(
        Trial(number + 1, {"network.width": 4}, (0.1,), True) for number in range(pruned)))
    scored = pd.DataFrame({"case": [f"{fold}0", f"{fold}1"], "label": labels, "fold": fold, "probability": [0.2, 0.7]})
    return Found(fold, 10, trials, trials[0], None if fold == ALL else scored)


FOUND = [_found("0", 8, 0.9), _found("1", 8, 0.7), _found("2", 16, 0.8, labels=(1, 0)), _found(ALL, 8, 0.75)]


def test_optimism_is_the_mean_of_the_inner_folds_less_that_of_the_outer_ones():
    tuning = summarise("demo-3d", FOUND, 3, 2)
    assert [one.auc for one in tuning.folds] == [1.0, 1.0, 0.0]
    assert tuning.inner_auc == pytest.approx(0.8) and tuning.auc == pytest.approx(2 / 3)
    assert tuning.optimism == pytest.approx(0.8 - 2 / 3)
    assert [(one.complete, one.pruned) for one in tuning.folds] == [(1, 2)] * 3


def test_how_often_each_value_was_chosen_does_not_count_the_last_search():
    assert summarise("demo-3d", FOUND, 3, 2).chosen == {"network.width": {"8": 2, "16": 1}}


def test_lines_and_report_say_in_how_many_folds_the_recipe_itself_was_kept():
    from dataclasses import replace

    from radiogen.evaluation.report.summary import tuning_sentence

    ahead = Trial(9, {"network.width": 32}, (0.95,), False)
    found = [replace(one, trials=(*one.trials, ahead)) if one.fold in "02" else one for one in FOUND]
    tuning = summarise("demo-3d", found, 3, 2)
    assert tuning.kept_itself == 2 and [one.highest_auc for one in tuning.folds] == [0.95, 0.7, 0.95]
    assert any("in 2 of 3 folds the recipe itself was kept" in line for line in tuning_lines(tuning))
    assert "In 2 of 3 folds the recipe itself was kept" in tuning_sentence(tuning)
    none = summarise("demo-3d", FOUND, 3, 2)
    assert not any("kept" in line for line in [*tuning_lines(none), tuning_sentence(none)])


def test_the_lines_say_both_scores_of_each_fold_and_what_is_trained_in_the_end():
    lines = tuning_lines(summarise("demo-3d", FOUND, 3, 2))
    assert "inner folds 0.900, fold 0 1.000" in lines[0] and "optimism +0.133" in lines[-2]
    assert lines[-1].startswith("to train in the end") and "width 8" in lines[-1] and len(lines) == 5


@pytest.mark.parametrize("recipe", [DEMO_3D, DEMO_3D.replace(flips=(), crop_edge_mm=72.0, region="tumour")])
def test_the_source_that_is_written_is_the_recipe(recipe):
    names = {}
    exec(recipe_source(recipe), names)  # noqa: S102
    assert names["RECIPE"] == recipe and names["RECIPE"].description == recipe.description


@pytest.fixture
def written(tmp_path):
    """A run of the toy learner, whose parameters stand for two fields of a recipe."""
    cases, features = made_cases()
    folder = tmp_path / "models" / "tuned"
    folder.mkdir(parents=True)
    write_task(folder, RSNA_MICCAI)
    run = Run(folder, DEMO_3D, tmp_path / "data", tmp_path / "cache", cases)
    plan, toy = made_plan(trials=3), Learner(features)

    def learner(training):
        return toy(training)

    found = [search_fold(cases, outer, plan, learner, inner_halves) for outer in outer_folds(cases)]
    named = [Found(one.fold, one.cases, tuple(_as_recipe(trial) for trial in one.trials), _as_recipe(one.chosen),
                   one.scored) for one in found]
    return run, write_found(run, named, 3, 2)


def _as_recipe(trial):
    return Trial(trial.number, {"network.width": trial.parameters["column"] + 4}, trial.scores, trial.pruned)


def test_every_case_in_folds_is_predicted_by_its_outer_fold_and_the_holdout_is_left(written):
    run, _ = written
    table = read_predictions(run.folder / "predictions.csv").set_index("case")
    inside = run.folds[run.folds["fold"] != "holdout"].set_index("case")
    assert table["fold"].to_dict() == inside["fold"].to_dict()


def test_what_was_found_is_read_as_it_was_written(written):
    run, tuning = written
    assert read_tuning(run.folder) == tuning
    (run.folder / "tuning.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"tuning\.json"):
        read_tuning(run.folder)


def test_the_recipe_of_the_last_search_can_be_named_by_its_file(written):
    run, tuning = written
    recipe = find_recipe(str(run.folder / "tuned_recipe.json"))
    assert recipe.network.width == tuning.last.parameters["network.width"]
    assert recipe == DEMO_3D.replace(width=recipe.network.width) and "optimistic" in recipe.description


def test_a_tuned_procedure_is_neither_trained_nor_predicted_in_its_own_folder(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"tuning": {"trials": 3}}), encoding="utf-8")
    with pytest.raises(UserError, match=r"another run.*tuned_recipe\.json"):
        refuse_tuned(tmp_path)
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    refuse_tuned(tmp_path)
