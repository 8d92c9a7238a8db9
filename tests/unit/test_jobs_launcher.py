"""Runs as real processes: they start, report, and end with results or an error."""

from __future__ import annotations

import os
import platform
import sys

import psutil
import pytest

from core import jobs
from core.errors import ParameterError, RunError
from core.jobs import launcher
from core.jobs.processes import time_started
from core.jobs.schema import State
from core.jobs.versions import LIBRARIES
from tests.workers import (
    PATIENCE,
    as_server,
    eventually,
    files_of,
    is_working,
    kill,
    processes_of,
    start_sleeper,
)

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks a warm process")

pytestmark = [
    pytest.mark.usefixtures("worker_home"),
    pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX"),
]


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
        ("vanish", "E-WORKER-KILLED", "stopped by the system"),
        ("be_killed", "E-WORKER-KILLED", "stopped by the system"),
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


def test_wait_gives_a_run_back_as_it_is_when_the_time_is_up():
    run_id, _, _ = start_sleeper()
    assert jobs.wait(run_id, timeout=0.1).state is State.RUNNING


def test_a_long_silent_step_shows_that_it_is_alive():
    run_id, _, _ = start_sleeper()
    before = jobs.refresh(run_id).heartbeat
    eventually(lambda: jobs.refresh(run_id).heartbeat > before)


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


def test_a_run_notes_what_computed_it_and_who_started_it():
    import numpy as np

    run = jobs.wait(jobs.start("where", {}, owner="ada"), PATIENCE)
    assert list(run.versions) == ["needle", "python", *LIBRARIES]
    assert run.versions["numpy"] == np.__version__
    assert run.versions["python"] == platform.python_version()
    assert (run.owner, run.launcher_pid) == ("ada", os.getpid())
    assert run.launcher_started == time_started(os.getpid())
    assert run.created <= run.claimed <= run.started


@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5", "nan"])
def test_a_number_of_slots_that_is_none_is_refused_before_there_is_a_run(monkeypatch, value):
    monkeypatch.setenv("NEEDLE_MAX_RUNS", value)
    with pytest.raises(
        ParameterError, match=f"NEEDLE_MAX_RUNS.* above 0. Got '{value}'"
    ) as refusal:
        jobs.start("where", {})
    assert refusal.value.code == "E-PARAMETER"
    assert jobs.get_database().runs() == []


class TestTheEndOfTheServer:
    """A worker does not outlive the process that started it, and the row says what happened."""

    START = "from core import jobs; print(jobs.start('sleep', {}), jobs.start('sleep', {}))"
    WARM = "from tests import workers; from core import jobs; jobs.warm_up(); "
    WARM += "workers.eventually(workers.nursery_if_warm); print(jobs.start('sleep', {}))"

    @pytest.mark.parametrize(
        ("program", "nursery"),
        [(START, "0"), pytest.param(WARM, "1", marks=ON_LINUX)],
        ids=["fresh", "forked"],
    )
    def test_workers_of_a_killed_server_end_themselves_and_say_so(
        self, monkeypatch, program, nursery
    ):
        monkeypatch.setenv("NEEDLE_NURSERY", nursery)
        server, run_ids = as_server(program)
        processes = [pid for run_id in run_ids for pid in processes_of(run_id)]
        assert all(map(is_working, processes))
        kill(server)
        eventually(lambda: not any(map(is_working, processes)))
        for run_id in run_ids:
            run = jobs.get_database().get(run_id)
            assert (run.state, run.error["code"]) == (State.INTERRUPTED, "E-RUN-INTERRUPTED")
            assert run.finished is not None
            assert files_of(run_id) == [f"{run_id}.log"]

    def test_a_run_that_was_done_before_the_end_stays_done(self):
        program = "from core import jobs; print(jobs.start('where', {'seconds': 1}))"
        server, (run_id,) = as_server(program)
        eventually(lambda: jobs.get_database().get(run_id).state is State.DONE)
        kill(server)
        assert jobs.refresh(run_id).state is State.DONE


def test_a_worker_whose_run_was_cancelled_by_a_process_that_then_died_ends_itself():
    run_id, pid, child = start_sleeper()
    jobs.get_database().transition(run_id, "cancelled", allowed_from=["running"])
    eventually(lambda: not is_working(pid) and not is_working(child))
    assert jobs.refresh(run_id).state is State.CANCELLED


def test_a_worker_that_was_started_too_late_is_not_noted_for_a_run_that_waits_again(monkeypatch):
    database = jobs.get_database()
    run_id = database.create("where", {})

    def start(_):
        database.transition(run_id, "queued", allowed_from=["queued"], claimed=None)
        return os.getpid()

    monkeypatch.setattr(launcher._nursery, "start", start)
    launcher._hand_over(database, database.claim(lambda waiting, active: waiting[0]))
    assert (database.get(run_id).is_waiting, database.get(run_id).pid) == (True, None)


def test_the_peak_of_memory_is_known_while_the_run_still_grows():
    run_id = jobs.start("grow", {"bytes": 400_000_000})
    eventually(lambda: (jobs.get_database().get(run_id).peak_memory or 0) > 400_000_000)
    assert jobs.cancel(run_id).peak_memory < 800_000_000
