"""Ensembles: joined by case and fold whatever the order of rows; what does not fit together is refused with its ids."""

import json

import numpy as np
import pandas as pd
import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.evaluation import ensembles
from radiogen.evaluation.ensembles import (
    ensemble_name,
    join_elsewhere,
    mean_ensemble,
    rank_mean_ensemble,
    write_ensemble,
)
from radiogen.runs.folds import read_folds
from radiogen.runs.predictions import COLUMNS, complete, read_predictions, write_predictions


def _table(probabilities: list[float], folds: list[str] | None = None) -> pd.DataFrame:
    folds = folds or (["0", "0", "1", "1", "holdout", "test"] * 9)[: len(probabilities)]
    labels = [None if fold == "test" else number % 2 for number, fold in enumerate(folds)]
    return complete(pd.DataFrame({
        "case": [f"{number:05d}" for number in range(len(folds))], "fold": folds,
        "label": pd.array(labels, dtype="Int64"), "probability": probabilities}))


def _run(models, name, table, data="input/phantom"):
    write_predictions(models / name / "predictions.csv", table)
    (models / name / "run.json").write_text(json.dumps({"recipe": "demo-2d", "data": data}))


def test_the_mean_joins_by_id_and_not_by_row():
    first, second = _table([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), _table([0.3, 0.4, 0.5, 0.8, 0.9, 1.0])
    joined = mean_ensemble({"a": first, "b": second.sample(frac=1, random_state=1)})
    assert joined["probability"].tolist() == pytest.approx([0.2, 0.3, 0.4, 0.6, 0.7, 0.8])
    assert joined["predicted"].tolist() == [0, 0, 0, 1, 1, 1]
    assert list(joined.columns) == COLUMNS
    assert joined["fold"].tolist() == first["fold"].tolist()


def test_the_rank_mean_ranks_each_fold_for_itself_and_ignores_the_scale():
    tame = _table([0.40, 0.41, 0.42, 0.43], ["0", "0", "1", "1"])
    wild = _table([0.0001, 0.9, 0.02, 0.01], ["0", "0", "1", "1"])
    joined = rank_mean_ensemble({"tame": tame, "wild": wild})
    assert joined["probability"].tolist() == pytest.approx([0.25, 0.75, 0.5, 0.5])
    stretched = rank_mean_ensemble({"tame": tame, "wild": wild.assign(probability=wild["probability"] ** 3)})
    assert stretched["probability"].tolist() == joined["probability"].tolist()


def test_cases_that_one_run_lacks_are_named():
    whole = _table(list(np.linspace(0, 1, 12)))
    with pytest.raises(UserError, match="b: has no prediction for 00003, 00007, which a has"):
        mean_ensemble({"a": whole, "b": whole[~whole["case"].isin(["00003", "00007"])]})
    with pytest.raises(UserError, match="a: has no prediction for 00003, which b has"):
        mean_ensemble({"a": whole[whole["case"] != "00003"], "b": whole})
    with pytest.raises(UserError, match="00000, 00001, 00002, 00003, 00004 and 6 more"):
        mean_ensemble({"a": whole, "b": whole.iloc[11:]})


def test_a_doubled_case_is_named():
    whole = _table([0.1, 0.2, 0.3])
    with pytest.raises(UserError, match="b: has 00001 more than once"):
        mean_ensemble({"a": whole, "b": pd.concat([whole, whole.iloc[[1]]])})


def test_the_remedy_quotes_a_name_that_a_shell_would_take_apart():
    whole = _table([0.1, 0.2, 0.3])
    with pytest.raises(UserError, match="--run 'my run' --fold all, then python scripts/predict.py --run 'my run'"):
        mean_ensemble({"a": whole, "my run": whole.iloc[1:]})


def test_a_case_of_another_fold_or_label_is_named():
    first = _table([0.1, 0.2, 0.3])
    with pytest.raises(UserError, match="b: puts 00002 into another fold than a: 4, not 1"):
        mean_ensemble({"a": first, "b": first.assign(fold=["0", "0", "4"])})
    with pytest.raises(UserError, match="b: puts 00000 into another label than a: 1, not 0"):
        mean_ensemble({"a": first, "b": first.assign(label=pd.array([1, 1, 0], dtype="Int64"))})


def test_one_run_is_no_ensemble():
    with pytest.raises(UserError, match="needs two runs and was given 1"):
        mean_ensemble({"a": _table([0.1, 0.2])})


def test_an_ensemble_is_a_run_that_knows_its_members(tmp_path):
    _run(tmp_path, "a", _table([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]))
    _run(tmp_path, "b", _table([0.3, 0.4, 0.5, 0.8, 0.9, 1.0]))
    path = write_ensemble(tmp_path, ["a", "b"])
    assert path == tmp_path / "phantom-ensemble" / "predictions.csv"
    assert read_predictions(path)["probability"].tolist() == pytest.approx([0.2, 0.3, 0.4, 0.6, 0.7, 0.8])
    assert read_folds(path.with_name("folds.csv"))["fold"].tolist() == ["0", "0", "1", "1", "holdout"]
    kept = json.loads(path.with_name("run.json").read_text())
    assert (kept["members"], kept["method"], kept["data"]) == (["a", "b"], "mean", "input/phantom")
    before = path.read_bytes()
    assert write_ensemble(tmp_path, ["a", "b"]).read_bytes() == before


def test_an_ensemble_records_the_hash_of_the_predictions_that_it_joined(tmp_path, monkeypatch):
    for name in ("a", "b"):
        write_predictions(tmp_path / name / "predictions.csv", _table([0.1, 0.2, 0.3]))
    joined, check = files.sha256(tmp_path / "a" / "predictions.csv"), ensembles.check_run

    def predicted_meanwhile(folder):
        write_predictions(tmp_path / "a" / "predictions.csv", _table([0.7, 0.8, 0.9]))
        return check(folder)

    monkeypatch.setattr(ensembles, "check_run", predicted_meanwhile)
    path = write_ensemble(tmp_path, ["a", "b"], "both")
    assert read_predictions(path)["probability"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert files.read_json(path.with_name("run.json"))["predictions"]["a"] == joined


def test_a_trained_run_is_never_overwritten_by_an_ensemble(tmp_path):
    for name in "abc":
        _run(tmp_path, name, _table([0.1, 0.2, 0.3]))
    before = (tmp_path / "c" / "predictions.csv").read_bytes()
    with pytest.raises(UserError, match="is a trained run"):
        write_ensemble(tmp_path, ["a", "b"], "c")
    with pytest.raises(UserError, match="is one of the members"):
        write_ensemble(tmp_path, ["a", "b"], "b")
    assert (tmp_path / "c" / "predictions.csv").read_bytes() == before


def test_a_folder_that_is_no_ensemble_gets_none(tmp_path):
    for name in "ab":
        _run(tmp_path, name, _table([0.1, 0.2, 0.3]))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "weights.csv").write_text("mine")
    with pytest.raises(UserError, match="mine: holds files and is no ensemble; choose another --name"):
        write_ensemble(tmp_path, ["a", "b"], "mine")
    assert [(path.name, path.read_text()) for path in (tmp_path / "mine").iterdir()] == [("weights.csv", "mine")]


def test_runs_of_different_data_sets_are_not_joined_and_nothing_is_written(tmp_path):
    _run(tmp_path, "a", _table([0.1, 0.2, 0.3]))
    _run(tmp_path, "b", _table([0.1, 0.2, 0.3]), data="input/other")
    with pytest.raises(UserError, match="different data sets .a from input/phantom, b from input/other"):
        write_ensemble(tmp_path, ["a", "b"], "both")
    assert not (tmp_path / "both").exists()


def test_a_case_that_one_member_left_out_as_known_to_be_bad_is_joined_by_none(tmp_path):
    whole = _table([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    _run(tmp_path, "a", whole)
    _run(tmp_path, "b", whole[whole["case"] != "00003"])
    with pytest.raises(UserError, match="b: has no prediction for 00003"):
        write_ensemble(tmp_path, ["a", "b"])
    kept = tmp_path / "b" / "run.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "known_bad": ["00003"]}))
    joined = read_predictions(write_ensemble(tmp_path, ["a", "b"]))
    assert joined["case"].tolist() == ["00000", "00001", "00002", "00004", "00005"]


def test_runs_of_one_data_set_that_was_moved_meanwhile_are_joined(tmp_path):
    _run(tmp_path, "a", _table([0.1, 0.2, 0.3]))
    _run(tmp_path, "b", _table([0.1, 0.2, 0.3]), data="elsewhere/phantom")
    kept = tmp_path / "b" / "run.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "moved_from": ["input/phantom"]}))
    for members in (["a", "b"], ["b", "a"]):
        assert write_ensemble(tmp_path, members, "both").is_file()


def test_the_name_comes_from_the_data_set_where_a_member_knows_it(tmp_path):
    _run(tmp_path, "a", _table([0.1, 0.2]))
    assert ensemble_name(tmp_path, ["nobody", "a"]) == "phantom-ensemble"
    assert ensemble_name(tmp_path, ["nobody"]) == "ensemble"


@pytest.mark.parametrize("method", ["mean", "greedy", "stacking"])
def test_cases_of_another_cohort_are_joined_as_test_cases_whatever_their_ids_and_labels(tmp_path, method):
    random = np.random.default_rng(1)
    tables = {name: _table(list(random.uniform(size=54))) for name in ("a", "b")}
    for name, table in tables.items():
        _run(tmp_path, name, table)
    joined = read_predictions(write_ensemble(tmp_path, ["a", "b"], "both", method))
    tests = (joined["fold"] == "test").to_numpy()
    outside = {name: table.loc[tests, ["case", "label", "probability"]].assign(
        case=[f"{number:05d}" for number in range(tests.sum())], label=1) for name, table in tables.items()}
    found = join_elsewhere(tmp_path, "both", outside)
    assert found["probability"].to_numpy() == pytest.approx(joined["probability"][tests].to_numpy(), abs=1e-9)
    assert found["case"].tolist() == outside["a"]["case"].tolist() and (found["label"] == 1).all()
