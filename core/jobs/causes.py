"""What a run's row says when its worker could not say it any more."""

from __future__ import annotations

from contextlib import suppress

from core.jobs.database import now
from core.jobs.folders import log_file
from core.jobs.reading_limits import out_of_time, read_minutes
from core.jobs.schema import Run, State

__all__ = [
    "READING",
    "RESUMABLE",
    "RESUMABLE_CODES",
    "interrupted",
    "keeps_checkpoints",
    "killed",
]

# Kinds that open files of unknown origin: when one of them dies, the file is the first suspect.
READING = frozenset({"read", "import_model"})

# Kinds that keep what they have finished, so that they can go on after they were stopped. They
# stand here and not beside the tasks, because importing those takes seconds.
RESUMABLE = frozenset({"train", "explore"})

BYTES_OF_LAST_WORDS = 2**16

# Failures that say nothing against trying again.
RESUMABLE_CODES = frozenset({"E-WORKER-KILLED", "E-MEMORY", "E-DATABASE", "E-DISK-FULL"})


def keeps_checkpoints(run: Run) -> bool:
    """Whether a run that is over was stopped so that it may go on from what it has finished."""
    if run.kind not in RESUMABLE:
        return False
    failed = run.state is State.FAILED and (run.error or {}).get("code") in RESUMABLE_CODES
    return failed or run.state is State.INTERRUPTED


def interrupted(run: Run) -> dict[str, str]:
    """Error of a run that ended because the server or notebook that started it did."""
    return {
        "code": "E-RUN-INTERRUPTED",
        "message": "The server or the machine stopped before this was done.",
        "next_step": _again(run, "Press", "Start it again with the same settings."),
    }


def killed(run: Run) -> dict[str, str]:
    """Error of a run whose worker ended without a word, with the most memory it was seen with."""
    if run.kind in READING:
        return _reader_died(run)
    peak = f" ({_gigabytes(run)})" if run.peak_memory else ""
    return {
        "code": "E-WORKER-KILLED",
        "message": f"This was stopped by the system, probably out of memory{peak}.",
        "next_step": _again(
            run,
            "Close other programs, then press",
            "Close other programs or use fewer cells, then start it again.",
        ),
    }


def _reader_died(run: Run) -> dict[str, str]:
    if (now() - (run.started or run.created)).total_seconds() > 60 * read_minutes():
        late = out_of_time()
        return {"code": late.code, "message": late.message, "next_step": late.next_step}
    peak = f", {_gigabytes(run)}" if run.peak_memory else ""
    reason = f"by the system, probably out of memory{peak}"
    next_step = "Close other programs, or load a part of its cells."
    if _crashed(run):
        reason = "it crashed on what is in the file"
        next_step = (
            "The file may be damaged: save it anew with the program that made it, and load that."
        )
    return {
        "code": "E-READER-DIED",
        "message": f"The file could not be read: the process that reads it was stopped ({reason}).",
        "next_step": next_step,
    }


def _gigabytes(run: Run) -> str:
    return f"peak {run.peak_memory / 2**30:.1f} GB"


def _crashed(run: Run) -> bool:
    """Whether the worker's last words are those of Python's fault handler."""
    with suppress(OSError):
        return b"Fatal Python error: " in log_file(run.id).read_bytes()[-BYTES_OF_LAST_WORDS:]
    return False


def _again(run: Run, first: str, otherwise: str) -> str:
    if run.kind in RESUMABLE:
        return f"{first} `Resume`: only what is missing is computed."
    return otherwise
