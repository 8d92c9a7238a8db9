"""Open what may be compressed as a plain stream of bytes that counts what it expands to."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import IO

from core.data.reading.limits import require_expansion
from core.data.source import missing_file
from core.errors import DataError

__all__ = ["STREAM_DAMAGE", "damaged_part", "open_expanding"]

_BUFFER = 1 << 20
_PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], IO[bytes]]], ...] = (
    (b"\x1f\x8b", lambda stream: gzip.GzipFile(fileobj=stream)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
)
# What the libraries behind a stream raise when it is cut short or damaged.
STREAM_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    struct.error,
    NotImplementedError,
    RuntimeError,
)


def open_expanding(opened: Callable[[], IO[bytes]], *, n_packed: int, name: str) -> IO[bytes]:
    """Open a stream, unpacked if it is gzip, bzip2 or xz by its first bytes.

    Parameters
    ----------
    opened : callable
        Opens the stream as it is stored.
    n_packed : int
        Bytes that it takes up on disk.
    name : str
        What messages call it.

    Returns
    -------
    binary stream
        Reading from it raises ``E-EXPANDS`` where it turns out to be a bomb, and
        ``E-FILE-DAMAGED`` where it is cut short, its checksum is wrong or it is otherwise damaged.

    Raises
    ------
    DataError
        ``E-FILE-MISSING`` or ``E-FILE-DAMAGED``.
    """
    try:
        stored = opened()
    except FileNotFoundError as error:
        raise missing_file(name) from error
    except STREAM_DAMAGE as error:
        raise damaged_part(name) from error
    try:
        stream = io.BufferedReader(_Counted(stored, n_packed, name), _BUFFER)
        head = stream.peek(8)
        for signature, unpack in _PACKED:
            if head.startswith(signature):
                return io.BufferedReader(_Counted(unpack(stream), n_packed, name, stream), _BUFFER)
    except STREAM_DAMAGE as error:
        raise damaged_part(name) from error
    return stream


def damaged_part(name: str) -> DataError:
    """Refusal of something that cannot be read to its end."""
    return DataError(
        f"{name} cannot be read to its end.",
        code="E-FILE-DAMAGED",
        next_step="It may be cut short or damaged; copy or save it anew and load that.",
    )


class _Counted(io.RawIOBase):
    """Stream that counts what it gives, and turns damage into a refusal."""

    def __init__(
        self, stream: IO[bytes], n_packed: int, name: str, below: IO[bytes] | None = None
    ) -> None:
        self._stream = stream
        self._below = below
        self._n_packed = n_packed
        self._name = name
        self._n_read = 0

    def readable(self) -> bool:
        """Can be read, and nothing else."""
        return True

    def readinto(self, buffer) -> int:
        """Fill a buffer; 0 at the end."""
        try:
            block = self._stream.read(len(buffer))
        except STREAM_DAMAGE as error:
            raise damaged_part(self._name) from error
        buffer[: len(block)] = block
        self._n_read += len(block)
        require_expansion(self._n_read, self._n_packed, self._name)
        return len(block)

    def close(self) -> None:
        """Close the stream, and the packed one below it, which unpackers leave open."""
        if not self.closed:
            self._stream.close()
            if self._below is not None:
                self._below.close()
        super().close()
