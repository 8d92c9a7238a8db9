"""What somebody loads as one dataset: a file, a folder, or several files that belong together."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.errors import DataError

__all__ = ["Source", "file_digest", "missing_file", "shared_name", "size_of"]

MOST_FILES = 200

PathLike = str | os.PathLike[str]
# What every 10x set calls its matrix, which says nothing of the cells.
_MATRIX = re.compile(r"matrix\.mtx(\.\w+)?$", re.IGNORECASE)
_GONE = (FileNotFoundError, NotADirectoryError)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Raises
    ------
    DataError
        ``E-FILE-MISSING`` when it is gone since somebody chose it.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except _GONE as error:
        raise missing_file(path) from error


def size_of(path: Path) -> int:
    """Bytes of a file; raises ``E-FILE-MISSING`` when it is gone."""
    try:
        return path.stat().st_size
    except _GONE as error:
        raise missing_file(path) from error


def shared_name(sizes: Mapping[str, int]) -> str:
    """Name several files after their sample, or else after the largest, which holds the matrix.

    Parameters
    ----------
    sizes : mapping of str to int
        Names of the files, with their bytes.

    Examples
    --------
    >>> shared_name({"counts.csv": 900, "labels.csv": 20})
    'counts.csv'
    >>> shared_name({"S1_matrix.mtx.gz": 900, "S1_barcodes.tsv.gz": 20, "S1_features.tsv.gz": 30})
    'S1'
    """
    for name in sorted(sizes):
        if (matrix := _MATRIX.search(name)) is not None:
            return name[: matrix.start()].rstrip("_.- ") or "10x files"
    return max(sizes, key=lambda name: (sizes[name], name))


def missing_file(path: PathLike) -> DataError:
    """Refusal of a file that was there before: only its name is said."""
    return DataError(
        f"{Path(path).name} is no longer there.",
        code="E-FILE-MISSING",
        next_step="It may have been moved, or read in another window; load it again.",
    )


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
                files = tuple(sorted(paths, key=lambda each: (each.name, str(each))))
                sizes = {file.name: size_of(file) for file in files}
                return cls._checked(shared_name(sizes) if files else "", files)
            path = paths[0]
        path = Path(path)
        if path.is_dir():
            # Links are left out: a folder that somebody packed may name any file by one.
            inside = (each for each in sorted(path.rglob("*")) if each.is_file())
            files = tuple(each for each in inside if not each.is_symlink())
            # Readers leave hidden ones out of several, but a single file is always read.
            is_data = any(not _is_hidden(each, path) for each in files)
            return cls._checked(path.name, files if is_data else ())
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
        if not any(size_of(file) for file in files):
            raise DataError(
                f"{name} is empty (0 bytes).",
                code="E-FILE-EMPTY",
                next_step="The upload or copy may have been cut short; load the file again.",
            )
        return cls(name, files)

    @property
    def n_bytes(self) -> int:
        """Size of all its files."""
        return sum(size_of(file) for file in self.files)

    @property
    def names(self) -> tuple[str, ...]:
        """Path of each file below the innermost folder that holds all of them, with slashes.

        Samples and cell types may be called so.
        """
        whole = [file.absolute() for file in self.files]
        folder = os.path.commonpath([file.parent for file in whole])
        return tuple(Path(os.path.relpath(file, folder)).as_posix() for file in whole)

    def digest(self, answers: Mapping[str, str]) -> str:
        """Identify the content together with the answers that decide what is made of it.

        Where there are several files, their names belong to the content: they become samples and
        cell types.

        Returns
        -------
        str
            64 hexadecimal digits; the SHA-256 of the file itself when it is one without answers.
        """
        whole = file_digest(self.files[0])
        if len(self.files) > 1:
            pairs = sorted(zip(self.names, self.files, strict=True))
            parts = [[name, file_digest(file)] for name, file in pairs]
            whole = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        if not answers:
            return whole
        key = json.dumps([whole, dict(sorted(answers.items()))])
        return hashlib.sha256(key.encode()).hexdigest()


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
