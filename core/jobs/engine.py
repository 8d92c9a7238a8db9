"""Open the run database, whichever kind it is, and see to it that its tables are there."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.schema import CreateIndex, CreateTable

from core.errors import RunError
from core.jobs.schema import METADATA, plain

__all__ = ["open_engine", "take_turn"]

BUSY_TIMEOUT_MS = 30_000
TURN = 7_365_731  # any number that nobody else locks in this database


def open_engine(url: str) -> Engine:
    """Connect to the database at `url` and make the tables that it lacks.

    Raises
    ------
    RunError
        ``E-DATABASE`` when that is not possible.
    """
    try:
        shown = make_url(url).render_as_string(hide_password=True)
        engine = create_engine(url, json_serializer=_to_json)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        with engine.begin() as connection:
            # "IF NOT EXISTS", because several workers may open a new database at once.
            for table in METADATA.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
    except (ArgumentError, NoSuchModuleError) as error:
        raise _cannot_open("NEEDLE_DATABASE_URL", str(error)) from error
    except (ImportError, DBAPIError) as error:
        raise _cannot_open(shown, str(getattr(error, "orig", error))) from error
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


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Let readers and one writer work side by side, and writers wait for each other."""
    # The timeout comes first: also the switch to WAL may find the file busy.
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _to_json(value: Any) -> str:
    return json.dumps(plain(value), allow_nan=False)


def _cannot_open(what: str, reason: str) -> RunError:
    return RunError(
        f"The run database {what} cannot be opened: {reason}.",
        code="E-DATABASE",
        next_step="Check NEEDLE_DATABASE_URL, or unset it to use the file in the data folder.",
    )
