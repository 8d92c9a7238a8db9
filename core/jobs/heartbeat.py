"""The thread that speaks for a worker while its task is busy, and that ends it in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from core.jobs.causes import interrupted
from core.jobs.database import RunDatabase, now
from core.jobs.folders import discard
from core.jobs.limits import peak_memory
from core.jobs.processes import end_own_group, is_running, process_of
from core.jobs.rows import change_as_seen, held_by
from core.jobs.schema import Run, State
from core.jobs.uploads import discard_upload

__all__ = ["beating"]

SECONDS_BETWEEN_BEATS = 2.0
SECONDS_BETWEEN_LOOKS = 0.5

# Memory may run out between two beats. A rise by more than this is told at once.
SHARP_RISE = 1.05


@contextmanager
def beating(database: RunDatabase, run: Run) -> Iterator[None]:
    """Write a heartbeat with the peak of memory every two seconds, and do not outlive the launcher.

    When the process that started this worker is gone, or when the run is not this worker's any
    more (cancelled, closed, deleted, resumed by another), this process and its children are ended
    by force. `run` is as this worker has begun it.
    """
    heart = _Heart(database, run)
    heart.start()
    try:
        yield
    finally:
        heart.stopped.set()
        heart.join()


class _Heart(threading.Thread):
    def __init__(self, database: RunDatabase, run: Run) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self.stopped = threading.Event()
        self._database, self._run = database, run
        self._held = held_by(run.pid, run.pid_started)
        self._told, self._beaten = 0, -SECONDS_BETWEEN_BEATS
        self._launcher = process_of(run.launcher_pid, run.launcher_started)

    def run(self) -> None:
        wait = 0.0
        while not self.stopped.wait(wait):
            wait = SECONDS_BETWEEN_LOOKS
            if self._is_orphan():
                self._interrupt()
            try:
                self._beat()
            except SQLAlchemyError:
                continue  # a database that is busy or away for a moment costs one beat, no more

    def _beat(self) -> None:
        peak, moment = peak_memory() or 0, time.monotonic()
        if peak <= self._told * SHARP_RISE and moment < self._beaten + SECONDS_BETWEEN_BEATS:
            return
        if not self._database.heartbeat(self._run.id, only=self._held, peak_memory=peak or None):
            end_own_group()
        self._told, self._beaten = peak, moment

    def _is_orphan(self) -> bool:
        if self._run.launcher_pid is None:
            return False
        return self._launcher is None or not is_running(self._launcher)

    def _interrupt(self) -> None:
        try:
            # The row first: nobody else may be left to change it.
            seen = self._database.get(self._run.id)
            fields = {"state": State.INTERRUPTED, "finished": now(), "error": interrupted(seen)}
            if (seen.state, seen.pid) == (State.RUNNING, self._run.pid):
                change_as_seen(self._database, seen, self._clear_up, **fields)
        finally:
            end_own_group()

    def _clear_up(self) -> None:
        discard(self._run.id)
        discard_upload(self._run.config)
