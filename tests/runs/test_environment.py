"""The versions, the commit and the machine of a run; where one cannot be known it says so instead of failing."""

import importlib.metadata
import json
import platform
import subprocess

import numpy as np
import pytest

import radiogen
from radiogen.core.errors import UserError
from radiogen.runs.environment import read_environment, write_environment


def test_what_a_reader_needs_to_make_the_run_again_is_written_and_read(tmp_path):
    write_environment(tmp_path)
    found = read_environment(tmp_path)
    assert (found["radiogen"], found["python"]) == (radiogen.__version__, platform.python_version())
    assert found["packages"]["numpy"] == np.__version__ and found["processor"]


def test_a_package_that_is_missing_is_said_to_be(tmp_path, monkeypatch):
    def version(name):
        if name != "numpy":
            raise importlib.metadata.PackageNotFoundError(name)
        return "2.0"

    monkeypatch.setattr(importlib.metadata, "version", version)
    packages = json.loads(write_environment(tmp_path).read_text())["packages"]
    assert packages["numpy"] == "2.0"
    assert {packages[name] for name in packages if name != "numpy"} == {"not installed"}


@pytest.mark.parametrize("error", [
    FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5), subprocess.CalledProcessError(128, "git")])
def test_without_git_or_outside_of_a_clone_the_commit_is_unknown(tmp_path, monkeypatch, error):
    def run(*_, **__):
        raise error

    monkeypatch.setattr(subprocess, "run", run)
    found = json.loads(write_environment(tmp_path).read_text())
    assert (found["commit"], found["changed_since"]) == ("unknown", None)


@pytest.mark.parametrize(("status", "changed"), [("", False), (" M src/radiogen/task.py\n", True)])
def test_a_clone_says_whether_its_files_differ_from_the_commit(tmp_path, monkeypatch, status, changed):
    def run(words, **_):
        return subprocess.CompletedProcess(words, 0, stdout=status if "status" in words else "0123abcd\n")

    monkeypatch.setattr(subprocess, "run", run)
    found = json.loads(write_environment(tmp_path).read_text())
    assert (found["commit"], found["changed_since"]) == ("0123abcd", changed)


def test_a_run_without_the_record_says_nothing_of_it(tmp_path):
    assert read_environment(tmp_path) == {}
    (tmp_path / "environment.json").write_text("[1, 2]")
    assert read_environment(tmp_path) == {}


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "environment.json").write_text("{")
    with pytest.raises(UserError, match=r"environment\.json: cannot be read"):
        read_environment(tmp_path)
