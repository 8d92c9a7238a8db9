"""Which files belong to which run."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from core.errors import RunError
from core.jobs.schema import Run
from core.paths import runs_folder

__all__ = [
    "annotation_model",
    "checkpoint_folder",
    "discard",
    "discard_checkpoints",
    "log_file",
    "model_of",
    "publish",
    "run_folder",
    "run_of",
    "unfinished_folder",
]


def run_folder(run_id: str) -> Path:
    """Folder of a finished run's results; there is none before the run is complete."""
    return runs_folder() / _checked(run_id)


def unfinished_folder(run_id: str) -> Path:
    """Folder in which a running task writes; it becomes the run folder in one step."""
    return runs_folder() / f".{_checked(run_id)}.part"


def run_of(unfinished: Path) -> str:
    """Id of the run that an unfinished folder belongs to."""
    return _checked(unfinished.name.removeprefix(".").removesuffix(".part"))


def checkpoint_folder(run_id: str) -> Path:
    """Folder of the folds that a training has finished, kept until the run is over for good."""
    return runs_folder() / f"{_checked(run_id)}.folds"


def log_file(run_id: str) -> Path:
    """File with all that the worker of a run wrote to its standard output and error."""
    return runs_folder() / f"{_checked(run_id)}.log"


def annotation_model(folder: Path) -> Path:
    """Copy of the model that an annotation run keeps, so that it outlives the training."""
    return folder / "model.skops"


def model_of(run: Run) -> Path:
    """Model file of an annotation: the one it was started with, else the run's own copy of it."""
    named, kept = Path(run.config["model"]), annotation_model(run_folder(run.id))
    return kept if kept.is_file() and not named.is_file() else named


def publish(run_id: str) -> None:
    """Let complete results appear under the name of their run, in one step.

    They are on the disk by then: the database may know after a power cut that the run is done.
    """
    folder = unfinished_folder(run_id)
    for path in (*folder.rglob("*"), folder):
        _flush(path)
    folder.rename(run_folder(run_id))
    _flush(runs_folder())


def discard(run_id: str) -> None:
    """Remove the results of a run, complete or not, and keep its log and its checkpoints."""
    for folder in (unfinished_folder(run_id), run_folder(run_id)):
        shutil.rmtree(folder, ignore_errors=True)


def discard_checkpoints(run_id: str) -> None:
    """Remove the folds from which a run could be resumed: it is done, cancelled or deleted."""
    shutil.rmtree(checkpoint_folder(run_id), ignore_errors=True)


def _flush(path: Path) -> None:
    with suppress(PermissionError):  # Windows opens no folders, and flushes them by itself
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _checked(run_id: str) -> str:
    # Ids come in from the address bar, and must not lead out of the folder.
    if re.fullmatch(r"[a-z0-9]{1,32}", run_id):
        return run_id
    raise RunError(
        f"A run's id must be made of small letters and digits. Got {run_id!r}.",
        code="E-RUN-UNKNOWN",
        next_step="Look the run up on the page Runs.",
    )
