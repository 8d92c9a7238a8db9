"""What people ask for: start a run, go on with one that was stopped, do one again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.errors import RunError
from core.jobs.causes import keeps_checkpoints
from core.jobs.database import get_database
from core.jobs.folders import model_of
from core.jobs.launcher import as_launcher, dispatch
from core.jobs.limits import check_settings
from core.jobs.memory import predict_memory
from core.jobs.rows import change_as_seen
from core.jobs.schema import LOCAL, Run, State
from core.jobs.versions import versions
from core.jobs.watcher import begin

__all__ = ["can_resume", "can_run_again", "resume", "run_again", "start"]

# What a run has only once it has left the queue.
AS_NEW = dict.fromkeys(
    ("claimed", "started", "finished", "pid", "pid_started", "heartbeat", "progress", "error",
     "peak_memory")
)  # fmt: skip


def start(kind: str, config: dict[str, Any], *, title: str = "", owner: str = LOCAL) -> str:
    """Put a run into the queue, start it if it is its turn, and return its id.

    It does not outlive this process: when that ends, the run is interrupted.

    Parameters
    ----------
    kind : str
        Name of a task in ``core.jobs.tasks``.
    config : dict
        Settings of the task: plain values that JSON can hold, with absolute paths.
    title : str
        What people call this run.
    owner : str
        Whose run it is.

    Returns
    -------
    str
        The run's id, for :func:`core.jobs.refresh` and for the address of a page.

    Raises
    ------
    RunError
        ``E-WORKER-START`` when the machine refuses to start another process.
    ParameterError
        ``E-PARAMETER`` when a setting such as ``NEEDLE_MAX_RUNS`` is no amount.

    Examples
    --------
    >>> run_id = start("markers", {"dataset": "…"})  # doctest: +SKIP
    >>> wait(run_id).state  # doctest: +SKIP
    <State.DONE: 'done'>
    """
    check_settings()
    fields = {"versions": versions(), "predicted_memory": predict_memory(kind, config)}
    run_id = get_database().create(kind, config, title=title, owner=owner, **fields | as_launcher())
    _go_on(run_id)
    return run_id


def resume(run_id: str, *, owner: str | None = None) -> Run:
    """Put a run that was stopped from outside back into the queue, to compute only what is missing.

    Of several that ask at once, one is obeyed. With `owner`, the run must be theirs.

    Raises
    ------
    RunError
        ``E-RUN-RESUME`` when it cannot go on, ``E-RUN-UNKNOWN`` when there is no such run,
        ``E-WORKER-START`` when the machine refuses to start another process.
    """
    database = get_database()
    run = database.get(run_id, owner=owner)
    fields = {"versions": versions(), "predicted_memory": predict_memory(run.kind, run.config)}
    fields |= {"state": State.QUEUED, "message": ""} | AS_NEW | as_launcher()
    if not can_resume(run) or not change_as_seen(database, run, _nothing, **fields):
        raise RunError(
            f"Only a training or search that was stopped from outside can be resumed, and only "
            f"while its dataset is there. Run {run_id} is {database.get(run_id).state}.",
            code="E-RUN-RESUME",
            next_step="Run it again instead.",
        )
    _go_on(run_id)
    return database.get(run_id)


def can_resume(run: Run) -> bool:
    """Whether :func:`resume` can go on with what a run has finished."""
    return keeps_checkpoints(run) and _has_its_input(run)


def run_again(run_id: str, *, owner: str = LOCAL) -> str:
    """Start a new run of the same kind, settings and title, and return its id.

    The old run must be `owner`'s, and so is the new one.

    Raises
    ------
    RunError
        ``E-RUN-AGAIN`` when its input is gone or it is not over, ``E-RUN-UNKNOWN`` when there is
        no such run, ``E-WORKER-START`` when the machine refuses to start another process.
    """
    run = get_database().get(run_id, owner=owner)
    if not can_run_again(run):
        raise RunError(
            f"Only a run that is over and whose files are still there can be run again. "
            f"Run {run_id} is {run.state}" + (", and its input is gone." if run.is_over else "."),
            code="E-RUN-AGAIN",
            next_step="Load the file again." if run.is_over else "Wait until it is over.",
        )
    config = run.config | ({"model": str(model_of(run))} if "model" in run.config else {})
    return start(run.kind, config, title=run.title, owner=owner)


def can_run_again(run: Run) -> bool:
    """Whether a run is over and all that it reads is still there; uploads are not kept."""
    return run.is_over and _has_its_input(run)


def _go_on(run_id: str) -> None:
    dispatch()
    begin()
    run = get_database().get(run_id)
    if run.state is State.FAILED and run.error["code"] == "E-WORKER-START":
        raise RunError(
            run.error["message"], code=run.error["code"], next_step=run.error["next_step"]
        )


def _has_its_input(run: Run) -> bool:
    files = [Path(run.config["path"])] if "path" in run.config else []
    if "model" in run.config:
        files.append(model_of(run))
    if "dataset" in run.config:
        from core.data.dataset import dataset_path  # takes seconds where nothing else needs it

        files.append(dataset_path(run.config["dataset"]))
    return all(file.exists() for file in files)  # an upload of several files is a folder


def _nothing() -> None:
    """Nothing else has to happen."""
