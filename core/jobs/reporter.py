"""What a task says while it works."""

from __future__ import annotations

from typing import Any

from core.jobs.database import RunDatabase

__all__ = ["Reporter"]


class Reporter:
    """Writes a task's reports to the run database; every report is a heartbeat too.

    Parameters
    ----------
    database : RunDatabase
        Where to write.
    run_id : str
        The run that reports.
    """

    def __init__(self, database: RunDatabase, run_id: str) -> None:
        self._database = database
        self._run_id = run_id

    def progress(self, fraction: float | None, message: str) -> None:
        """Say how far the task is: `fraction` from 0 to 1 (``None``: unknown), and a sentence."""
        if fraction is not None:
            fraction = min(max(float(fraction), 0.0), 1.0)
        self._database.heartbeat(self._run_id, progress=fraction, message=message)

    def event(self, kind: str, payload: dict[str, Any]) -> None:
        """Add something to keep and to draw, such as the scores of one fold."""
        self._database.add_event(self._run_id, kind, payload)
