"""How a table of text is written, by its first records: delimiter, decimals, header, columns.

Evidence, in the order in which it is looked at:

- The *delimiter* is the one that cuts most of the first records into the same number of fields,
  with a header as long as they are, or one shorter as R writes it.
- Decimals are *commas* where fields like ``3,5`` stand and none like ``3.5``.
- The first column holds *names* when it is called so (nothing, ``gene``, ``barcode``, …) or is
  text; a column of text called ``cell_type`` or the like is a label all the same.
- A column is *text* when more than half of its first fields are (and are not numbers written in
  some odd way, such as ``1,234``), or when it is called like a label or a quality measure
  (``cluster``, ``nCount_RNA``) and by no gene; every other column is expression.
- A column without a name and without content is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.data.reading.text_blocks import BLOCK, require_end
from core.data.reading.text_fields import Fields, find_fields, parse_numbers
from core.data.reading.text_quotes import quote_flips
from core.data.reading.text_refusals import no_header, only_matrix, too_many_columns
from core.data.reading.text_words import (
    CELL_WORDS,
    GENE_FACTS,
    GENE_WORDS,
    LABEL_WORDS,
    NAME_WORDS,
    may_be_gene,
    plain_word,
)
from core.errors import DataError

__all__ = [
    "LABEL_WORDS",
    "Layout",
    "find_delimiter",
    "find_layout",
    "first_lines",
    "like_number",
    "plain_word",
    "records_below",
]

_DELIMITERS = (b",", b"\t", b";", b"|", b" ")
_SAMPLE, _FEWEST, _SAMPLE_BYTES = 50, 5, 1 << 18
MOST_COLUMNS = 4_000_000
_DECIMAL_COMMA = re.compile(rb"[+-]?(\d*,(\d{1,2}|\d{4,})|\d{4,},\d+|0+,\d+)([eE][+-]?\d+)?")
_LIKE_NUMBER = re.compile(rb"[<>=~ +-]*\d[\d.,' ]*%?")
_DECIMAL_POINT = re.compile(rb"[+-]?\d*\.\d+([eE][+-]?\d+)?")


@dataclass(frozen=True, eq=False)
class Layout:
    """How a table is written.

    Parameters
    ----------
    delimiter : bytes
        What separates its fields.
    decimal_comma : bool
        Whether 1,5 is one and a half.
    names : list of bytes
        One for each column of the records; empty where there is none.
    n_fields : int
        Fields in a record.
    name_column : int or None
        Which column names the rows.
    text_columns, number_columns, empty_columns : int arrays
        The others.
    thousands_comma : bool
        Whether 1,500 is one thousand and five hundred.
    """

    delimiter: bytes
    decimal_comma: bool
    names: list[bytes]
    n_fields: int
    name_column: int | None
    text_columns: npt.NDArray[np.intp]
    number_columns: npt.NDArray[np.intp]
    empty_columns: npt.NDArray[np.intp]
    thousands_comma: bool = False


def first_lines(chunks: Iterator[bytes], name: str) -> bytes:
    """Take so many chunks of a text that a table's layout can be found in them.

    Raises
    ------
    DataError
        ``E-FILE-EMPTY``, or ``E-TOO-LARGE`` for a line that is longer, or has more columns, than
        those of any table.
    """
    first = b""
    n_lines = 0
    while n_lines <= _SAMPLE and (more := next(chunks, b"")):
        first += more
        n_lines = first.count(b"\n")
        header = first[: first.find(b"\n")] if n_lines else first
        require_end(0 if n_lines else len(first), name)
        if (n_fields := max(map(header.count, _DELIMITERS[:4])) + 1) > MOST_COLUMNS:
            n_read = len(first)
            for more in chunks:  # a stream that expands without end is refused as that
                n_read += len(more)
                require_end(n_read, name)
            raise too_many_columns(name, n_fields, MOST_COLUMNS)
        if n_lines > 2 and len(first) > BLOCK:
            break
    if not first.strip():
        raise DataError(
            f"{name} is empty.",
            code="E-FILE-EMPTY",
            next_step="The upload or copy may have been cut short; load the file again.",
        )
    return first


def find_delimiter(first: bytes, name: str) -> bytes:
    """Find what separates the fields of a table.

    Parameters
    ----------
    first : bytes
        Its first lines; the last one may be cut off.
    name : str
        What messages call it.

    Returns
    -------
    bytes

    Raises
    ------
    DataError
        ``E-FILE-FORMAT`` (no table), ``E-TABLE-HEADER``, ``E-10X-INCOMPLETE`` (a sparse matrix
        without its names) or ``E-TOO-LARGE``.
    """
    if first.startswith(b"%%MatrixMarket"):
        raise only_matrix(name)
    if first.count(b"\n") > _SAMPLE:
        first = first[: first.rfind(b"\n") + 1]
    elif not first.endswith(b"\n"):
        first += b"\n"
    return _delimiter(*_below_comments(first), name)[0]


def find_layout(block: bytes, name: str, delimiter: bytes) -> Layout:
    """Find out how a table is written.

    Parameters
    ----------
    block : bytes
        Its first block.
    name : str
        What messages call it.
    delimiter : bytes of length 1
        What separates its fields.

    Returns
    -------
    Layout

    Raises
    ------
    DataError
        ``E-TABLE-HEADER``, ``E-TABLE-RAGGED`` or ``E-TOO-LARGE``.
    """
    body, _ = _below_comments(block)
    delimiter, header, fields = _delimiter(body, delimiter, name)
    if not len(fields.lengths):
        raise no_header(name, "has a header and no rows")
    n_fields = int(np.bincount(fields.lengths).argmax())
    decimal_comma = delimiter != b"," and _has_decimal_comma(fields)
    rows = np.flatnonzero(fields.lengths == n_fields)
    firsts = np.cumsum(fields.lengths) - fields.lengths
    grid = firsts[rows][:, None] + np.arange(n_fields)
    is_missing, is_text = _kinds(fields, grid, decimal_comma)
    for column in np.flatnonzero(is_text.any(axis=0)).tolist():
        texts = fields.texts(grid[is_text[:, column], column])
        if sum(map(like_number, texts)) > len(texts) / 2:
            is_text[:, column] = False  # it will be refused, and not taken for a label
    names = _names(header, n_fields, bool(is_missing[:, -1].all()), name)
    columns = _columns(names, is_missing, is_text)
    _require_header(names, columns[0], decimal_comma, name)
    return Layout(delimiter, decimal_comma, names, n_fields, *columns)


def records_below(block: bytes, delimiter: bytes) -> bytes:
    """What stands below the header.

    Parameters
    ----------
    block : bytes
        The first block of a table.
    delimiter : bytes of length 1
        What separates its fields.
    """
    body, _ = _below_comments(block)
    return body[len(_beginning(body, 1, delimiter)) :]


def like_number(text: bytes) -> bool:
    """Whether a text is a number written in some odd way, such as ``<3`` or ``1'000``."""
    return bool(_LIKE_NUMBER.fullmatch(text))


