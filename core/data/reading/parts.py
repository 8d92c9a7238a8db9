"""Members of an archive, files of a folder, several files: one way to list and open them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from core.data.reading.archive import list_members
from core.data.reading.expanding import open_expanding
from core.data.source import Source, size_of

__all__ = ["Part", "is_table_name", "parts_of", "plain_name", "stem_of"]

_PACKING = re.compile(r"\.(gz|bz2|xz)$", re.IGNORECASE)
_TABLES = (".csv", ".tsv", ".txt", ".tab")
# What file managers, servers and pipelines put beside the data.
_BESIDE = re.compile(
    r"(^|/)(__MACOSX|\.[^/]*)(/|$)"
    r"|(^|/)(thumbs\.db|desktop\.ini|readme[^/]*|licen[cs]e[^/]*|changelog[^/]*|citation[^/]*"
    r"|manifest[^/]*|filelist[^/]*|_?checksums?[^/]*|md5sums?[^/]*|sha\d+sums?[^/]*)$"
    r"|\.(html?|pdf|png|jpe?g|svg|md5|sha1|sha256|sha512|md|json|ya?ml|xml|log|cloupe|vloupe)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Part:
    """One file among those of a source.

    Parameters
    ----------
    name : str
        Path below the archive or folder, with forward slashes.
    n_bytes : int
        Size as it is stored.
    stored : callable
        Opens it as it is stored.
    path : Path or None
        Where it stands on disk; ``None`` in an archive.
    """

    name: str
    n_bytes: int
    stored: Callable[[], IO[bytes]] = field(repr=False, compare=False)
    path: Path | None = None

    def open(self) -> IO[bytes]:
        """Open it unpacked; see :func:`core.data.reading.expanding.open_expanding`."""
        return open_expanding(self.stored, n_packed=self.n_bytes, name=self.name)


def parts_of(source: Source, kind: str) -> list[Part]:
    """List what a source is made of, without what is never data (hidden files, reports, …).

    Parameters
    ----------
    source : Source
        File, folder or files.
    kind : str
        Its format: ``"zip"`` for an archive.

    Returns
    -------
    list of Part
        In the order of their names.

    Raises
    ------
    DataError
        See :func:`core.data.reading.archive.list_members`.
    """
    if kind == "zip":
        parts = _of_archive(source.files[0])
    elif len(source.files) == 1:
        return _of_files(source)
    else:
        parts = _of_files(source)
    kept = [part for part in parts if not _BESIDE.search(part.name) and part.n_bytes]
    return sorted(kept, key=lambda part: part.name)


def _of_files(source: Source) -> list[Part]:
    return [
        Part(name, size_of(file), lambda file=file: file.open("rb"), file)
        for name, file in zip(source.names, source.files, strict=True)
    ]


def _of_archive(path: Path) -> list[Part]:
    return [
        Part(name, member.compress_size, lambda written=member.filename: _Member(path, written))
        for name, member in list_members(path).items()
    ]


class _Member:
    """A member of an archive that closes the archive together with itself."""

    def __init__(self, path: Path, name: str) -> None:
        self._archive = zipfile.ZipFile(path)
        try:
            self._stream = self._archive.open(name)
        except BaseException:
            self._archive.close()
            raise

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()
        self._archive.close()


def plain_name(name: str) -> str:
    """File name without folders and without an ending such as ``.gz``.

    Examples
    --------
    >>> plain_name("run/GSM1_matrix.mtx.gz")
    'GSM1_matrix.mtx'
    """
    return _PACKING.sub("", name.rsplit("/", 1)[-1])


def is_table_name(name: str) -> bool:
    """Whether a file is called as tables of text are."""
    return plain_name(name).lower().endswith(_TABLES)


def stem_of(name: str) -> str:
    """File name without folders and endings.

    Examples
    --------
    >>> stem_of("run/rare_cells.csv.gz")
    'rare_cells'
    """
    plain = plain_name(name)
    return plain.rsplit(".", 1)[0] or plain
