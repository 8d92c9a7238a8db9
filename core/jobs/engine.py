"""Open the run database, whichever kind it is, with the tables of this version of Needle."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from core.errors import RunError
from core.jobs.migrations import HEAD
from core.jobs.schema import plain

__all__ = ["is_damage", "open_engine", "take_turn", "write_ahead"]

BUSY_TIMEOUT_MS = 30_000
CONNECT_TIMEOUT_SECONDS = 10
TURN = 7_365_731  # any number that nobody else locks in this database


def open_engine(url: str) -> Engine:
    """Connect to the database at `url`; make its tables, or bring older ones up to date.

    Raises
    ------
    RunError
        ``E-DATABASE`` when that is not possible, ``E-DATABASE-NEWER`` when a newer version of
        Needle has changed the tables.
    """
    try:
        parsed = make_url(url)
        engine = _create(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise _cannot_open("NEEDLE_DATABASE_URL", error) from error
    except ImportError as error:
        raise _cannot_open(_shown(parsed), error) from error
    try:
        if not _is_up_to_date(engine):
            # Only here: every worker opens the database, and almost none has to import Alembic.
            from core.jobs.migrations.upgrade import upgrade

            upgrade(engine)
    except RunError:
        engine.dispose()
        raise
    except (DBAPIError, sqlite3.Error, OSError) as error:
        engine.dispose()
        raise _cannot_open(_shown(parsed), error) from error
    return engine


def take_turn(connection: Connection) -> None:
    """Make a transaction wait until no other one that called this is under way.

    It must be the first thing that the transaction does: one that has read before it may be
    refused by SQLite instead of waiting.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(TURN)))


def is_damage(error: BaseException) -> bool:
    """Whether an error says that the file is no SQLite database, or no whole one.

    A database that is busy, write-protected or out of space is not damaged.
    """
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    # The lowest byte is the kind of error, the others its details.
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _create(url: URL) -> Engine:
    kind, options = url.get_backend_name(), {}
    if kind == "postgresql":
        # A server that was restarted in between is asked again, one that is away not for ever.
        options = {"pool_pre_ping": True}
        if "connect_timeout" not in url.query:
            options["connect_args"] = {"connect_timeout": CONNECT_TIMEOUT_SECONDS}
    engine = create_engine(url, json_serializer=_to_json, **options)
    if kind == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _is_up_to_date(engine: Engine) -> bool:
    with engine.connect() as connection:
        try:
            return connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
        except DBAPIError as error:
            if is_damage(error):
                raise
            return False  # there is no such table yet


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Let readers and one writer work side by side, and writers wait for each other."""
    # SQLite's own knows the letters A to Z alone; a search must find "Äther" as PostgreSQL does.
    connection.create_function("lower", 1, _lower, deterministic=True)
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}").close()
    write_ahead(connection)
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait by itself when several switch a new file at once."""
    end = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _to_json(value: Any) -> str:
    return json.dumps(plain(value), allow_nan=False)


def _shown(url: URL) -> str:
    # A password may stand in the query part, too.
    return url.set(query={}).render_as_string(hide_password=True)


def _cannot_open(what: str, error: BaseException) -> RunError:
    reason = " ".join(str(getattr(error, "orig", error)).split()).rstrip(".")
    next_step = "Check NEEDLE_DATABASE_URL, or unset it to use the file in the data folder."
    if is_damage(error):
        next_step = "Start Needle anew: it puts the damaged file aside and makes a new one."
    return RunError(
        f"The run database {what} cannot be opened: {reason}.",
        code="E-DATABASE",
        next_step=next_step,
    )
