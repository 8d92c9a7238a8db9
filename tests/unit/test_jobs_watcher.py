"""The watcher: runs move and are closed although nobody looks."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from sqlalchemy.exc import OperationalError

from core import jobs
from core.errors import ParameterError
from core.jobs import watcher
from core.jobs.schema import State
from tests.workers import eventually, start_sleeper

pytestmark = [
    pytest.mark.usefixtures("worker_home"),
    pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX"),
]


@pytest.fixture(autouse=True)
def watched(worker_home, monkeypatch):
    monkeypatch.delenv("NEEDLE_WATCH")


def state_of(run_id):
    """Where a run stands, without having it looked after."""
    return jobs.get_database().get(run_id).state


def watchers():
    return [thread for thread in threading.enumerate() if thread.name == "needle watcher"]


def test_the_queue_of_a_notebook_moves_without_calls(monkeypatch):
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
    run_ids = [jobs.start("where", {}) for _ in range(3)]
    eventually(lambda: [state_of(run_id) for run_id in run_ids] == ["done"] * 3)


def test_a_killed_worker_is_seen_without_a_page():
    run_id, pid, _ = start_sleeper()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: state_of(run_id) is State.FAILED)
    assert jobs.get_database().get(run_id).error["code"] == "E-WORKER-KILLED"


def test_a_server_starts_what_the_one_before_it_left_in_the_queue():
    gone = {"launcher_pid": 1, "launcher_started": 0.0}
    run_id = jobs.get_database().create("where", {}, **gone)
    jobs.watch()
    eventually(lambda: state_of(run_id) is State.DONE)


def test_a_database_that_is_away_for_a_moment_does_not_end_the_watch(monkeypatch):
    fails = iter([OperationalError("SELECT", {}, Exception("away"))] * 2)
    usual = watcher.close_dead

    def close_dead():
        if (error := next(fails, None)) is not None:
            raise error
        return usual()

    monkeypatch.setattr(watcher, "close_dead", close_dead)
    jobs.watch()
    run_id = jobs.get_database().create("where", {})
    eventually(lambda: state_of(run_id) is State.DONE)
    assert next(fails, None) is None


def test_there_is_one_watcher_however_often_it_is_asked_for():
    for _ in range(3):
        jobs.watch()
    assert len(watchers()) == 1


def test_the_watch_ends_when_it_is_told_to_and_when_other_data_are_named(tmp_path, monkeypatch):
    jobs.watch()
    watcher.stop()
    assert watchers() == []
    jobs.watch()
    (earlier,) = watchers()
    monkeypatch.setenv("NEEDLE_HOME", str(tmp_path / "other"))
    eventually(lambda: not earlier.is_alive())
    assert not (tmp_path / "other").exists()


def test_a_server_with_impossible_settings_is_told_at_once(monkeypatch):
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "0")
    with pytest.raises(ParameterError, match="NEEDLE_MAX_RUNS"):
        jobs.watch()
    assert watchers() == []


def test_the_watch_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("NEEDLE_WATCH", "0")
    jobs.watch()
    assert watchers() == []
