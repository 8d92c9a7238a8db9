"""Runs as real processes: they report, end, are ended, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from core import jobs
from core.errors import RunError
from core.jobs import launcher
from core.jobs.folders import unfinished_folder
from core.jobs.processes import time_started
from core.jobs.schema import State
from core.paths import models_folder, runs_folder, uploads_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX")

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATIENCE = 60.0
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks a warm process")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NEEDLE_HOME", str(tmp_path))
    monkeypatch.delenv("NEEDLE_DATABASE_URL", raising=False)
    monkeypatch.setenv("NEEDLE_TASKS", "jobs_tasks_for_tests")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(ROOT)]))
    monkeypatch.setenv("NEEDLE_NURSERY", "0")
    yield tmp_path
    launcher._nursery.end()
    database = jobs.get_database()
    for run in database.runs():
        jobs.cancel(run.id)
    database.close()


@pytest.fixture
def warm_nursery(monkeypatch):
    monkeypatch.setenv("NEEDLE_NURSERY", "1")
    jobs.warm_up()
    return eventually(is_warm)


def is_warm():
    """Return the number of the nursery once it is ready to fork."""
    with launcher._nursery._lock:
        return launcher._nursery.pid if launcher._nursery._is_ready() else None


def is_working(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(condition):
    """Poll until `condition()` is true, and return it; the test fails when it never is."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert value
    return value


def start_sleeper(**config):
    """Start a run that sleeps, and return its id, its process and its child process."""
    run_id = jobs.start("sleep", config)
    (ready,) = eventually(lambda: jobs.get_database().events(run_id))
    pid, child = jobs.refresh(run_id).pid, ready.payload["child"]
    assert is_working(pid)
    assert is_working(child)
    return run_id, pid, child


def files_of(run_id):
    return sorted(path.name for path in runs_folder().iterdir() if run_id in path.name)


def in_other_process(program, *arguments):
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_run_reports_events_and_progress_and_ends_done_with_its_results():
    run_id = jobs.start("succeed", {"steps": 3}, title="Three steps")
    run = jobs.wait(run_id, PATIENCE)
    assert (run.state, run.title, run.error) == (State.DONE, "Three steps", None)
    assert run.summary == {"cells": 3, "precision": None}
    assert (run.progress, run.message) == (1.0, "step 2")
    events = jobs.get_database().events(run_id)
    assert [event.payload for event in events] == [{"step": i, "f1": 0.5} for i in range(3)]
    assert run.created <= run.started <= events[0].time <= events[-1].time <= run.finished
    assert (jobs.run_folder(run_id) / "result.txt").read_text() == "complete"
    assert files_of(run_id) == sorted([run_id, f"{run_id}.log"])


def test_a_run_is_the_leader_of_a_process_group_of_its_own_and_leaves_no_zombie():
    run = jobs.wait(jobs.start("where", {}), PATIENCE)
    assert run.summary["pid"] == run.summary["group"] == run.pid
    assert run.pid != os.getpid()
    eventually(lambda: not psutil.pid_exists(run.pid))


def test_the_peak_memory_is_the_workers_own_and_not_that_of_its_starter():
    ballast = bytearray(b"x" * 600_000_000)
    run = jobs.wait(jobs.start("where", {}), PATIENCE)
    assert 10_000_000 < run.peak_memory < len(ballast)


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("refuse", "E-PARAMETER", "`n` is wrong."),
        ("stumble", "E-BUG", "Something went wrong inside Needle"),
        ("fill_disk", "E-DISK-FULL", "no room left on the disk"),
        ("juggle", "E-RUN-KIND", "Got 'juggle'"),
        ("vanish", "E-WORKER-DIED", "stopped without a word"),
        ("be_killed", "E-WORKER-DIED", "stopped without a word"),
    ],
)
def test_a_run_that_goes_wrong_says_so_and_leaves_no_results(kind, code, message):
    run_id = jobs.start(kind, {})
    run = jobs.wait(run_id, PATIENCE)
    assert (run.state, run.error["code"]) == (State.FAILED, code)
    assert message in run.error["message"]
    assert run.error["next_step"]
    assert run.finished is not None
    assert files_of(run_id) == [f"{run_id}.log"]


