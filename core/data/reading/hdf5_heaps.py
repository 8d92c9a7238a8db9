"""Whether the text heaps of an HDF5 file can be walked to their end.

HDF5 keeps text of any length in heaps. An item of a heap that is free and has no size makes the
library (2.0 and before) walk on the spot for ever, with nothing to interrupt it; one damaged byte
is enough. So the heaps are walked here first.

References
----------
.. [1] The HDF Group, "HDF5 File Format Specification Version 3.0", III.E "Disk Format: Level 1E -
   Global Heap".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

__all__ = ["has_endless_heap"]

_SIGNATURE = b"GCOL\x01\0\0\0"
_HEAD = 16
_PIECE = 16 * 2**20


def has_endless_heap(path: Path) -> bool:
    """Whether the HDF5 library would walk for ever through one of the heaps of a file.

    Parameters
    ----------
    path : Path
        HDF5 file; it is read once, in pieces of 16 MB.

    Returns
    -------
    bool
    """
    n_bytes = path.stat().st_size
    # Heaps that overlap, which only somebody makes who means harm, would be walked again and again.
    left = 2 * n_bytes
    with path.open("rb") as heaps, path.open("rb") as file:
        for start in _places(file):
            heaps.seek(start + 8)
            (size,) = struct.unpack("<Q", heaps.read(8).ljust(8, b"\0"))
            heap = heaps.read(max(0, min(size, n_bytes - start) - _HEAD))
            left -= len(heap)
            if left < 0 or _walks_on_the_spot(heap):
                return True
    return False


def _places(file: IO[bytes]) -> Iterator[int]:
    """Where heaps begin."""
    offset, kept = 0, b""
    while piece := file.read(_PIECE):
        piece = kept + piece
        at = piece.find(_SIGNATURE)
        while at >= 0:
            yield offset - len(kept) + at
            at = piece.find(_SIGNATURE, at + 1)
        offset += len(piece) - len(kept)
        kept = piece[-(len(_SIGNATURE) - 1) :]


def _walks_on_the_spot(heap: bytes) -> bool:
    """Whether there is an item numbered 0 (free) of size 0 (on the way to the end)."""
    words = np.frombuffer(heap[: len(heap) // 8 * 8], dtype="<u8")
    if not ((words[:-1] & 0xFFFF == 0) & (words[1:] == 0)).any():
        return False  # the usual case: a full heap
    place, end = 0, len(words) - 1
    while place < end:
        is_item, size = int(words[place]) & 0xFFFF, int(words[place + 1])
        if not is_item and size < 8:
            return True
        place += 2 + -(-size // 8) if is_item else size // 8
    return False
