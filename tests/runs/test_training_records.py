"""A fold's history and timings: read as written; a fold that keeps none, or a damaged one, is no history."""

import pytest

from radiogen.core.errors import UserError
from radiogen.runs import layout
from radiogen.runs.training_records import epochs_of, read_histories, read_timings, write_history, write_timings


def _history(run, fold, epochs):
    return write_history(layout.fold_folder(run, fold), [{"epoch": number + 1, "loss": 0.5 / (number + 1)}
                                                         for number in range(epochs)])


def test_histories_come_by_fold_in_the_order_of_their_numbers(tmp_path):
    for fold, epochs in (("10", 3), ("2", 1), ("0", 2)):
        _history(tmp_path, fold, epochs)
    found = read_histories(tmp_path)
    assert list(found) == ["0", "2", "10"] and found["10"]["loss"].tolist() == [0.5, 0.25, 0.5 / 3]


@pytest.mark.parametrize("text", ["", "epoch,loss\n", "step,loss\n1,0.5\n", '"epoch,loss\n1,0.5\n'])
def test_a_fold_whose_history_is_empty_or_damaged_is_left_out_of_the_histories(tmp_path, text):
    _history(tmp_path, "1", 2)
    _history(tmp_path, "0", 1).write_text(text)
    assert list(read_histories(tmp_path)) == ["1"]


def test_timings_come_back_and_are_empty_where_there_are_none(tmp_path):
    assert read_timings(tmp_path) == {}
    write_timings(tmp_path, {"seconds_an_epoch": 0.25, "checkpoint_bytes": 7})
    assert read_timings(tmp_path) == {"seconds_an_epoch": 0.25, "checkpoint_bytes": 7}


def test_the_weights_of_a_fold_are_those_of_its_last_epoch_unless_one_was_chosen(tmp_path):
    folder = _history(tmp_path, "0", 5).parent
    assert epochs_of(folder) == 5
    write_timings(folder, {"chosen_epoch": 3})
    assert epochs_of(folder) == 3


@pytest.mark.parametrize("timings", [{}, {"seconds_an_epoch": 1.0}, {"chosen_epoch": None}])
def test_a_fold_that_says_nothing_of_its_epochs_has_none(tmp_path, timings):
    write_timings(tmp_path, timings)
    assert epochs_of(tmp_path) == 0


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "\xff"])
def test_damaged_timings_are_one_line_with_the_file(tmp_path, text):
    (tmp_path / layout.TIMINGS).write_bytes(text.encode("latin-1"))
    for read in (read_timings, epochs_of):
        with pytest.raises(UserError, match=r"timings\.json: .*; delete it"):
            read(tmp_path)


def test_a_damaged_history_is_one_line_for_whoever_counts_its_epochs(tmp_path):
    folder = _history(tmp_path, "0", 1).parent
    (folder / layout.HISTORY).write_text("")
    with pytest.raises(UserError, match=r"history\.csv: cannot be read as a table .*; train the fold again"):
        epochs_of(folder)
