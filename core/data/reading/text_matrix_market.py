"""Read matrix.mtx: what its header claims is checked before room is made for it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO

from scipy import io as scipy_io
from scipy import sparse

from core.data.reading.expanding import damaged_part
from core.data.reading.limits import FREE_EXPANSION, MOST_EXPANSION, require_fits
from core.data.reading.parts import Part
from core.errors import DataError

__all__ = ["MatrixHeader", "read_header", "read_matrix"]

_LONGEST_HEADER = 1 << 20
_REAL = b"%%MatrixMarket matrix coordinate real general\n"
# The shortest entry is "1 1" and a line feed.
_SHORTEST_ENTRY = 4
# Two indices and a value for each entry while it is read, and the same again when it is sorted.
_BYTES_PER_ENTRY = 32


@dataclass(frozen=True)
class MatrixHeader:
    """What a MatrixMarket file claims.

    Parameters
    ----------
    n_rows, n_columns, n_entries : int
        Shape, and number of values that are written down.
    """

    n_rows: int
    n_columns: int
    n_entries: int


def read_matrix(part: Part) -> sparse.coo_matrix:
    """Read a sparse matrix as it stands in the file.

    Parameters
    ----------
    part : Part
        A ``.mtx`` file, packed or not.

    Returns
    -------
    scipy.sparse.coo_matrix

    Raises
    ------
    DataError
        ``E-FILE-DAMAGED`` (cut short, indices outside of the matrix, text among the numbers),
        ``E-FILE-FORMAT`` (no matrix, symmetric, complex), ``E-TOO-LARGE`` or ``E-EXPANDS``.
    """
    read_header(part)
    try:
        with part.open() as stream:
            matrix = scipy_io.mmread(_AsReal(stream))
            while stream.read(1 << 20):  # the checksum stands behind the last byte
                pass
    except (ValueError, OverflowError, EOFError, OSError, RuntimeError) as error:
        raise damaged_part(part.name) from error
    return matrix


def read_header(part: Part) -> MatrixHeader:
    """Read and check the header of a MatrixMarket file.

    Raises
    ------
    DataError
        ``E-FILE-DAMAGED``, ``E-FILE-FORMAT`` or ``E-TOO-LARGE``.
    """
    with part.open() as stream:
        kind, sizes = _header_lines(stream, part.name)
    words = kind.lower().split()
    if words[:1] != [b"%%matrixmarket"]:
        raise _wrong(part, "it does not begin with %%MatrixMarket")
    if words[1:3] != [b"matrix", b"coordinate"] or len(words) != 5:
        raise _wrong(part, "it is not a sparse (coordinate) matrix")
    if words[3] not in (b"integer", b"real", b"pattern", b"double", b"unsigned-integer"):
        raise _wrong(part, f"its values are {words[3][:40].decode('latin-1')!r}")
    if words[4] != b"general":
        raise _wrong(part, f"it is {words[4][:40].decode('latin-1')!r} and not general")
    if len(sizes) != 3 or not all(size.isdigit() and len(size) < 16 for size in sizes):
        raise damaged_part(part.name)
    header = MatrixHeader(*(int(size) for size in sizes))
    _require_plausible(header, part)
    return header


def _header_lines(stream: IO[bytes], name: str) -> tuple[bytes, list[bytes]]:
    head = stream.read(_LONGEST_HEADER).splitlines()
    below = (line for line in head[1:] if line.strip() and not line.startswith(b"%"))
    sizes = next(below, None)
    if sizes is None:
        raise damaged_part(name)
    return head[0], sizes.split()


def _require_plausible(header: MatrixHeader, part: Part) -> None:
    """Refuse claims that the file is too small for, or the memory."""
    n_rows, n_columns, n_entries = header.n_rows, header.n_columns, header.n_entries
    most = max(FREE_EXPANSION, MOST_EXPANSION * part.n_bytes) // _SHORTEST_ENTRY
    if n_entries > n_rows * n_columns or n_entries > most or max(n_rows, n_columns) >= 2**31:
        raise damaged_part(part.name)
    require_fits(_BYTES_PER_ENTRY * n_entries + 8 * (n_rows + n_columns), "its matrix", part.name)


class _AsReal(io.RawIOBase):
    """A MatrixMarket stream whose header says real where it said integer.

    scipy cuts off what stands behind the point of a value when the header promised integers.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        line = stream.readline(_LONGEST_HEADER)
        self._first = line if b"pattern" in line.lower() else _REAL

    def readable(self) -> bool:
        """Can be read, and nothing else."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Next bytes."""
        if self._first:
            first, self._first = self._first, b""
            return first
        return self._stream.read(size)


def _wrong(part: Part, why: str) -> DataError:
    return DataError(
        f"{part.name} is no matrix of counts that Needle reads: {why}.",
        code="E-FILE-FORMAT",
        next_step="Write it with R's Matrix::writeMM() or scipy.io.mmwrite(), and load it again.",
    )
