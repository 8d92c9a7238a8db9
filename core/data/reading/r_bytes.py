"""Bytes out of an R data file, unpacked and counted on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from core.data.formats import damaged
from core.data.reading.expanding import open_expanding
from core.data.reading.limits import FREE_EXPANSION, MOST_EXPANSION

__all__ = ["ByteStream"]

_PACKED = (b"\x1f\x8b", b"BZ", b"\xfd7")
_CHUNK = 2**20


class ByteStream:
    """Bytes of a file in their order, never more than its size allows.

    Parameters
    ----------
    path : Path
        The file, packed or not.

    Attributes
    ----------
    whole : bool
        Whether the file is an .RData file with named objects; else it is an .rds file with one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.whole = False
        size = path.stat().st_size
        with path.open("rb") as file:
            packed = file.read(2) in _PACKED
        self._most = max(FREE_EXPANSION, MOST_EXPANSION * size) if packed else size
        self._file = open_expanding(lambda: path.open("rb"), n_packed=size, name=path.name)
        self._held, self._at, self._n_read = b"", 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def most_left(self) -> int:
        """Bytes that may still come, at the very most."""
        return self._most - self._n_read + len(self._held) - self._at

    def take(self, n: int) -> bytes:
        """Return the next `n` bytes."""
        if self._at + n > len(self._held):
            self._refill(n)
        start, self._at = self._at, self._at + n
        return self._held[start : self._at]

    def peek(self, n: int) -> bytes:
        """Return the next `n` bytes and stay before them."""
        ahead = self.take(n)
        self._at -= n
        return ahead

    def finish(self) -> None:
        """Read on to the end, where the checksum stands, and refuse what does not end there."""
        n_behind = len(self._held) - self._at
        while piece := self._file.read(_CHUNK):
            n_behind += len(piece)
        if n_behind:
            raise damaged(self.path, "an R data file")

    def _refill(self, n: int) -> None:
        pieces, n_held = [self._held[self._at :]], len(self._held) - self._at
        while n_held < n:
            piece = self._file.read(max(_CHUNK, min(n - n_held, 16 * _CHUNK)))
            if not piece:
                raise EOFError
            self._n_read += len(piece)
            pieces.append(piece)
            n_held += len(piece)
        self._held, self._at = b"".join(pieces), 0
