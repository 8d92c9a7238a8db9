"""The thread that keeps the queue moving and notices what died, whether or not a page is open."""

from __future__ import annotations

import atexit
import logging
import os
import threading

from sqlalchemy.exc import SQLAlchemyError

from core.errors import NeedleError
from core.jobs.ending import close_dead
from core.jobs.launcher import adopt, dispatch
from core.jobs.limits import check_settings

__all__ = ["begin", "stop", "watch"]

SECONDS_BETWEEN_ROUNDS = 1.0
SETTINGS = ("NEEDLE_HOME", "NEEDLE_DATABASE_URL")

LOG = logging.getLogger("needle.watcher")


class _Watcher(threading.Thread):
    """Goes round until it is told to stop, or until the settings name other data."""

    def __init__(self) -> None:
        super().__init__(name="needle watcher", daemon=True)
        self.settings = _settings()
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(SECONDS_BETWEEN_ROUNDS) and self.settings == _settings():
            try:
                close_dead()
                dispatch()
            except (SQLAlchemyError, NeedleError, OSError) as error:
                # A database that is away for a while must not end the watch.
                LOG.warning("one round of the watcher failed: %s", error)


_lock = threading.Lock()
_watcher: _Watcher | None = None


def watch() -> None:
    """Be a server: from now on start what waits and close what died, about every second.

    Runs that a server before this one has left in the queue are started, too. Calling it again
    changes nothing. The environment variable ``NEEDLE_WATCH=0`` keeps the thread from starting;
    the queue then moves whenever a run is started, looked at or cancelled.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when a setting such as ``NEEDLE_MAX_RUNS`` is no amount.
    """
    check_settings()
    adopt()
    begin()


def begin() -> None:
    """See to it that this process watches over the runs of the present settings."""
    global _watcher
    if os.environ.get("NEEDLE_WATCH") == "0":
        return
    with _lock:
        if _watcher is None or not _watcher.is_alive() or _watcher.settings != _settings():
            _watcher = _Watcher()
            _watcher.start()


def stop() -> None:
    """End the watch; returns when the thread is gone."""
    global _watcher
    with _lock:
        watcher, _watcher = _watcher, None
    if watcher is not None:
        watcher.stopped.set()
        watcher.join()


def _settings() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in SETTINGS)


# A thread that is in the database when the interpreter is taken down may crash it.
atexit.register(stop)
