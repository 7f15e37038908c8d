"""The benchmark of scale does each step on a few simulated cases, and says where something grows too fast."""

import json

import pytest

from benchmarks.robustness import scale
from benchmarks.robustness.inputs.run_tables import SEQUENCES, cache_folder, models_folder, write_run
from radiogen.evaluation.audit.near_pixels import ALL_PAIRS
from radiogen.runs.tables import read_arrays

CASES = 30


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale")
    write_run(folder, CASES)
    return folder


@pytest.fixture(autouse=True)
def all_pairs(monkeypatch):
    """What the benchmark changes is as it was afterwards."""
    monkeypatch.setattr("radiogen.evaluation.audit.near_pixels.ALL_PAIRS", ALL_PAIRS)


@pytest.mark.parametrize("step", ["ledger", "folds", "listed"])
def test_a_step_is_measured_in_a_process_that_did_the_fewest_cases_before(root, step, capsys):
    scale.probe(str(root), step, str(CASES), str(CASES))
    found = json.loads(capsys.readouterr().out)
    assert found["memory"] > 1e6
    assert found.get("seconds", 1) > 0
    assert 0.5 < found.get("listed", 1) <= 1


# a whole judgement with its page: two seconds of processor time
@pytest.mark.parametrize("step", ["page"])
def test_the_page_of_a_simulated_run_is_made(root, step):
    found = scale.STEPS[step][1](root, CASES)
    assert 50_000 < found["bytes"] < scale.MOST_PAGE


@pytest.mark.slow
@pytest.mark.parametrize("step", ["evaluate", "index"])
def test_the_other_steps_are_done(root, step):
    assert scale.STEPS[step][1](root, CASES)["seconds"] > 0


def test_the_same_number_of_cases_is_the_same_run_with_a_note_of_each_series(root, tmp_path):
    write_run(tmp_path, CASES)
    one, other = (read_arrays(models_folder(place, CASES) / "run") for place in (root, tmp_path))
    assert one["perceptual_hash"].tolist() == other["perceptual_hash"].tolist()
    assert one["perceptual_hash"].str[:64].nunique() > CASES / 2
    note = json.loads((cache_folder(root, CASES) / "00000.json").read_text())
    assert len(set(note["contents"].values())) == len(SEQUENCES)


def _found(seconds, memory=10 ** 8, size=10 ** 6):
    return [{"seconds": one, "memory": memory, "bytes": size} for one in seconds]


@pytest.mark.parametrize(("seconds", "memory", "size", "good"), [
    ((1, 10, 100), 10 ** 8, 10 ** 6, True), ((1, 20, 400), 10 ** 8, 10 ** 6, False),
    ((1, 10, 100), 4 * 2 ** 30, 10 ** 6, False), ((1, 10, 100), 10 ** 8, 10 ** 7 + 1, False)])
def test_what_grows_faster_than_the_cases_or_takes_too_much_does_not_pass(seconds, memory, size, good):
    rows, passed = scale.table_rows("page", (10, 100, 1000), _found(seconds, memory, size))
    assert passed is good
    slope = 1.0 if seconds[1] == 10 else 1.3
    assert rows[0] == f"| page, s | {' | '.join(f'{one:.2f}' for one in seconds)} | {slope:.2f} |"
    assert len(rows) == 3


def test_a_shortlist_that_misses_much_does_not_pass():
    rows, passed = scale.table_rows("listed", (585, 5850, 58500), [{"listed": 1.0}, {"listed": 0.85}])
    assert rows == ["| likely pairs of thumbnails that are listed | 100.0% | 85.0% |  |  |"]
    assert not passed
