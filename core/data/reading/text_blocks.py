"""Cut a stream of text into blocks of whole records, whatever its encoding and line ends."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np

from core.data.reading.expanding import damaged_part
from core.data.reading.text_quotes import inside_quotes, quote_flips
from core.errors import DataError

__all__ = ["BLOCK", "decode_all", "require_end", "text_chunks", "whole_records"]

BLOCK = 8 << 20
LONGEST_RECORD = 128 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_chunks(stream: IO[bytes], name: str, *, size: int = BLOCK) -> Iterator[bytes]:
    """Read text as UTF-8 (or whatever 8-bit encoding it has), with line feeds at its line ends.

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
        The text, cut anywhere but between the two letters of a Windows line end.

    Raises
    ------
    DataError
        ``E-TABLE-NUL`` or ``E-FILE-DAMAGED`` (broken UTF-16).
    """
    n_lines, held = 0, b""
    for chunk in _decoded(stream, name, size):
        chunk = held + chunk
        held = b"\r" if chunk.endswith(b"\r") else b""
        chunk = _line_feeds(chunk.removesuffix(held))
        if b"\0" in chunk:
            raise _nul(name, n_lines + chunk.count(b"\n", 0, chunk.find(b"\0")) + 1)
        n_lines += chunk.count(b"\n")
        yield chunk
    if held:
        yield b"\n"


def whole_records(chunks: Iterable[bytes], delimiter: bytes, name: str) -> Iterator[bytes]:
    """Cut text into blocks of whole records.

    Parameters
    ----------
    chunks : iterable of bytes
        Text, see :func:`text_chunks`.
    delimiter : bytes of length 1
        What separates its fields.
    name : str
        What messages call it.

    Yields
    ------
    bytes
        One or more records, each closed by a line feed. Line feeds inside of double quotes do not
        end a record.

    Raises
    ------
    DataError
        ``E-TABLE-RAGGED`` (a quotation mark is never closed) or ``E-TOO-LARGE`` (a record without
        end).
    """
    pending: list[bytes] = []
    n_pending = quoted = n_lines = 0
    held, before = b"", ord("\n")
    for chunk in chunks:
        whole = held + chunk
        chunk = whole.rstrip(b'"')  # a run of quotation marks may go on in the next chunk
        held = whole[len(chunk) :]
        if not chunk:
            require_end(n_pending + len(held), name)
            continue
        cut, quoted = _last_end(chunk, delimiter, quoted, before)
        before = chunk[-1]
        if cut < 0:
            pending.append(chunk)
            n_pending += len(chunk)
            require_end(n_pending, name)
            continue
        block = b"".join([*pending, chunk[: cut + 1]])
        n_lines += block.count(b"\n")
        yield block
        pending, n_pending = [chunk[cut + 1 :]], len(chunk) - cut - 1
    if held:
        _, quoted = _last_end(held, delimiter, quoted, before)
    rest = b"".join([*pending, held])
    if quoted:
        raise DataError(
            f"{name} has a quotation mark that is never closed; line {n_lines + 1:,} is the last "
            "one before it.",
            code="E-TABLE-RAGGED",
            next_step="Remove or close the quotation mark and load the file again.",
        )
    if rest:
        yield rest + b"\n"


def _decoded(stream: IO[bytes], name: str, size: int) -> Iterator[bytes]:
    """UTF-8 without its mark, from UTF-16 too."""
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
            yield chunk
        return
    first = first.removeprefix(codecs.BOM_UTF8)
    while first:
        yield first
        first = stream.read(size)


def _line_feeds(chunk: bytes) -> bytes:
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return chunk


def _last_end(chunk: bytes, delimiter: bytes, quoted: int, before: int) -> tuple[int, int]:
    """Position of the last line feed outside of quotes, or -1; whether the end is quoted."""
    if not quoted and b'"' not in chunk:
        return chunk.rfind(b"\n"), 0
    letters = np.frombuffer(chunk, np.uint8)
    flips, at_end = quote_flips(letters, delimiter, quoted=quoted, before=before)
    inside = inside_quotes(len(letters), flips, quoted=quoted)
    ends = np.flatnonzero((letters == ord("\n")) & ~inside)
    return (int(ends[-1]) if len(ends) else -1), at_end


def require_end(n_bytes: int, name: str) -> None:
    """Refuse a line of this many bytes if it is longer than any line of a table.

    Raises
    ------
    DataError
        ``E-TOO-LARGE``.
    """
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
