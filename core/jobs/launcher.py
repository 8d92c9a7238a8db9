"""Hand the runs of the queue over to worker processes, as many at once as there are slots.

Several processes may do this at once, on one database: taking a run out of the queue is a step
that none can come between. A worker does not outlive the process that started it, so every process
leaves alone the runs that another living one has put into the queue.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import Any

from core.errors import NeedleError, RunError
from core.jobs.database import RunDatabase, get_database
from core.jobs.limits import max_runs
from core.jobs.memory import free_memory
from core.jobs.nursery import Nursery, start_worker
from core.jobs.processes import is_alive, time_started
from core.jobs.queue import choose_next, last_served, queue_of
from core.jobs.schema import RUNS, Run, State
from core.jobs.uploads import discard_upload
from core.paths import database_url

__all__ = ["adopt", "as_launcher", "dispatch", "is_launcher_alive", "warm_up"]

LOG = logging.getLogger("needle.launcher")

_nursery = Nursery()
_adopting: set[str] = set()
_identities: set[tuple[int | None, float | None]] = set()


def warm_up() -> None:
    """Open the nursery, so that runs begin at once when it is warm. Returns immediately."""
    with suppress(OSError):  # without it everything works, only later
        _nursery.open()


def adopt() -> None:
    """Hand over, from now on, also runs that were put into the queue by a process now gone.

    This is for servers: a notebook that took over somebody's run would end it when it is closed.
    """
    _adopting.add(database_url())


def as_launcher() -> dict[str, Any]:
    """Columns that name this process as the one which starts a run's worker."""
    pid, started = os.getpid(), time_started(os.getpid())
    # Remembered, because the time of the start is another one after the clock was set.
    _identities.add((pid, started))
    return {"launcher_pid": pid, "launcher_started": started}


def is_launcher_alive(run: Run) -> bool:
    """Whether the process that put a run into the queue, or started its worker, goes on."""
    identity = run.launcher_pid, run.launcher_started
    return identity in _identities or is_alive(*identity)


def dispatch() -> None:
    """Start workers for the runs whose turn it is, until slots or memory are used up.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when ``NEEDLE_MAX_RUNS`` or ``NEEDLE_MEMORY_TOTAL_GB`` is no amount.
    """
    database = get_database()
    while (run := _claim_next(database)) is not None:
        _hand_over(database, run)


def _claim_next(database: RunDatabase) -> Run | None:
    queue = queue_of(database)
    slots, served = max_runs(), last_served(database, queue[0])

    def choose(waiting: list[Run], active: list[Run]) -> Run | None:
        ours = [run for run in waiting if _is_ours(run)]
        free = free_memory(active)
        return choose_next(ours, active, slots=slots, free_memory=free, served=served)

    # Mostly there is nothing to do: a look at the queue keeps nobody from writing, a claim does.
    return database.claim(choose, **as_launcher()) if choose(*queue) else None


def _is_ours(run: Run) -> bool:
    if run.launcher_pid is None or (run.launcher_pid, run.launcher_started) in _identities:
        return True
    return database_url() in _adopting and not is_launcher_alive(run)


def _hand_over(database: RunDatabase, run: Run) -> None:
    """Give a claimed run to a child of the nursery, else to a fresh process."""
    try:
        pid = _nursery.start(run.id) or start_worker(run.id)
    except (OSError, NeedleError) as reason:
        _fail(database, run, reason)
        return
    identity = {"pid": pid, "pid_started": time_started(pid)}
    # Changes nothing when the worker was faster and noted the same, or when it was cancelled.
    waiting, only = [State.QUEUED], [RUNS.c.claimed == run.claimed]
    database.transition(run.id, State.QUEUED, allowed_from=waiting, only=only, **identity)
    warm_up()


def _fail(database: RunDatabase, run: Run, reason: OSError | NeedleError) -> None:
    LOG.error("run %s cannot be started", run.id, exc_info=reason)
    error = reason if isinstance(reason, NeedleError) else _refused(reason)
    parts = {"code": error.code, "message": error.message, "next_step": error.next_step}
    waiting, only = [State.QUEUED], [RUNS.c.claimed == run.claimed]
    if database.transition(run.id, State.FAILED, allowed_from=waiting, only=only, error=parts):
        discard_upload(run.config)


def _refused(reason: OSError) -> RunError:
    return RunError(
        f"The machine refused to start a worker process: {reason.strerror}.",
        code="E-WORKER-START",
        next_step="Cancel other runs or close other programs, then start again.",
    )
