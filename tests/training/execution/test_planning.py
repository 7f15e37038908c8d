"""What train.py is asked for becomes runs with names of their own; what does not go together is said first."""


import pytest

from radiogen.core.errors import UserError
from radiogen.training import runs, workflow
from radiogen.training.execution.devices import Devices
from radiogen.training.execution.planning import begin_runs, check_options, train_runs
from radiogen.training.recipe.options import TrainOptions
from radiogen.training.recipe.recipes import DEMO_2D, DEMO_3D


def test_several_recipes_and_seeds_are_runs_on_one_split(small_data, small_recipe, tmp_path, capsys):
    def options(name):
        return TrainOptions(small_recipe.replace(name=name), data=small_data, seeds=2, fold="1", workers=1,
                            models=tmp_path / "models", cache=tmp_path / "cache")

    begun = begin_runs([options("one"), options("two")])
    assert [run.folder.name for run, _ in begun] == ["small-one", "small-one-seed-43", "small-two", "small-two-seed-43"]
    assert all(folds == ["1"] for _, folds in begun)
    assert all(run.folds.equals(begun[0][0].folds) for run, _ in begun)
    assert [run.recipe.seed for run, _ in begun] == [42, 43, 42, 43]
    assert all((run.folder / "run.json").is_file() and not runs.trained_folds(run) for run, _ in begun)


@pytest.mark.parametrize(("changed", "said"), [
    ({"run": "mine"}, "names one run, and there are 2 recipes"),
    ({"scheduler": "tcp://a:1", "machines": 2}, "trains each fold on one worker, --machines one fold on all machines"),
    ({"machines": 2, "coordinator": "a:1"}, "needs Keras on JAX"),
    ({"devices": "tpu"}, "is not a choice of devices"),
])
def test_what_does_not_go_together_is_said_before_anything_is_made(changed, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        check_options([TrainOptions(recipe, **changed) for recipe in (DEMO_2D, DEMO_3D)])
    assert not list(tmp_path.iterdir())


def test_a_run_that_fails_does_not_keep_the_next_from_being_trained(small_data, small_recipe, tmp_path, monkeypatch,
                                                                    capsys):
    begun = begin_runs([TrainOptions(small_recipe, data=small_data, seeds=3, workers=1, run="night",
                                     models=tmp_path / "models", cache=tmp_path / "cache")])
    trained = []

    def train(run, *_, **__):
        if run.folder.name == "night":
            raise UserError(run.folder, "fold 1 failed: fold 1: was killed", "train.py --run night --fold 1")
        trained.append(run.folder.name)

    monkeypatch.setattr(workflow, "train", train)
    options = TrainOptions(small_recipe, data=small_data)
    with pytest.raises(UserError, match=r"night: 1 of 3 runs failed \(fold 1 failed: .*\); .*run the same command"):
        train_runs(begun, options, Devices())
    assert trained == ["night-seed-43", "night-seed-44"]
    assert "night: fold 1 failed: fold 1: was killed; train.py --run night --fold 1" in capsys.readouterr().out
