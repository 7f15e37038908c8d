"""Weights are their fold's own: exchanged, changed or with other folds they are refused by whoever uses them."""

import json
import shutil

import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.core.files import LOCK
from radiogen.evaluation.audit.finding_text import sentence
from radiogen.evaluation.audit.leakage import review_networks
from radiogen.evaluation.ensembles import write_ensemble
from radiogen.evaluation.report.report import evaluate_runs
from radiogen.kaggle.kernels.bundle import check_runs
from radiogen.runs.fold_weights import check_run, check_weights, unrecorded, write_weights
from radiogen.runs.folds import read_folds
from radiogen.runs.layout import WEIGHTS, WEIGHTS_RECORD
from radiogen.runs.predictions import complete, write_predictions

from ..kaggle.small_run import TRAIN_CASES, write_paper_run


@pytest.fixture
def models(tmp_path):
    """Two predicted runs of two folds, `a` and `b`, whose weights are bytes."""
    for name in "ab":
        folder = write_paper_run(tmp_path / "models" / name)
        folds = read_folds(folder / "folds.csv")
        table = folds[["case", "fold"]].assign(label=folds["label"].astype("Int64"),
                                                    probability=[0.9, 0.2, 0.8, 0.4, 0.6, 0.3, 0.7, 0.1])
        write_predictions(folder / "predictions.csv", complete(table))
    assert len(TRAIN_CASES) == len(table)
    return tmp_path / "models"


def _exchange(run, *names):
    """Exchange files of these names between the folders of fold 0 and fold 1."""
    for name in names:
        first, second = run / "fold-0" / name, run / "fold-1" / name
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(kept)


USERS = {"evaluate": lambda models: evaluate_runs(models, ["a"]),
         "ensemble": lambda models: write_ensemble(models, ["a", "b"], "both"),
         "push_kernel": lambda models: check_runs(models, ["a"])}


@pytest.mark.parametrize("names", [(WEIGHTS,), (WEIGHTS, WEIGHTS_RECORD)], ids=["weights", "weights and records"])
@pytest.mark.parametrize("use", USERS.values(), ids=USERS)
def test_exchanged_weights_of_two_folds_are_refused_in_a_line_that_names_both(models, names, use):
    _exchange(models / "a", *names)
    before = {path for path in models.rglob("*") if path.name != LOCK}
    with pytest.raises(UserError, match=r"a/fold-0/model\.weights\.h5: is not the file that training of fold 0 wrote: "
                       r"it is that of fold 1; copy it back, or .* python scripts/train\.py --run a .*--fold 0"):
        use(models)
    assert {path for path in models.rglob("*") if path.name != LOCK} == before  # lock files stay


def test_an_ensemble_of_a_run_with_exchanged_weights_is_not_judged(models):
    write_ensemble(models, ["a", "b"], "both")
    _exchange(models / "b", WEIGHTS)
    with pytest.raises(UserError, match=r"b/fold-0/model\.weights\.h5: is not the file that training of fold 0 wrote"):
        evaluate_runs(models, ["both"])


def test_weights_of_the_same_fold_of_another_run_are_refused(models):
    (models / "b" / "fold-0" / WEIGHTS).write_bytes(b"of another training")
    with pytest.raises(UserError, match=r"b/fold-0/model\.weights\.h5: is not the file that training of fold 0 wrote;"):
        check_run(models / "b")


@pytest.mark.parametrize("table", ["folds.csv", "recipe.json"])
def test_a_fold_with_other_folds_or_another_recipe_than_it_was_trained_with_is_refused(models, table):
    content = (models / "a" / table).read_text()
    (models / "a" / table).write_text(content.replace("00000,1,0", "00000,1,1").replace('"epochs": 1', '"epochs": 2'))
    assert (models / "a" / table).read_text() != content
    with pytest.raises(UserError, match=f"{table}: is not the one that fold 0 was trained with"):
        check_weights(models / "a" / "fold-0")


@pytest.mark.parametrize("content", ["[]", "{", '{"fold": 0}'])
def test_a_damaged_record_is_named_and_never_taken_for_none(models, content):
    (models / "a" / "fold-0" / WEIGHTS_RECORD).write_text(content)
    with pytest.raises(UserError, match=r"fold-0/weights\.json: "):
        check_weights(models / "a" / "fold-0")


def test_weights_of_an_older_version_pass_and_are_named(models, capsys):
    (models / "a" / "fold-1" / WEIGHTS_RECORD).unlink()
    line = "a: weights of fold 1 were recorded without a hash"
    assert set(check_run(models / "a")) == {"0", "1"} and unrecorded(models / "a").startswith(line)
    finding, = review_networks(models / "a")
    assert finding.severity == "not checked" and sentence(finding).startswith(line)
    write_ensemble(models, ["a", "b"], "both")
    check_runs(models, ["a"])
    assert capsys.readouterr().out.count(f"warning: {line}") == 2
    assert line in " ".join(evaluate_runs(models, ["a"])[0].split())


def test_a_run_that_is_as_it_was_trained_passes_also_under_another_name(models):
    shutil.copytree(models / "a", models / "moved")
    assert [one.severity for one in review_networks(models / "moved")] == ["passed"]
    assert unrecorded(models / "moved") == ""


def test_a_kill_between_record_and_weights_leaves_an_untrained_fold(tmp_path):
    folder = tmp_path / "run" / "fold-0"

    def killed(path):
        path.write_bytes(b"weights")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_weights(folder, killed)
    assert not (folder / WEIGHTS).exists() and not check_run(tmp_path / "run")
    write_weights(folder, lambda path: path.write_bytes(b"weights"))
    assert json.loads((folder / WEIGHTS_RECORD).read_text())["sha256"] == files.sha256(folder / WEIGHTS)
