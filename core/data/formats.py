"""Recognise a file by what is in it, never by what it is called."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import h5py

from core.data.choices import Choices
from core.data.source import Source
from core.errors import DataError

__all__ = ["FORMATS", "Format", "damaged", "recognise", "sniff"]

_HEAD = 4096
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PACKED: tuple[tuple[bytes, Callable[[Path], IO[bytes]]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
# R writes its files as XDR, in the machine's own order or as text, behind one or two lines.
_R = (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"X\n\x00\x00", b"A\n2\n", b"A\n3\n", b"B\n")
_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"\x80", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"<", "a web page or XML file"),
    (b"ustar", "a tar archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
)


@dataclass(frozen=True)
class Format:
    """One kind of source.

    Parameters
    ----------
    name : str
        What the screen calls it.
    reader : str
        Module below ``core.data.reading``.
    endings : tuple of str
        What such files are usually called; another name calls for a question.
    """

    name: str
    reader: str
    endings: tuple[str, ...]


FORMATS = {
    "h5ad": Format(".h5ad file", "h5ad", (".h5ad",)),
    "10x-h5": Format("10x Genomics .h5 file", "tenx_h5", (".h5", ".hdf5")),
    "loom": Format("loom file", "loom", (".loom",)),
    "h5seurat": Format("h5Seurat file", "h5seurat", (".h5seurat",)),
    "text": Format("text table", "bundle", (".csv", ".tsv", ".txt", ".tab", ".gz", ".bz2", ".xz")),
    "zip": Format("zip archive", "bundle", (".zip",)),
    "files": Format("set of files", "bundle", ()),
    "r": Format("R data file", "rfile", (".rds", ".rdata", ".rda", ".robj", ".gz")),
}


def recognise(source: Source, choices: Choices) -> str:
    """Name the format of a source: a key of :data:`FORMATS`.

    A file whose name says something else is asked about (``C-FORMAT``): the wrong file may have
    been chosen.

    Raises
    ------
    DataError
        ``E-FILE-FORMAT`` with what the file looks like, or ``E-FILE-DAMAGED``.
    """
    if len(source.files) > 1:
        return "files"
    (path,) = source.files
    kind = sniff(path)
    found, ending = FORMATS[kind], path.suffix.lower()
    known = {e for format in FORMATS.values() for e in format.endings}
    if ending in known - set(found.endings):
        choices.ask(
            "C-FORMAT",
            f"The file is called {path.name}, but it is {_article(found.name)}.",
            {kind: f"Read it as {_article(found.name)}."},
            suggested=kind,
            next_step="Make sure that it is the right file.",
        )
    return kind


def sniff(path: Path) -> str:
    """Name the format of one file: a key of :data:`FORMATS`.

    Raises
    ------
    DataError
        ``E-FILE-FORMAT`` or ``E-FILE-DAMAGED``.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_HDF5):
        return _sniff_hdf5(path)
    if head.startswith(_ZIP):
        return "zip"
    for signature, unpack in _PACKED:
        if head.startswith(signature):
            head = _beginning(path, unpack)
            break
    if head.startswith(_R):
        return "r"
    if (what := _foreign(head)) is not None:
        raise _unknown(path, what)
    return "text"


def _sniff_hdf5(path: Path) -> str:
    try:
        with h5py.File(path, "r") as file:
            names = set(file)
            has_barcodes = not names & {"obs", "var", "X"} and _has_barcodes(file)
    except (OSError, RuntimeError, LookupError, ValueError) as error:
        raise damaged(path, "an HDF5 file") from error
    if {"obs", "var"} <= names:
        return "h5ad"
    if {"matrix", "row_attrs", "col_attrs"} <= names:
        return "loom"
    if {"assays", "cell.names"} <= names:
        return "h5seurat"
    # Before version 3 of Cell Ranger the matrix stood under the name of its genome.
    if "matrix" in names or has_barcodes:
        return "10x-h5"
    raise _unknown(path, "an HDF5 file without the tables `obs` and `var`")


def _has_barcodes(file: h5py.File) -> bool:
    # Links that lead out of the file are not followed, and h5py's own `in` would do so.
    hard = (n for n in list(file)[:50] if isinstance(file.get(n, getlink=True), h5py.HardLink))
    return any(isinstance(file[n], h5py.Group) and "barcodes" in set(file[n]) for n in hard)


def _beginning(path: Path, unpack: Callable[[Path], IO[bytes]]) -> bytes:
    try:
        with unpack(path) as file:
            return file.read(_HEAD)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise damaged(path, "a compressed file") from error


def _foreign(head: bytes) -> str | None:
    """Say what a beginning looks like when it is no table of text."""
    start = head.lstrip()
    for signature, name in _FOREIGN:
        if start.startswith(signature):
            return name
    if head[257:262] == b"ustar":
        return "a tar archive"
    has_order_mark = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    control = sum(byte < 9 or 13 < byte < 32 for byte in head)
    if not has_order_mark and control > len(head) // 20:
        return "a file of an unknown kind"
    return None


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiouhR.' and not name.startswith('h5') else 'a'} {name}"


def damaged(path: Path, what: str) -> DataError:
    """Refusal of a file that begins like `what` and does not go on so."""
    return DataError(
        f"{path.name} starts like {what} but cannot be read to its end.",
        code="E-FILE-DAMAGED",
        next_step="It may be cut short or damaged; copy or save it anew and load that.",
    )


def _unknown(path: Path, what: str) -> DataError:
    return DataError(
        f"{path.name} is no file of cells that Needle reads: it looks like {what}.",
        code="E-FILE-FORMAT",
        next_step="Load .h5ad, 10x Genomics .h5 or folder, .loom, .csv or .tsv, .h5seurat, or an R "
        "data file; from Python, `adata.write_h5ad('cells.h5ad')` writes the first.",
    )
