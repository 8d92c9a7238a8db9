"""Which files belong to which run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from core.errors import RunError
from core.paths import models_folder, runs_folder

__all__ = ["discard", "log_file", "remove_model", "run_folder", "unfinished_folder"]


def run_folder(run_id: str) -> Path:
    """Folder of a finished run's results; there is none before the run is complete."""
    return runs_folder() / _checked(run_id)


def unfinished_folder(run_id: str) -> Path:
    """Folder in which a running task writes; it becomes the run folder in one step."""
    return runs_folder() / f".{_checked(run_id)}.part"


def log_file(run_id: str) -> Path:
    """File with all that the worker of a run wrote to its standard output and error."""
    return runs_folder() / f"{_checked(run_id)}.log"


def discard(run_id: str) -> None:
    """Remove the results of a run, complete or not, and keep its log."""
    for folder in (unfinished_folder(run_id), run_folder(run_id)):
        shutil.rmtree(folder, ignore_errors=True)


def remove_model(path: Path) -> None:
    """Remove a model file that Needle keeps; one that lies elsewhere is somebody's own."""
    if path.parent.resolve().is_relative_to(models_folder().resolve()):
        path.unlink(missing_ok=True)


def _checked(run_id: str) -> str:
    # Ids come in from the address bar, and must not lead out of the folder.
    if re.fullmatch(r"[a-z0-9]{1,32}", run_id):
        return run_id
    raise RunError(
        f"A run's id must be made of small letters and digits. Got {run_id!r}.",
        code="E-RUN-UNKNOWN",
        next_step="Look the run up on the page Runs.",
    )
