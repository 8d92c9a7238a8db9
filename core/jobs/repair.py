"""Find out whether an SQLite file is damaged, and put it aside under a name that tells when."""

from __future__ import annotations

import fcntl
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from core.errors import RunError
from core.jobs.engine import is_damage

__all__ = ["alone", "is_damaged", "put_aside", "sqlite_file"]

PATIENCE_SECONDS = 5.0
# What belongs to the file: changes not yet in it, their index, and changes to be undone.
COMPANIONS = ("", "-wal", "-shm", "-journal")


def sqlite_file(url: str) -> Path | None:
    """Return the file that a database URL names; ``None`` when it names anything else."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None  # whoever opens it says what is wrong
    name = parsed.database or ":memory:"
    if parsed.get_backend_name() != "sqlite" or name.startswith((":memory:", "file:")):
        return None
    return Path(name).absolute()


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Wait until no other process is in this block for the same file.

    Raises
    ------
    RunError
        ``E-DATABASE`` when the folder of the file cannot be written to.
    """
    try:
        lock = file.with_name(f".{file.name}.lock").open("a")
    except OSError as error:
        raise _refusal(file, error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the system lets go when the process ends, however
        yield


def is_damaged(file: Path) -> bool:
    """Whether there is a file that SQLite cannot read as a whole.

    One that is empty is a new database. One that is locked or may not be opened is not damaged.
    """
    if not file.is_file() or file.stat().st_size == 0:
        return False
    try:
        with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS)) as connection:
            return connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",)
    except sqlite3.Error as error:
        return is_damage(error)


def put_aside(file: Path, moment: datetime) -> Path:
    """Rename a database file and what belongs to it; nothing is overwritten.

    Parameters
    ----------
    file : pathlib.Path
        The SQLite file, such as ``needle.db``.
    moment : datetime.datetime
        Becomes part of the new name.

    Returns
    -------
    pathlib.Path
        The new name, such as ``needle.damaged-2026-11-20-113000.db``.

    Raises
    ------
    RunError
        ``E-DATABASE`` when it cannot be renamed.
    """
    stem = f"{file.stem}.damaged-{moment:%Y-%m-%d-%H%M%S}"
    endings = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    names = (file.with_name(f"{stem}{ending}{file.suffix}") for ending in endings)
    aside = next(path for path in names if not any(map(Path.exists, _with_companions(path))))
    try:
        for old, new in zip(_with_companions(file), _with_companions(aside), strict=True):
            if old.exists():
                old.rename(new)
    except OSError as error:
        raise _refusal(file, error) from error
    return aside


def _with_companions(file: Path) -> list[Path]:
    return [file.with_name(file.name + ending) for ending in COMPANIONS]


def _refusal(file: Path, error: OSError) -> RunError:
    return RunError(
        f"Needle must be able to write to the folder of its database {file}, but cannot:"
        f" {error.strerror or error}.",
        code="E-DATABASE",
        next_step="Make the folder writable, or name another file in NEEDLE_DATABASE_URL.",
    )
