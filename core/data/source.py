"""What somebody loads as one dataset: a file, a folder, or several files that belong together."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.errors import DataError

__all__ = ["Source", "file_digest"]

MOST_FILES = 200

PathLike = str | os.PathLike[str]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Source:
    """One or more files that hold one dataset.

    Parameters
    ----------
    name : str
        What messages call it: the name of the file or folder.
    files : tuple of Path
        Ordinary files, in the order of their names.
    """

    name: str
    files: tuple[Path, ...]

    @classmethod
    def of(cls, path: PathLike | Sequence[PathLike]) -> Self:
        """Find the files of a path, of a folder, or of several paths.

        Raises
        ------
        DataError
            ``E-FILE-MISSING``, ``E-FILE-EMPTY`` or ``E-FOLDER-EMPTY``.
        """
        if not isinstance(path, str | os.PathLike):
            paths = [Path(each) for each in path]
            if len(paths) != 1:
                files = tuple(sorted(paths, key=lambda each: each.name))
                return cls._checked(files[0].name if files else "", files)
            path = paths[0]
        path = Path(path)
        if path.is_dir():
            # Links are left out: a folder that somebody packed may name any file by one.
            inside = (each for each in sorted(path.rglob("*")) if each.is_file())
            files = tuple(each for each in inside if not each.is_symlink())
            return cls._checked(path.name, files)
        return cls._checked(path.name, (path,))

    @classmethod
    def _checked(cls, name: str, files: tuple[Path, ...]) -> Self:
        if not files or len(files) > MOST_FILES:
            raise DataError(
                f"{name or 'The selection'} has {len(files):,} files; 1 to {MOST_FILES} are read.",
                code="E-FOLDER-EMPTY",
                next_step="Choose the file, or the folder, that holds the matrix of cells.",
            )
        for file in files:
            if not file.is_file():
                raise DataError(
                    f"There is no file at {file}.",
                    code="E-FILE-MISSING",
                    next_step="Check the path.",
                )
        if not any(file.stat().st_size for file in files):
            raise DataError(
                f"{name} is empty (0 bytes).",
                code="E-FILE-EMPTY",
                next_step="The upload or copy may have been cut short; load the file again.",
            )
        return cls(name, files)

    @property
    def n_bytes(self) -> int:
        """Size of all its files."""
        return sum(file.stat().st_size for file in self.files)

    def digest(self, answers: Mapping[str, str]) -> str:
        """Identify the content together with the answers that decide what is made of it.

        Returns
        -------
        str
            64 hexadecimal digits; the SHA-256 of the file itself when it is one without answers.
        """
        whole = file_digest(self.files[0])
        if len(self.files) > 1:
            parts = [[file.name, file_digest(file)] for file in self.files]
            whole = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        if not answers:
            return whole
        key = json.dumps([whole, dict(sorted(answers.items()))])
        return hashlib.sha256(key.encode()).hexdigest()
