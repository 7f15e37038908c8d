"""The table of the leakage benchmark says what was caught, by which check, and what nobody can catch."""

import pickle

import numpy as np
import pytest

from benchmarks.leakage import fault_table
from benchmarks.leakage.faults import judge
from benchmarks.leakage.faults.catalogue import CLEAN, FAULTS
from benchmarks.leakage.faults.fault import By
from benchmarks.leakage.faults.judge import Result

PLANE = next(one for one in FAULTS if one.name == "labels tied to the plane")
UNSEEN = next(one for one in FAULTS if one.name == "labels swapped in 5 %")


def drawn(name: str, *caught: dict, green: bool = False) -> list[Result]:
    return [Result(name, number, 0.7, True, green, one) for number, one in enumerate(caught)]


def row(text: str, name: str) -> list[str]:
    return next([cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if f"| {name} |" in line)


def test_every_fault_has_a_name_of_its_own_and_a_check_or_a_reason():
    names = [one.name for one in (*CLEAN, *FAULTS)]
    assert len(set(names)) == len(names) and len(FAULTS) >= 22
    assert all(one.by or one.why_not for one in FAULTS)


def test_a_row_counts_what_was_caught_by_which_check_and_what_was_green():
    results = drawn(PLANE.name, {By.BASELINE: "said"}, {By.AUC: "alarm"}, {By.BASELINE: "said", By.AUC: "alarm"})
    cells = row(fault_table.results_text(results, FAULTS), PLANE.name)
    assert cells[3:5] == ["3 of 3", "2 of 3"] and cells[6] == "0 of 3"
    assert "image-free models 2" in cells[5] and "implausible AUC 2 (alarm)" in cells[5]


def test_what_no_table_can_show_is_named_with_its_reason():
    results = drawn(UNSEEN.name, {}, {}, green=True)
    assert row(fault_table.results_text(results, FAULTS), UNSEEN.name)[4] == "cannot be"
    assert "looks like a hard case" in fault_table.details_text(results, FAULTS)
    assert fault_table.failures(results, FAULTS) == []


def test_a_fault_that_its_check_misses_is_a_failure_only_where_the_verdict_is_green():
    assert fault_table.failures(drawn(PLANE.name, {By.AUC: "alarm"}), FAULTS) == []
    found, = fault_table.failures(drawn(PLANE.name, {}, green=True), FAULTS)
    assert found.startswith(f"{PLANE.name}: 1 draws are green")


def test_false_alarms_of_more_than_five_per_cent_are_a_failure_and_a_note_on_strangers_is_none():
    quiet, note, loud = {}, {By.STRANGERS: "note"}, {By.AUC: "alarm"}
    assert fault_table.failures(drawn(CLEAN[0].name, *[quiet] * 19, note), FAULTS) == []
    assert fault_table.failures(drawn(CLEAN[0].name, *[quiet] * 18, loud, loud), FAULTS)
    text = fault_table.clean_text(drawn(CLEAN[0].name, *[quiet] * 18, note, loud))
    assert "1 of 20 raise an alarm" in text and "(0.9% to 23.6%)" in text


def test_a_refused_run_has_no_auc():
    refused = [Result(PLANE.name, 0, np.nan, False, False, {By.NETWORKS: "refused"})]
    assert row(fault_table.results_text(refused, FAULTS), PLANE.name)[2] == "refused"


def test_results_of_a_draw_are_kept_and_only_missing_ones_are_judged(tmp_path, monkeypatch):
    judged = []

    def judge_draw(source, vendor, number, faults):
        judged.extend(one.name for one in faults)
        yield from (Result(one.name, number, 0.5, False, False) for one in faults)

    monkeypatch.setattr(judge, "judge_draw", judge_draw)
    monkeypatch.setattr(judge, "make_sources", lambda *_: (None, None))
    clean = [one.name for one in CLEAN]
    judge.draw_results(tmp_path, 160, [PLANE.name], 1, 0)
    found = judge.draw_results(tmp_path, 160, [PLANE.name, UNSEEN.name], 1, 0)
    assert judged == [*clean, PLANE.name, UNSEEN.name]
    assert [one.fault for one in found] == judged
    assert [one.fault for one in judge.draw_results(tmp_path, 160, [PLANE.name], 1, 1)] == clean


@pytest.mark.slow  # two whole assessments, with boosted trees on planes and sizes
def test_a_clean_run_is_green_and_raises_nothing_and_a_proxy_is_explained(tmp_path):
    from .faults.made_source import made_source

    source = made_source(tmp_path, 160)
    proxy = next(one for one in FAULTS if one.name == "age as the label's proxy")
    clean, tied = judge.judge_draw(source, source, 0, [CLEAN[0], proxy])
    assert clean.green and not clean.caught
    assert tied.better and not tied.green and By.PATIENT in tied.caught


def test_what_a_worker_gets_of_the_benchmark_can_be_sent_to_it():
    """A function of a file that is run is sent by value, and what it calls there has to be sendable, too."""
    assert judge.draw_results.__module__ == "benchmarks.leakage.faults.judge"
    assert pickle.loads(pickle.dumps(judge.make_sources)) is judge.make_sources
