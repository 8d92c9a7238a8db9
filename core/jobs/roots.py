"""Folders of the server whose files may be read where they are, because they are too big to upload.

The environment variable ``NEEDLE_DATA_ROOTS`` lists them, separated as in ``PATH``; without it
there are none. Whatever a page asks for is looked up anew, with all links resolved, by the worker
that reads it. Hidden files and folders stay closed, and so does Needle's own data folder, which has
the uploads of everybody.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError
from core.paths import data_folder

__all__ = ["Listing", "browse", "data_roots", "require_inside"]

# More names than these nobody looks through; such a folder is better named as a root of its own.
MOST_NAMES = 1000


@dataclass(frozen=True)
class Listing:
    """What is in a folder, by name.

    Parameters
    ----------
    folder : Path
        Resolved.
    parent : Path or None
        The folder above, unless that is outside all roots.
    folders, files : tuple of Path
        Resolved; without hidden ones and without links that lead out of the roots.
    is_cut : bool
        Whether there are more names than are listed.
    """

    folder: Path
    parent: Path | None
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    is_cut: bool


def data_roots() -> tuple[Path, ...]:
    """Folders that the administrator has listed, resolved, in their order.

    Examples
    --------
    >>> import tempfile
    >>> from unittest.mock import patch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with patch.dict(os.environ, NEEDLE_DATA_ROOTS=folder):
    ...         data_roots() == (Path(folder).resolve(),)
    True
    """
    chosen = os.environ.get("NEEDLE_DATA_ROOTS", "").split(os.pathsep)
    folders = [Path(name).expanduser().resolve() for name in chosen if name.strip()]
    own = _own_folder()
    return tuple(dict.fromkeys(f for f in folders if f.is_dir() and not f.is_relative_to(own)))


def require_inside(path: Path) -> Path:
    """Resolve a path that is to be read, and refuse it unless it is a root or below one.

    Raises
    ------
    DataError
        ``E-PATH-OUTSIDE``: also for what is hidden, for Needle's own data folder, and for a folder
        that holds it, which can only be browsed.
    """
    resolved = _open_to_all(path)
    if _own_folder().is_relative_to(resolved):
        raise DataError(
            f"{path.name or 'This folder'} holds Needle's own data folder and is not read as a "
            "whole.",
            code="E-PATH-OUTSIDE",
            next_step="Choose a file or a folder in it.",
        )
    return resolved


def _own_folder() -> Path:
    return data_folder().resolve()


def _open_to_all(path: Path) -> Path:
    resolved = path.resolve()
    below = [resolved.relative_to(r).parts for r in data_roots() if resolved.is_relative_to(r)]
    is_open = any(not any(part.startswith(".") for part in parts) for parts in below)
    if is_open and not resolved.is_relative_to(_own_folder()):
        return resolved
    raise DataError(
        f"{path.name or 'This folder'} does not lie in a folder that the administrator has opened.",
        code="E-PATH-OUTSIDE",
        next_step="Choose a file below one of the listed folders, or upload it.",
    )


def browse(folder: Path) -> Listing:
    """List a folder that is one of the roots or below one.

    Raises
    ------
    DataError
        ``E-PATH-OUTSIDE``, or ``E-FILE-MISSING`` when it cannot be looked into.
    """
    folder = _open_to_all(folder)
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"The folder {folder.name} cannot be looked into: {error.strerror}.",
            code="E-FILE-MISSING",
            next_step="Choose another folder.",
        ) from error
    inside = [path for name in names[:MOST_NAMES] if (path := _inside(folder / name)) is not None]
    return Listing(
        folder=folder,
        parent=_inside(folder.parent),
        folders=tuple(path for path in inside if path.is_dir()),
        files=tuple(path for path in inside if path.is_file()),
        is_cut=len(names) > MOST_NAMES,
    )


def _inside(path: Path) -> Path | None:
    with suppress(DataError, OSError, RuntimeError):  # links that go round in circles
        return _open_to_all(path)
    return None