def _below_comments(block: bytes) -> tuple[bytes, bytes | None]:
    """Leave out blank lines, comments and Excel's ``sep=;`` at the top."""
    start, given = 0, None
    while start < len(block):
        end = block.find(b"\n", start)
        line = block[start:end]
        if line[:4].lower() == b"sep=" and len(line) == 5:
            given = line[4:]
        elif line.startswith(b"#"):
            after = block[end + 1 : block.find(b"\n", end + 1)]
            if not after.startswith(b"#") and _is_header(line, after, given):
                return block[start + 1 :].lstrip(b" "), given
        elif line.strip():
            break
        start = end + 1
    return block[start:], given


def _is_header(line: bytes, after: bytes, given: bytes | None) -> bool:
    """Whether a line behind a # is the names of the columns of the line after it."""
    marks = (given,) if given else _DELIMITERS[:4]
    both = line + b"\n" + after + b"\n"
    if line.startswith(b"##") or not any(mark in line and mark in after for mark in marks):
        return False
    for mark in marks:
        fields = find_fields(both, mark)
        if len(fields.lengths) == 2 and fields.lengths[0] == fields.lengths[1] > 1:
            below = slice(int(fields.lengths[0]), None)
            starts, ends = fields.starts[below], fields.ends[below]
            _, wrong = parse_numbers(fields.letters, starts, ends)
            words = {plain_word(text) for text in fields.texts(below)[:50]} - {""}
            named = words & (CELL_WORDS | GENE_WORDS | LABEL_WORDS)
            return len(wrong) < len(starts) - 1 or not named
    return False


def _beginning(body: bytes, n_records: int, delimiter: bytes) -> bytes:
    """The first records."""
    end = 0
    for n in range(n_records):
        if n >= _FEWEST and end > _SAMPLE_BYTES:
            break
        quoted = 0
        while True:
            found = body.find(b"\n", end)
            if found < 0:
                return body
            line = body[end : found + 1]
            end = found + 1
            if b'"' in line:
                letters = np.frombuffer(line, np.uint8)
                _, quoted = quote_flips(letters, delimiter, quoted=quoted)
            if not quoted:
                break
    return body[:end]


