"""Stop a worker for a while, so that a test can look at a run that does not end behind its back."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import psutil

__all__ = ["suspend"]


def suspend(worker: psutil.Process, database: str | Path, seconds: float = 30.0) -> None:
    """Suspend a process between two of its writes.

    One that is stopped in the middle of a write would keep the whole SQLite file locked.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        worker.suspend()
        with closing(sqlite3.connect(database, timeout=0.1, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                worker.resume()
                time.sleep(0.02)
            else:
                return
    raise AssertionError("the worker could not be stopped outside a write")
