"""Fault injection finds what it looks for: half files, leftovers, other bytes; its short form holds for the package."""

import json
import signal
import sys

import h5py
import numpy as np
import pytest

from benchmarks.robustness import commands, kills, long_runs, scaling, stages, states, surroundings
from benchmarks.robustness.outcome import Outcome, outcomes_text
from radiogen.core import files

WRITER = """
import sys, time
from pathlib import Path
place = Path(sys.argv[1])
for number in range(40):
    {write}
    time.sleep(0.01)
"""
WHOLE = "from radiogen.core import files; files.write_text(place / f'{number}.csv', 'a,b\\n' + '1,2\\n' * 1000)"
HALVES = ("file = (place / f'{number}.csv').open('w'); file.write('a,b\\n1,2'); file.flush(); time.sleep(0.2); "
          "file.write('\\n'); file.close()")


def _stage(tmp_path, write):
    """A stage that writes forty tables, with `write`."""
    (tmp_path / "work").mkdir()
    words = [sys.executable, "-c", WRITER.format(write=write), "."]
    return stages.make_stage("writer", words, tmp_path / "work", tmp_path / "before")


def _kill(stage, tmp_path, count=4):
    return kills.kill_stage(stage, count, np.random.default_rng(3), tmp_path / "trials")


def test_kills_of_a_writer_that_renames_leave_nothing_half_done(tmp_path):
    found = _kill(_stage(tmp_path, WHOLE), tmp_path)
    assert len(found) == 4 and all(one.passed for one in found), found


@pytest.mark.slow
def test_kills_of_a_writer_that_does_not_rename_are_seen(tmp_path):
    found = _kill(_stage(tmp_path, HALVES), tmp_path, 6)
    assert any("cannot be read" in one.note or "neither the old file" in one.note for one in found), found


def test_a_half_table_a_half_network_and_a_strange_table_are_no_final_files(tmp_path):
    before = {"old.csv": "", "kept.csv": states.hashlib.sha256(b"a\n1\n").hexdigest()}
    (tmp_path / "kept.csv").write_bytes(b"a\n1\n")
    (tmp_path / "new.csv").write_bytes(b"a\n1")
    (tmp_path / "old.csv").write_bytes(b"a\n1\n")
    (tmp_path / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / ".x.csv.part").write_bytes(b"a")
    found = states.half_files(tmp_path, before, {})
    assert [line.split()[0] for line in found] == ["net.h5", "new.csv", "old.csv"]


def test_a_ledger_may_hold_the_first_runs_and_the_part_of_an_entry_after_a_kill_but_no_other_cut_line(tmp_path):
    for content in ('{"run": "one"}\n', '{"run": "one"}\n{"prev', '{"run": "one"}\n{"previous_sha256":"a"}', '{'):
        (tmp_path / "ledger.jsonl").write_text(content)
        assert states.half_files(tmp_path, {}, {}) == []
    (tmp_path / "ledger.jsonl").write_text('{"run": "one"}\n{"run": ')
    assert [line.split()[0] for line in states.half_files(tmp_path, {}, {})] == ["ledger.jsonl"]


def test_networks_are_compared_by_their_weights_and_tables_without_their_times(tmp_path):
    for folder, seconds, weight in (("one", 1.0, 3), ("two", 2.0, 3), ("three", 1.0, 4)):
        (tmp_path / folder).mkdir()
        files.write_json(tmp_path / folder / "timings.json", {"seconds_an_epoch": [seconds], "parameters": 7})
        with h5py.File(tmp_path / folder / "model.weights.h5", "w", libver="latest" if seconds > 1 else None) as file:
            file["layer/0"] = np.full(5, weight, np.float32)
    one, two, three = (states.state_of(tmp_path / folder) for folder in ("one", "two", "three"))
    assert states.differences(one, two) == []
    assert states.differences(one, three) == ["model.weights.h5 differs"]


def test_an_assessment_that_was_made_again_is_the_same_but_for_when_and_how_often_it_was_scored(tmp_path):
    for folder, scored, auc in (("one", 1, 0.7), ("two", 3, 0.7), ("three", 1, 0.8)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "assessment.json").write_text(
            f'{{"looks": {{\n "looks": 1,\n "scored": {scored},\n "first": "2026-01-0{scored} 10:00:00"}}, '
            f'"auc": {auc}}}\n')
    one, two, three = (states.state_of(tmp_path / folder) for folder in ("one", "two", "three"))
    assert states.differences(one, two) == []
    assert states.differences(one, three) == ["assessment.json differs"]


def test_leftovers_and_missing_files_are_differences():
    assert states.differences({"a": "1"}, {"b": "1"}) == ["a is missing", "b is left over"]


def test_a_signal_falls_on_the_temporary_file_that_was_asked_for(tmp_path):
    stage = _stage(tmp_path, WHOLE)
    trial = stages.copy_folder(stage.folder, tmp_path / "trial")
    end = commands.run_command(stage.command, trial, commands.Moment(part=5))
    assert end.code == -signal.SIGKILL
    assert 2 <= len(list(trial.glob("*.csv"))) < 40


def test_processes_that_outlive_their_command_are_counted_and_ended(tmp_path):
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    end = commands.run_command([sys.executable, "-c", code], tmp_path)
    assert commands.outlived(end.session, 0.1) == 1
    assert commands.outlived(end.session, 5) == 0


def test_the_exponent_of_a_line_is_one_and_of_a_constant_nothing():
    assert scaling.exponent((10, 40, 160), (2.0, 8.0, 32.0)) == pytest.approx(1)
    assert scaling.exponent((10, 40, 160), (5.0, 5.0, 5.0)) == pytest.approx(0)


