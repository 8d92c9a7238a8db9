"""Bring the run database up to date, one process at a time and all or nothing."""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from core.errors import RunError
from core.jobs.engine import take_turn
from core.jobs.migrations import HEAD

__all__ = ["upgrade"]

FIRST = "0001"
# Alembic keeps what it works on in module variables, one for all threads.
_one_at_a_time = threading.Lock()


def upgrade(engine: Engine) -> None:
    """Take all steps that the database lacks, in one transaction.

    An SQLite file that holds older tables is copied first, to ``<name>.before-<step>.db`` beside
    it. Other processes that try at the same time wait, and find nothing left to do.

    Raises
    ------
    RunError
        ``E-DATABASE-NEWER`` when the database is of a newer version of Needle.
    """
    with _one_at_a_time, engine.begin() as connection:
        take_turn(connection)
        config = _config(connection)
        revision = _revision(connection)
        _check_known(revision, config)
        if revision == HEAD:
            return
        copy = _keep_copy(connection) if revision else None
        try:
            if revision == FIRST:
                command.stamp(config, FIRST)
            command.upgrade(config, HEAD)
        except BaseException:
            if copy is not None:  # nothing changes, so there is nothing to go back to
                copy.unlink(missing_ok=True)
            raise


def _config(connection: Connection) -> Config:
    config = Config()
    folder = str(Path(__file__).parent)
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    """Return the step that the database has reached; ``None`` when it has no tables yet."""
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None and inspect(connection).has_table("runs"):
        return FIRST  # the first version of Needle did not write down which it was
    return revision


def _check_known(revision: str | None, config: Config) -> None:
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise RunError(
            f"The run database must be of this version of Needle (format {HEAD}) or an older one."
            f" Got format {revision}; nothing was changed.",
            code="E-DATABASE-NEWER",
            next_step="Update Needle, or name another data folder in NEEDLE_HOME.",
        )


def _keep_copy(connection: Connection) -> Path | None:
    """Copy an SQLite file as it is now; other databases are copied by those who run them."""
    if connection.dialect.name != "sqlite":
        return None
    name = connection.exec_driver_sql("PRAGMA database_list").first().file
    if not name:  # in memory
        return None
    file = Path(name)
    copy = _free_name(file)
    unfinished = copy.with_name(f".{copy.name}.part")
    try:
        # Over another connection, which sees what was there before this transaction.
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(unfinished)) as goal:
            source.backup(goal)
            goal.execute("PRAGMA journal_mode=DELETE")  # one file that needs no other beside it
        os.replace(unfinished, copy)
    finally:
        unfinished.unlink(missing_ok=True)
    return copy


def _free_name(file: Path) -> Path:
    names = (
        f"{file.stem}.before-{HEAD}{n}{file.suffix}"
        for n in itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    )
    return next(path for path in map(file.with_name, names) if not path.exists())