def test_a_bug_is_found_in_the_log_by_the_incident_that_the_user_is_shown():
    run_id = jobs.start("stumble", {})
    error = jobs.wait(run_id, PATIENCE).error
    incident = error["message"].split("incident ")[1].rstrip(").")
    log = jobs.log_file(run_id).read_text()
    assert incident in log
    assert "ZeroDivisionError" in log
    assert "ZeroDivisionError" not in error["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hold to the limit")
def test_a_run_that_wants_more_than_the_memory_limit_fails_and_names_the_limit(monkeypatch):
    monkeypatch.setenv("NEEDLE_MEMORY_LIMIT_GB", "1")
    run = jobs.wait(jobs.start("devour", {}), PATIENCE)
    assert (run.state, run.error["code"]) == (State.FAILED, "E-MEMORY")
    assert "1.0 GB" in run.error["message"]


@pytest.mark.parametrize("limit", ["much", "-1", "0", "nan", "inf"])
def test_a_memory_limit_that_is_no_amount_is_refused(monkeypatch, limit):
    from core.jobs.limits import memory_limit

    monkeypatch.setenv("NEEDLE_MEMORY_LIMIT_GB", limit)
    with pytest.raises(ValueError, match=f"NEEDLE_MEMORY_LIMIT_GB.* above 0. Got '{limit}'"):
        memory_limit()


