"""`preprocess.py` where memory runs out: under a limit of the system, and where the system kills a worker."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.synthetic.series_files import write_series
from radiogen.core.memory import OutOfMemory

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("--recipe", "demo-3d", "--sequences", "T1w", "--size", "16")
LARGE, SMALL = (400, 512, 512), (12, 32, 32)
ROOM = 280 << 20
"""What a process may take beside its imports, in bytes: small series need less than 120 MiB (thread arenas and
OpenBLAS's buffers, which vary by machine, included), the large one more than 400 MiB."""
CASES = ("00001", "00002", "00003", "00004")
AFFINE = np.array([[0, 0, 0.5, -100], [0, 0.5, 0, -100], [0.5, 0, 0, -100], [0, 0, 0, 1]])

KILLED = """
import os, signal
from radiogen.arrays import case_arrays
read = case_arrays.read_resized
def read_or_die(folder, *plan, **options):
    if "00002" in str(folder):
        os.kill(os.getpid(), signal.SIGKILL)
    return read(folder, *plan, **options)
case_arrays.read_resized = read_or_die
"""
"""As sitecustomize.py, which Python imports at its start, in every process."""


@pytest.fixture
def data(tmp_path):
    """Four small training cases, and a test case."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(0)
    for place in (*(f"train/{case}" for case in CASES), "test/00009"):
        write_series(folder / place / "T1w", rng.integers(0, 900, SMALL).astype(np.uint16), AFFINE)
    (folder / "train_labels.csv").write_text(
        "BraTS21ID,MGMT_value\n" + "".join(f"{case},{number % 2}\n" for number, case in enumerate(CASES)))
    return folder


def _preprocess(data, *options, limit=None):
    paths = f"{ROOT / 'src'}{os.pathsep}{data.parent}"
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "preprocess.py"), "--data", "data", *OPTIONS, *options],
        cwd=data.parent, env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}, capture_output=True,
        text=True, preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))))


def _index(data, column="failed"):
    path, = (data.parent / "input" / "cache").glob("data-*/*/index.csv")
    return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("BraTS21ID")[column]


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "place"), [("2", "train/00002"), ("1", "train/00002"), ("1", "test/00009"),
                                                ("2", "test/00009")])
def test_a_series_that_does_not_fit_is_a_failed_case_and_the_rest_goes_on(data, place, workers):
    large = data / place / "T1w"
    for path in large.iterdir():
        path.unlink()
    write_series(large, (np.full(LARGE[1:], number, np.uint16) for number in range(LARGE[0])), AFFINE)
    end = _preprocess(data, "--workers", workers, limit=_address_space() + ROOM)
    assert end.returncode == 2 and "Traceback" not in end.stderr, end.stderr
    failed = _index(data)
    assert failed[failed != ""].index.tolist() == [place[-5:]]
    assert failed[place[-5:]].startswith(f"data/{place}")
    assert _index(data, "failed_code")[place[-5:]] == OutOfMemory.code
    assert f"failed: data/{place}" in end.stdout
    assert end.stderr.splitlines()[-1].startswith("error: data: 1 cases did not fit into memory (above); run again")
    assert _preprocess(data, "--workers", workers).returncode == 0
    assert (_index(data) == "").all()


def test_a_case_at_which_its_worker_is_killed_fails_alone(data):
    (data.parent / "sitecustomize.py").write_text(KILLED)
    end = _preprocess(data, "--workers", "2")
    failed = _index(data)
    assert failed[failed != ""].index.tolist() == ["00002"]
    assert failed["00002"].startswith("data/train/00002: ")
    assert _index(data, "failed_code")["00002"] == OutOfMemory.code
    assert end.returncode == 2 and "Traceback" not in end.stderr, end.stderr
    assert "a worker process was killed or crashed: unfinished items are tried again" in end.stdout


def _address_space():
    """What a worker takes of it before it reads anything, in bytes: imports, compiled kernels and threads."""
    code = ("from radiogen.imaging.fast.warm_up import warm_up; warm_up(); import radiogen.training.workflow, joblib; "
            "import scipy.sparse; print(open('/proc/self/status').read().split('VmSize:')[1].split()[0])")
    end = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={
        **os.environ, "PYTHONPATH": str(ROOT / "src"), "OPENBLAS_NUM_THREADS": "1"})
    return int(end.stdout) << 10
