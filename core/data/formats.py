"""Recognise a file by its content and read it; nothing here decides what the numbers mean."""

from __future__ import annotations

import codecs
import hashlib
import warnings
from pathlib import Path

import anndata as ad
import h5py
from anndata._io.specs.registry import IORegistryError  # has no public name
from scipy import sparse

from core.data.links import refers_elsewhere
from core.errors import DataError

__all__ = ["file_digest", "read_h5ad", "sniff"]

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SIGNATURES = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x89PNG", "a PNG picture"),
    (b"%PDF", "a PDF document"),
    (b"RDX", "an R data file"),
    (b"\x80", "a Python pickle"),
    (b"<", "a web page or XML file"),
)
# What anndata, h5py and scipy raise on files that are cut short, damaged or from the future.
_DAMAGE = (
    OSError,
    AttributeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    IORegistryError,
)
_SAVE_AS_H5AD = (
    "Save the data as .h5ad, in Python with `adata.write_h5ad('cells.h5ad')`, and load that file."
)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sniff(path: Path) -> str:
    """Name the format of a file by what is in it, never by what it is called.

    Parameters
    ----------
    path : Path
        File to look at.

    Returns
    -------
    str
        ``"h5ad"``.

    Raises
    ------
    DataError
        ``E-FILE-MISSING``, ``E-FILE-EMPTY``, or ``E-NOT-H5AD`` with what the file looks like.
    """
    if not path.is_file():
        raise DataError(
            f"There is no file at {path}.",
            code="E-FILE-MISSING",
            next_step="Check the path.",
        )
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise DataError(
            f"{path.name} is empty (0 bytes).",
            code="E-FILE-EMPTY",
            next_step="The upload or copy may have been cut short; load the file again.",
        )
    if not head.startswith(_HDF5):
        raise _not_h5ad(path, _looks_like(head))
    return _sniff_hdf5(path)


def _sniff_hdf5(path: Path) -> str:
    try:
        with h5py.File(path, "r") as file:
            names = set(file)
    except OSError as error:
        raise _damaged(path) from error
    if {"obs", "var"} <= names:
        return "h5ad"
    if "matrix" in names and "row_attrs" in names:
        raise _not_h5ad(path, "a loom file")
    if "matrix" in names:
        raise _not_h5ad(path, "a 10x Genomics .h5 file")
    raise _not_h5ad(path, "an HDF5 file without the tables `obs` and `var`")


def read_h5ad(path: Path) -> ad.AnnData:
    """Read an .h5ad file into memory.

    Parameters
    ----------
    path : Path
        A file for which :func:`sniff` said ``"h5ad"``.

    Returns
    -------
    anndata.AnnData
        As stored, unchecked.

    Raises
    ------
    DataError
        ``E-H5AD-LINKS`` when the file refers to other files, ``E-H5AD-DAMAGED`` when it is cut
        short, damaged or in an unknown layout.
    """
    _require_self_contained(path)
    try:
        with warnings.catch_warnings():
            # Old layouts are fine for us: what is read is written anew in the canonical one.
            warnings.simplefilter("ignore")
            adata = ad.read_h5ad(path)
            _require_sound(adata)
    except _DAMAGE as error:
        raise _damaged(path) from error
    return adata


def _require_self_contained(path: Path) -> None:
    """Refuse a file that refers to others before anndata, which would follow, sees it."""
    try:
        with h5py.File(path, "r") as file:
            leads_out = refers_elsewhere(file)
    except _DAMAGE as error:
        raise _damaged(path) from error
    if leads_out:
        raise DataError(
            f"{path.name} refers to other files or places, which Needle never follows.",
            code="E-H5AD-LINKS",
            next_step="Save it anew with `adata.write_h5ad('cells.h5ad')`, which puts everything "
            "into one file, and load that.",
        )


def _require_sound(adata: ad.AnnData) -> None:
    """Refuse sparse matrices that point outside themselves; scipy's C code would follow them."""
    matrices = [adata.X, *adata.layers.values(), None if adata.raw is None else adata.raw.X]
    for matrix in matrices:
        if sparse.issparse(matrix):
            if matrix.indptr[-1] != len(matrix.data):
                raise ValueError("the pointers account for another number of values")
            matrix.check_format(full_check=True)


def _looks_like(head: bytes) -> str:
    for signature, name in _SIGNATURES:
        if head.lstrip().startswith(signature):
            return name
    try:
        # Not final: the last character may be cut in two where `head` ends.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "a file of an unknown kind"
    return "a text file"


def _not_h5ad(path: Path, what: str) -> DataError:
    return DataError(
        f"{path.name} is no .h5ad file: it looks like {what}.",
        code="E-NOT-H5AD",
        next_step=_SAVE_AS_H5AD,
    )


def _damaged(path: Path) -> DataError:
    return DataError(
        f"{path.name} starts like an .h5ad file but cannot be read to its end.",
        code="E-H5AD-DAMAGED",
        next_step="It may be cut short, damaged or of a newer anndata; save it anew and load that.",
    )
