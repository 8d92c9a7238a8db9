"""Cut a stream of text into blocks of whole records, whatever its encoding and line ends."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO

import numpy as np

from core.data.reading.expanding import damaged_part
from core.errors import DataError

__all__ = ["BLOCK", "decode_all", "text_blocks"]

BLOCK = 8 << 20
LONGEST_RECORD = 128 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_blocks(stream: IO[bytes], name: str, *, size: int = BLOCK) -> Iterator[bytes]:
    """Read blocks of whole records as UTF-8 (or whatever 8-bit encoding the text has).

    Parameters
    ----------
    stream : binary stream
        Unpacked text.
    name : str
        What messages call it.
    size : int
        Bytes to read at a time.

    Yields
    ------
    bytes
        One or more records, each closed by a line feed. Line feeds inside of double quotes do not
        end a record.

    Raises
    ------
    DataError
        ``E-TABLE-NUL``, ``E-TABLE-RAGGED`` (a quotation mark is never closed), ``E-TOO-LARGE`` (a
        record without end) or ``E-FILE-DAMAGED`` (broken UTF-16).
    """
    pending: list[bytes] = []
    n_pending = quoted = n_lines = 0
    for chunk in _chunks(stream, name, size):
        if b"\0" in chunk:
            line = (
                n_lines
                + sum(p.count(b"\n") for p in pending)
                + chunk[: chunk.find(b"\0")].count(b"\n")
                + 1
            )
            raise _nul(name, line)
        cut, quoted = _last_end(chunk, quoted)
        if cut < 0:
            pending.append(chunk)
            n_pending += len(chunk)
            _require_end(n_pending, name)
            continue
        block = b"".join([*pending, chunk[: cut + 1]])
        n_lines += block.count(b"\n")
        yield block
        pending, n_pending = [chunk[cut + 1 :]], len(chunk) - cut - 1
    rest = b"".join(pending)
    if quoted:
        raise DataError(
            f"{name} has a quotation mark that is never closed; line {n_lines + 1:,} is the last "
            "one before it.",
            code="E-TABLE-RAGGED",
            next_step="Remove or close the quotation mark and load the file again.",
        )
    if rest:
        yield rest + b"\n"


def _chunks(stream: IO[bytes], name: str, size: int) -> Iterator[bytes]:
    """UTF-8 without its mark, line ends as line feeds."""
    first = stream.read(size)
    if first.startswith(_UTF16):
        decoder = codecs.getincrementaldecoder("utf-16")()
        while first:
            try:
                text = decoder.decode(first)
                first = stream.read(size)
                text += "" if first else decoder.decode(b"", final=True)
                chunk = text.encode()
            except UnicodeError as error:
                raise damaged_part(name) from error
            yield _line_feeds(chunk)
        return
    first = first.removeprefix(codecs.BOM_UTF8)
    while first:
        yield _line_feeds(first)
        first = stream.read(size)


def _line_feeds(chunk: bytes) -> bytes:
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return chunk


def _last_end(chunk: bytes, quoted: int) -> tuple[int, int]:
    """Position of the last line feed outside of quotes, or -1; whether the end is quoted."""
    if not quoted and b'"' not in chunk:
        return chunk.rfind(b"\n"), 0
    letters = np.frombuffer(chunk, np.uint8)
    # Wraps around at 256, which leaves odd and even as they are.
    inside = (np.cumsum(letters == ord('"'), dtype=np.uint8) + np.uint8(quoted)) & 1
    ends = np.flatnonzero((letters == ord("\n")) & (inside == 0))
    return (int(ends[-1]) if len(ends) else -1), int(inside[-1]) if len(inside) else quoted


def _require_end(n_bytes: int, name: str) -> None:
    if n_bytes > LONGEST_RECORD:
        raise DataError(
            f"{name} has a line of more than {LONGEST_RECORD >> 20} MB.",
            code="E-TOO-LARGE",
            next_step="Check that it is a table with one cell, or one gene, a line.",
        )


def _nul(name: str, line: int) -> DataError:
    return DataError(
        f"{name} has NUL bytes in line {line:,}, which no table of text has.",
        code="E-TABLE-NUL",
        next_step="It may be damaged, or saved as UTF-16 without a mark; save it as UTF-8.",
    )


def decode_all(names: list[bytes]) -> tuple[list[str], bool]:
    """Decode names as UTF-8 if all of them are that, else as Latin-1.

    Returns
    -------
    names : list of str
    is_utf8 : bool
    """
    try:
        return [name.decode() for name in names], True
    except UnicodeDecodeError:
        return [name.decode("latin-1") for name in names], False
