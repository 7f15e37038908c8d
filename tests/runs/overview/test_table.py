"""The table of runs, and the fields in which two differ."""

from radiogen.runs.overview.state import run_states
from radiogen.runs.overview.table import HEADINGS, differences, epochs_text, table_rows

from .folders import judge, predict, write_run


def test_a_row_has_the_judgement_as_the_report_has_it(tmp_path):
    folder = write_run(tmp_path / "models")
    predict(folder)
    judge(folder, ["a"], "better")
    state, = run_states(tmp_path / "models")
    row = dict(zip(HEADINGS, table_rows([state], state.began + 7300)[0], strict=True))
    size = row.pop("size")
    assert row == {"run": "a", "recipe": "demo-3d", "data set": "data", "folds": "2/2", "epochs": "3",
                   "AUC (95 % interval)": "0.610 (0.405 to 0.780)", "verdict": "better", "age": "2 h", "wrong": "-"}
    assert size.endswith("bytes")


def test_epochs_of_an_unfinished_run_say_how_many_there_are_to_be(tmp_path):
    for name, folds, trained in (("one", {"fold-0": 3, "fold-1": 1}, ("fold-0",)), ("none", {}, ()),
                                 ("same", {"fold-0": 2, "fold-1": 2}, ())):
        write_run(tmp_path, name, folds, trained)
    assert {state.name: epochs_text(state) for state in run_states(tmp_path)} == {
        "one": "1 to 3/3", "none": "0/3", "same": "2/3"}


def test_two_runs_differ_in_the_fields_that_are_not_the_same_and_in_no_others(tmp_path):
    for name, rate in (("a", 0.1), ("b", 0.2), ("c", 0.1)):
        write_run(tmp_path, name, learning_rate=rate)
    states = {state.name: state for state in run_states(tmp_path)}
    assert differences(states["a"], states["b"]) == [["optimisation.learning_rate", "0.1", "0.2"]]
    assert differences(states["a"], states["c"]) == []
