"""Two set-ups at once in one clone, as `make demo` and `make test` in two terminals: the second waits for the first."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FAKE_PYTHON = """#!/bin/sh
# Python, but a virtual environment is this file again, uv works unless the file `broken` is there, and pip takes as
# long as the file `gate` is.
case "$1 $2" in
"-m venv") echo venv >> log; mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
"-m pip") echo pip >> log; [ -e .venv/.installing ] || echo destroyed >> log
    while [ -e gate ]; do sleep 0.02; done; [ -e .venv/bin/python ] || echo destroyed >> log;;
"-m uv") echo uv >> log; echo "$*" >> uv-calls; [ ! -e broken ];;
"-c "*) ;;
*) exec {python} "$@";;
esac
"""
WAITING = "another process is at the set-up: waiting for it to finish"


@pytest.fixture
def clone(tmp_path):
    """The files of a clone that the set-up reads, with a Python whose pip installs nothing."""
    if shutil.which("make") is None:
        pytest.skip("no make here")
    for name in ("Makefile", "requirements.lock", "requirements-test.lock", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    fake = tmp_path / "python"
    fake.write_text(FAKE_PYTHON.replace("{python}", sys.executable))
    fake.chmod(0o755)
    return tmp_path


@pytest.fixture
def start(clone):
    """Starts `make setup` in the clone, in a process group of its own; what still runs at the end is killed."""
    begun = []

    def _start(target="setup"):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        begun.append(subprocess.Popen(["make", target, f"PYTHON={clone / 'python'}"], cwd=clone, env=environment,
                                      text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      start_new_session=True))
        return begun[-1]

    yield _start
    (clone / "gate").unlink(missing_ok=True)
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _log(clone):
    path = clone / "log"
    return path.read_text().split() if path.exists() else []


def _until_pip_runs(clone, count=1):
    end = time.monotonic() + 60
    while _log(clone).count("pip") < count:
        assert time.monotonic() < end, "pip never began"
        time.sleep(0.02)


def _ended(process):
    text = process.communicate(timeout=60)[0]
    assert process.returncode == 0, text
    return text


def test_of_two_set_ups_at_once_the_second_waits_and_finds_it_done(clone, start):
    (clone / "gate").touch()
    first = start()
    _until_pip_runs(clone)
    second = start()
    assert second.stdout.readline().strip() == WAITING
    (clone / "gate").unlink()
    _ended(first)
    assert "pip" not in _ended(second)
    assert _log(clone) == ["venv", "pip", "uv", "pip"]


def test_pip_installs_the_packages_where_uv_cannot_and_a_line_says_so(clone, start):
    (clone / "broken").touch()
    assert "uv could not install the packages (above); pip tries now" in _ended(start())
    assert _log(clone) == ["venv", "pip", "uv", "pip", "pip"]


def test_a_set_up_that_is_ready_is_not_made_again(clone, start):
    _ended(start())
    made = _log(clone)
    text = _ended(start())
    assert _log(clone) == made
    assert "waiting" not in text and "locked" not in text


def test_the_tests_set_up_adds_to_the_jobs_and_leaves_nothing_for_it_to_do(clone, start):
    _ended(start())
    _ended(start("test-setup"))
    made = _log(clone)
    assert made == ["venv", "pip", "uv", "pip", "pip", "uv", "pip"]
    _ended(start())
    assert _log(clone) == made
    calls = (clone / "uv-calls").read_text().splitlines()
    assert [call.split()[-1] for call in calls] == ["requirements.lock", "requirements-test.lock"]


def test_a_line_says_where_no_python_fits(clone):
    end = subprocess.run(["make", "setup"], cwd=clone, text=True, capture_output=True, env={"PATH": str(clone)},
                         executable=shutil.which("make"))
    assert end.returncode == 2
    assert "error: no Python 3.11 to 3.13 that runs here: install one, or name it" in end.stdout


@pytest.mark.parametrize(("versions", "taken"), [
    ({"3.11": 0, "3.12": 0, "3.13": 0}, "3.13"), ({"3.11": 0, "3.12": 0, "3.13": 127}, "3.12")],
    ids=["newest", "a-shim-that-does-not-run"])
def test_make_takes_the_newest_python_that_runs(clone, versions, taken):
    for version, code in versions.items():
        (clone / f"python{version}").write_text(f"#!/bin/sh\nexit {code}\n")
        (clone / f"python{version}").chmod(0o755)
    answer = subprocess.run(["make", "--eval", "which:;@echo $(PYTHON)", "which"], cwd=clone, text=True,
                            capture_output=True, env={"PATH": f"{clone}:/usr/bin:/bin"})
    assert answer.stdout.strip() == str(clone / f"python{taken}"), answer.stderr


def test_a_killed_set_up_leaves_no_lock_and_is_begun_anew(clone, start):
    (clone / "gate").touch()
    first = start()
    _until_pip_runs(clone)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    (clone / "gate").unlink()
    assert WAITING not in _ended(start())
    assert _log(clone) == ["venv", "pip", "venv", "pip", "uv", "pip"]


def test_the_set_up_is_held_by_its_pip_where_make_alone_was_killed(clone, start):
    (clone / "gate").touch()
    first = start()
    _until_pip_runs(clone)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    second = start()
    assert second.stdout.readline().strip() == WAITING
    (clone / "gate").unlink()
    _ended(second)
    assert "destroyed" not in _log(clone)
