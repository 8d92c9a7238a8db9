"""Read a table of text: its numbers into a sparse matrix, its names and labels beside them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO

import numpy as np
from scipy import sparse

from core.data.choices import Choices
from core.data.reading.parts import Part
from core.data.reading.text_blocks import BLOCK, decode_all, text_chunks, whole_records
from core.data.reading.text_decimals import COMMAS, has_comma, weigh_commas
from core.data.reading.text_layout import (
    Layout,
    find_delimiter,
    find_layout,
    first_lines,
    like_number,
    records_below,
)
from core.data.reading.text_measures import may_be_label, set_aside_measures
from core.data.reading.text_raw import RawTable
from core.data.reading.text_refusals import StrayText
from core.data.reading.text_rows import Rows
from core.data.reading.text_words import CELL_WORDS, GENE_WORDS, free_name, plain_word
from core.errors import Finding

__all__ = ["RawTable", "peek_layout", "read_table"]

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_table(
    part: Part, choices: Choices | None = None, *, only_texts: bool = False, size: int = BLOCK
) -> RawTable:
    """Read a table of text.

    Parameters
    ----------
    part : Part
        A csv, tsv or the like, packed or not.
    choices : Choices, optional
        Takes up ``C-DECIMALS``: what commas in numbers mean, where nothing tells.
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
    moved: list[str] = []
    try:
        rows = _read_rows(part, size, only_texts=only_texts)
    except StrayText as stray:
        layout = peek_layout(part, size=size)
        layout, moved = _read_otherwise(stray, layout, part, choices or Choices(), size)
        try:
            rows = _read_rows(part, size, layout)
        except StrayText:
            raise stray from None
    raw = _finish(rows, is_utf16)
    return raw if only_texts else set_aside_measures(raw, moved)


def peek_layout(part: Part, *, size: int = BLOCK // 8) -> Layout:
    """Find out how a table is written without reading it all.

    Raises
    ------
    DataError
        As :func:`read_table` does.
    """
    with part.open() as stream:
        block, _, delimiter = _open_blocks(stream, part.name, size)
    return find_layout(block, part.name, delimiter)


def _open_blocks(stream: IO[bytes], name: str, size: int) -> tuple[bytes, Iterator[bytes], bytes]:
    """The first whole records, the others, and what separates their fields."""
    chunks = text_chunks(stream, name, size=size)
    first = first_lines(chunks, name)
    delimiter = find_delimiter(first, name)
    blocks = whole_records(itertools.chain([first], chunks), delimiter, name)
    block = next(blocks, b"")
    while block.count(b"\n") < 50 and (more := next(blocks, b"")):
        block += more
        if block.count(b"\n") > 2 and len(block) > BLOCK:
            break
    return block, blocks, delimiter


def _read_rows(
    part: Part, size: int, layout: Layout | None = None, *, only_texts: bool = False
) -> Rows:
    with part.open() as stream:
        block, blocks, delimiter = _open_blocks(stream, part.name, size)
        layout = layout or find_layout(block, part.name, delimiter)
        if only_texts:
            columns = np.sort(np.concatenate([layout.text_columns, layout.number_columns]))
            layout = replace(layout, text_columns=columns, number_columns=columns[:0])
        rows = Rows(layout, part.name)
        rest = records_below(block, delimiter)
        n_lines = block.count(b"\n", 0, len(block) - len(rest))
        for each in itertools.chain([rest], blocks):
            rows.add(each, n_lines)
            n_lines += each.count(b"\n")
    return rows


def _read_otherwise(
    stray: StrayText, layout: Layout, part: Part, choices: Choices, size: int
) -> tuple[Layout, list[str]]:
    """Explain a text among numbers by another layout, or give up; which column is no expression."""
    if layout.delimiter != b"," and not layout.decimal_comma and has_comma(stray.text):
        meaning = _meaning_of_commas(layout, part, choices, size)
        if meaning == "refuse":
            raise stray
        is_decimal = meaning == "decimal-comma"
        return replace(layout, decimal_comma=is_decimal, thousands_comma=not is_decimal), []
    names, _ = decode_all([layout.names[i] for i in layout.number_columns])
    title = names[int(np.searchsorted(layout.number_columns, stray.column))]
    if not may_be_label(title, names) or like_number(stray.text):
        raise stray
    text = np.sort(np.append(layout.text_columns, stray.column))
    numbers = layout.number_columns[layout.number_columns != stray.column]
    return replace(layout, text_columns=text, number_columns=numbers), [title]


def _meaning_of_commas(layout: Layout, part: Part, choices: Choices, size: int) -> str:
    with part.open() as stream:
        block, blocks, delimiter = _open_blocks(stream, part.name, size)
        meaning = weigh_commas(itertools.chain([block], blocks), delimiter)
    if meaning != "either":
        return "refuse" if meaning == "thousands-comma" else meaning
    return choices.ask(
        "C-DECIMALS",
        f"{part.name} has numbers with a comma and three digits behind it, such as 1,500, and "
        "nothing in it tells whether they are decimals or thousands.",
        COMMAS,
        suggested="decimal-comma",
        next_step="Say what the commas mean.",
    )


def _finish(rows: Rows, is_utf16: bool) -> RawTable:
    layout = rows.layout
    n_rows = rows.n_rows
    n_columns = len(layout.number_columns)
    parts = [layout.names, rows.names, *rows.texts]
    parts += [[name for name, _ in rows.label_rows], *(texts for _, texts in rows.label_rows)]
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
        _by_name([names[i] for i in layout.text_columns], others[:n_texts]),
        _by_name(label_names, others[n_texts + 1 :]),
        tuple(_about(layout, is_utf16=is_utf16, is_utf8=is_utf8, name=rows.name)),
    )
    return _better_names(raw)


def _by_name(names: Sequence[str], texts: Sequence[list[str]]) -> dict[str, list[str]]:
    """Labels by their names, of which the second of a kind gets a number."""
    labels: dict[str, list[str]] = {}
    for name, each in zip(names, texts, strict=True):
        labels[free_name(name, {*labels, *names} if name in labels else labels)] = each
    return labels


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
    if layout.delimiter == b";" or layout.decimal_comma or layout.thousands_comma:
        marks = ["semicolons between columns"] * (layout.delimiter == b";")
        marks += ["decimal commas"] * layout.decimal_comma
        marks += ["commas between thousands"] * layout.thousands_comma
        yield Finding("F-DIALECT", f"{name} has {' and '.join(marks)}, and was read so.")
