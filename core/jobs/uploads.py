"""Uploaded files, each in a folder of its own, and how they go when nobody reads them any more.

A task removes the upload that it has read. For runs that end before that, others do it here.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.paths import uploads_folder

__all__ = ["discard_upload", "remove_old_uploads", "remove_upload"]

SECONDS_OF_GRACE = 24 * 3600.0


def remove_upload(path: Path) -> None:
    """Remove an uploaded file with the folder that was made for it; any other file stays."""
    folder, root = path.parent.resolve(), uploads_folder().resolve()
    if not folder.is_relative_to(root):
        return
    with suppress(OSError):  # gone already, or in use on a system that keeps such files
        path.unlink()
    if folder != root:
        with suppress(OSError):  # it holds something else, and stays
            folder.rmdir()


def discard_upload(config: dict[str, Any]) -> None:
    """Remove the file that was uploaded for a run with this configuration, if there was one."""
    if config.get("is_upload") and config.get("path"):
        remove_upload(Path(config["path"]))


def remove_old_uploads(configs: Collection[dict[str, Any]]) -> None:
    """Remove uploads older than a day, but for those that `configs`, of unfinished runs, name."""
    root, oldest = uploads_folder().resolve(), time.time() - SECONDS_OF_GRACE
    in_use = {Path(config["path"]).resolve() for config in configs if config.get("path")}
    for entry in root.iterdir():
        if any(path.is_relative_to(entry) for path in in_use):
            continue
        with suppress(OSError):  # somebody else was faster
            if max(_times_changed(entry)) < oldest:
                _remove(entry)


def _times_changed(entry: Path) -> Iterator[float]:
    yield entry.lstat().st_mtime
    if not entry.is_symlink():
        yield from (path.lstat().st_mtime for path in entry.rglob("*"))


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
