"""What a server finds at its start: folders that refuse, files that are damaged, or none of it."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from core.errors import RunError
from core.jobs import database as database_module
from core.jobs import engine as engine_module
from core.jobs import repair, startup
from core.jobs.database import RunDatabase, get_database
from core.jobs.repair import is_damaged, put_aside, sqlite_file
from core.jobs.startup import start_up
from tests.conftest import ROOT

PAGE = 4096


@pytest.fixture
def home(fresh_home, monkeypatch):
    monkeypatch.delenv("NEEDLE_DATABASE_URL", raising=False)
    yield fresh_home
    for opened in database_module._databases.values():
        opened.close()


@pytest.fixture
def file(home):
    """Give a database file with a history that fills many pages."""
    home.mkdir()
    database = RunDatabase(f"sqlite:///{home / 'needle.db'}")
    for number in range(50):
        run_id = database.create("train", {"text": "x" * 500}, title=f"Run {number}")
        database.add_event(run_id, "fold", {"text": "y" * 500})
    database.close()
    file = home / "needle.db"
    assert file.stat().st_size > 8 * PAGE
    return file


def names(folder, pattern="*"):
    return sorted(path.name for path in folder.glob(pattern) if not path.name.startswith("."))


def garbage(file):
    file.write_bytes(b"This is a list of runs.\n" * 500)


def truncated(file):
    with file.open("r+b") as stream:
        stream.truncate(file.stat().st_size // 2 + 100)


def cut_short(file):
    with file.open("r+b") as stream:
        stream.truncate(60)


def torn_page(file):
    with file.open("r+b") as stream:
        stream.seek(5 * PAGE)
        stream.write(bytes(PAGE))


def lost_row(file):
    """Every page is whole, but an index has lost an entry that its table has."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute("UPDATE sqlite_master SET rootpage = 3 WHERE name = 'runs_by_age'")


@pytest.mark.parametrize("damage", [garbage, truncated, cut_short, torn_page, lost_row])
def test_a_damaged_database_is_put_aside_with_the_date_and_a_new_one_begun(home, file, damage):
    damage(file)
    content = file.read_bytes()
    before = datetime.now().replace(microsecond=0)
    (finding,) = start_up()
    assert finding.code == "W-DATABASE-DAMAGED"
    (aside,) = names(home, "needle.damaged-*")
    moment = datetime.strptime(aside, "needle.damaged-%Y-%m-%d-%H%M%S.db")
    assert before <= moment <= datetime.now()
    assert (home / aside).read_bytes() == content
    assert "was damaged and could not be read" in finding.message
    assert aside in finding.message
    assert f"results are still in the folder {home / 'runs'}" in finding.next_step
    database = get_database()
    assert database.runs() == []
    database.create("train", {})
    assert start_up() == ()
    assert names(home, "needle.damaged-*") == [aside]
    assert database.count() == 1


@pytest.mark.parametrize("damage", [garbage, truncated, cut_short])
def test_only_a_server_puts_aside_others_refuse_and_touch_nothing(home, file, damage):
    damage(file)
    content = file.read_bytes()
    with pytest.raises(RunError, match=r"run database .*needle\.db cannot be opened") as refusal:
        RunDatabase(f"sqlite:///{file}")
    assert refusal.value.code == "E-DATABASE"
    assert "Start Needle anew" in refusal.value.next_step
    assert file.read_bytes() == content
    assert names(home, "*damaged*") == []


def test_what_belongs_to_the_damaged_file_goes_with_it(home, file):
    garbage(file)
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).write_bytes(ending.encode() * 100)
    aside = put_aside(file, datetime(2026, 11, 20, 11, 30))
    assert aside.name == "needle.damaged-2026-11-20-113000.db"
    assert names(home, "needle*") == [aside.name, f"{aside.name}-shm", f"{aside.name}-wal"]


def test_an_older_file_that_was_put_aside_is_never_overwritten(home, file):
    moment = datetime(2026, 11, 20, 11, 30)
    aside = []
    for text in ("first", "second", "third"):
        file.write_text(text)
        aside.append(put_aside(file, moment))
    stem = "needle.damaged-2026-11-20-113000"
    assert [path.name for path in aside] == [f"{stem}.db", f"{stem}-2.db", f"{stem}-3.db"]
    assert [path.read_text() for path in aside] == ["first", "second", "third"]
    assert not file.exists()


def test_results_and_models_on_disk_stay_when_the_database_goes(home, file):
    kept = [home / "runs" / "abc" / "table.csv", home / "models" / "epsilon.skops"]
    for path in kept:
        path.parent.mkdir(parents=True)
        path.write_text(path.name)
    garbage(file)
    assert start_up()
    assert [path.read_text() for path in kept] == ["table.csv", "epsilon.skops"]


