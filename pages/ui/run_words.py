"""What a run is, where it stands and what it says, in the few words of a list."""

from __future__ import annotations

from datetime import UTC, datetime

from core import jobs
from core.jobs import Run, State
from core.jobs.history import outcome
from core.wording import memory, span

__all__ = ["KINDS", "message", "next_step", "peak_memory", "state_word", "took"]

KINDS = {
    "train": "Training",
    "explore": "Search",
    "markers": "Markers",
    "synthetic": "Synthetic cells",
    "annotate": "Annotation",
    "read": "Reading a file",
    "layout": "Map",
    "import_model": "Model file",
}


def state_word(run: Run) -> str:
    """Where a run stands; one that has left the queue and has no process yet is starting."""
    if run.state is State.QUEUED and not run.is_waiting:
        return "starting"
    return str(run.state)


def took(run: Run) -> str:
    """How long a run took, or has taken so far."""
    if run.started is None:
        return "–"
    return span(((run.finished or datetime.now(UTC)) - run.started).total_seconds())


def peak_memory(run: Run) -> str:
    """Largest memory of a run's worker, as far as it was seen."""
    return memory(run.peak_memory) if run.peak_memory else "–"


def next_step(run: Run) -> str:
    """What to do about a run that failed or was interrupted."""
    if "`Resume`" in run.error["next_step"] and not jobs.can_resume(run):
        again = jobs.can_run_again(run)
        return "Start it again." if again else "What it read is not here any more: load it again."
    return run.error["next_step"]


def message(run: Run) -> str:
    """What a run waits for, does, has brought or failed of, in one line."""
    if run.is_waiting:
        return jobs.queue_place(run.id).reason
    if run.is_over:
        return run.error["message"] if run.error else outcome(run)
    done = "" if run.progress is None else f" · {run.progress:.0%}"
    return f"{run.message or 'Starting'}{done}"
