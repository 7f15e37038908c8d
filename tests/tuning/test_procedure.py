"""A tuned procedure is a run whose predictions each come from a recipe that was chosen without them."""

import json

import numpy as np
import pytest

from radiogen.core.errors import UserError
from radiogen.evaluation.audit.looks import judge_looks, record_looks
from radiogen.evaluation.report.assess import assess_run
from radiogen.evaluation.report.assessment_json import plain
from radiogen.evaluation.report.provenance import commands
from radiogen.evaluation.report.summary import tuning_sentence
from radiogen.inference.workflow import predict
from radiogen.runs.ledger.looks import read_looks
from radiogen.runs.predicted_run import open_predictions
from radiogen.runs.predictions import complete, read_predictions
from radiogen.training.execution.planning import begin_runs
from radiogen.training.forecast import Cost
from radiogen.training.recipe.options import TrainOptions
from radiogen.training.runs import open_run
from radiogen.tuning import cluster, forecast, procedure, recipe_learner
from radiogen.tuning.nested import Training, inner_split
from radiogen.tuning.recipe_learner import RecipeLearner
from radiogen.tuning.search import check_optuna
from radiogen.tuning.space import Choices

pytest.importorskip("optuna", reason='tuning needs Optuna: pip install "radiogen[tune]"')

SEARCHES = procedure.Searches(trials=3, inner_folds=2)
SPACE = {"network.width": Choices((4, 8, 12)), "optimisation.epochs": Choices((2, 4))}


def _pretend(runs):
    """Instead of `run_in_subprocess`: a wider network knows more of the label; `runs` gets what was trained."""
    def train(function, run, **names):
        runs.append(run)
        cases = run.folds[run.folds["fold"] == "0"].astype({"label": "Int64"})
        noise = np.random.default_rng([run.recipe.seed, run.recipe.network.width]).normal(size=len(cases))
        logits = noise + run.recipe.network.width / 4 * cases["label"].to_numpy(float)
        return complete(cases.assign(probability=1 / (1 + np.exp(-logits))))

    return train


def _begin(folder, data, recipe, cache):
    return procedure.begin_tuning(data, recipe, folder, cache, SPACE, SEARCHES, workers=1)


@pytest.fixture
def trained(monkeypatch):
    """The small runs that are trained from here on, in their order."""
    runs = []
    monkeypatch.setattr(recipe_learner, "run_in_subprocess", _pretend(runs))
    return runs


@pytest.fixture
def begun(tmp_path, small_data, small_recipe, small_cache):
    return _begin(tmp_path / "models" / "tuned", small_data, small_recipe, small_cache)


@pytest.fixture(scope="module")
def done(tmp_path_factory, small_data, small_recipe, small_cache):
    """A procedure that is tuned, for tests that change nothing of it, and the small runs that it trained."""
    runs, patch = [], pytest.MonkeyPatch()
    run = _begin(tmp_path_factory.mktemp("done") / "tuned", small_data, small_recipe, small_cache)
    patch.setattr(recipe_learner, "run_in_subprocess", _pretend(runs))
    procedure.finish(run, procedure.tune_here(run, SPACE, SEARCHES), SEARCHES)
    patch.undo()
    return run, runs


@pytest.fixture
def tuned(done):
    return open_predictions(done[0].folder.parent, "tuned")


def test_every_training_is_of_the_outer_folds_cases_alone_with_the_trials_recipe(done):
    begun, trained = done
    for run in trained:
        outer = run.folder.relative_to(begun.folder / "tuning").parts[0].removeprefix("outer-")
        away = set(begun.folds.loc[begun.folds["fold"].isin([outer, "holdout"]), "case"])
        inner = run.folder.name.startswith("inner")
        assert not set(run.folds["case"] if inner else run.folds.loc[run.folds["fold"] == "1", "case"]) & away
        assert run.recipe.replace(seed=42, width=4, epochs=4) == begun.recipe.replace(seed=42, width=4, epochs=4)
    assert {run.folder.name for run in trained} >= {"inner-0", "inner-1"}
    assert len({run.folder for run in trained}) == len(trained)


def test_each_trial_of_each_search_is_an_entry_of_the_ledger(tuned):
    looks = read_looks(tuned.folder.parent)
    trials = looks[looks["cohort"] == "tuning"]
    assert len(trials) == 9 and looks["intact"].all() and sorted(set(trials["cases"])) == [8, 16]
    assert trials.groupby("predictions_sha256")["kept"].first().notna().all()


def test_its_own_trials_are_no_looks_against_it(tuned):
    record_looks(tuned)
    assert judge_looks(tuned).sets[0].looks == 1


def test_the_judgement_holds_the_optimism_that_it_tells(tuned):
    assessed = assess_run(tuned)
    text, kept = tuning_sentence(assessed.tuning), plain(assessed.tuning)
    assert "a tuned procedure" in text and f"{kept['optimism']:+.3f}" in text
    assert kept["inner_auc"] - kept["auc"] == pytest.approx(kept["optimism"])
    command, = commands(assessed.provenance)
    assert "tune.py" in command and "--space" in command and "--trials 3 --inner-folds 2" in command


def test_a_search_that_is_run_again_trains_nothing_and_finds_the_same(done, trained):
    begun, _ = done
    before = read_predictions(begun.folder / "predictions.csv")
    procedure.finish(begun, procedure.tune_here(begun, SPACE, SEARCHES, parallel_folds=2), SEARCHES)
    assert read_predictions(begun.folder / "predictions.csv").equals(before) and trained == []
    assert procedure.trainings_left(begun, SEARCHES) == {"0": 0, "1": 0, "all": 0}


