"""Eight processes at one run database: nothing is lost, nothing is done twice, nobody fails."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest
from sqlalchemy import select

from core.jobs.database import RunDatabase
from core.jobs.schema import EVENTS, LOCAL, State
from tests.conftest import ROOT
from tests.crowd import Crowd

pytest_plugins = ["tests.postgres"]

N_PROCESSES = 8
N_ROUNDS = 100  # of five writes each
N_SLOTS = 3

# Every process meets a database that nobody has opened before.
WRITE = f"""
database = RunDatabase(arguments)
counts = dict(moved=0, beats=0)
for step in range({N_ROUNDS}):
    run_id = database.create("train", {{"key": [me, step]}})
    counts["moved"] += database.transition(run_id, "running", allowed_from=["queued"])
    database.add_event(run_id, "fold", {{"key": [me, step]}})
    counts["beats"] += database.heartbeat(run_id, progress=step / {N_ROUNDS}, message=str(me))
    counts["moved"] += database.transition(run_id, "done", allowed_from=["running"])
database.close()
answer = counts
"""

SHARE = """
database = RunDatabase(arguments["url"])
for step in range(arguments["n_each"]):
    database.add_event(arguments["run"], "fold", {"key": [me, step]})
database.close()
answer = None
"""

CLAIM = f"""
import time
database = RunDatabase(arguments)
def choose(waiting, active):
    return waiting[0] if waiting and len(active) < {N_SLOTS} else None
claims = []
while database.count(state=["queued", "running"]):
    run = database.claim(choose, launcher_pid=me)
    if run is None:
        time.sleep(0.002)
        continue
    assert database.transition(run.id, "running", allowed_from=["queued"])
    assert database.transition(run.id, "done", allowed_from=["running"])
    claims.append(run.id)
database.close()
answer = claims
"""

OPEN = """
answer = []
for url in arguments:
    database = RunDatabase(url)
    answer.append(sorted(run.id for run in database.runs(owner="local")))
    database.close()
"""


@pytest.fixture(scope="module")
def crowd():
    with Crowd(N_PROCESSES) as crowd:
        yield crowd


@pytest.fixture
def url(either_url):
    return either_url


def test_of_500_writes_of_each_process_none_is_lost_and_none_fails(crowd, url):
    answers = crowd.run(WRITE, url)
    assert answers == [{"moved": 2 * N_ROUNDS, "beats": N_ROUNDS}] * N_PROCESSES
    database = RunDatabase(url)
    runs = database.runs(limit=None)
    keys = [tuple(run.config["key"]) for run in runs]
    assert sorted(keys) == [(me, step) for me in range(N_PROCESSES) for step in range(N_ROUNDS)]
    assert Counter(run.state for run in runs) == {State.DONE: N_PROCESSES * N_ROUNDS}
    assert all(run.message == str(run.config["key"][0]) for run in runs)
    assert all(run.progress == run.config["key"][1] / N_ROUNDS for run in runs)
    with database.engine.connect() as connection:
        events = connection.execute(select(EVENTS.c.run_id, EVENTS.c.payload)).all()
    database.close()
    assert len(events) == len(runs)
    assert dict(events) == {run.id: run.config for run in runs}


def test_many_processes_report_to_one_run_and_each_report_is_kept_in_its_order(crowd, url):
    database = RunDatabase(url)
    run_id = database.create("train", {})
    crowd.run(SHARE, {"url": url, "run": run_id, "n_each": 25})
    keys = [tuple(event.payload["key"]) for event in database.events(run_id)]
    database.close()
    assert sorted(keys) == [(me, step) for me in range(N_PROCESSES) for step in range(25)]
    for one in range(N_PROCESSES):
        assert [step for me, step in keys if me == one] == list(range(25))


def test_every_run_is_claimed_once_and_never_more_are_active_than_there_are_slots(crowd, url):
    database = RunDatabase(url)
    ids = [database.create("train", {}) for _ in range(60)]
    answers = crowd.run(CLAIM, url)
    runs = database.runs(limit=None)
    database.close()
    assert sorted(run_id for claims in answers for run_id in claims) == sorted(ids)
    assert {run.id: run.launcher_pid for run in runs} == {
        run_id: me for me, claims in enumerate(answers) for run_id in claims
    }
    moments = sorted([(run.claimed, 1) for run in runs] + [(run.finished, -1) for run in runs])
    active = peak = 0
    for _, change in moments:
        active += change
        peak = max(peak, active)
    assert 2 <= peak <= N_SLOTS
    assert [run.id for run in sorted(runs, key=lambda run: run.claimed)] == ids


def test_new_and_old_databases_that_all_open_at_once_are_made_and_upgraded_once(crowd, tmp_path):
    old, new = [], []
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(ROOT / "tests/archive/database-1.db", folder / "needle.db")
        old.append(f"sqlite:///{folder / 'needle.db'}")
        new.append(f"sqlite:///{folder / 'new.db'}")
    urls = [url for pair in zip(old, new, strict=True) for url in pair]
    answers = crowd.run(OPEN, urls)
    database = RunDatabase(old[0])
    ids = sorted(run.id for run in database.runs(owner=LOCAL))
    database.close()
    assert len(ids) == 5
    assert answers == [[ids, []] * 4] * N_PROCESSES
    for number in range(4):
        copies = [path.name for path in (tmp_path / str(number)).glob("*before*")]
        assert copies == ["needle.before-0002.db"]


def test_a_new_postgresql_database_can_be_opened_by_all_at_once(crowd, postgres_server):
    urls = [postgres_server.new_url() for _ in range(4)]
    assert crowd.run(OPEN, urls) == [[[]] * 4] * N_PROCESSES
