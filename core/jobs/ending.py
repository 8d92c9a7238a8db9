"""Follow runs to their end, whichever it is: done, cancelled, killed, interrupted, deleted.

Everything here may be called from any thread of any process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from core.errors import RunError
from core.jobs.causes import interrupted, killed
from core.jobs.database import RunDatabase, get_database, now
from core.jobs.folders import discard, discard_checkpoints, log_file, run_folder
from core.jobs.launcher import dispatch, is_launcher_alive
from core.jobs.leftovers import remove_deleted, remove_leftovers, set_aside
from core.jobs.processes import end_group, is_alive
from core.jobs.rows import change_as_seen
from core.jobs.schema import UNFINISHED, Run, State
from core.jobs.uploads import discard_upload

__all__ = ["cancel", "close_dead", "delete", "refresh", "sweep", "wait"]

SECONDS_BETWEEN_LOOKS = 0.05
LONGEST_WITHOUT_WORKER = timedelta(seconds=60)


def cancel(run_id: str, *, owner: str | None = None) -> Run:
    """Stop a run; returns when its processes, half-written results and upload are gone.

    The row changes first: from then on the worker cannot call the run done any more. Cancelling
    again, or cancelling a run that is over, changes nothing. With `owner`, the run must be theirs.

    Raises
    ------
    RunError
        ``E-RUN-UNKNOWN`` when there is no such run.
    """
    database = get_database()
    database.get(run_id, owner=owner)
    database.transition(run_id, State.CANCELLED, allowed_from=UNFINISHED)
    run = database.get(run_id)
    if run.state is State.CANCELLED:
        end_group(run.pid, run.pid_started)
        discard(run_id)
        discard_checkpoints(run_id)
        discard_upload(run.config)
        dispatch()
    return run


def refresh(run_id: str, *, owner: str | None = None) -> Run:
    """Return a run as it is now; one whose worker died without a word is closed first.

    One that waits is started if it is its turn. With `owner`, the run must be theirs.

    Raises
    ------
    RunError
        ``E-RUN-UNKNOWN`` when there is no such run.
    """
    database = get_database()
    seen = database.get(run_id, owner=owner)
    run = _closed_if_dead(database, seen)
    if run.is_waiting or run.is_over is not seen.is_over:
        dispatch()
        return database.get(run_id)
    return run


def close_dead() -> list[Run]:
    """Close all runs whose worker or launcher is gone, and return them as they are now."""
    database = get_database()
    unfinished = database.runs(state=UNFINISHED, limit=None)
    runs = [_closed_if_dead(database, run) for run in unfinished]
    return [run for run in runs if run.is_over]


def sweep() -> list[Run]:
    """Tidy up, as after a restart of the server or the machine; return the runs that it closed.

    Runs whose worker or launcher is gone are closed, half-written results and uploads that nobody
    is going to read are removed, and the queue goes on.
    """
    closed = close_dead()
    remove_leftovers(get_database())
    dispatch()
    return closed


def wait(run_id: str, timeout: float = 600.0) -> Run:
    """Return a run when it is over, or as it is after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (run := refresh(run_id)).is_over and time.monotonic() < deadline:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return run


def delete(run_id: str, *, owner: str | None = None) -> None:
    """Remove a finished run with its events, results and log; models of the library stay.

    With `owner`, the run must be theirs.

    Raises
    ------
    RunError
        ``E-RUN-BUSY`` while it is queued or running, or while another run that is not over reads
        a file of it; ``E-RUN-UNKNOWN`` when there is none.
    """
    database = get_database()
    database.get(run_id, owner=owner)
    _check_unread(database, run_id)
    # Whoever dies between the two leaves folders that the next server knows to be deleted.
    database.delete(run_id, partial(set_aside, run_id))
    log_file(run_id).unlink(missing_ok=True)
    remove_deleted(run_id)
    discard(run_id)  # what could not be set aside
    discard_checkpoints(run_id)


def _check_unread(database: RunDatabase, run_id: str) -> None:
    """Refuse to delete a run whose files another one is going to read, as when it is done again."""
    folder = run_folder(run_id).resolve()
    others = [run for run in database.runs(state=UNFINISHED, limit=None) if run.id != run_id]
    files = [run.config[name] for run in others for name in ("model", "path") if name in run.config]
    if any(Path(file).resolve().is_relative_to(folder) for file in files):
        raise RunError(
            f"A run whose files another one reads cannot be deleted. A run that is not over reads "
            f"a file of run {run_id}.",
            code="E-RUN-BUSY",
            next_step="Wait until that one is over, or cancel it.",
        )


def _closed_if_dead(database: RunDatabase, run: Run) -> Run:
    """Close a run that nothing works on any more; return it as it is then."""
    if run.is_over or run.is_waiting or (cause := _cause(run)) is None:
        return run
    end_group(run.pid, run.pid_started)  # what the worker started may have outlived it
    seen = database.get(run.id)  # with what it said last, such as its memory
    if (seen.pid, seen.claimed, seen.is_over) == (run.pid, run.claimed, False):
        state = State.FAILED if cause is killed else State.INTERRUPTED
        # A server that comes back days later did not work on it in between.
        finished = seen.heartbeat or now() if state is State.INTERRUPTED else now()
        fields = {"state": state, "finished": finished, "error": cause(seen)}
        change_as_seen(database, seen, lambda: _clear_up(seen), **fields)
    return database.get(run.id)


def _cause(run: Run) -> Callable[[Run], dict[str, str]] | None:
    """Return what says why a run that has left the queue cannot go on; ``None`` when it can."""
    if run.launcher_pid is not None and not is_launcher_alive(run):
        return interrupted
    if run.pid is None:
        overdue = now() - (run.claimed or run.created) >= LONGEST_WITHOUT_WORKER
        return interrupted if overdue else None
    if is_alive(run.pid, run.pid_started):
        return None
    return interrupted if run.launcher_pid is None else killed


def _clear_up(run: Run) -> None:
    discard(run.id)
    discard_upload(run.config)
