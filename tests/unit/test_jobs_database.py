"""The run database: nothing is lost, and of many who change a state exactly one wins."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from core.errors import RunError
from core.jobs.database import RunDatabase, get_database
from core.jobs.schema import EVENTS, RUNS, State

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture
def database(url):
    database = RunDatabase(url)
    yield database
    database.close()


@pytest.fixture
def running(database):
    run_id = database.create("train", {})
    assert database.transition(run_id, "running", allowed_from=["queued"])
    return run_id


def test_a_new_run_is_queued_and_keeps_what_it_was_given(database):
    before = datetime.now(UTC)
    run = database.get(database.create("train", {"samplers": ("none", "loras")}, title="Epsilon"))
    assert (run.kind, run.title, run.state) == ("train", "Epsilon", State.QUEUED)
    assert run.config == {"samplers": ["none", "loras"]}
    assert before <= run.created <= datetime.now(UTC)
    assert run.created.utcoffset() == timedelta(0)
    assert (run.started, run.finished, run.pid, run.error, run.summary) == (None,) * 5
    assert not run.is_over


def test_a_run_is_a_snapshot_that_cannot_be_changed(database, running):
    run = database.get(running)
    with pytest.raises(FrozenInstanceError, match="state"):
        run.state = State.DONE
    database.transition(running, "done", allowed_from=["running"])
    assert run.state is State.RUNNING


def test_ids_are_unique_and_safe_in_addresses_file_names_and_commands(database):
    ids = {database.create("read", {}) for _ in range(200)}
    assert len(ids) == 200
    assert all(run_id.isalnum() and run_id.isascii() and run_id.islower() for run_id in ids)


@pytest.mark.parametrize(
    "call",
    [
        lambda database: database.get("nobody"),
        lambda database: database.delete("nobody"),
        lambda database: database.add_event("nobody", "fold", {}),
    ],
    ids=["get", "delete", "add_event"],
)
def test_an_unknown_run_is_refused_by_its_id(database, call):
    with pytest.raises(RunError, match="no run with the id 'nobody'") as refusal:
        call(database)
    assert refusal.value.code == "E-RUN-UNKNOWN"
    assert refusal.value.next_step


def test_runs_come_newest_first_and_can_be_chosen_by_kind_and_state(database):
    first, second, third = (database.create(kind, {}) for kind in ("train", "read", "train"))
    database.transition(third, "cancelled", allowed_from=["queued"])
    assert [run.id for run in database.runs()] == [third, second, first]
    assert [run.id for run in database.runs(kind="train")] == [third, first]
    assert [run.id for run in database.runs(state="queued")] == [second, first]
    assert [run.id for run in database.runs(kind="train", state=State.QUEUED)] == [first]
    assert [run.id for run in database.runs(limit=1)] == [third]


def test_events_after_gives_only_the_newer_ones_of_this_run(database, running):
    other = database.create("read", {})
    ids = []
    for step in range(4):
        ids.append(database.add_event(running, "fold", {"step": step}))
        database.add_event(other, "fold", {"step": -1})
    assert [event.payload["step"] for event in database.events(running)] == [0, 1, 2, 3]
    newer = database.events(running, after=ids[1])
    assert [(event.id, event.payload["step"]) for event in newer] == [(ids[2], 2), (ids[3], 3)]
    assert {event.run_id for event in newer} == {running}
    assert database.events(running, after=ids[3]) == []


def test_an_event_is_a_heartbeat_too(database, running):
    before = database.get(running).heartbeat
    database.add_event(running, "fold", {})
    assert database.get(running).heartbeat > before


def test_numpy_values_and_nan_are_stored_as_every_database_understands_them(database, running):
    payload = {"tp": np.int64(4), "f1": np.float32(0.5), "auc": np.nan, "scores": np.arange(2)}
    database.add_event(running, "fold", payload)
    stored = {"tp": 4, "f1": 0.5, "auc": None, "scores": [0, 1]}
    assert database.events(running)[0].payload == stored


def test_a_transition_notes_the_times_and_the_fields_it_is_given(database):
    run_id = database.create("train", {})
    identity = {"pid": 7, "pid_started": 1234.5}
    assert database.transition(run_id, "running", allowed_from=["queued"], **identity)
    run = database.get(run_id)
    assert (run.pid, run.pid_started, run.finished) == (7, 1234.5, None)
    assert run.created <= run.started == run.heartbeat
    outcome = {"summary": {"n": 1}, "peak_memory": 2**40}
    assert database.transition(run_id, "done", allowed_from=["running"], **outcome)
    run = database.get(run_id)
    assert (run.summary, run.peak_memory) == ({"n": 1}, 2**40)
    assert run.is_over
    assert run.finished >= run.started


@pytest.mark.parametrize("state", ["done", "failed", "cancelled", "interrupted"])
def test_a_run_that_is_over_is_moved_by_nobody(database, running, state):
    assert database.transition(running, state, allowed_from=["running"])
    before = database.get(running)
    assert not database.transition(running, "cancelled", allowed_from=["queued", "running"])
    assert not database.heartbeat(running, message="still here")
    assert database.get(running) == before


def test_a_transition_of_an_unknown_run_moves_nothing(database):
    assert not database.transition("nobody", "done", allowed_from=list(State))


def test_a_state_that_does_not_exist_is_an_error_of_the_caller(database, running):
    with pytest.raises(ValueError, match="'finished' is not a valid State"):
        database.transition(running, "finished", allowed_from=["running"])


def test_of_many_threads_that_end_a_run_exactly_one_wins(database):
    with ThreadPoolExecutor(8) as threads:
        for _ in range(10):
            run_id = database.create("train", {})
            database.transition(run_id, "running", allowed_from=["queued"])
            states = ["done", "cancelled"] * 4

            def end(state, run_id=run_id):
                return database.transition(run_id, state, allowed_from=["running"], message=state)

            ends = threads.map(end, states)
            won = [state for state, wins in zip(states, ends, strict=True) if wins]
            run = database.get(run_id)
            assert won == [run.state] == [run.message]


def test_a_heartbeat_carries_the_progress(database, running):
    before = database.get(running).heartbeat
    assert database.heartbeat(running, progress=0.25, message="fold 5 of 20")
    run = database.get(running)
    assert (run.progress, run.message) == (0.25, "fold 5 of 20")
    assert run.heartbeat > before


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_run_that_is_not_over_cannot_be_deleted(database, state):
    run_id = database.create("train", {})
    database.transition(run_id, state, allowed_from=["queued"])
    with pytest.raises(
        RunError, match=f"Only a finished run .* Run {run_id} is {state}"
    ) as refusal:
        database.delete(run_id)
    assert refusal.value.code == "E-RUN-BUSY"
    assert database.get(run_id).state == state


def test_a_deleted_run_takes_its_events_along_and_no_others(database, running, url):
    other = database.create("read", {})
    kept = database.add_event(other, "fold", {})
    last = database.add_event(running, "fold", {})
    database.transition(running, "done", allowed_from=["running"])
    database.delete(running)
    assert [run.id for run in database.runs()] == [other]
    with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("SELECT id FROM events").fetchall() == [(kept,)]
    connection.close()
    assert database.add_event(other, "fold", {}) > last


def test_sqlite_writes_ahead_so_that_pages_read_while_workers_write(database, url):
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_reader_is_not_held_up_by_an_open_write(database, running, url):
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE runs SET message = 'unfinished'")
    assert database.get(running).message == ""
    connection.close()


WRITER = """
import sys
from core.jobs.database import RunDatabase
database = RunDatabase(sys.argv[1])
run_id = database.create("train", {})
for step in range(50):
    database.add_event(run_id, "fold", {"step": step})
