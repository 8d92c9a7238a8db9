"""Files of runs that ended before anybody could clear up after them."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from pathlib import Path

from core.jobs.causes import keeps_checkpoints
from core.jobs.database import RunDatabase
from core.jobs.folders import checkpoint_folder, run_folder, unfinished_folder
from core.jobs.rows import change_as_seen
from core.jobs.schema import FINAL_STATES, UNFINISHED, Run, State
from core.jobs.uploads import remove_old_uploads
from core.paths import runs_folder

__all__ = ["remove_deleted", "remove_leftovers", "set_aside"]


def remove_leftovers(database: RunDatabase) -> None:
    """Remove what no run needs: half-written or deleted results, checkpoints, old uploads.

    Files of runs that the database does not know are left alone: it may be the wrong database.
    """
    remove_deleted()
    there = {path.name for path in runs_folder().iterdir() if path.is_dir()}
    # All folders but these bear just the id of a run, most of them of one that is done.
    suspect = any(name.startswith(".") or name.endswith(".folds") for name in there)
    states = FINAL_STATES if suspect else FINAL_STATES - {State.DONE}
    for run in database.runs(state=states, limit=None):
        if folders := [folder for folder in _unneeded(run) if folder.name in there]:
            # Not while somebody is resuming it, for its next worker writes to the same folder.
            change_as_seen(database, run, partial(_remove, folders), pid=run.pid)
    unfinished = database.runs(state=UNFINISHED, limit=None)
    remove_old_uploads([run.config for run in unfinished])


def set_aside(run_id: str) -> None:
    """Give the folders of a run names by which anybody can see that they are to be removed."""
    for folder in (run_folder(run_id), unfinished_folder(run_id), checkpoint_folder(run_id)):
        with suppress(OSError):  # there is none, or a file in it is open on Windows
            folder.rename(folder.with_name(f".{folder.name.removeprefix('.')}.deleted"))


def remove_deleted(run_id: str = "*") -> None:
    """Remove the folders that were set aside, of one run or of all."""
    _remove(list(runs_folder().glob(f".{run_id}.deleted")))
    _remove(list(runs_folder().glob(f".{run_id}.*.deleted")))


def _unneeded(run: Run) -> list[Path]:
    folders = [unfinished_folder(run.id)]
    if run.state is not State.DONE:
        folders.append(run_folder(run.id))
    if not keeps_checkpoints(run):
        folders.append(checkpoint_folder(run.id))
    return folders


def _remove(folders: Collection[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