def test_a_sound_database_and_a_first_start_give_no_finding(home, file):
    assert start_up() == ()
    assert get_database().count() == 50
    assert names(home, "*damaged*") == []
    get_database().close()
    file.unlink()
    assert start_up() == ()
    assert get_database().count() == 0


def test_an_empty_file_is_a_new_database(home):
    home.mkdir()
    (home / "needle.db").touch()
    assert start_up() == ()
    assert get_database().runs() == []
    assert names(home, "*damaged*") == []


def test_an_old_database_is_upgraded_and_not_taken_for_damaged(home):
    home.mkdir()
    shutil.copy(ROOT / "tests/archive/database-1.db", home / "needle.db")
    assert start_up() == ()
    assert get_database().count() == 5
    assert names(home, "*damaged*") == []


def test_changes_that_wait_in_the_log_of_a_killed_process_are_kept(home, file):
    with closing(sqlite3.connect(file)) as writer, writer:
        writer.execute("UPDATE runs SET title = 'in the log'")
        writer.commit()
        left = {name: (home / name).read_bytes() for name in names(home, "needle.db*")}
    assert left["needle.db-wal"]
    for name, content in left.items():  # as if the process had never closed it
        (home / name).write_bytes(content)
    assert start_up() == ()
    assert {run.title for run in get_database().runs()} == {"in the log"}


def test_a_database_that_somebody_has_locked_is_busy_and_not_damaged(home, file, monkeypatch):
    monkeypatch.setattr(repair, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=DELETE").fetchall()
        other.execute("BEGIN EXCLUSIVE")
        assert not is_damaged(file)
        with pytest.raises(RunError, match="database is locked") as refusal:
            start_up()
        assert refusal.value.code == "E-DATABASE"
        other.execute("ROLLBACK")
    assert names(home, "*damaged*") == []
    assert start_up() == ()
    assert get_database().count() == 50


def test_a_folder_in_the_place_of_the_database_is_refused_and_stays(home):
    (home / "needle.db").mkdir(parents=True)
    with pytest.raises(RunError, match="unable to open database file") as refusal:
        start_up()
    assert refusal.value.code == "E-DATABASE"
    assert (home / "needle.db").is_dir()
    shutil.rmtree(home / "needle.db")


def test_of_servers_that_start_at_once_one_puts_the_file_aside(home, file, monkeypatch):
    garbage(file)
    found = []

    def look_and_hesitate(file):
        damaged = is_damaged(file)
        time.sleep(0.1)  # time enough for the others to look, if they may
        return damaged

    monkeypatch.setattr(startup, "is_damaged", look_and_hesitate)
    servers = [threading.Thread(target=lambda: found.extend(start_up())) for _ in range(4)]
    for one in servers:
        one.start()
    for one in servers:
        one.join()
    assert [finding.code for finding in found] == ["W-DATABASE-DAMAGED"]
    assert len(names(home, "*damaged*")) == 1


def test_a_database_elsewhere_is_put_aside_where_it_lies(home, tmp_path, monkeypatch):
    elsewhere = tmp_path / "other" / "history.sqlite"
    elsewhere.parent.mkdir()
    garbage(elsewhere)
    monkeypatch.setenv("NEEDLE_DATABASE_URL", f"sqlite:///{elsewhere}")
    (finding,) = start_up()
    (aside,) = names(elsewhere.parent, "history.damaged-*.sqlite")
    assert aside in finding.message
    assert elsewhere.exists()


@pytest.mark.parametrize("name", ["", "datasets", "models", "runs", "uploads"])
def test_a_folder_that_cannot_be_written_stops_the_start_by_name(home, name):
    home.mkdir()
    path = home / name if name else home
    if name:
        path.write_text("in the way")
    else:
        path.rmdir()
        path.write_text("in the way")
    with pytest.raises(RunError, match=f"write to the folder {path}") as refusal:
        start_up()
    assert refusal.value.code == "E-FOLDER"
    path.unlink()


def test_a_database_url_that_makes_no_sense_stops_the_start(home, monkeypatch):
    with monkeypatch.context() as here:
        here.setenv("NEEDLE_DATABASE_URL", "no url")
        with pytest.raises(RunError, match="NEEDLE_DATABASE_URL cannot be opened") as refusal:
            start_up()
    assert refusal.value.code == "E-DATABASE"


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////data/needle.db", Path("/data/needle.db")),
        ("sqlite+pysqlite:////data/needle.db?timeout=3", Path("/data/needle.db")),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("postgresql://server/needle", None),
        ("no url", None),
    ],
)
def test_only_a_file_can_be_put_aside(url, file):
    assert sqlite_file(url) == file
