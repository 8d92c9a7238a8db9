"""Databases of every version open: nothing in them is lost, and a step that fails undoes itself."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, select, text

from core.errors import RunError
from core.jobs.database import RunDatabase
from core.jobs.engine import open_engine
from core.jobs.migrations import HEAD
from core.jobs.migrations import upgrade as module
from core.jobs.schema import DATASETS, LOCAL, METADATA, MODELS, State
from tests.conftest import ROOT

pytest_plugins = ["tests.postgres"]

ARCHIVE = ROOT / "tests" / "archive"
DIGEST = "6ba8fa5d4644af6fe753db305627c4a94729b9bf7b27eba16dafee65bca2a924"
# How the first version made its tables in PostgreSQL.
FIRST_IN_POSTGRESQL = """
CREATE TABLE runs (
    id VARCHAR(32) NOT NULL, kind VARCHAR(64) NOT NULL, title TEXT NOT NULL,
    state VARCHAR(16) NOT NULL, config JSON NOT NULL, created TIMESTAMP WITH TIME ZONE NOT NULL,
    started TIMESTAMP WITH TIME ZONE, finished TIMESTAMP WITH TIME ZONE, pid INTEGER,
    pid_started FLOAT(53), heartbeat TIMESTAMP WITH TIME ZONE, progress FLOAT,
    message TEXT NOT NULL, error JSON, summary JSON, peak_memory BIGINT, PRIMARY KEY (id));
CREATE INDEX runs_by_age ON runs (created);
CREATE TABLE events (
    id BIGSERIAL NOT NULL, run_id VARCHAR(32) NOT NULL, time TIMESTAMP WITH TIME ZONE NOT NULL,
    kind VARCHAR(64) NOT NULL, payload JSON NOT NULL, PRIMARY KEY (id),
    FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE);
