"""A benchmark that is run as a file finds its package, and radiogen in the clone's .venv where Python lacks it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("manifest.py", "accuracy/controls.py", "leakage/run.py", "robustness/run.py", "speed/training.py",
           "speed/gpu.py")
WITHOUT_PACKAGES = (sys.executable, "-S", "-E")


@pytest.fixture
def clone(tmp_path):
    for name in ("benchmarks", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("script", SCRIPTS)
def test_where_radiogen_is_nowhere_a_line_says_how_to_install_it(clone, script):
    end = subprocess.run([*WITHOUT_PACKAGES, str(clone / "benchmarks" / script)], capture_output=True, text=True)
    assert end.returncode == 2 and end.stderr.startswith("error: radiogen is not installed; run `make demo`")


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_same_command_continues_in_the_clones_own_environment(clone, script):
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    path = str(clone / "benchmarks" / script)
    end = subprocess.run([*WITHOUT_PACKAGES, path, "--seed", "3"], capture_output=True, text=True)
    assert end.stdout == f"{path} --seed 3\n"


def test_a_benchmark_runs_from_any_folder(tmp_path):
    end = subprocess.run([sys.executable, str(ROOT / "benchmarks" / "robustness" / "run.py"), "--fraction", "0"],
                         cwd=tmp_path, capture_output=True, text=True)
    assert end.returncode == 2 and end.stderr.startswith("error: --fraction 0: ")
