"""Uploaded files, each lot in a folder of its own, and how they go when nobody reads them any more.

A task removes the upload that it has read. For runs that end before that, others do it here.
"""

from __future__ import annotations

import errno
import itertools
import re
import shutil
import time
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from core.errors import RunError
from core.paths import uploads_folder

__all__ = ["discard_upload", "has_upload", "keep_upload", "remove_old_uploads", "remove_upload"]

SECONDS_OF_GRACE = 24 * 3600.0
CHUNK = 2**20
MOST_BYTES = 200


def keep_upload(files: Sequence[tuple[str, IO[bytes]]]) -> dict[str, Any]:
    """Write uploaded files to the disk, in pieces, and say where they are.

    Parameters
    ----------
    files : sequence of (str, file)
        At least one: its name, which for files of a folder begins with that folder, and content.

    Returns
    -------
    dict
        Part of the configuration of a run: ``path`` (a file or folder), ``paths`` of several files
        that are no folder, and ``is_upload``.

    Raises
    ------
    RunError
        ``E-DISK-FULL`` when there is no room for them.
    """
    # A folder of its own, so that messages can name the files as their owner does.
    folder = uploads_folder() / uuid.uuid4().hex
    try:
        kept = [_write(folder, name, content) for name, content in files]
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise RunError(
            "There is no room left on the disk for this file.",
            code="E-DISK-FULL",
            next_step="Delete old runs or other files, then load it again.",
        ) from error
    tops = {path.relative_to(folder).parts[0] for path in kept}
    config: dict[str, Any] = {"path": str(kept[0]), "is_upload": True}
    if len(tops) == 1 and kept[0].parent != folder:  # a folder was uploaded
        config["path"] = str(folder / tops.pop())
    elif len(kept) > 1:
        config |= {"path": str(folder), "paths": [str(path) for path in kept]}
    return config


def has_upload(config: dict[str, Any]) -> bool:
    """Whether the files of a run with this configuration are still there to be read again."""
    return "path" in config and Path(config["path"]).exists()


def remove_upload(path: Path) -> None:
    """Remove an uploaded file or folder with the folder made for it; anything else stays."""
    folder, root = path.parent.resolve(), uploads_folder().resolve()
    if not folder.is_relative_to(root):
        return
    if path.is_symlink() or not path.is_dir():
        with suppress(OSError):  # gone already, or in use on a system that keeps such files
            path.unlink()
    elif root in path.resolve().parents:
        shutil.rmtree(path.resolve(), ignore_errors=True)
    if folder != root:
        with suppress(OSError):  # it holds something else, and stays
            folder.rmdir()


def discard_upload(config: dict[str, Any]) -> None:
    """Remove the files that were uploaded for a run with this configuration, if there were any."""
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


def _write(folder: Path, name: str, content: IO[bytes]) -> Path:
    *above, last = [_safe(part) for part in re.split(r"[/\\]", name) if part.strip(". ")] or [
        "upload"
    ]
    for part in above[:8]:
        folder = next(path for path in _called(folder, part) if path.is_dir() or not path.exists())
    folder.mkdir(parents=True, exist_ok=True)
    path = next(path for path in _called(folder, last) if not path.exists())
    with path.open("wb") as file:
        shutil.copyfileobj(content, file, CHUNK)
    return path


def _called(folder: Path, name: str) -> Iterator[Path]:
    """Paths by this name and others that will do.

    Two names may differ only in what is not allowed in them here, and a file may be called like
    a folder.
    """
    yield folder / name
    yield from (folder / f"{number}-{name}" for number in itertools.count(1))


def _safe(name: str) -> str:
    kept = re.sub(r"[^\w.\- ()]", "_", name).lstrip(".")[-100:]
    # File systems count bytes, and most letters of the world take two or three.
    return kept.encode()[-MOST_BYTES:].decode(errors="ignore") or "upload"


def _times_changed(entry: Path) -> Iterator[float]:
    yield entry.lstat().st_mtime
    if not entry.is_symlink():
        yield from (path.lstat().st_mtime for path in entry.rglob("*"))


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)
