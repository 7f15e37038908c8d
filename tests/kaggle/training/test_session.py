"""A session restores what earlier ones left, stops its step before the limit, and leaves its reason, never an error."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from radiogen.core import files
from radiogen.core.errors import UserError
from radiogen.kaggle.kernels.session import MANIFEST
from radiogen.kaggle.mounts import mounted_competition
from radiogen.kaggle.training import session
from radiogen.kaggle.training.packs import pack, unpack
from radiogen.kaggle.training.session import Order, run_session
from radiogen.training.recipe.recipe import as_dict

from ..small_run import RECIPE, write_paper_run

SLUG = "made-up-competition"
RECIPES = {"run": as_dict(RECIPE)}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Kaggle's folders; the competition is mounted, no driver is there, and a step does nothing."""
    (tmp_path / "input" / "competitions" / SLUG / "test").mkdir(parents=True)
    for name in ("working", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(session, "_run_step", lambda words, home, end: session._Outcome(True))
    return tmp_path


def _run(place, number=1, kind="arrays", seconds=9 * 3600):
    bundle = files.write_json(place / "bundle" / MANIFEST, {"runs": {}}).parent
    order = Order(number, kind, RECIPES, SLUG, time.monotonic() + seconds, bundle)
    return files.read_json(run_session(order, place / "input", place / "working", place / "home"))


def _leave(place, where, number, *, models=None, arrays=None):
    """The output of session `number`, mounted at `where` below input/."""
    folder, packs = place / "input" / where, {}
    for name, source in (("models.pack", models), ("arrays.pack", arrays)):
        if source is not None:
            packs[name] = pack(source, folder / name)
    files.write_json(folder / "radiogen-session.json", {"number": number, "packs": packs})
    return folder


@pytest.mark.parametrize("where", [SLUG, f"competitions/{SLUG}"])
def test_the_competition_is_found_in_both_ways_in_which_kaggle_mounts_it(tmp_path, where):
    (tmp_path / where / "test").mkdir(parents=True)
    assert mounted_competition(tmp_path, SLUG) == tmp_path / where
    with pytest.raises(UserError, match="has no other/test; add the competition"):
        mounted_competition(tmp_path, "other")


@pytest.mark.parametrize("where", ["{slug}", "notebooks/somebody/{slug}"])
def test_the_newest_models_and_arrays_are_restored_wherever_outputs_are_mounted(place, where):
    write_paper_run(place / "old" / "run")
    write_paper_run(place / "new" / "run")
    (place / "new" / "run" / "fold-1" / "history.csv").write_text("epoch,loss\n1,0.5\n")
    files.write_text(place / "cache" / "data-0" / "cubes-1" / "index.csv", "case\n")
    _leave(place, where.format(slug="train-1"), 1, models=place / "old", arrays=place / "cache")
    _leave(place, where.format(slug="train-2"), 2, models=place / "new")
    _leave(place, where.format(slug="train-9"), 9, models=place / "old")
    record = _run(place, number=3, kind="train")
    assert (place / "home" / "models" / "run" / "fold-1" / "history.csv").is_file()
    assert (place / "home" / "input" / "cache" / "data-0" / "cubes-1" / "index.csv").read_text() == "case\n"
    assert record["done"] and record["reason"] == "" and list(record["packs"]) == ["models.pack"]
    unpack(place / "working" / "models.pack", place / "again")
    assert record["packs"]["models.pack"]["sha256"] == files.sha256(place / "working" / "models.pack")
    assert (place / "again" / "run" / "fold-1" / "history.csv").is_file()


def test_output_that_is_not_what_the_last_session_wrote_is_not_trained_on(place):
    write_paper_run(place / "old" / "run")
    folder = _leave(place, "train-1", 1, models=place / "old", arrays=place / "old")
    (folder / "arrays.pack").write_bytes(b"damaged")
    record = _run(place, number=2, kind="train")
    assert not record["done"] and "arrays.pack: is missing or is not the file" in record["reason"]


def test_a_training_session_without_an_earlier_one_says_what_is_missing(place):
    record = _run(place, number=2, kind="train")
    assert not record["done"] and "has no models.pack of an earlier session" in record["reason"]


def test_a_session_in_which_no_epoch_ended_is_a_failure_and_not_another_session(place, monkeypatch):
    for name in ("models", "arrays"):
        write_paper_run(place / name / "run")
    for path in (place / "models").rglob("*.h5"):
        path.unlink()
    _leave(place, "train-1", 1, models=place / "models", arrays=place / "arrays")
    monkeypatch.setattr(session, "_run_step", lambda words, home, end: session._Outcome(False))
    assert "no fold has finished an epoch" in _run(place, number=2, kind="train")["reason"]


def test_a_session_that_made_no_array_is_a_failure_and_one_that_made_some_goes_on(place, monkeypatch):
    monkeypatch.setattr(session, "_run_step", lambda words, home, end: session._Outcome(False))
    assert "no array was made" in _run(place)["reason"]

    def make_one(words, home, end):
        files.write_bytes(home / "input" / "cache" / "data-0" / "cubes-1" / "00001.npy", b"array")
        return session._Outcome(False)

    monkeypatch.setattr(session, "_run_step", make_one)
    record = _run(place)
    assert record["reason"] == "" and not record["done"] and "arrays.pack" in record["packs"]


def test_the_steps_reason_and_the_folds_are_in_the_record(place, monkeypatch):
    for name in ("models", "arrays"):
        write_paper_run(place / name / "run")
    _leave(place, "train-1", 1, models=place / "models", arrays=place / "arrays")
    monkeypatch.setattr(session, "_run_step", lambda words, home, end: session._Outcome(False, "1 of 2 folds failed"))
    record = _run(place, number=2, kind="train")
    assert record["reason"] == "1 of 2 folds failed"
    assert record["folds"] == {"run": {"trained": ["0", "1"], "left": []}}


def _step(tmp_path, monkeypatch, program, end):
    """`_run_step` with a program in place of the step."""
    class Python:
        executable = str(files.write_text(tmp_path / "step", f"#!{sys.executable}\n{program}\n"))

    (tmp_path / "step").chmod(0o755)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(session, "sys", Python)
    return session._run_step(["train"], tmp_path, end)


def test_a_step_is_interrupted_at_the_limit_and_nothing_of_it_is_left(tmp_path, monkeypatch):
    program = ("import os, signal, subprocess, time\n"
               "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a test in the background ignores it
               "child = subprocess.Popen(['sleep', '60'])\n"
               f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n"
               "time.sleep(60)")
    outcome = _step(tmp_path, monkeypatch, program, _End(tmp_path / "child"))
    assert outcome == session._Outcome(False)
    child = (tmp_path / "child").read_text()
    until = time.monotonic() + 20
    while _status(child) and not any(line.startswith("State:\tZ") for line in _status(child)):
        assert time.monotonic() < until, "the step's own process is left"
        time.sleep(0.02)


def test_a_step_can_be_interrupted_where_the_notebook_ignores_interrupts(tmp_path):
    program = ("import signal, time\n"
               "from radiogen.kaggle.training import session_steps\n"
               "def wait(home, data):\n    print('ready', flush=True)\n    time.sleep(60)\n"
               "session_steps.STEPS['wait'] = wait\n"
               f"session_steps.main(['wait', {str(tmp_path)!r}, {str(tmp_path)!r}])")
    ignoring = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        step = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)
    finally:
        signal.signal(signal.SIGINT, ignoring)
    assert step.stdout.readline() == "ready\n"
    step.send_signal(signal.SIGINT)
    _, error = step.communicate()
    assert step.returncode and "KeyboardInterrupt" in error


class _End(float):
    """A limit that comes when the file is there: `end - time.monotonic()` waits for it, and is 0 then."""

    def __new__(cls, path):
        end = super().__new__(cls)
        end.path = path
        return end

    def __sub__(self, now):
        while not self.path.is_file() or not self.path.read_text():
            time.sleep(0.02)
        return 0.0


def _status(child):
    try:
        return Path(f"/proc/{child}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return []


@pytest.mark.parametrize(("program", "reason"), [
    ("import sys; sys.exit(3)", "train was ended with code 3"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9, most likely for memory"),
])
def test_a_step_that_died_says_how(tmp_path, monkeypatch, program, reason):
    outcome = _step(tmp_path, monkeypatch, program, time.monotonic() + 60)
    assert not outcome.finished and reason in outcome.reason
