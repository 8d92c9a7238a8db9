"""Files of runs that ended before anybody could clear up after them."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from functools import partial
from pathlib import Path

from core.jobs.causes import keeps_checkpoints
from core.jobs.database import RunDatabase
from core.jobs.folders import checkpoint_folder, run_folder, unfinished_folder
from core.jobs.rows import change_as_seen
from core.jobs.schema import FINAL_STATES, UNFINISHED, Run, State
from core.jobs.uploads import remove_old_uploads
from core.paths import runs_folder

__all__ = ["remove_leftovers"]


def remove_leftovers(database: RunDatabase) -> None:
    """Remove what no run needs: half-written results, checkpoints, uploads older than a day.

    Files of runs that the database does not know are left alone: it may be the wrong database.
    """
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
