"""Change a run's row only if nobody else has meanwhile.

A run that is resumed keeps its id. Whoever has seen its worker die, and is slow to say so, must
not close the worker that has taken its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from core.jobs.database import Conditions, RunDatabase
from core.jobs.engine import take_turn
from core.jobs.schema import RUNS, Run, State

__all__ = ["change_as_seen", "held_by"]


def held_by(pid: int, pid_started: float | None) -> Conditions:
    """Return what is true of a run's row as long as this worker, and no other, works on it."""
    return (
        RUNS.c.state == State.RUNNING,
        RUNS.c.pid == pid,
        RUNS.c.pid_started.is_not_distinct_from(pid_started),
    )


def change_as_seen(
    database: RunDatabase, seen: Run, also: Callable[[], None], **fields: Any
) -> bool:
    """Set columns of a run, if it still is in the hands in which it was seen.

    Parameters
    ----------
    database : RunDatabase
        Where the run is.
    seen : Run
        The run as it was read before: its state, its worker and its place in the queue count.
    also : callable
        What must have happened before anybody can see the change. It is called only if there is
        one; nobody else can claim or change a run in this way meanwhile, so it should be quick.
    **fields
        Columns to set.

    Returns
    -------
    bool
        Whether this call changed it.
    """
    same = (
        RUNS.c.id == seen.id,
        RUNS.c.state == seen.state,
        RUNS.c.pid.is_not_distinct_from(seen.pid),
        RUNS.c.claimed.is_not_distinct_from(seen.claimed),
    )
    with database.engine.begin() as connection:
        take_turn(connection)
        changed = connection.execute(update(RUNS).where(*same).values(**fields)).rowcount == 1
        if changed:
            also()
    return changed
