"""Where Needle keeps its files: one data folder, and four folders in it.

The environment variable ``NEEDLE_HOME`` names the data folder; without it, it is the user's own
data folder as the operating system defines it. ``NEEDLE_DATABASE_URL`` names the run database;
without it, it is an SQLite file in the data folder. Both are read at every call, so that a test or
a second server can have its own. Nothing else in Needle builds such a path.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from tempfile import TemporaryFile

import platformdirs

from core.errors import RunError

__all__ = [
    "check_folders",
    "data_folder",
    "database_url",
    "datasets_folder",
    "models_folder",
    "runs_folder",
    "uploads_folder",
]

PROBE_BYTES = 4096  # one block of most disks


def data_folder() -> Path:
    """Folder below which everything is kept, made when it is missing.

    Returns
    -------
    pathlib.Path
        Absolute path: ``NEEDLE_HOME``, else the user's data folder.

    Raises
    ------
    RunError
        ``E-FOLDER`` when the folder cannot be made or written to.

    Examples
    --------
    >>> import os, tempfile
    >>> from unittest.mock import patch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with patch.dict(os.environ, NEEDLE_HOME=folder):
    ...         str(data_folder()) == folder
    True
    """
    chosen = os.environ.get("NEEDLE_HOME") or platformdirs.user_data_dir("needle", appauthor=False)
    # Absolute, because workers are started in another working directory.
    return _writable(Path(chosen).expanduser().absolute())


def datasets_folder() -> Path:
    """Folder of the canonical datasets, one per content digest."""
    return _writable(data_folder() / "datasets")


def models_folder() -> Path:
    """Folder of the models that users saved."""
    return _writable(data_folder() / "models")


def runs_folder() -> Path:
    """Folder of the results and logs of all runs."""
    return _writable(data_folder() / "runs")


def uploads_folder() -> Path:
    """Folder of files as they were uploaded, before a worker reads them."""
    return _writable(data_folder() / "uploads")


def database_url() -> str:
    """URL of the run database: ``NEEDLE_DATABASE_URL``, else SQLite in the data folder."""
    chosen = os.environ.get("NEEDLE_DATABASE_URL")
    return chosen or f"sqlite:///{(data_folder() / 'needle.db').as_posix()}"


def check_folders() -> None:
    """Write into each of the folders, and take it away again.

    A folder that seems writable need not be: the superuser seems to be allowed anything, and a
    disk may be full.

    Raises
    ------
    RunError
        ``E-FOLDER`` with the folder and the reason.
    """
    for folder in (data_folder, datasets_folder, models_folder, runs_folder, uploads_folder):
        _write_into(folder())


def _write_into(folder: Path) -> None:
    try:
        with TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())  # some disks notice only now that they are full
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(
                f"Needle must be able to write to the folder {folder}, but no space is left there.",
                code="E-FOLDER",
                next_step="Remove files that nobody needs, or name another folder in NEEDLE_HOME.",
            ) from error
        raise _refusal(folder, error.strerror or str(error)) from error


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(folder, error.strerror or str(error)) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _refusal(folder, "it is write-protected")
    return folder


def _refusal(folder: Path, reason: str) -> RunError:
    return RunError(
        f"Needle must be able to write to the folder {folder}, but cannot: {reason}.",
        code="E-FOLDER",
        next_step="Make the folder writable, or name another one in NEEDLE_HOME.",
    )