CREATE INDEX events_of_run ON events (run_id, id);
"""


@pytest.fixture
def file(tmp_path):
    """Give a copy of the run database of the first version."""
    return shutil.copy(ARCHIVE / "database-1.db", tmp_path / "needle.db")


@pytest.fixture
def old_url(either_url, tmp_path):
    """Give a database of the first version, of either kind, with what the archived one holds."""
    with closing(sqlite3.connect(ARCHIVE / "database-1.db")) as archived:
        archived.row_factory = sqlite3.Row
        tables = {
            name: [dict(row) for row in archived.execute(f"SELECT * FROM {name}")]
            for name in ("runs", "events")
        }
    if either_url.startswith("sqlite"):
        shutil.copy(ARCHIVE / "database-1.db", tmp_path / "runs.db")
        return either_url
    engine = create_engine(either_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET TIME ZONE 'UTC'")
        connection.exec_driver_sql(FIRST_IN_POSTGRESQL)
        for name, rows in tables.items():
            columns = ", ".join(rows[0])
            values = ", ".join(f":{column}" for column in rows[0])
            connection.execute(text(f"INSERT INTO {name} ({columns}) VALUES ({values})"), rows)
    engine.dispose()
    return either_url


def differences(url):
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found = compare_metadata(context, METADATA)
    engine.dispose()
    return found


def test_a_new_database_has_the_tables_of_the_schema(either_url):
    assert differences(either_url) == []


def test_an_old_database_ends_with_the_same_tables_as_a_new_one(old_url):
    assert differences(old_url) == []


def test_a_column_that_a_step_forgot_is_noticed(either_url):
    engine = open_engine(either_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN claimed")
    engine.dispose()
    ((operation, _, table, column),) = differences(either_url)
    assert (operation, table, column.name) == ("add_column", "runs", "claimed")


def test_the_newest_step_is_the_one_that_opening_looks_for():
    scripts = ScriptDirectory(str(ROOT / "core" / "jobs" / "migrations"))
    assert scripts.get_heads() == [HEAD]


def test_the_steps_know_nothing_of_todays_needle():
    for path in (ROOT / "core" / "jobs" / "migrations" / "versions").glob("*.py"):
        assert "from core" not in path.read_text("utf-8"), path.name


def test_all_runs_of_the_first_version_are_kept_and_belong_to_the_local_user(old_url):
    database = RunDatabase(old_url)
    runs = {run.id: run for run in database.runs(owner=LOCAL)}
    assert {run_id: run.state.value for run_id, run in runs.items()} == {
        "yyq4dzt7fjp3": "done",
        "x7krkbaedsbx": "done",
        "rybhrr2za4rc": "cancelled",
        "3f7es46xsxep": "failed",
        "55auk9fudhme": "running",
    }
    trained = runs["x7krkbaedsbx"]
    assert trained.created == datetime(2026, 11, 20, 11, 37, 58, 80556, tzinfo=UTC)
    assert (trained.title, trained.config["dataset"], trained.seed) == ("CD34+ in demo", DIGEST, 0)
    assert trained.summary["recommended"] == "none+lr"
    assert runs["3f7es46xsxep"].error["code"]
    assert (trained.versions, trained.claimed, trained.launcher_pid) == (None, None, None)
    assert sum(len(database.events(run_id)) for run_id in runs) == 11
    database.close()


def test_the_second_version_is_read_with_owners_model_and_dataset(tmp_path):
    file = shutil.copy(ARCHIVE / "database-2.db", tmp_path / "needle.db")
    database = RunDatabase(f"sqlite:///{file}")
    runs = {run.id: (run.kind, run.state.value, run.owner) for run in database.runs()}
    assert runs == {
        "bbkrhdewb7gy": ("read", "done", LOCAL),
        "ye95e4jqb4zq": ("train", "done", LOCAL),
        "netd82hhf8uk": ("train", "cancelled", "https://login.example.org anna"),
        "34rykw3esfv9": ("train", "failed", LOCAL),
        "g8sz4d6m4fmw": ("train", "running", LOCAL),
        "u4tveb7zhnvx": ("train", "queued", LOCAL),
    }
    assert database.get("ye95e4jqb4zq").versions["needle"] == "0.2.0"
    assert sum(len(database.events(run_id)) for run_id in runs) == 11
    with database.engine.connect() as connection:
        model = connection.execute(select(MODELS)).one()
        held = connection.execute(select(DATASETS.c.digest)).scalars().all()
    content = (ARCHIVE / "model-2.skops").read_bytes()
    assert (model.id, model.name, model.run_id) == (
        "ukptxabj8e3x",
        "CD34+ of *format* 2",
        "ye95e4jqb4zq",
    )
    assert model.sha256 == hashlib.sha256(content).hexdigest()
    assert held == [DIGEST]
    database.close()


def test_an_old_database_can_be_worked_with_afterwards(old_url):
    database = RunDatabase(old_url)
    last = max(event.id for run in database.runs() for event in database.events(run.id))
    if old_url.startswith("postgresql"):
        # The rows above came with their numbers, which the counter has not seen.
        with database.engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT setval('events_id_seq', {last})")
    assert database.add_event("55auk9fudhme", "fold", {}) > last
    assert database.transition("55auk9fudhme", State.INTERRUPTED, allowed_from=["running"])
    database.delete("55auk9fudhme")
    run_id = database.create("train", {}, owner="ann")
    assert database.claim(lambda waiting, active: waiting[0]).id == run_id
    database.close()


def test_who_has_read_a_dataset_may_go_on_to_use_it(old_url):
    engine = open_engine(old_url)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(DATASETS.select())]
    engine.dispose()
    read = datetime(2026, 11, 20, 11, 37, 58, 44351, tzinfo=UTC)
    assert rows == [(LOCAL, DIGEST, "Demo reference (PBMC)", read)]


def test_of_a_dataset_read_twice_the_newer_name_counts_and_of_a_failed_reading_nothing(file):
    with closing(sqlite3.connect(file)) as connection, connection:
        for run_id, state, digest, name, finished in (
            ("newer", "done", DIGEST, "Renamed", "2026-11-21 00:00:00.000000"),
            ("older", "done", DIGEST, "First", "2026-11-19 00:00:00.000000"),
            ("failed", "failed", "f" * 64, "Failed", "2026-11-19 00:00:00.000000"),
        ):
            connection.execute(
                "INSERT INTO runs (id, kind, title, state, config, created, finished, message,"
                " summary) VALUES (?, 'read', '', ?, '{}', ?, ?, '', ?)",
                (run_id, state, finished, finished, json.dumps({"dataset": digest, "name": name})),
            )
    engine = open_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert [(row.digest, row.name) for row in connection.execute(DATASETS.select())] == [
            (DIGEST, "Renamed")
        ]
    engine.dispose()


def dump(file):
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def test_an_old_file_is_copied_before_it_is_changed(file):
    before = dump(file)
    open_engine(f"sqlite:///{file}").dispose()
    copy = file.with_name("needle.before-0002.db")
    assert dump(copy) == before != dump(file)
    # The copy needs no second file beside it, and is never made again or replaced.
    assert sorted(path.name for path in file.parent.iterdir()) == [copy.name, file.name]
    stamp = copy.stat().st_mtime_ns
    open_engine(f"sqlite:///{file}").dispose()
    assert copy.stat().st_mtime_ns == stamp
    shutil.copy(ARCHIVE / "database-1.db", file)
    open_engine(f"sqlite:///{file}").dispose()
    assert copy.stat().st_mtime_ns == stamp
    assert dump(file.with_name("needle.before-0002-2.db")) == before


def test_changes_that_are_not_yet_in_the_old_file_are_in_the_copy(file):
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        with writer:
            writer.execute("UPDATE runs SET title = 'only in the log so far'")
        assert file.with_name("needle.db-wal").stat().st_size > 0
        open_engine(f"sqlite:///{file}").dispose()
    assert "only in the log so far" in "\n".join(dump(file.with_name("needle.before-0002.db")))


def test_a_new_file_and_one_that_is_up_to_date_are_not_copied(tmp_path):
    for _ in range(2):
        open_engine(f"sqlite:///{tmp_path / 'new.db'}").dispose()
    assert [path.name for path in tmp_path.iterdir()] == ["new.db"]


def test_a_step_that_fails_leaves_the_database_as_it_was(old_url, tmp_path):
    engine = create_engine(old_url)
    with engine.begin() as connection:  # in the way of the last thing that the step makes
        connection.exec_driver_sql("CREATE TABLE datasets (other INTEGER)")
    tables = _description(engine)
    with pytest.raises(RunError, match=r"cannot be opened: .*datasets.* already exists") as refusal:
        open_engine(old_url)
    assert refusal.value.code == "E-DATABASE"
    assert _description(engine) == tables
    assert "owner" not in tables["runs"]
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE datasets")
    engine.dispose()
    assert list(tmp_path.glob("*before*")) == []
    open_engine(old_url).dispose()


def _description(engine):
    inspector = inspect(engine)
    return {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in inspector.get_table_names()
    }


def test_a_database_of_a_newer_version_is_refused_and_not_touched(either_url, tmp_path):
    engine = open_engine(either_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")
        connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN from_the_future INTEGER")
    before = _description(engine)
    with pytest.raises(RunError, match=r"Got format 0099; nothing was changed\.") as refusal:
        open_engine(either_url)
    assert refusal.value.code == "E-DATABASE-NEWER"
    assert "Update Needle" in refusal.value.next_step
    inspector_engine = create_engine(either_url)
    assert _description(inspector_engine) == before
    inspector_engine.dispose()
    engine.dispose()
    assert list(tmp_path.glob("*before*")) == []


QUICK = """
import sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from core.jobs.engine import open_engine
statements = []
event.listen(Engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
open_engine(sys.argv[1])
print("alembic" in sys.modules, len(statements), statements[0].split()[0])
"""


def test_what_is_up_to_date_opens_with_one_question_and_without_alembic(either_url):
    open_engine(either_url).dispose()
    command = [sys.executable, "-W", "error", "-c", QUICK, either_url]
    settings = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run(command, **settings)
    assert done.stdout.split() == ["False", "1", "SELECT"], done.stderr


def test_a_copy_that_cannot_be_made_stops_the_upgrade(file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "replace", full)
    with pytest.raises(RunError, match=r"cannot be opened: .*No space left on device"):
        open_engine(f"sqlite:///{file}")
    assert dump(file) == dump(ARCHIVE / "database-1.db")
    assert not list(file.parent.glob("*before*")) + list(file.parent.glob(".*before*"))


def test_a_percent_sign_in_the_folder_does_no_harm(tmp_path):
    folder = tmp_path / "100%s"
    folder.mkdir()
    database = RunDatabase(f"sqlite:///{folder / 'needle.db'}")
    assert database.runs() == []
    database.close()
