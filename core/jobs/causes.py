"""What a run's row says when its worker could not say it any more."""

from __future__ import annotations

from core.jobs.schema import Run, State

__all__ = ["RESUMABLE", "RESUMABLE_CODES", "interrupted", "keeps_checkpoints", "killed"]

# Kinds that keep what they have finished, so that they can go on after they were stopped. They
# stand here and not beside the tasks, because importing those takes seconds.
RESUMABLE = frozenset({"train"})

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
    peak = f" (peak {run.peak_memory / 2**30:.1f} GB)" if run.peak_memory else ""
    return {
        "code": "E-WORKER-KILLED",
        "message": f"This was stopped by the system, probably out of memory{peak}.",
        "next_step": _again(
            run,
            "Close other programs, then press",
            "Close other programs or use fewer cells, then start it again.",
        ),
    }


def _again(run: Run, first: str, otherwise: str) -> str:
    if run.kind in RESUMABLE:
        return f"{first} `Resume`: only what is missing is computed."
    return otherwise
