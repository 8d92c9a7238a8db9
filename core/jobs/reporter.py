"""What a task says while it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from core.errors import RunError
from core.jobs.database import Conditions, RunDatabase

__all__ = ["NO_ANSWER", "Reporter", "no_answer", "patiently"]

# A database that was restarted, or that somebody else has locked, says these; not a wrong value.
NO_ANSWER = (OperationalError, InterfaceError, NoConnectionError)
LONGEST_SILENCE = 60.0
SECONDS_BETWEEN_TRIES = 0.5

Answer = TypeVar("Answer")


def patiently(ask: Callable[[], Answer]) -> Answer:
    """Return what `ask` returns, asking for up to a minute while the database does not answer.

    Raises
    ------
    RunError
        ``E-DATABASE`` when it did not answer at all.
    """
    deadline = time.monotonic() + LONGEST_SILENCE
    while True:
        try:
            return ask()
        except NO_ANSWER as error:
            if time.monotonic() > deadline:
                raise no_answer() from error
        time.sleep(SECONDS_BETWEEN_TRIES)


def no_answer() -> RunError:
    """Error of a run whose database did not answer."""
    return RunError(
        "The run database did not answer while this was at work.",
        code="E-DATABASE",
        next_step="When it is there again, press `Resume`, or start the run again.",
    )


class Reporter:
    """Writes a task's reports to the run database; every report is a heartbeat too.

    Parameters
    ----------
    database : RunDatabase
        Where to write.
    run_id : str
        The run that reports.
    only : collection of conditions
        What the run's row must meet, see :func:`core.jobs.rows.held_by`.
    """

    def __init__(self, database: RunDatabase, run_id: str, only: Conditions = ()) -> None:
        self._database = database
        self._run_id = run_id
        self._only = only

    def progress(self, fraction: float | None, message: str) -> None:
        """Say how far the task is: `fraction` from 0 to 1 (``None``: unknown), and a sentence."""
        if fraction is not None:
            fraction = min(max(float(fraction), 0.0), 1.0)
        said = {"progress": fraction, "message": message}
        patiently(lambda: self._database.heartbeat(self._run_id, only=self._only, **said))

    def event(self, kind: str, payload: dict[str, Any]) -> None:
        """Add something to keep and to draw, such as the scores of one fold."""
        patiently(lambda: self._database.add_event(self._run_id, kind, payload, only=self._only))