database.close()
"""


def test_four_processes_that_open_a_new_database_and_write_at_once_lose_nothing(url):
    command = [sys.executable, "-W", "error", "-c", WRITER, url]
    settings = {"cwd": ROOT, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    writers = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **settings) for _ in range(4)
    ]
    complaints = [writer.communicate(timeout=120)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4, complaints
    database = RunDatabase(url)
    reports = [
        [event.payload["step"] for event in database.events(run.id)] for run in database.runs()
    ]
    database.close()
    assert reports == [list(range(50))] * 4


def test_runs_outlive_the_process_that_wrote_them(database, running, url):
    database.close()
    again = RunDatabase(url)
    assert again.get(running).state is State.RUNNING
    again.close()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite:////proc/nowhere/runs.db", "unable to open database file"),
        ("no url", "Could not parse"),
        ("nosuch://host/db", "nosuch"),
    ],
    ids=["folder missing", "not a URL", "unknown kind"],
)
def test_a_database_that_cannot_be_opened_is_refused_with_the_reason(url, complaint):
    with pytest.raises(RunError, match=complaint) as refusal:
        RunDatabase(url)
    assert refusal.value.code == "E-DATABASE"
    assert "NEEDLE_DATABASE_URL" in refusal.value.next_step


def test_one_process_opens_each_database_once(tmp_path, monkeypatch):
    monkeypatch.delenv("NEEDLE_DATABASE_URL", raising=False)
    monkeypatch.setenv("NEEDLE_HOME", str(tmp_path / "one"))
    one = get_database()
    assert get_database() is one
    monkeypatch.setenv("NEEDLE_HOME", str(tmp_path / "two"))
    two = get_database()
    assert two is not one
    one.create("read", {})
    assert two.runs() == []
    one.close()
    two.close()


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        (RUNS, ["created TIMESTAMP WITH TIME ZONE NOT NULL", "peak_memory BIGINT"]),
        (EVENTS, ["id BIGSERIAL NOT NULL", "ON DELETE CASCADE"]),
    ],
    ids=["runs", "events"],
)
def test_the_tables_are_made_for_postgresql_too(table, parts):
    statement = str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert all(part in statement for part in parts), statement
