"""The envelope of a model file: a zip archive with a seal, opened without trust in what it says.

The seal
--------
The last 64 bytes of a sealed file are a SHA-256, as small hexadecimal digits, of all bytes before
them. Nothing of the file is left out: names, contents and order of the parts, and the tables of
the archive. For zip tools the digits are the comment of the archive, so any of them opens the
file. Any program can verify the seal without knowing zip::

    head -c -64 model.skops | sha256sum     # prints what
    tail -c 64 model.skops                  # prints, too

The seal finds damage and careless changes. It is no signature: who alters a file on purpose can
seal it anew, and so everything else is checked as well.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from core.model_refusals import damaged, missing, no_model, pickled, surplus

__all__ = ["SEAL_ROOM", "check_members", "check_surplus", "open_archive", "read_array", "seal"]

MAX_MEMBERS = 64  # a model has about a dozen
MAX_BYTES = 8 * 2**30  # all parts unpacked: two million cells with a thousand genes
MAX_JSON_BYTES = 4 * 2**20
# Expression packs up to 70 times smaller; zeros, of which such traps are made, 1,000 times.
MAX_RATIO = 200
_SMALL = 2**24  # parts below these 16 MB may pack as well as they like

_N_DIGITS = 64
# Stands in the place of the digits until they are known.
SEAL_ROOM = b"0" * _N_DIGITS
_BLOCK = 2**20
# What zipfile, json, numpy and scikit-learn raise for what is cut short, altered or made up.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    BadZipFile,
    zlib.error,
)


@contextmanager
def open_archive(path: Path) -> Iterator[tuple[BinaryIO, ZipFile]]:
    """Open a model file once for all that is read from it; whatever goes wrong is its damage."""
    if not path.exists():
        raise missing(path.name)
    head = _first_bytes(path)
    if _is_pickle(head):
        raise pickled(path.name)
    if not head.startswith(b"PK"):
        raise no_model(path.name)
    try:
        with path.open("rb") as file, ZipFile(file) as archive:
            if archive.comment and not _is_sealed(file, archive):
                raise damaged(path.name)
            yield file, archive
    except _UNREADABLE as error:
        raise damaged(path.name) from error


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(512)
    except OSError as error:
        raise no_model(path.name) from error


def _is_pickle(head: bytes) -> bool:
    """Whether a file starts like a pickle, or like one that joblib compressed."""
    with suppress(zlib.error):  # raised by what is not compressed
        # At most one byte is unpacked; 47 lets zlib take its own and gzip's layout.
        head = zlib.decompressobj(wbits=47).decompress(head, 1)
    return head.startswith(b"\x80")


def seal(path: Path) -> None:
    """Put the digits into a finished archive whose comment is :data:`SEAL_ROOM`."""
    with path.open("r+b") as file:
        digits = _digest(file)
        file.seek(-_N_DIGITS, io.SEEK_END)
        file.write(digits)


def _is_sealed(file: BinaryIO, archive: ZipFile) -> bool:
    """Whether an archive ends with the digest of all that stands before it."""
    return len(archive.comment) == _N_DIGITS and archive.comment == _digest(file)


def _digest(file: BinaryIO) -> bytes:
    left = file.seek(0, io.SEEK_END) - _N_DIGITS
    file.seek(0)
    sha256 = hashlib.sha256()
    while left > 0 and (block := file.read(min(_BLOCK, left))):
        sha256.update(block)
        left -= len(block)
    return sha256.hexdigest().encode()


def check_members(archive: ZipFile, name: str) -> None:
    """Refuse an archive by its table of contents, before any part of it is unpacked.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Archive, opened for reading.
    name : str
        What messages call the file.

    Raises
    ------
    ModelFileError
        ``E-MODEL-CONTENT`` for too many parts, one name twice, folders or other paths, passwords,
        other methods of packing, and for more, or more tightly packed, content than a model has.
    """
    parts = archive.infolist()
    if len(parts) > MAX_MEMBERS:
        raise surplus(name, f"{len(parts):,} parts")
    seen: set[str] = set()
    for part in parts:
        if part.filename in seen:
            raise surplus(name, f"{part.filename!r} twice")
        seen.add(part.filename)
        if not re.fullmatch(r"[A-Za-z0-9_]+\.(json|npy)", part.filename):
            raise surplus(name, repr(part.filename))
        if part.flag_bits & 1 or part.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise surplus(name, f"{part.filename} packed in a way of its own")
        most = MAX_JSON_BYTES if part.filename.endswith(".json") else MAX_BYTES
        ratio = part.file_size / max(part.compress_size, 1)
        if part.file_size > most or (part.file_size > _SMALL and ratio > MAX_RATIO):
            raise surplus(name, f"{part.filename} of {_size(part.file_size)}")
    if (total := sum(part.file_size for part in parts)) > MAX_BYTES:
        raise surplus(name, f"{_size(total)} of content")


def check_surplus(archive: ZipFile, known: Iterable[str], name: str) -> None:
    """Refuse parts that are not among the `known` ones; a part that is missing is a ValueError."""
    names, known = set(archive.namelist()), set(known)
    if more := sorted(names - known):
        raise surplus(name, more[0])
    if names != known:
        raise ValueError("parts are missing")


def read_array(archive: ZipFile, member: str) -> npt.NDArray:
    """Read an array of numbers or truth values, once its size is known to be that of the part.

    Raises
    ------
    ValueError
        For anything else: objects, text, or a header that promises more than is there.
    """
    content = io.BytesIO(archive.read(member))
    if np.lib.format.read_magic(content) != (1, 0):
        raise ValueError(f"{member} is of another numpy format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(content)
    n_bytes = len(content.getbuffer()) - content.tell()
    if dtype.kind not in "biuf" or math.prod(shape) * dtype.itemsize != n_bytes:
        raise ValueError(f"{member} is no array of numbers of its size")
    content.seek(0)
    return np.load(content, allow_pickle=False)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:,.1f} GB" if n_bytes >= 2**29 else f"{n_bytes / 2**20:,.0f} MB"