def test_searches_in_parallel_find_what_one_after_another_finds(done, begun, trained):
    run = done[0]
    procedure.finish(begun, procedure.tune_here(begun, SPACE, SEARCHES, parallel_folds=3), SEARCHES)
    assert (run.folder / "tuning.json").read_bytes() == (begun.folder / "tuning.json").read_bytes()


def test_a_search_that_fails_is_named_after_the_others(begun, monkeypatch):
    def fail(function, run, **names):
        raise UserError("fold 0", "the loss became NaN", "take a smaller learning rate")

    monkeypatch.setattr(recipe_learner, "run_in_subprocess", fail)
    with pytest.raises(UserError, match="3 of 3 searches failed: .*the loss became NaN"):
        procedure.tune_here(begun, SPACE, SEARCHES)


def test_arrays_of_other_settings_are_made_once(begun, trained, monkeypatch):
    made = []
    monkeypatch.setattr(recipe_learner, "preprocess", lambda data, recipes, cache, **more: made.append(recipes[0]))
    monkeypatch.setattr(recipe_learner, "cache_folder", lambda *words: begun.cache)
    learner = RecipeLearner(begun)
    inner = inner_split(begun.folds, "0", (42,), lambda cases, seed: cases.assign(fold=["0", "1"] * (len(cases) // 2)))
    for number, size in enumerate((8, 6, 6)):
        learner(Training({"data.size": size}, inner[inner["fold"] == "0"], inner[inner["fold"] == "1"],
                         ("outer-0", f"trial-{number}"), 1))
    assert [recipe.data.size for recipe in made] == [6]


def test_what_was_begun_otherwise_is_refused(begun, tmp_path, small_cache):
    def begin(**changes):
        return procedure.begin_tuning(begun.data, begun.recipe, begun.folder, small_cache, SPACE,
                                      procedure.Searches(**{"trials": 3, "inner_folds": 2, **changes}), workers=1)

    begin(trials=5)
    with pytest.raises(UserError, match="was begun with .*2, not 3"):
        begin(inner_folds=3)
    space = tmp_path / "space.json"
    space.write_text(json.dumps({"network.width": [4, 8]}), encoding="utf-8")
    with pytest.raises(UserError, match="was begun with another space"):
        procedure.find_space(begun.folder, space, begun.recipe)
    assert procedure.find_space(begun.folder, None, begun.recipe) == SPACE
    with pytest.raises(UserError, match="space"):
        procedure.find_space(tmp_path / "new", None, begun.recipe)


def test_a_run_that_is_trained_is_not_tuned_in_its_folder(begun, tmp_path, small_cache):
    folder = tmp_path / "models" / "trained"
    (folder / "fold-0").mkdir(parents=True)
    with pytest.raises(UserError, match="is a run that is not tuned"):
        procedure.begin_tuning(begun.data, begun.recipe, folder, small_cache, SPACE, SEARCHES, workers=1)


def test_neither_train_nor_predict_writes_into_it(begun):
    options = TrainOptions(settings=begun.recipe, data=begun.data, run="tuned", models=begun.folder.parent)
    with pytest.raises(UserError, match="is a tuned procedure"):
        begin_runs([options])
    with pytest.raises(UserError, match="is a tuned procedure"):
        predict(open_run(begun.folder))


def test_too_many_inner_folds_for_the_cases_are_refused_in_one_line(begun):
    with pytest.raises(UserError, match="inner"):
        procedure.tune_here(begun, SPACE, procedure.Searches(3, 9))


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"inner_folds": 1}])
def test_a_search_needs_a_trial_and_two_inner_folds(wrong):
    with pytest.raises(UserError, match="is too few"):
        procedure.check_searches(procedure.Searches(**wrong))


def test_without_optuna_one_line_names_the_extra(monkeypatch):
    monkeypatch.setattr("radiogen.tuning.search.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"radiogen\[tune\]"):
        check_optuna()


def test_a_worker_of_a_cluster_leaves_what_this_machine_then_reads(begun, done, trained):
    for fold in ("0", "1", "all"):
        cluster._search(json.loads(json.dumps(cluster._order(begun, fold, SEARCHES))))
    count = len(trained)
    procedure.finish(begun, procedure.tune_here(begun, SPACE, SEARCHES), SEARCHES)
    assert len(trained) == count
    assert (begun.folder / "tuning.json").read_bytes() == (done[0].folder / "tuning.json").read_bytes()


def test_the_forecast_counts_what_is_left_and_leaves_nothing(begun, trained, monkeypatch):
    measured = []
    monkeypatch.setattr(forecast, "forecast_run", lambda run, folds: measured.append(run) or Cost(10.0, 1, 1, 1))
    text = forecast.forecast_text(begun, SEARCHES)
    assert "3 searches of 3 trials in 2 inner folds" in text and "at most 20 trainings" in text
    # 16 cases in folds: 12 trainings on 4 of the 8 outside a fold, 6 on 8 of all, and 2 on 8: 112 cases at 8 for 10 s
    assert "10 s each" in text and text.endswith("2 min 20 s one after another")
    assert not measured[0].folder.exists() and (measured[0].folds["fold"] == "1").sum() == 8
    procedure.tune_here(begun, SPACE, SEARCHES)
    assert forecast.forecast_text(begun, SEARCHES) == "forecast: all searches are done"
    assert "at most 8 trainings" in forecast.forecast_text(begun, procedure.Searches(4, 2))