@pytest.mark.parametrize(("message", "code", "faults"), [
    ("error: models/one: cannot be written; free space", 2, 0),
    ("error: models/one: cannot be written; free space", 1, 1),
    ("Traceback\nOSError: 28", 1, 3),
    ("error: something", 2, 1),
])
def test_a_failure_has_to_be_reported_in_one_line_with_a_name_and_a_remedy(message, code, faults):
    end = commands.End(code, 1.0, 0.0, 0, message, 0)
    assert len(surroundings.error_faults(end)) == faults


def test_the_table_counts_what_was_tried_and_shows_what_failed():
    table = outcomes_text([
        Outcome("kills", "a", True), Outcome("kills", "b", False, "x | y"), Outcome("disks", "c", None, "no mount")])
    assert table.splitlines()[2:] == ["| kills | 2 | 1 | b: x / y |", "| disks | 0 | 0 | not tried: c (no mount) |"]


@pytest.fixture(scope="module")
def preprocess(tmp_path_factory):
    """The arrays of six small cases, as a stage."""
    folder = tmp_path_factory.mktemp("robustness")
    data = stages.make_phantom(folder / "phantom", 6, 2)
    (folder / "work" / "input").mkdir(parents=True)
    (folder / "work" / "input" / "phantom").symlink_to(data)
    words = commands.script("preprocess", "--data", "input/phantom", *stages.RECIPE, "--workers", "2")
    return stages.make_stage("preprocess", words, folder / "work", folder / "before")


@pytest.mark.slow
def test_a_killed_preprocess_resumes_and_two_at_once_do_not_meet(preprocess, tmp_path):
    """The short form of the kills; those of training are in tests/training/test_kills.py."""
    found = _kill(preprocess, tmp_path, 3)
    found.append(kills.start_twice(preprocess, np.random.default_rng(1), tmp_path / "trials"))
    assert all(one.passed for one in found), found


@pytest.mark.slow
def test_full_disks_missing_permissions_and_signals_give_one_line_and_lose_nothing(preprocess, tmp_path):
    only, random = {"preprocess": preprocess}, np.random.default_rng(2)
    found = [*surroundings.full_disks(only, random, tmp_path), *surroundings.interrupted(only, random, 2, tmp_path)]
    trial = stages.copy_folder(preprocess.folder, tmp_path / "no permission")
    (trial / "input" / "cache").mkdir()
    found += surroundings.unwritable(preprocess, trial, "input/cache")
    found.append(surroundings.unreadable_images(preprocess, tmp_path / "images"))
    assert len(found) == 5 and all(one.passed is not False for one in found), found


@pytest.mark.slow
def test_a_download_that_is_killed_stopped_or_without_room_resumes(tmp_path):
    random = np.random.default_rng(4)
    with stages.offered(random, tmp_path / "download") as (_, download):
        found = [*_kill(download, tmp_path, 2), *surroundings.full_disks({"": download}, random, tmp_path),
                 *surroundings.interrupted({"": download}, random, 2, tmp_path)]
    assert len(found) == 5 and all(one.passed is not False for one in found), found


def test_a_clock_that_jumps_jumps_in_every_process_that_finds_it(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(surroundings.JUMPS)
    code = "import time; times = [time.time() for _ in range(12)]; print(max(times) - min(times) > 86_400 * 900)"
    end = commands.run_command([sys.executable, "-c", code], tmp_path, environment={"PYTHONPATH": str(tmp_path)})
    assert end.output.strip() == "True"


@pytest.mark.slow
def test_a_fold_that_is_killed_is_named_and_the_others_finish(tmp_path):
    stages.make_phantom(tmp_path / stages.DATA, 20, 2)
    found = long_runs.dying_fold(tmp_path, np.random.default_rng(1), 1)
    assert found.passed, found


@pytest.mark.slow
def test_memory_does_not_grow_with_the_cases(tmp_path):
    found = [one for one in scaling.run(1, 0.1, tmp_path) if one.what.startswith("memory")]
    assert len(found) == 4 and all(one.passed for one in found), found


@pytest.mark.parametrize("name", sorted(states.DATED))
def test_when_the_holdout_was_scored_first_is_not_compared_and_the_rest_is(tmp_path, name):
    found = []
    for number, (day, rest) in enumerate(((1, "yes"), (2, "yes"), (1, "no"))):
        date = f"2026-11-0{day} 12:00:00"
        content = (f'{{"values": ["{date}"], "text": "{rest}"}}' if name.endswith(".json")
                   else f'text\n"alarm 0, scored once by this run, on {date}, {rest}"\n')
        files.write_text(tmp_path / str(number) / name, content)
        found.append(states.state_of(tmp_path / str(number)))
    assert found[0] == found[1] != found[2]


def test_a_look_that_is_repeated_after_a_kill_is_no_difference_and_another_one_is(tmp_path):
    for folder, aucs in (("one", ("0.5",)), ("two", ("0.5", "0.5")), ("three", ("0.5", "0.6"))):
        (tmp_path / folder).mkdir()
        lines = [json.dumps({"previous_sha256": f"{number}{folder}", "date": folder, "run": "a", "auc": auc})
                 for number, auc in enumerate(aucs)]
        (tmp_path / folder / "ledger.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")
    one, two, three = (states.state_of(tmp_path / folder) for folder in ("one", "two", "three"))
    assert states.differences(one, two) == [] and states.differences(one, three) == ["ledger.jsonl differs"]