def _delimiter(body: bytes, given: bytes | None, name: str) -> tuple[bytes, list[bytes], Fields]:
    best, score = None, (0.0, 0)
    for delimiter in (given,) if given else _DELIMITERS:
        fields = find_fields(_beginning(body, _SAMPLE + 1, delimiter), delimiter)
        if not len(fields.lengths):
            raise no_header(name, "has no lines with content")
        n_header, rows = int(fields.lengths[0]), fields.lengths[1:]
        if delimiter == b" " and not len(rows):
            continue
        usual = int(np.bincount(rows).argmax()) if len(rows) else n_header
        share = float((rows == usual).mean()) if len(rows) else 1.0
        if usual >= 2 and n_header >= usual - 1 and (share, usual) > score:
            # A space is a delimiter only where nothing else is: names may have spaces.
            if delimiter == b" " and best is not None and score[0] > 0.5:
                continue
            best, score = (delimiter, fields), (share, usual)
    if best is None:
        raise DataError(
            f"{name} is text, but no table: its lines are not cut into columns by commas, tabs or "
            "semicolons.",
            code="E-FILE-FORMAT",
            next_step="Save the matrix as .csv with names of genes and cells, and load that.",
        )
    delimiter, fields = best
    n_header = int(fields.lengths[0])
    header = fields.texts(slice(0, n_header))
    if n_header > MOST_COLUMNS:
        raise too_many_columns(name, n_header, MOST_COLUMNS)
    below = Fields(
        fields.block,
        fields.letters,
        fields.starts[n_header:],
        fields.ends[n_header:],
        fields.lengths[1:],
    )
    return delimiter, header, below


def _has_decimal_comma(fields: Fields) -> bool:
    some = fields.texts(slice(0, 20_000))
    has_comma = any(_DECIMAL_COMMA.fullmatch(text.strip()) for text in some if b"," in text)
    return has_comma and not any(_DECIMAL_POINT.fullmatch(t.strip()) for t in some if b"." in t)


def _kinds(
    fields: Fields, grid: npt.NDArray[np.intp], decimal_comma: bool
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which fields of the first records are empty, and which are text."""
    places = grid.ravel()
    starts, ends = fields.starts[places], fields.ends[places]
    _, wrong = parse_numbers(fields.letters, starts, ends, decimal_comma=decimal_comma)
    is_text = np.zeros(len(places), dtype=bool)
    is_text[wrong] = True
    return (starts == ends).reshape(grid.shape), is_text.reshape(grid.shape)


def _names(header: list[bytes], n_fields: int, last_is_empty: bool, name: str) -> list[bytes]:
    """Names of the columns of the records."""
    if len(header) == n_fields - 1:
        return [*header, b""] if last_is_empty else [b"", *header]
    if len(header) == n_fields:
        return header
    if len(header) > n_fields and not any(header[n_fields:]):
        return header[:n_fields]
    raise DataError(
        f"{name} has {len(header):,} names in its header, but {n_fields:,} fields in most rows.",
        code="E-TABLE-RAGGED",
        next_step="Save the table anew, with one name for each column.",
    )


def _columns(names: list[bytes], is_missing, is_text):
    """Sort the columns: names of the rows, text, numbers, nothing."""
    n_there = np.maximum((~is_missing).sum(axis=0), 1)
    mostly_text = is_text.sum(axis=0) / n_there > 0.5
    words = [plain_word(name) for name in names] if len(names) < 200_000 else []
    is_label = np.array([word in LABEL_WORDS or word in GENE_FACTS for word in words] or [False])
    for column in np.flatnonzero(is_label & ~mostly_text).tolist() if words else []:
        is_label[column] = not may_be_gene(names[column])
    named = CELL_WORDS | GENE_WORDS | NAME_WORDS
    name_column = None
    if plain_word(names[0]) in named or (mostly_text[0] and not is_label[0]):
        name_column = 0
    else:
        others = [i for i, word in enumerate(words) if mostly_text[i] and word in named - {""}]
        name_column = others[0] if others else None
    is_empty = is_missing.all(axis=0) & np.array([not name for name in names])
    kept = ~is_empty
    if name_column is not None:
        kept[name_column] = is_empty[name_column] = False
    text = kept & (mostly_text | is_label)
    columns = np.arange(len(names))
    return name_column, columns[text], columns[kept & ~text], columns[is_empty]


def _require_header(
    names: list[bytes], name_column: int | None, decimal_comma: bool, name: str
) -> None:
    others = [text for i, text in enumerate(names) if i != name_column and text]
    fields = find_fields(b"\t".join(others) + b"\n", b"\t")
    values, wrong = parse_numbers(
        fields.letters, fields.starts, fields.ends, decimal_comma=decimal_comma
    )
    if len(wrong) or not others:
        return
    # Genes may be numbered, or go by numbers in a database; counts repeat, or are not in order.
    different = bool((values == np.rint(values)).all()) and len(set(values)) == len(values) > 1
    corner = "" if name_column is None else plain_word(names[name_column])
    is_named = corner in CELL_WORDS | GENE_WORDS | NAME_WORDS or bool((np.diff(values) == 1).all())
    if not (different and is_named):
        raise no_header(name, "has no header: its first line is all numbers")
