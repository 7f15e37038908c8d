"""Items side by side give what a loop gives, on this machine and on a cluster."""

import functools
import os
import select
import signal
import subprocess
import sys

import pytest

from radiogen.core import parallel
from radiogen.core.errors import UserError
from radiogen.core.memory import OutOfMemory
from radiogen.core.parallel import available_cores, map_in_processes, map_items


def _where(item):
    return item * 2, os.getpid()


def _fail(item):
    raise UserError(item, "is odd", "mend it")


def test_results_come_in_the_items_order_from_other_processes():
    results = map_items(_where, [3, 1, 2], "test", workers=2)
    assert [value for value, _ in results] == [6, 2, 4]
    assert os.getpid() not in {process for _, process in results}


def test_one_worker_is_this_process():
    assert map_items(_where, [1, 2], "test", workers=1) == [(2, os.getpid()), (4, os.getpid())]


def test_a_users_mistake_in_a_worker_arrives_as_one():
    with pytest.raises(UserError, match="[ab]: is odd; mend it"):
        map_items(_fail, ["a", "b"], "test", workers=2)


def _die_at(odd, path, item):
    """Be killed by the system, as where memory runs out: at the item `odd`, only once where there is a path."""
    if item == odd and not (path and path.exists()):
        if path:
            path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item * 10


def test_a_worker_that_is_killed_costs_its_own_item_alone():
    def failure(item, error):
        return f"{item}: {error.problem}"

    results = map_items(functools.partial(_die_at, 3, None), list(range(8)), "test", workers=2, on_crash=failure)
    assert results[:3] + results[4:] == [0, 10, 20, 40, 50, 60, 70]
    assert results[3] == "3: its process was killed by the system, most likely because it did not fit into memory"


def test_what_a_killed_worker_did_is_tried_once_more(tmp_path):
    assert map_items(functools.partial(_die_at, 1, tmp_path / "died"), [0, 1, 2], "test", workers=2) == [0, 10, 20]
    assert (tmp_path / "died").exists()


def test_a_killed_worker_is_one_line_where_nothing_replaces_its_item():
    with pytest.raises(OutOfMemory, match="its process was killed by the system.*--workers 1"):
        map_items(functools.partial(_die_at, 1, None), [0, 1], "test", workers=2)


def test_a_single_worker_may_be_a_process_of_its_own():
    (_, process), = map_in_processes(_where, [1], "test", workers=1)
    assert process != os.getpid()


def test_processes_end_with_the_one_that_started_them_even_if_it_is_killed():
    work = "import os, time; os.write(1, b'x'); time.sleep(600)"
    code = f"from radiogen.core.parallel import map_items; map_items(exec, [{work!r}] * 2, 'test', workers=2)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    begun = process.stdout.read(2)
    process.kill()
    process.wait()
    assert begun == b"xx"
    assert select.select([process.stdout], [], [], 60)[0] and process.stdout.read() == b""  # nobody holds the pipe


def test_the_same_work_runs_on_a_dask_cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        results = map_items(_where, list(range(6)), "test", scheduler=cluster.scheduler_address)
    assert [value for value, _ in results] == [0, 2, 4, 6, 8, 10]
    assert os.getpid() not in {process for _, process in results}


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "_ANSWER_WITHIN", "1s")
    with pytest.raises(UserError, match="tcp://127.0.0.1:9: no Dask scheduler answers"):
        map_items(_where, [1, 2], "test", scheduler="tcp://127.0.0.1:9")


def _cores(_):
    return available_cores()


def test_workers_share_the_cores_of_their_parent():
    cores = available_cores()
    assert map_items(_cores, [1, 2, 3], "share", workers=2) == [max(1, cores // 2)] * 3
    assert map_items(_cores, [1, 2], "alone", workers=1) == [cores] * 2
    assert available_cores() == cores
