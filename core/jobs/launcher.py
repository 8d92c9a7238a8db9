"""Start runs, follow them, and end them.

A run is a row in the database and a process group of its own; it outlives the web server that
started it. Everything here may be called from any thread, and all but `start` from any process.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.errors import RunError
from core.jobs.database import RunDatabase, get_database
from core.jobs.folders import discard, log_file, remove_model, run_folder
from core.jobs.nursery import Nursery, start_worker
from core.jobs.processes import end_group, is_alive, time_started
from core.jobs.schema import UNFINISHED, Run, State
from core.jobs.uploads import discard_upload, remove_old_uploads

__all__ = ["cancel", "delete", "refresh", "start", "sweep", "wait", "warm_up"]

SECONDS_BETWEEN_LOOKS = 0.05
LONGEST_WITHOUT_WORKER = timedelta(seconds=60)

_nursery = Nursery()
_started_here: set[str] = set()


def warm_up() -> None:
    """Open the nursery, so that runs begin at once when it is warm. Returns immediately."""
    with suppress(OSError):  # without it everything works, only later
        _nursery.open()


def start(kind: str, config: dict[str, Any], *, title: str = "") -> str:
    """Start a run in a process of its own and return its id.

    Parameters
    ----------
    kind : str
        Name of a task in ``core.jobs.tasks``.
    config : dict
        Settings of the task: plain values that JSON can hold, with absolute paths.
    title : str
        What people call this run.

    Returns
    -------
    str
        The run's id, for :func:`refresh` and for the address of a page.

    Raises
    ------
    RunError
        ``E-WORKER-START`` when the machine refuses to start another process.

    Examples
    --------
    >>> run_id = start("markers", {"dataset": "…"})  # doctest: +SKIP
    >>> wait(run_id).state  # doctest: +SKIP
    <State.DONE: 'done'>
    """
    database = get_database()
    run_id = database.create(kind, config, title=title)
    _started_here.add(run_id)
    try:
        _hand_over(database, run_id)
    except OSError as error:
        raise _not_started(database, run_id, error) from error
    warm_up()
    return run_id


def cancel(run_id: str) -> Run:
    """Stop a run; returns when its processes, half-written results and upload are gone.

    The row changes first: from then on the worker cannot call the run done any more. Cancelling
    again, or cancelling a run that is over, changes nothing.

    Raises
    ------
    RunError
        ``E-RUN-UNKNOWN`` when there is no such run.
    """
    database = get_database()
    database.transition(run_id, State.CANCELLED, allowed_from=UNFINISHED)
    run = database.get(run_id)
    if run.state is State.CANCELLED:
        end_group(run.pid, run.pid_started)
        _clear_up(run)
    return run


def refresh(run_id: str) -> Run:
    """Return a run as it is now; one whose worker died without a word is closed first.

    So is one that never got a worker, because the server died when it was about to start it.

    Raises
    ------
    RunError
        ``E-RUN-UNKNOWN`` when there is no such run.
    """
    database = get_database()
    run = database.get(run_id)
    if run.is_over or _may_go_on(run):
        return run
    state, error = _cause_of_death(run)
    if database.transition(run_id, state, allowed_from=UNFINISHED, error=error):
        end_group(run.pid, run.pid_started)  # what the worker started may have outlived it
        _clear_up(run)
    return database.get(run_id)


def sweep() -> list[Run]:
    """Close all runs whose worker died, as after a restart of the machine; return them.

    Uploads that are older than a day and that no run is going to read are removed, too.
    """
    database = get_database()
    unfinished = [run for state in UNFINISHED for run in database.runs(state=state, limit=None)]
    now = [refresh(run.id) for run in unfinished]
    remove_old_uploads([run.config for run in now if not run.is_over])
    return [run for run in now if run.is_over]


def wait(run_id: str, timeout: float = 600.0) -> Run:
    """Return a run when it is over, or as it is after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (run := refresh(run_id)).is_over and time.monotonic() < deadline:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return run


def delete(run_id: str) -> None:
    """Remove a finished run with its events, results and log, and a model that it imported.

    Raises
    ------
    RunError
        ``E-RUN-BUSY`` while it is queued or running, ``E-RUN-UNKNOWN`` when there is none.
    """
    database = get_database()
    run = database.get(run_id)
    database.delete(run_id)
    if run.kind == "import_model" and run.summary:
        remove_model(Path(run.summary["model"]))
    shutil.rmtree(run_folder(run_id), ignore_errors=True)
    log_file(run_id).unlink(missing_ok=True)


def _hand_over(database: RunDatabase, run_id: str) -> None:
    """Give a queued run to a child of the nursery, else to a fresh process."""
    _note_worker(database, run_id, _nursery.start(run_id) or start_worker(run_id))


def _note_worker(database: RunDatabase, run_id: str, pid: int) -> None:
    identity = {"pid": pid, "pid_started": time_started(pid)}
    # Changes nothing when the worker was faster and noted the same, or when it was cancelled.
    database.transition(run_id, State.QUEUED, allowed_from=[State.QUEUED], **identity)


def _may_go_on(run: Run) -> bool:
    if run.pid is None:
        return datetime.now(UTC) - run.created < LONGEST_WITHOUT_WORKER
    return is_alive(run.pid, run.pid_started)


def _clear_up(run: Run) -> None:
    discard(run.id)
    discard_upload(run.config)


def _cause_of_death(run: Run) -> tuple[State, dict[str, str]]:
    if run.id in _started_here and run.pid is not None:
        return State.FAILED, {
            "code": "E-WORKER-DIED",
            "message": "The process that worked on this stopped without a word, probably because "
            "the memory ran out.",
            "next_step": "Close other programs or use fewer cells, then start again.",
        }
    return State.INTERRUPTED, {
        "code": "E-RUN-INTERRUPTED",
        "message": "This was still running when the server or the machine was restarted.",
        "next_step": "Start it again with the same settings.",
    }


def _not_started(database: RunDatabase, run_id: str, reason: OSError) -> RunError:
    error = RunError(
        f"The machine refused to start a worker process: {reason.strerror}.",
        code="E-WORKER-START",
        next_step="Cancel other runs or close other programs, then start again.",
    )
    parts = {"code": error.code, "message": error.message, "next_step": error.next_step}
    if database.transition(run_id, State.FAILED, allowed_from=[State.QUEUED], error=parts):
        discard_upload(database.get(run_id).config)
    return error
