"""The 20th look at the same patients is called so, the best of many looks at noise is an alarm, removals show."""

import json
import threading

import numpy as np
import pandas as pd
import pytest

from radiogen.evaluation.audit.finding_text import sentence
from radiogen.evaluation.audit.findings import Code
from radiogen.evaluation.audit.looks import judge_looks, record_looks, review_looks
from radiogen.evaluation.ensembles import write_ensemble
from radiogen.runs.ledger.looks import Look, append_look, read_looks
from radiogen.runs.predicted_run import PredictedRun
from radiogen.runs.predictions import complete, write_predictions

KEY = "0123456789ab"


def _run(models, name, seed=0, *, effect=0.0, cases=40, folds=("0", "1", "2", "3", "4"), key=KEY, members=(),
         **changed):
    """A run of noise, or of a signal, on the same patients whatever the seed."""
    labels = np.random.default_rng(5).permutation(np.arange(cases) % 2)
    logits = np.random.default_rng(seed).normal(size=cases) + effect * labels
    table = complete(pd.DataFrame({"case": [f"{number:05d}" for number in range(cases)],
                                   "fold": np.resize(list(folds), cases), "label": pd.array(labels, dtype="Int64"),
                                   "probability": 1 / (1 + np.exp(-logits)), **changed}))
    facts = {"members": list(members)} if members else {"recipe": "demo-3d", "data": "input/a",
                                                         "cache": f"input/cache/a-{key}/cube-1" if key else "cache"}
    (models / name).mkdir(exist_ok=True)
    write_predictions(models / name / "predictions.csv", table)
    (models / name / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    return PredictedRun(name, models / name, facts, table)


def _judged(run):
    found, = judge_looks(run).sets
    return found


def _codes(run):
    return [one.code for one in review_looks(judge_looks(run))]


def _recorded(models, count, **changes):
    runs = [_run(models, f"r{number}", seed=number, **changes) for number in range(count)]
    for run in runs:
        record_looks(run)
    return runs


def _auc(run):
    labels, values = run.predictions["label"].to_numpy(int), run.predictions["probability"].to_numpy()
    return np.mean(values[labels == 1][:, None] > values[labels == 0])


def test_the_first_look_passes_and_its_p_is_not_corrected(tmp_path):
    run = _run(tmp_path, "a", effect=2.0)
    assert _codes(run) == [Code.LOOKS_UNCHECKED]
    record_looks(run)
    found = _judged(run)
    assert (found.cohort, found.cases, found.number, found.looks, found.scored) == ("out-of-fold", 40, 1, 1, 1)
    assert found.p == found.p_best < 0.01 and _codes(run) == [Code.LOOKED_ONCE]


def test_the_twentieth_look_at_a_holdout_is_called_so_whichever_run_looked(tmp_path):
    last = _recorded(tmp_path, 20, folds=("holdout",))[-1]
    finding, = review_looks(judge_looks(last))
    assert "the 20th look of 20 at these 40 holdout patients" in sentence(finding)
    assert _judged(last).runs == 20


def test_the_best_of_twenty_runs_of_noise_is_an_alarm(tmp_path):
    runs = _recorded(tmp_path, 20)
    best = max(runs, key=_auc)
    found = _judged(best)
    assert found.p < 0.1 and found.p_best > 0.05 and found.best == pytest.approx(_auc(best), abs=1e-6)
    assert _codes(best) == [Code.LOOKS_BY_CHANCE]


def test_the_mean_of_the_best_five_of_twenty_runs_of_noise_is_an_alarm(tmp_path):
    chosen = sorted(_recorded(tmp_path, 20), key=_auc)[-5:]
    write_ensemble(tmp_path, [one.name for one in chosen], "joined")
    table = pd.concat([one.predictions["probability"] for one in chosen], axis=1).mean(axis=1)
    run = PredictedRun("joined", tmp_path / "joined", json.loads((tmp_path / "joined" / "run.json").read_text()),
                       complete(chosen[0].predictions.assign(probability=table)))
    found = _judged(run)
    assert found.looks == 21 and found.p < 0.05 and found.p_best > 0.05
    assert _codes(run) == [Code.LOOKS_BY_CHANCE]


def test_a_real_signal_stands_after_twenty_looks(tmp_path):
    _recorded(tmp_path, 19, cases=160)
    run = _run(tmp_path, "good", seed=99, effect=1.0, cases=160)
    record_looks(run)
    assert _judged(run).p_best < 0.01 and _codes(run) == [Code.LOOKED_BEFORE]


def test_the_same_predictions_are_the_same_look_and_others_a_new_one(tmp_path):
    run = _run(tmp_path, "a")
    record_looks(run)
    record_looks(PredictedRun("a", run.folder, run.facts, run.predictions[::-1]))
    assert (_judged(run).looks, _judged(run).scored) == (1, 2)
    again = _run(tmp_path, "a", seed=1)
    record_looks(again)
    assert (_judged(again).number, _judged(again).looks, _judged(run).number) == (2, 2, 1)


def test_leaving_a_few_cases_out_is_no_first_look(tmp_path):
    record_looks(_run(tmp_path, "a"))
    whole = _run(tmp_path, "b", seed=1)
    fewer = PredictedRun("b", whole.folder, whole.facts, whole.predictions[3:])
    record_looks(fewer)
    assert _judged(fewer).number == 2


def test_another_data_set_with_the_same_ids_has_looks_of_its_own(tmp_path):
    record_looks(_run(tmp_path, "a"))
    other = _run(tmp_path, "b", key="b" * 12, label=pd.array(np.arange(40) // 20, dtype="Int64"))
    record_looks(other)
    assert _judged(other).looks == 1


def test_touched_files_are_no_other_patients(tmp_path):
    record_looks(_run(tmp_path, "a"))
    touched = _run(tmp_path, "b", seed=1, key="c" * 12)
    record_looks(touched)
    assert _judged(touched).looks == 2


def test_an_entry_that_was_taken_out_is_an_alarm_wherever_it_stood(tmp_path):
    first, *_, last = _recorded(tmp_path, 4)
    ledger = tmp_path / "ledger.jsonl"
    lines = ledger.read_text().splitlines(True)
    ledger.write_text("".join(lines[:-1]))
    review = judge_looks(first)
    assert review.intact and review.missing == (last.name,) and Code.LOOKS_REMOVED in _codes(first)
    ledger.write_text("".join(lines[:1] + lines[2:]))
    assert Code.LEDGER_ALTERED in _codes(first) and judge_looks(first).missing == ("r1",)
    ledger.unlink()
    assert _codes(first) == [Code.LOOKS_REMOVED]


def test_a_run_that_was_judged_without_an_entry_is_not_checked(tmp_path):
    (_run(tmp_path, "old").folder / "fold_metrics.csv").write_text("fold\n", encoding="utf-8")
    run = _run(tmp_path, "new", seed=1)
    record_looks(run)
    assert _codes(run) == [Code.LOOKS_UNRECORDED, Code.LOOKED_ONCE]
    assert judge_looks(run).unrecorded == ("old",)


def test_looks_of_which_nobody_kept_the_predictions_count_in_full(tmp_path):
    runs = _recorded(tmp_path, 3)
    ledger = tmp_path / "ledger.jsonl"
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    ledger.write_text("".join(f"{json.dumps({k: v for k, v in one.items() if k != 'kept'})}\n" for one in lines))
    found = _judged(runs[0])
    assert found.looks == found.unkept == 3 and found.p_best == min(1.0, 4 * found.p)


def test_runs_that_are_judged_at_the_same_time_are_all_recorded(tmp_path):
    runs = [_run(tmp_path, f"r{number}", seed=number) for number in range(8)]
    threads = [threading.Thread(target=record_looks, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _judged(runs[0]).looks == 8 and judge_looks(runs[0]).intact


def test_a_ledger_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / ".ledger.jsonl.lock").mkdir()
    record_looks(_run(tmp_path, "a"))
    warning, = caplog.messages
    assert "is not recorded" in warning and read_looks(tmp_path).empty


def _trials(models, name, count, run, effect=0.0):
    """The trials of a search, which scored four of the five folds of the run's cases."""
    cases = run.predictions[run.predictions["fold"] != "4"]
    for number in range(count):
        logits = np.random.default_rng(1000 + number).normal(size=len(cases)) + effect * cases["label"].to_numpy(float)
        table = cases[["case", "fold", "label"]].assign(probability=1 / (1 + np.exp(-logits))).astype({"label": int})
        append_look(models, Look("2026-11-28 10:00:00", name, "tuning", "input/a", KEY, len(table), 1, f"l{number}",
                                 "r", "", "judged", "0.600000", "demo-3d", f"trial {number}"), table)


def test_a_recipe_that_was_chosen_by_thirty_trials_is_the_best_of_as_many_looks(tmp_path):
    run = _run(tmp_path, "final", effect=0.2)
    _trials(tmp_path, "tuned", 30, run)
    record_looks(run)
    found = _judged(run)
    assert (found.looks, found.trials, found.number, found.runs) == (31, 30, 31, 2)
    assert found.p_best == pytest.approx(min(1.0, 31 * found.p), rel=0.1)  # however alike they are


def test_the_trials_of_a_tuned_procedure_do_not_count_against_itself(tmp_path):
    run = _run(tmp_path, "tuned", effect=0.8)
    _trials(tmp_path, "tuned", 30, run)
    record_looks(run)
    found = _judged(run)
    assert found.looks == 1 and found.p_best == found.p


def test_a_trial_that_was_pruned_after_a_few_cases_is_a_look_at_the_same_data_set_alone(tmp_path):
    run = _run(tmp_path, "final")
    few = run.predictions[run.predictions["fold"] == "0"].iloc[:6]
    table = few[["case", "fold", "label", "probability"]].astype({"label": int})
    for key in (KEY, "ffffffffffff"):
        append_look(tmp_path, Look("2026-11-28 10:00:00", "tuned", "tuning", "input/a", key, 6, 3, "l", "r", "",
                                   "judged", "0.500000", "demo-3d", f"of {key}"), table)
    record_looks(run)
    assert _judged(run).looks == 2
