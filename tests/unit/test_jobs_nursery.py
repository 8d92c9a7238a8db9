"""The warm process that forks workers: what it speeds up, and what it must never break."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from core import jobs
from core.jobs import launcher
from core.jobs.schema import State
from tests.workers import (
    PATIENCE,
    ROOT,
    eventually,
    is_working,
    nursery_if_warm,
    start_sleeper,
)

pytestmark = [
    pytest.mark.usefixtures("worker_home"),
    pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX"),
]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks a warm process")


@ON_LINUX
def test_each_run_gets_a_child_of_its_own_of_the_same_warm_nursery(warm_nursery):
    pids = set()
    for _ in range(2):
        run = jobs.wait(jobs.start("where", {}), PATIENCE)
        pid = run.summary["pid"]
        assert run.summary == {"pid": pid, "group": pid, "warm": True}
        assert run.pid == pid
        pids.add(pid)
    assert len(pids) == 2
    assert launcher._nursery.pid == warm_nursery
    assert warm_nursery not in pids


@ON_LINUX
def test_runs_that_start_at_the_same_moment_get_different_workers(warm_nursery):
    with ThreadPoolExecutor(3) as threads:
        run_ids = list(threads.map(lambda _: jobs.start("where", {"seconds": 0.1}), range(3)))
    pids = [jobs.wait(run_id, PATIENCE).summary["pid"] for run_id in run_ids]
    assert len(set(pids)) == 3


@ON_LINUX
def test_a_child_can_be_cancelled_with_all_it_started_and_the_nursery_goes_on(warm_nursery):
    run_id, pid, child = start_sleeper()
    assert jobs.cancel(run_id).state is State.CANCELLED
    assert not is_working(pid)
    assert not is_working(child)
    assert is_working(warm_nursery)
    failed = jobs.start("stumble", {})
    jobs.wait(failed, PATIENCE)
    assert "ZeroDivisionError" in jobs.log_file(failed).read_text()


@ON_LINUX
def test_a_child_that_crashes_leaves_no_zombie_and_is_shown_as_failed(warm_nursery):
    run_id = jobs.start("vanish", {})
    run = jobs.wait(run_id, PATIENCE)
    assert (run.state, run.error["code"]) == (State.FAILED, "E-WORKER-KILLED")
    eventually(lambda: not psutil.pid_exists(run.pid))


@ON_LINUX
def test_a_nursery_of_another_data_folder_is_not_used_but_ended(
    warm_nursery, tmp_path, monkeypatch
):
    jobs.get_database().close()
    monkeypatch.setenv("NEEDLE_HOME", str(tmp_path / "other"))
    run = jobs.wait(jobs.start("succeed", {"steps": 1}), PATIENCE)
    assert (tmp_path / "other" / "runs" / run.id / "result.txt").is_file()
    eventually(lambda: not is_working(warm_nursery))


@ON_LINUX
def test_a_run_is_done_although_the_nursery_had_died(warm_nursery):
    os.kill(warm_nursery, signal.SIGKILL)
    eventually(lambda: not is_working(warm_nursery))
    run = jobs.wait(jobs.start("where", {}), PATIENCE)
    assert run.state is State.DONE
    assert run.summary["warm"] is False


def test_while_the_nursery_warms_up_a_run_gets_a_fresh_process(monkeypatch):
    monkeypatch.setenv("NEEDLE_NURSERY", "1")
    monkeypatch.setenv("SECONDS_TO_WARM", "60")
    jobs.warm_up()
    run = jobs.wait(jobs.start("where", {}), PATIENCE)
    assert run.summary["warm"] is False


def test_without_leave_no_nursery_is_kept():
    jobs.warm_up()
    assert launcher._nursery.pid is None


@ON_LINUX
@pytest.mark.parametrize("way", ["exits", "is killed"])
def test_a_nursery_does_not_outlive_its_server(way, monkeypatch):
    monkeypatch.setenv("NEEDLE_NURSERY", "1")
    last = {"exits": "", "is killed": "os.kill(os.getpid(), 9)"}[way]
    program = "import os; from core.jobs import launcher; launcher.warm_up()"
    program += f"; print(launcher._nursery.pid, flush=True); {last}"
    server = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True)
    pid = int(server.stdout)
    eventually(lambda: not is_working(pid))


@ON_LINUX
def test_the_real_nursery_has_no_threads_that_a_fork_would_lose(monkeypatch):
    monkeypatch.delenv("NEEDLE_TASKS")
    monkeypatch.setenv("NEEDLE_NURSERY", "1")
    jobs.warm_up()
    pid = eventually(nursery_if_warm)
    assert "tqdm_monitor" not in thread_names(pid)
    run_id = jobs.start("read", {"demo": "reference"})
    assert jobs.wait(run_id, PATIENCE).summary["n_cells"] == 525


def thread_names(pid):
    return [task.read_text().strip() for task in Path(f"/proc/{pid}/task").glob("*/comm")]
