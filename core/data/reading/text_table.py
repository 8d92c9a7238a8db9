"""Read a table of text: its numbers into a sparse matrix, its names and labels beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from core.data.reading.parts import Part
from core.data.reading.text_blocks import BLOCK, decode_all, text_blocks
from core.data.reading.text_layout import Layout, find_layout
from core.data.reading.text_rows import Rows
from core.data.reading.text_words import CELL_WORDS, GENE_WORDS, plain_word
from core.errors import DataError, Finding

__all__ = ["RawTable", "peek_layout", "read_table"]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table as it stands in a file; what its rows are is not yet decided.

    Parameters
    ----------
    name : str
        The file's name.
    corner : str
        What the column of row names is called; empty when it has no name.
    rows, columns : list of str
        Names, not necessarily unique. Rows without names are numbered from 1.
    matrix : sparse matrix of shape (n_rows, n_columns), float32
        Its numbers; NaN where a field is empty or NA.
    row_texts : dict of str to list of str
        Columns of labels: for each a text a row.
    column_texts : dict of str to list of str
        Rows of labels: for each a text a column.
    findings : tuple of Finding
        ``F-DIALECT``, ``F-ENCODING``, ``W-ENCODING``.
    """

    name: str
    corner: str
    rows: list[str]
    columns: list[str]
    matrix: sparse.csr_matrix
    row_texts: dict[str, list[str]]
    column_texts: dict[str, list[str]]
    findings: tuple[Finding, ...] = ()


def read_table(part: Part, *, only_texts: bool = False, size: int = BLOCK) -> RawTable:
    """Read a table of text.

    Parameters
    ----------
    part : Part
        A csv, tsv or the like, packed or not.
    only_texts : bool
        Whether to take every column for labels, as in a table of metadata.
    size : int
        Bytes to read at a time.

    Returns
    -------
    RawTable

    Raises
    ------
    DataError
        ``E-FILE-EMPTY``, ``E-FILE-FORMAT``, ``E-FILE-DAMAGED``, ``E-EXPANDS``, ``E-TOO-LARGE``,
        ``E-TABLE-HEADER``, ``E-TABLE-NUL``, ``E-TABLE-RAGGED`` or ``E-TABLE-TEXT``.
    """
    with part.open() as stream:
        is_utf16 = stream.peek(2).startswith(_UTF16)
        blocks = text_blocks(stream, part.name, size=size)
        first = _with_records(blocks, part.name)
        layout, rest = find_layout(first, part.name)
        if only_texts:
            columns = np.sort(np.concatenate([layout.text_columns, layout.number_columns]))
            layout = replace(layout, text_columns=columns, number_columns=columns[:0])
        rows = Rows(layout, part.name)
        n_lines = first.count(b"\n", 0, len(first) - len(rest))
        for block in _and_then(rest, blocks):
            rows.add(block, n_lines)
            n_lines += block.count(b"\n")
    return _finish(rows, is_utf16)


def peek_layout(part: Part) -> Layout:
    """Find out how a table is written without reading it all.

    Raises
    ------
    DataError
        As :func:`read_table` does.
    """
    with part.open() as stream:
        first = _with_records(text_blocks(stream, part.name, size=BLOCK // 8), part.name)
    return find_layout(first, part.name)[0]


def _with_records(blocks: Iterator[bytes], name: str) -> bytes:
    """Blocks up to one with a record below the header."""
    first = next(blocks, b"")
    while first.count(b"\n") < 50 and (more := next(blocks, b"")):
        first += more
        if first.count(b"\n") > 2 and len(first) > BLOCK:
            break
    if not first.strip():
        raise DataError(
            f"{name} is empty.",
            code="E-FILE-EMPTY",
            next_step="The upload or copy may have been cut short; load the file again.",
        )
    return first


def _and_then(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def _finish(rows: Rows, is_utf16: bool) -> RawTable:
    layout = rows.layout
    n_rows = rows.n_rows
    n_columns = len(layout.number_columns)
    parts = [layout.names, rows.names, *rows.texts]
    parts += [list(rows.label_rows), *rows.label_rows.values()]
    every = [text for part in parts for text in part]
    texts, is_utf8 = decode_all(every)
    ends = np.cumsum([len(part) for part in parts])
    names, row_names, *others = (
        texts[end - len(part) : end] for part, end in zip(parts, ends, strict=True)
    )
    pointers = np.concatenate([[0], np.cumsum(np.concatenate(rows.counts))])
    indices = np.concatenate(rows.indices) if rows.indices else np.empty(0, np.int32)
    kind = np.int32 if rows.n_values < 2**31 else np.int64
    matrix = sparse.csr_matrix(
        (np.concatenate(rows.data), indices.astype(kind, copy=False), pointers.astype(kind)),
        shape=(n_rows, n_columns),
    )
    n_texts = len(rows.texts)
    label_names = others[n_texts] if n_texts < len(others) else []
    raw = RawTable(
        rows.name,
        "" if layout.name_column is None else names[layout.name_column],
        row_names or [str(i + 1) for i in range(n_rows)],
        [names[i] for i in layout.number_columns],
        matrix,
        dict(zip([names[i] for i in layout.text_columns], others[:n_texts], strict=True)),
        dict(zip(label_names, others[n_texts + 1 :], strict=True)),
        tuple(_about(layout, is_utf16=is_utf16, is_utf8=is_utf8, name=rows.name)),
    )
    return _better_names(raw)


def _better_names(raw: RawTable) -> RawTable:
    """Take names from a column of barcodes or genes where the first one only counts the rows."""
    counted = [str(i) for i in range(len(raw.rows))]
    if raw.rows not in (counted, [str(i + 1) for i in range(len(raw.rows))]):
        return raw
    for name, texts in raw.row_texts.items():
        if plain_word(name) in CELL_WORDS | GENE_WORDS and len(set(texts)) == len(texts):
            others = {key: value for key, value in raw.row_texts.items() if key != name}
            return replace(raw, corner=name, rows=texts, row_texts=others)
    return raw


def _about(layout: Layout, *, is_utf16: bool, is_utf8: bool, name: str) -> Iterator[Finding]:
    if is_utf16:
        yield Finding("F-ENCODING", f"{name} is written in UTF-16 and was read as that.")
    if not is_utf8:
        yield Finding(
            "W-ENCODING",
            f"{name} is not written in UTF-8; its names were read as Latin-1 (Western European).",
            "Check names with accents; save the table as UTF-8 if they are wrong.",
        )
    if layout.delimiter == b";" or layout.decimal_comma:
        marks = ["semicolons between columns"] * (layout.delimiter == b";")
        marks += ["decimal commas"] * layout.decimal_comma
        yield Finding("F-DIALECT", f"{name} has {' and '.join(marks)}, and was read so.")
