"""How runs end: cancelled, killed, interrupted, deleted; and that nothing stays behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from core import jobs
from core.errors import RunError
from core.jobs.folders import checkpoint_folder, unfinished_folder
from core.jobs.launcher import as_launcher
from core.jobs.processes import time_started
from core.jobs.rows import change_as_seen
from core.jobs.schema import State
from core.paths import models_folder, runs_folder
from tests.workers import (
    PATIENCE,
    eventually,
    files_of,
    in_other_process,
    is_working,
    start_sleeper,
    uploaded,
)

pytestmark = [
    pytest.mark.usefixtures("worker_home"),
    pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX"),
]


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


def test_a_child_that_outlives_a_worker_that_died_is_ended_too():
    run_id = jobs.start("leave_child", {})
    assert jobs.wait(run_id, PATIENCE).state is State.FAILED
    (ready,) = jobs.get_database().events(run_id)
    assert not is_working(ready.payload["child"])


@pytest.mark.parametrize("end", [jobs.cancel, jobs.refresh], ids=["cancel", "refresh"])
def test_a_stranger_who_got_the_workers_process_number_is_left_in_peace(bystander, end):
    database = jobs.get_database()
    run_id = database.create("sleep", {})
    earlier = time_started(bystander.pid) - 3600
    identity = {"pid": bystander.pid, "pid_started": earlier}
    database.transition(run_id, "running", allowed_from=["queued"], **identity)
    assert end(run_id).is_over
    assert bystander.poll() is None


def test_a_killed_worker_is_told_with_its_last_peak_and_other_runs_go_on():
    run_id, pid, child = start_sleeper()
    other, other_pid, _ = start_sleeper()
    peak = eventually(lambda: jobs.get_database().get(run_id).peak_memory)
    os.kill(pid, signal.SIGKILL)
    run = jobs.wait(run_id, PATIENCE)
    assert (run.state, run.error["code"]) == (State.FAILED, "E-WORKER-KILLED")
    said = re.search(
        r"stopped by the system, probably out of memory \(peak (.*) GB\)\.", run.error["message"]
    )
    assert float(said[1]) == pytest.approx(peak / 2**30, abs=0.06)
    assert not is_working(child)
    assert files_of(run_id) == [f"{run_id}.log"]
    assert jobs.refresh(other).state is State.RUNNING
    assert is_working(other_pid)


def test_a_killed_worker_that_nobody_measured_is_told_without_a_peak():
    run_id = in_state("running", pid=1, pid_started=0.0, **as_launcher())
    message = jobs.refresh(run_id).error["message"]
    assert message.endswith("probably out of memory.")


def in_state(state, kind="sleep", **fields):
    """Enter a run as if somebody had taken it out of the queue."""
    database = jobs.get_database()
    run_id = database.create(kind, {}, claimed=datetime.now(UTC), **fields)
    database.transition(run_id, state, allowed_from=["queued"])
    return run_id


GONE = {"launcher_pid": 1, "launcher_started": 0.0}  # somebody else has this number by now


class TestSweep:
    """What a server finds that takes the place of one that was killed."""

    def test_closes_the_dead_and_leaves_the_living(self):
        sleeper, _, _ = start_sleeper()
        dead = in_state("running", pid=os.getpid(), pid_started=0.0)
        assert [run.id for run in jobs.sweep()] == [dead]
        states = [jobs.get_database().get(run_id).state for run_id in (sleeper, dead)]
        assert states == ["running", "interrupted"]

    @pytest.mark.parametrize("state", ["queued", "running"])
    def test_ends_a_worker_whose_launcher_is_gone(self, bystander, state):
        worker = {"pid": bystander.pid, "pid_started": time_started(bystander.pid)}
        run_id = in_state(state, **worker, **GONE)
        (run,) = jobs.sweep()
        assert (run.id, run.state) == (run_id, "interrupted")
        assert run.error["code"] == "E-RUN-INTERRUPTED"
        bystander.wait(PATIENCE)

    def test_leaves_a_worker_to_another_launcher_that_lives(self, bystander):
        pid, started = bystander.pid, time_started(bystander.pid)
        worker = {"pid": pid, "pid_started": started}
        run_id = in_state("running", **worker, launcher_pid=pid, launcher_started=started)
        assert jobs.sweep() == []
        assert jobs.refresh(run_id).state == "running"
        assert bystander.poll() is None
        jobs.get_database().transition(run_id, "done", allowed_from=["running"])

    def test_closes_at_once_what_was_claimed_by_a_process_that_died_before_it_had_a_worker(self):
        run_id = in_state("queued", **GONE)
        assert [(run.id, run.state) for run in jobs.sweep()] == [(run_id, "interrupted")]

    def test_removes_what_nobody_needs_and_no_more(self):
        cut, done, over = in_state("interrupted", "train"), in_state("done"), in_state("cancelled")
        other = in_state("interrupted", "markers")
        for run_id in (cut, done, over, other, "unknown"):
            for name in (f".{run_id}.part", f"{run_id}.folds", run_id):
                (runs_folder() / name).mkdir()
        jobs.sweep()
        kept = [f"{cut}.folds", done, ".unknown.part", "unknown.folds", "unknown"]
        assert sorted(path.name for path in runs_folder().iterdir()) == sorted(kept)


@pytest.mark.parametrize("close", [jobs.refresh, lambda _: jobs.sweep()], ids=["refresh", "sweep"])
@pytest.mark.parametrize(("seconds", "state"), [(30, "queued"), (90, "interrupted")])
def test_a_claimed_run_that_gets_no_worker_within_a_minute_is_interrupted(close, seconds, state):
    database, upload = jobs.get_database(), uploaded()
    claimed = datetime.now(UTC) - timedelta(seconds=seconds)
    config = {"path": str(upload), "is_upload": True}
    run_id = database.create("sleep", config, claimed=claimed, **as_launcher())
    close(run_id)
    run = database.get(run_id)
    assert run.state == state
    assert (run.error or {}).get("code") == (None if state == "queued" else "E-RUN-INTERRUPTED")
    assert upload.exists() == (state == "queued")


def test_who_saw_an_earlier_worker_die_does_not_close_the_one_that_took_its_place():
    database, run_id = jobs.get_database(), in_state("running", pid=1, pid_started=0.0)
    seen, called = database.get(run_id), []
    later = datetime.now(UTC) + timedelta(seconds=1)
    database.transition(run_id, "running", allowed_from=["running"], claimed=later)
    assert not change_as_seen(database, seen, lambda: called.append(1), state=State.FAILED)
    assert (database.get(run_id).state, called) == ("running", [])
    seen = database.get(run_id)
    assert change_as_seen(database, seen, lambda: called.append(1), state=State.FAILED)
    assert (database.get(run_id).state, called) == ("failed", [1])


@pytest.mark.parametrize(
    "act", [jobs.cancel, jobs.refresh, jobs.delete, jobs.resume, jobs.run_again]
)
@pytest.mark.parametrize("state", ["running", "interrupted"])
def test_somebody_elses_run_is_unknown_and_stays_as_it_is(act, state):
    run_id = in_state(state, "train", owner="ada", **as_launcher())
    before = jobs.get_database().get(run_id)
    with pytest.raises(RunError, match=run_id) as refusal:
        act(run_id, owner="bob")
    assert refusal.value.code == "E-RUN-UNKNOWN"
    assert jobs.get_database().runs() == [before]
    assert jobs.refresh(run_id, owner="ada") == before


@pytest.mark.parametrize("end", [jobs.cancel, jobs.delete], ids=["cancel", "delete"])
def test_checkpoints_go_with_a_run_that_is_cancelled_or_deleted(end):
    run_id = in_state("queued" if end is jobs.cancel else "interrupted", "train", **as_launcher())
    checkpoint_folder(run_id).mkdir()
    end(run_id)
    assert files_of(run_id) == []


def finished(kind, summary):
    database = jobs.get_database()
    run_id = database.create(kind, {})
    database.transition(run_id, "done", allowed_from=["queued"], summary=summary)
    return run_id


def test_delete_of_an_import_leaves_the_model_in_the_library(worker_home):
    path = models_folder() / "model.skops"
    path.touch()
    jobs.delete(finished("import_model", {"model": str(path), "model_id": "model"}))
    assert path.exists()


def test_an_import_that_failed_can_be_deleted():
    run_id = finished("import_model", None)
    jobs.delete(run_id)
    assert jobs.get_database().runs() == []


def test_delete_removes_a_finished_run_with_all_its_files():
    run_id = jobs.start("succeed", {"steps": 1})
    jobs.wait(run_id, PATIENCE)
    jobs.delete(run_id)
    assert files_of(run_id) == []
    with pytest.raises(RunError, match=run_id) as refusal:
        jobs.refresh(run_id)
    assert refusal.value.code == "E-RUN-UNKNOWN"


def test_what_a_delete_that_was_cut_short_has_left_is_removed_later(monkeypatch):
    run_id = finished("where", None)
    for folder in (jobs.run_folder(run_id), unfinished_folder(run_id), checkpoint_folder(run_id)):
        folder.mkdir()
        (folder / "file").touch()

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as power_cut:
        power_cut.setattr(shutil, "rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            jobs.delete(run_id)
    assert jobs.get_database().runs() == []
    assert files_of(run_id) != []
    jobs.sweep()
    assert files_of(run_id) == []


def test_delete_removes_results_that_were_half_written():
    run_id = finished("where", None)
    unfinished_folder(run_id).mkdir()
    jobs.delete(run_id)
    assert files_of(run_id) == []


def test_a_run_whose_model_another_one_is_going_to_read_is_kept_until_then():
    run_id = finished("annotate", None)
    model = jobs.run_folder(run_id) / "model.skops"
    model.parent.mkdir()
    model.touch()
    database = jobs.get_database()
    database.create("annotate", {"model": str(models_folder() / "other.skops")})
    again = database.create("annotate", {"model": str(model)})
    with pytest.raises(RunError, match=f"reads a file of run {run_id}") as refusal:
        jobs.delete(run_id)
    assert refusal.value.code == "E-RUN-BUSY"
    assert model.exists()
    database.transition(again, "cancelled", allowed_from=["queued"])
    jobs.delete(run_id)
    assert files_of(run_id) == []


def test_delete_of_a_running_run_is_refused_and_leaves_it_running():
    run_id, pid, _ = start_sleeper()
    with pytest.raises(RunError, match="is running") as refusal:
        jobs.delete(run_id)
    assert refusal.value.code == "E-RUN-BUSY"
    assert is_working(pid)
    assert unfinished_folder(run_id).is_dir()
