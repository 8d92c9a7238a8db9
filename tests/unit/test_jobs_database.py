"""The run database: nothing is lost, and of many who change a state exactly one wins."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from sqlalchemy import func, select

from core.errors import RunError
from core.jobs.database import RunDatabase, get_database
from core.jobs.engine import write_ahead
from core.jobs.rows import held_by
from core.jobs.schema import EVENTS, LOCAL, RUNS, State

pytest_plugins = ["tests.postgres"]


@pytest.fixture
def url(either_url):
    return either_url


@pytest.fixture
def file(tmp_path):
    """SQLite's file, for what concerns SQLite alone."""
    file = tmp_path / "alone.db"
    database = RunDatabase(f"sqlite:///{file}")
    yield file
    database.close()


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
        lambda database: database.rename("nobody", "Somebody"),
        lambda database: database.add_event("nobody", "fold", {}),
    ],
    ids=["get", "delete", "rename", "add_event"],
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


def test_a_worker_is_heard_only_while_the_run_is_its_own(database):
    run_id = database.create("train", {})
    fields = {"pid": 7, "pid_started": 1234.5}
    database.transition(run_id, "running", allowed_from=["queued"], **fields)
    mine, others = held_by(7, 1234.5), [held_by(8, 1234.5), held_by(7, 1234.0), held_by(7, None)]
    assert database.heartbeat(run_id, only=mine)
    assert database.add_event(run_id, "fold", {}, only=mine)
    before = database.get(run_id)
    for only in others:
        assert not database.heartbeat(run_id, only=only)
        assert not database.transition(run_id, "done", allowed_from=["running"], only=only)
        with pytest.raises(RunError, match=run_id):
            database.add_event(run_id, "fold", {}, only=only)
    assert (database.get(run_id), len(database.events(run_id))) == (before, 1)
    assert database.transition(run_id, "failed", allowed_from=["running"], only=mine)
    with pytest.raises(RunError, match=run_id):
        database.add_event(run_id, "fold", {}, only=mine)


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


def test_a_deleted_run_takes_its_events_along_and_no_others(database, running):
    other = database.create("read", {})
    kept = database.add_event(other, "fold", {})
    last = database.add_event(running, "fold", {})
    database.transition(running, "done", allowed_from=["running"])
    database.delete(running)
    assert [run.id for run in database.runs()] == [other]
    with database.engine.connect() as connection:
        assert connection.scalars(select(EVENTS.c.id)).all() == [kept]
    assert database.add_event(other, "fold", {}) > last


def test_a_reader_is_not_held_up_by_an_open_write(database, running):
    with database.engine.connect() as connection:
        connection.execute(RUNS.update().values(message="unfinished"))
        assert database.get(running).message == ""
        connection.rollback()


def test_sqlite_writes_ahead_so_that_pages_read_while_workers_write(file):
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_new_file_that_others_switch_at_the_same_moment_is_tried_again(tmp_path):
    # SQLite mostly waits, but of eight that switch at once about one in a thousand is refused.
    file = tmp_path / "new.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.1, other.execute, ["ROLLBACK"])
    impatient = sqlite3.connect(file, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        impatient.execute("PRAGMA journal_mode=WAL")
    release.start()
    write_ahead(impatient)
    release.join()
    assert impatient.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    impatient.close()
    other.close()


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


def test_everybody_sees_their_own_runs_and_those_of_others_do_not_exist(database):
    mine = database.create("train", {}, owner="ann")
    yours = database.create("train", {}, owner="ben")
    nobodys = database.create("train", {})
    assert database.get(nobodys).owner == LOCAL
    assert [run.id for run in database.runs(owner="ann")] == [mine]
    assert [run.id for run in database.runs()] == [nobodys, yours, mine]
    assert (database.count(owner="ann"), database.count(owner="cleo"), database.count()) == (
        1,
        0,
        3,
    )
    assert database.get(mine, owner="ann").id == mine
    with pytest.raises(RunError, match="There is no run with the id") as foreign:
        database.get(yours, owner="ann")
    with pytest.raises(RunError) as unknown:
        database.get("nobody", owner="ann")
    assert foreign.value.code == unknown.value.code == "E-RUN-UNKNOWN"
    assert str(foreign.value).replace(yours, "nobody") == str(unknown.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("epsilon", {"Epsilon", "EPSILON 2"}),
        ("ÄTHER", {"Äther"}),
        ("äther", {"Äther"}),
        ("100%", {"100% rare"}),
        ("a_b", {"a_b"}),
        ("zeta", set()),
        ("", {"Epsilon", "EPSILON 2", "Äther", "100% rare", "100 rare", "a_b", "axb"}),
    ],
    ids=["capitals", "other letters", "small ones", "percent", "underscore", "nothing", "all"],
)
def test_titles_are_searched_by_their_letters_large_or_small(database, text, found):
    for title in ("Epsilon", "EPSILON 2", "Äther", "100% rare", "100 rare", "a_b", "axb"):
        database.create("train", {}, title=title)
    assert {run.title for run in database.runs(text=text)} == found
    assert database.count(text=text) == len(found)


