"""The program of a worker process: ``python -m core.jobs.worker RUN_ID`` works on one run.

With ``--nursery`` instead of an id it warms up and becomes the parent of other workers. The tasks
come from ``core.jobs.tasks``, or from the module that ``NEEDLE_TASKS`` names: its ``TASKS`` maps
the kind of a run to a function ``(config, reporter, folder) -> summary``; ``warm_up()``, when it
has one, imports what is slow.
"""

from __future__ import annotations

import errno
import importlib
import logging
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from core.errors import NeedleError, RunError
from core.jobs.causes import READING, keeps_checkpoints
from core.jobs.database import RunDatabase, get_database, now
from core.jobs.folders import (
    discard,
    discard_checkpoints,
    log_file,
    publish,
    unfinished_folder,
)
from core.jobs.heartbeat import beating
from core.jobs.limits import be_nice, limit_memory, memory_limit, peak_memory
from core.jobs.nursery import serve
from core.jobs.processes import time_started
from core.jobs.reading_limits import limit_reading
from core.jobs.reporter import NO_ANSWER, Reporter, no_answer, patiently
from core.jobs.rows import change_as_seen, held_by
from core.jobs.schema import RUNS, Run, State, plain
from core.jobs.uploads import discard_upload

__all__ = ["main"]

Task = Callable[[dict[str, Any], Reporter, Path], dict[str, Any]]

LOG = logging.getLogger("needle.worker")


def main(arguments: list[str]) -> int:
    """Work on the run that `arguments` name, and return the exit status."""
    # The default action ends the process at once, even inside a long computation in C, where a
    # handler written in Python would have to wait. Whoever cancels a run clears up after it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    be_nice()
    if arguments == ["--nursery"]:
        return serve(getattr(_tasks_module(), "warm_up", _nothing), work)
    return work(arguments[0])


def work(run_id: str) -> int:
    """Do the task of a queued run, and write down how it ended."""
    _write_to(log_file(run_id))
    database, pid = get_database(), os.getpid()
    identity = {"pid": pid, "pid_started": time_started(pid)}
    claimed = [RUNS.c.claimed.is_not(None)]  # else it was closed, and waits for another worker
    begin = {"allowed_from": [State.QUEUED], "only": claimed} | identity
    if not patiently(lambda: database.transition(run_id, State.RUNNING, **begin)):
        return 0  # cancelled before it began
    run = replace(patiently(lambda: database.get(run_id)), **identity)
    with beating(database, run):
        outcome = _attempt(database, run)
    outcome["state"] = State.FAILED if "error" in outcome else State.DONE
    if not patiently(lambda: _close(database, run, outcome)):
        _clear_up_unless_taken(database, run)
    elif not keeps_checkpoints(replace(run, **outcome)):
        discard_checkpoints(run_id)
    return int(outcome["state"] is State.FAILED)


def _close(database: RunDatabase, run: Run, outcome: dict[str, Any]) -> bool:
    """Write down how a run ended, if it still is in the hands of this worker."""

    def clear_up() -> None:
        if outcome["state"] is State.FAILED:
            discard(run.id)
            # It may have failed before the task had begun. A task that keeps its upload says so.
            if not any(event.kind == "kept" for event in database.events(run.id)):
                discard_upload(run.config)

    ended = {"finished": now(), "peak_memory": peak_memory()}
    return change_as_seen(database, run, clear_up, **ended | outcome)


def _clear_up_unless_taken(database: RunDatabase, run: Run) -> None:
    """Remove the results of a run that somebody else has closed, unless another worker has it."""
    try:
        seen = database.get(run.id)
    except RunError:
        discard(run.id)  # deleted
        return
    # Done it is only if this worker's own word has come through although no answer came back.
    if seen.pid == run.pid and seen.is_over and seen.state is not State.DONE:
        change_as_seen(database, seen, lambda: discard(run.id), pid=seen.pid)


def _attempt(database: RunDatabase, run: Run) -> dict[str, Any]:
    folder, held = unfinished_folder(run.id), held_by(run.pid, run.pid_started)
    try:
        limit_memory()
        if run.kind in READING:
            limit_reading()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        task = _task(run.kind)
        summary = plain(task(run.config, Reporter(database, run.id, held), folder))
        if not patiently(lambda: database.heartbeat(run.id, only=held)):
            raise _taken(run)
        # Complete results appear under their name in one step, and before the run is called done.
        publish(run.id)
        return {"summary": summary, "progress": 1.0}
    except Exception as error:
        # The one place where everything is caught: this is the outermost frame of the task, and
        # a person waits in front of a page who must be told that it stopped, whatever the cause.
        return {"error": _describe(error)}


def _describe(error: Exception) -> dict[str, str]:
    if isinstance(error, NeedleError):
        LOG.info("refused", exc_info=error)
        return _as_error(error.code, error.message, error.next_step)
    if isinstance(error, NO_ANSWER):
        LOG.error("the database did not answer", exc_info=error)
        return _describe(no_answer())
    incident = secrets.token_hex(4)
    LOG.error("incident %s", incident, exc_info=error)
    if isinstance(error, MemoryError):
        return _as_error(
            "E-MEMORY",
            f"This needed more memory than the {memory_limit() / 2**30:.1f} GB a run may use.",
            "Use fewer cells or genes, or allow more with NEEDLE_MEMORY_LIMIT_GB.",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _as_error(
            "E-DISK-FULL",
            "There is no room left on the disk for the results.",
            "Delete old runs or other files, then press `Resume`, or start the run again.",
        )
    return _as_error(
        "E-BUG",
        f"Something went wrong inside Needle, and it is not your fault (incident {incident}).",
        "Try once more. If it stays, report it with the run's log file from the folder `runs`.",
    )


def _as_error(code: str, message: str, next_step: str) -> dict[str, str]:
    return {"code": code, "message": message, "next_step": next_step}


def _taken(run: Run) -> RunError:
    return RunError(
        f"Run {run.id} was closed by somebody else while its worker was at work.",
        code="E-RUN-TAKEN",
        next_step="Look it up on the page Runs.",
    )


def _task(kind: str) -> Task:
    tasks: dict[str, Task] = _tasks_module().TASKS
    if kind not in tasks:
        raise RunError(
            f"`kind` must be one of {', '.join(sorted(tasks))}. Got {kind!r}.",
            code="E-RUN-KIND",
            next_step="Start one of these.",
        )
    return tasks[kind]


def _tasks_module() -> ModuleType:
    return importlib.import_module(os.environ.get("NEEDLE_TASKS", "core.jobs.tasks"))


def _nothing() -> None:
    """Warm-up of tasks that need none."""


def _write_to(log: Path) -> None:
    """Send all output to the run's log, and let nothing read the nursery's pipe."""
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", force=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