def test_a_run_has_at_most_half_of_the_cores_unless_the_user_says_otherwise(monkeypatch):
    from core.jobs.limits import thread_settings

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert thread_settings()["OMP_NUM_THREADS"] == "4"
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert thread_settings()["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert thread_settings()["OMP_NUM_THREADS"] == "7"


@pytest.mark.parametrize("stubborn", [False, True], ids=["polite", "ignores SIGTERM"])
def test_cancel_ends_the_whole_group_and_removes_what_is_half_written(stubborn):
    run_id, pid, child = start_sleeper(stubborn=stubborn)
    assert unfinished_folder(run_id).is_dir()
    assert not jobs.run_folder(run_id).exists()
    run = jobs.cancel(run_id)
    assert run.state is State.CANCELLED
    assert not is_working(pid)
    assert not is_working(child)
    assert files_of(run_id) == [f"{run_id}.log"]
    assert jobs.refresh(run_id).state is State.CANCELLED


def test_cancelling_twice_or_from_two_threads_is_the_same_as_once():
    run_id, pid, _ = start_sleeper()
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(jobs.cancel, [run_id, run_id])
    third = jobs.cancel(run_id)
    assert first == second == third
    assert third.state is State.CANCELLED
    assert not is_working(pid)


def test_cancelling_a_finished_run_keeps_its_state_and_its_results():
    run_id = jobs.start("succeed", {"steps": 1})
    done = jobs.wait(run_id, PATIENCE)
    assert jobs.cancel(run_id) == done
    assert (jobs.run_folder(run_id) / "result.txt").is_file()


def test_a_run_that_is_cancelled_before_its_worker_is_up_never_runs():
    run_id = jobs.start("succeed", {"steps": 1})
    jobs.cancel(run_id)
    assert jobs.wait(run_id, PATIENCE).state is State.CANCELLED
    assert jobs.get_database().events(run_id) == []
    assert not jobs.run_folder(run_id).exists()


def test_a_process_that_did_not_start_the_run_can_cancel_it():
    run_id, pid, child = start_sleeper()
    program = "import sys; from core import jobs; print(jobs.cancel(sys.argv[1]).state)"
    assert in_other_process(program, run_id) == "cancelled"
    assert not is_working(pid)
    assert not is_working(child)


START = "import sys; from core import jobs; print(jobs.start(sys.argv[1], {'steps': 2}))"


def test_a_run_outlives_the_server_that_started_it():
    run_id = in_other_process(START, "succeed")
    assert jobs.wait(run_id, PATIENCE).state is State.DONE


def test_a_run_that_died_with_its_server_is_interrupted():
    run_id = in_other_process(START, "vanish")
    run = jobs.wait(run_id, PATIENCE)
    assert (run.state, run.error["code"]) == (State.INTERRUPTED, "E-RUN-INTERRUPTED")
    assert files_of(run_id) == [f"{run_id}.log"]


def test_a_child_that_outlives_a_worker_that_died_is_ended_too():
    run_id = jobs.start("leave_child", {})
    assert jobs.wait(run_id, PATIENCE).state is State.FAILED
    (ready,) = jobs.get_database().events(run_id)
    assert not is_working(ready.payload["child"])


@pytest.fixture
def bystander():
    """A process, leader of its group, that has nothing to do with Needle."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("end", [jobs.cancel, jobs.refresh], ids=["cancel", "refresh"])
def test_a_stranger_who_got_the_workers_process_number_is_left_in_peace(bystander, end):
    database = jobs.get_database()
    run_id = database.create("sleep", {})
    earlier = time_started(bystander.pid) - 3600
    identity = {"pid": bystander.pid, "pid_started": earlier}
    database.transition(run_id, "running", allowed_from=["queued"], **identity)
    assert end(run_id).is_over
    assert bystander.poll() is None


def test_sweep_closes_the_dead_and_leaves_the_living():
    sleeper, _, _ = start_sleeper()
    database = jobs.get_database()
    dead, waiting = database.create("sleep", {}), database.create("sleep", {})
    identity = {"pid": os.getpid(), "pid_started": 0.0}
    database.transition(dead, "running", allowed_from=["queued"], **identity)
    assert [run.id for run in jobs.sweep()] == [dead]
    states = [database.get(run_id).state for run_id in (sleeper, dead, waiting)]
    assert states == ["running", "interrupted", "queued"]


@pytest.mark.parametrize("close", [jobs.refresh, lambda _: jobs.sweep()], ids=["refresh", "sweep"])
@pytest.mark.parametrize(("seconds", "state"), [(30, "queued"), (90, "interrupted")])
def test_a_run_that_gets_no_worker_within_a_minute_is_interrupted(close, seconds, state):
    database, upload = jobs.get_database(), uploaded()
    run_id = database.create("sleep", {"path": str(upload), "is_upload": True})
    created = datetime.now(UTC) - timedelta(seconds=seconds)
    database.transition(run_id, "queued", allowed_from=["queued"], created=created)
    close(run_id)
    run = database.get(run_id)
    assert run.state == state
    assert (run.error or {}).get("code") == (None if state == "queued" else "E-RUN-INTERRUPTED")
    assert upload.exists() == (state == "queued")


def uploaded(name="one"):
    """Put an upload in a folder of its own."""
    path = uploads_folder() / name / "cells.h5ad"
    path.parent.mkdir()
    path.write_text("cells")
    return path


def test_cancel_removes_the_upload_of_the_run_with_its_folder_and_no_other():
    mine, other = uploaded(), uploaded("two")
    run_id, _, _ = start_sleeper(path=str(mine), is_upload=True)
    assert mine.exists()
    jobs.cancel(run_id)
    assert not mine.parent.exists()
    assert other.exists()


def test_cancelling_a_finished_run_removes_no_file_of_its():
    path = uploaded()
    run_id = jobs.start("succeed", {"steps": 1, "path": str(path), "is_upload": True})
    jobs.wait(run_id, PATIENCE)
    jobs.cancel(run_id)
    assert path.exists()


@pytest.mark.parametrize("kind", ["vanish", "be_killed", "juggle"])
def test_the_upload_of_a_run_that_dies_or_never_begins_is_removed(kind):
    path = uploaded()
    run_id = jobs.start(kind, {"path": str(path), "is_upload": True})
    assert jobs.wait(run_id, PATIENCE).state is State.FAILED
    assert not path.parent.exists()


def test_the_upload_of_a_run_that_gets_no_process_is_removed(monkeypatch):
    path = uploaded()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RunError, match="refused to start a worker"):
        jobs.start("sleep", {"path": str(path), "is_upload": True})
    assert not path.parent.exists()


def test_a_file_that_is_no_upload_survives_the_end_of_its_run(home):
    mine, outside = uploaded(), home / "mine" / "cells.h5ad"
    outside.parent.mkdir()
    outside.write_text("cells")
    detour = uploads_folder() / "one" / ".." / ".." / "mine" / "cells.h5ad"
    (uploads_folder() / "door").symlink_to(outside.parent)
    through = uploads_folder() / "door" / "cells.h5ad"
    configs = [{"path": str(mine)}]
    configs += [{"path": str(p), "is_upload": True} for p in (outside, detour, through)]
    for config in configs:
        jobs.cancel(jobs.get_database().create("sleep", config))
    assert mine.exists()
    assert outside.exists()


def test_sweep_removes_uploads_older_than_a_day_that_no_run_is_going_to_read(home):
    waiting, forgotten, young = uploaded("waiting"), uploaded("forgotten"), uploaded("young")
    loose, outside = uploads_folder() / "loose", home / "outside"
    loose.touch()
    outside.mkdir()
    (uploads_folder() / "door").symlink_to(outside)
    day_ago = time.time() - 25 * 3600
    for path in (waiting, forgotten, loose, outside):
        for old in (path, path.parent):
            if old != home:
                os.utime(old, (day_ago, day_ago))
    os.utime(uploads_folder() / "door", (day_ago, day_ago), follow_symlinks=False)
    jobs.get_database().create("sleep", {"path": str(waiting), "is_upload": True})
    jobs.sweep()
    assert sorted(path.name for path in uploads_folder().iterdir()) == ["waiting", "young"]
    assert waiting.exists()
    assert young.exists()
    assert outside.is_dir()


def finished(kind, summary):
    database = jobs.get_database()
    run_id = database.create(kind, {})
    database.transition(run_id, "done", allowed_from=["queued"], summary=summary)
    return run_id


@pytest.mark.parametrize(
    ("kind", "folder", "stays"),
    [
        ("import_model", "models", False),
        ("import_model", "mine", True),
        ("annotate", "models", True),
    ],
)
def test_delete_of_an_imported_model_removes_its_file_from_the_model_folder_only(
    home, kind, folder, stays
):
    assert models_folder() == home / "models"
    path = home / folder / "model.skops"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    jobs.delete(finished(kind, {"model": str(path)}))
    assert path.exists() == stays


def test_an_import_that_failed_can_be_deleted():
    run_id = finished("import_model", None)
    jobs.delete(run_id)
    assert jobs.get_database().runs() == []


def test_wait_gives_a_run_back_as_it_is_when_the_time_is_up():
    run_id, _, _ = start_sleeper()
    assert jobs.wait(run_id, timeout=0.1).state is State.RUNNING


def test_a_long_silent_step_shows_that_it_is_alive():
    run_id, _, _ = start_sleeper()
    before = jobs.refresh(run_id).heartbeat
    eventually(lambda: jobs.refresh(run_id).heartbeat > before)


def test_delete_removes_a_finished_run_with_all_its_files():
    run_id = jobs.start("succeed", {"steps": 1})
    jobs.wait(run_id, PATIENCE)
    jobs.delete(run_id)
    assert files_of(run_id) == []
    with pytest.raises(RunError, match=run_id) as refusal:
        jobs.refresh(run_id)
    assert refusal.value.code == "E-RUN-UNKNOWN"


def test_delete_of_a_running_run_is_refused_and_leaves_it_running():
    run_id, pid, _ = start_sleeper()
    with pytest.raises(RunError, match="is running") as refusal:
        jobs.delete(run_id)
    assert refusal.value.code == "E-RUN-BUSY"
    assert is_working(pid)
    assert unfinished_folder(run_id).is_dir()


@pytest.mark.parametrize("run_id", ["../secrets", "a/b", "", "-x", "A B"])
def test_an_id_from_the_address_bar_cannot_lead_out_of_the_folder(run_id):
    with pytest.raises(RunError, match="small letters and digits") as refusal:
        jobs.run_folder(run_id)
    assert refusal.value.code == "E-RUN-UNKNOWN"


def test_a_machine_that_refuses_a_process_fails_the_run_and_says_why(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RunError, match=r"refused to start a worker.*No such file") as refusal:
        jobs.start("succeed", {"steps": 1})
    assert refusal.value.code == "E-WORKER-START"
    (run,) = jobs.get_database().runs()
    assert (run.state, run.error["code"]) == (State.FAILED, "E-WORKER-START")


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
    assert (run.state, run.error["code"]) == (State.FAILED, "E-WORKER-DIED")
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
    pid = eventually(is_warm)
    assert "tqdm_monitor" not in thread_names(pid)
    run_id = jobs.start("read", {"demo": "reference"})
    assert jobs.wait(run_id, PATIENCE).summary["n_cells"] == 525


def thread_names(pid):
    return [task.read_text().strip() for task in Path(f"/proc/{pid}/task").glob("*/comm")]
