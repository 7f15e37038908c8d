"""`preprocess.py --scheduler` on a real cluster: two worker processes and a scheduler, spoken to over TCP."""

import shutil
import socket
from pathlib import Path

import pytest

from radiogen.phantom.data_set import PhantomSettings, write_phantom

from ..warm_commands import run_python

distributed = pytest.importorskip("distributed")

PREPROCESS = Path(__file__).resolve().parents[2] / "scripts" / "preprocess.py"


class Ended(distributed.diagnostics.plugin.SchedulerPlugin):
    """The scheduler's own word of each case that ended: on which worker, and how."""

    def __init__(self):
        self.cases = []

    def transition(self, key, start, finish, *args, worker=None, **kwargs):
        if start == "processing" and finish in ("memory", "erred") and "_make_case" in str(key):
            self.cases.append((worker, finish))


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(processes=True, n_workers=2, threads_per_worker=1,
                                  dashboard_address=None) as running:
        yield running


@pytest.fixture
def ended(cluster):
    """What the cluster does in this test."""
    plugin = Ended()
    cluster.scheduler.add_plugin(plugin, name=str(id(plugin)))
    yield plugin.cases
    cluster.scheduler.remove_plugin(str(id(plugin)))


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """Four training and two test cases."""
    folder = tmp_path_factory.mktemp("data") / "phantom"
    write_phantom(folder, PhantomSettings(cases=4, test_cases=2, scale=0.05, seed=5), workers=1)
    return folder


@pytest.fixture(scope="module")
def alone(phantom, tmp_path_factory):
    """The cache that one process makes of the phantom."""
    cache = tmp_path_factory.mktemp("alone")
    end = _preprocess(cache.parent, phantom, cache, "--workers", "1")
    assert end.returncode == 0, end.stderr
    return cache


def _preprocess(folder, data, cache, *options):
    return run_python(PREPROCESS, "--data", data, "--recipe", "demo-3d", "--cache", cache, *options, cwd=folder)


def _arrays(cache):
    return {path.relative_to(cache): path.read_bytes() for path in sorted(cache.rglob("*.npy"))}


def _marks(cache):
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in cache.rglob("*") if path.suffix in (".npy", ".json") and path.stem.isdigit()}


def test_a_cluster_makes_the_same_arrays_byte_for_byte_on_both_workers_and_nothing_anew(
        cluster, ended, phantom, alone, tmp_path):
    cache = tmp_path / "cache"
    end = _preprocess(tmp_path, phantom, cache, "--scheduler", cluster.scheduler_address)
    assert end.returncode == 0, end.stderr
    assert len(_arrays(alone)) == 6 and _arrays(cache) == _arrays(alone)
    assert [how for _, how in ended] == ["memory"] * 6
    assert {worker for worker, _ in ended} == set(cluster.scheduler.workers)

    before = _marks(cache)
    end = _preprocess(tmp_path, phantom, cache, "--scheduler", cluster.scheduler_address)
    assert end.returncode == 0, end.stderr
    assert len(before) == 12 and _marks(cache) == before


def test_a_case_that_fails_on_a_cluster_is_listed_and_the_rest_goes_on_as_without_one(
        cluster, ended, phantom, tmp_path):
    data = shutil.copytree(phantom, tmp_path / "phantom")
    broken = sorted(path.name for path in (data / "train").iterdir())[2]
    for path in (data / "train" / broken).rglob("*.dcm"):
        path.write_bytes(b"DICM")
    ends = [_preprocess(tmp_path, data, tmp_path / name, *options) for name, options in (
        ("with", ("--scheduler", cluster.scheduler_address)), ("without", ("--workers", "1")))]
    assert [end.returncode for end in ends] == [2, 2]
    assert broken not in {path.stem for path in _arrays(tmp_path / "with")}
    assert len(_arrays(tmp_path / "with")) == 5 and [how for _, how in ended] == ["memory"] * 6
    assert _arrays(tmp_path / "with") == _arrays(tmp_path / "without")
    output = [[line for line in end.stdout.splitlines() if line.startswith("failed: ")] for end in ends]
    assert output[0] == output[1] and len(output[0]) == 1 and f"train/{broken}" in output[0][0]
    errors = [[line for line in end.stderr.splitlines() if line.startswith("error: ")] for end in ends]
    assert errors[0] == errors[1] and len(errors[0]) == 1 and "Traceback" not in ends[0].stderr


def test_paths_are_those_of_the_command_wherever_the_workers_were_started(cluster, phantom, alone, tmp_path):
    shutil.copytree(phantom, tmp_path / "input" / "phantom")
    end = _preprocess(tmp_path, "input/phantom", "input/cache", "--scheduler", cluster.scheduler_address)
    assert end.returncode == 0, end.stdout + end.stderr
    assert _arrays(tmp_path / "input" / "cache") == _arrays(alone)


@pytest.mark.slow
def test_an_address_where_nobody_listens_is_one_line_and_exit_code_2(phantom, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    end = _preprocess(tmp_path, phantom, tmp_path / "cache", "--scheduler", address)
    assert end.returncode == 2
    assert end.stderr.startswith(f"error: {address}: no Dask scheduler answers") and end.stderr.count("\n") == 1
    assert not _arrays(tmp_path / "cache")
