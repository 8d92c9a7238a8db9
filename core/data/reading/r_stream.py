"""Numbers and text out of an R data file.

R writes its objects in one of three ways: as big-endian binary numbers (XDR, the usual one), as
binary numbers in the order of the machine, or as lines of text. Any of them may be packed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from core.data.reading.r_bytes import ByteStream

__all__ = ["BinaryStream", "TextStream", "open_stream"]

_CHUNK = 2**20
_LONGEST_NUMBER = 64
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {
    b"n": b"\n",
    b"t": b"\t",
    b"v": b"\v",
    b"b": b"\b",
    b"r": b"\r",
    b"f": b"\f",
    b"a": b"\a",
}


class BinaryStream(ByteStream):
    """An R data file with binary numbers.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    order : {">", "<"}
        Byte order of its numbers.
    """

    order = ">"
    number_size = 1  # bytes of the file that one byte of a number takes at the least

    def integer(self) -> int:
        """Return the next 32-bit integer."""
        if self._at + 4 > len(self._held):
            self._refill(4)
        start, self._at = self._at, self._at + 4
        order = "big" if self.order == ">" else "little"
        return int.from_bytes(self._held[start : self._at], order, signed=True)

    def numbers(self, dtype: npt.DTypeLike, n: int) -> npt.NDArray:
        """Return the next `n` numbers, filled into place as they are unpacked."""
        values = np.empty(n, np.dtype(dtype).newbyteorder(self.order))
        room, at = memoryview(values.view(np.uint8)), 0
        while at < len(room):
            piece = self.take(min(len(room) - at, _CHUNK))
            room[at : at + len(piece)] = piece
            at += len(piece)
        if not values.dtype.isnative:
            values.byteswap(inplace=True)
        return values.view(np.dtype(dtype))

    def skip_numbers(self, dtype: npt.DTypeLike, n: int) -> None:
        """Pass over the next `n` numbers."""
        self.skip(n * np.dtype(dtype).itemsize)

    def skip(self, n: int) -> None:
        """Pass over the next `n` bytes."""
        while n > 0:
            n -= len(self.take(min(n, _CHUNK)))

    text = ByteStream.take
    skip_text = skip_bytes = skip


class TextStream(ByteStream):
    """An R data file with numbers and text as lines (``saveRDS(ascii = TRUE)``)."""

    number_size = 0.25  # a double of 8 bytes may be written as "0" and the end of its line

    @classmethod
    def behind(cls, stream: BinaryStream) -> Self:
        """Go on as text where another stream stands, which is not to be used any more."""
        text = cls.__new__(cls)
        text.__dict__.update(stream.__dict__)
        return text

    def integer(self) -> int:
        """Return the next integer."""
        line = self._line(_LONGEST_NUMBER)
        return -(2**31) if line == b"NA" else int(line)

    def numbers(self, dtype: npt.DTypeLike, n: int) -> npt.NDArray:
        """Return the next `n` numbers; of complex ones, two lines each."""
        dtype = np.dtype(dtype)
        if dtype.kind == "i":
            return np.fromiter((self.integer() for _ in range(n)), dtype, n)
        lines = n * (2 if dtype.kind == "c" else 1)
        values = (_real(self._line(_LONGEST_NUMBER)) for _ in range(lines))
        return np.fromiter(values, np.float64, lines).view(dtype)

    def skip_numbers(self, dtype: npt.DTypeLike, n: int) -> None:
        """Pass over the next `n` numbers."""
        for _ in range(n * (2 if np.dtype(dtype).kind == "c" else 1)):
            self._line(_LONGEST_NUMBER)

    def text(self, n: int) -> bytes:
        """Return the text of the next line, which has `n` bytes."""
        text = _ESCAPE.sub(_unescaped, self._line(max(4 * n, 1)))
        if len(text) != n:
            raise ValueError("a text is longer or shorter than it says")
        return text

    def skip_text(self, n: int) -> None:
        """Pass over the text of the next line."""
        self._line(max(4 * n, 1))

    def skip_bytes(self, n: int) -> None:
        """Pass over the next `n` bytes, a line each."""
        for _ in range(n):
            self._line(_LONGEST_NUMBER)

    def _line(self, longest: int) -> bytes:
        """Return the next line of at most `longest` bytes, without its end."""
        while (end := self._held.find(b"\n", self._at)) < 0:
            n_held = len(self._held) - self._at
            if n_held > longest:
                raise ValueError("a line is too long")
            self._refill(n_held + 1)
        start, self._at = self._at, end + 1
        return self._held[start:end]


def open_stream(path: Path) -> BinaryStream | TextStream:
    """Open an R data file behind its first lines.

    Parameters
    ----------
    path : Path
        An .rds or .RData file.

    Raises
    ------
    ValueError
        When its first lines are not R's.
    """
    stream = BinaryStream(path)
    try:
        begin = stream.take(2)
        if begin == b"RD":
            stream.whole = True
            stream.skip(3)
            begin = stream.take(2)
        if begin == b"B\n":
            # The order is not written down; the first number is the version, 2 or 3.
            stream.order = "<" if stream.peek(4)[0] else ">"
        elif begin not in (b"X\n", b"A\n"):
            raise ValueError("the beginning is not R's")
    except BaseException:
        stream.close()
        raise
    return TextStream.behind(stream) if begin == b"A\n" else stream


def _real(line: bytes) -> float:
    if line == b"NA":
        return np.nan
    return float.fromhex(line.decode()) if b"x" in line else float(line)


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1].isdigit():
        return bytes([int(code, 8) & 0xFF])
    return _ESCAPED.get(code, code)