def test_a_list_can_be_paged_and_limited_to_several_kinds_and_states(database):
    ids = [database.create(kind, {}) for kind in ("read", "train", "annotate", "train")]
    database.transition(ids[3], "cancelled", allowed_from=["queued"])
    assert [run.id for run in database.runs(limit=2, offset=1)] == [ids[2], ids[1]]
    assert [run.id for run in database.runs(limit=None, offset=3)] == [ids[0]]
    assert [run.id for run in database.runs(["read", "train"])] == [ids[3], ids[1], ids[0]]
    both = ["queued", State.CANCELLED]
    assert database.count(["train"], both) == 2
    assert database.count("train", "queued") == 1
    assert database.runs(kind=[]) == []


def test_a_new_name_changes_nothing_else(database, running):
    before = database.get(running)
    database.rename(running, "Epsilon, again")
    after = database.get(running)
    assert after.title == "Epsilon, again"
    assert {name for name in vars(after) if getattr(after, name) != getattr(before, name)} == {
        "title"
    }


def test_what_has_not_happened_is_null_and_not_the_json_word(database, running):
    database.transition(running, "failed", allowed_from=["running"], summary=None, error=None)
    columns = (RUNS.c.error, RUNS.c.summary, RUNS.c.versions)
    with database.engine.connect() as connection:
        query = select(*(func.count().filter(column.is_(None)) for column in columns))
        assert connection.execute(query).one() == (1, 1, 1)


def test_a_moment_stays_the_same_moment_whatever_zone_it_was_given_in(database):
    there = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    run = database.get(database.create("train", {}, created=there))
    assert run.created == datetime(2026, 3, 28, 20, 0, 0, 123456, tzinfo=UTC)
    assert run.created.utcoffset() == timedelta(0)


def test_numbers_keep_all_their_digits(database):
    numbers = {"launcher_started": 1763639123.1234567, "predicted_memory": 2**41 + 1}
    run = database.get(database.create("train", {}, **numbers))
    assert {name: getattr(run, name) for name in numbers} == numbers


def oldest(waiting, active):
    return waiting[0] if waiting else None


def test_a_claim_takes_the_chosen_run_and_says_who_and_when(database):
    first, second = (database.create("train", {}) for _ in range(2))
    before = datetime.now(UTC)
    run = database.claim(lambda waiting, active: waiting[1], launcher_pid=7, launcher_started=1.5)
    assert run == database.get(second)
    assert before <= run.claimed <= datetime.now(UTC)
    assert (run.launcher_pid, run.launcher_started, run.state) == (7, 1.5, State.QUEUED)
    assert not run.is_waiting
    assert database.get(first).is_waiting


def test_a_claim_is_shown_who_waits_and_who_is_active_and_none_that_is_over(database, running):
    over = database.create("train", {})
    database.transition(over, "cancelled", allowed_from=["queued"])
    ids = [database.create("train", {}, owner=owner) for owner in "abc"]
    claimed = database.claim(oldest)
    seen = []

    def choose(waiting, active):
        seen.extend([[run.id for run in waiting], {run.id for run in active}])

    assert database.claim(choose) is None
    assert claimed.id == ids[0]
    assert seen == [ids[1:], {running, ids[0]}]


def test_an_empty_queue_gives_nothing(database, running):
    assert database.claim(oldest) is None


def test_a_run_is_not_claimed_when_it_was_cancelled_while_the_choice_was_made(database):
    run_id = database.create("train", {})
    gone = threading.Event()

    def cancel():
        database.transition(run_id, "cancelled", allowed_from=["queued"])
        gone.set()

    came_first = []

    def choose(waiting, active):
        canceller.start()
        came_first.append(gone.wait(0.3))
        return waiting[0]

    canceller = threading.Thread(target=cancel)
    claimed = database.claim(choose)
    canceller.join()
    assert came_first == [claimed is None]
    assert database.get(run_id).state is State.CANCELLED


def test_whoever_asks_for_newer_events_misses_none_while_many_are_written(database, running):
    seen, n_writers, n_each = [], 4, 25

    def write(writer):
        for step in range(n_each):
            database.add_event(running, "fold", {"key": [writer, step]})

    with ThreadPoolExecutor(n_writers) as threads:
        writers = [threads.submit(write, writer) for writer in range(n_writers)]
        over = False
        while not over:
            over = all(writer.done() for writer in writers)
            last = seen[-1].id if seen else 0
            seen += database.events(running, after=last)
    keys = sorted(tuple(event.payload["key"]) for event in seen)
    assert keys == [(writer, step) for writer in range(n_writers) for step in range(n_each)]
    assert [event.id for event in seen] == sorted(event.id for event in seen)
