"""Gather the rows of a table, block by block: names, labels, and numbers that are not zero."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.data.reading.limits import require_fits
from core.data.reading.text_decimals import without_thousands
from core.data.reading.text_fields import Fields, find_fields, parse_numbers
from core.data.reading.text_layout import Layout
from core.data.reading.text_refusals import (
    StrayText,
    filled_column,
    ragged,
    shown,
    too_many_rows,
)
from core.data.reading.text_words import LABEL_WORDS, may_be_gene, plain_word

__all__ = ["Rows"]

MOST_ROWS = 10_000_000
# Index and value of each number, and once more when the blocks are put together.
_BYTES_PER_NUMBER = 16
_LABEL_BYTES = frozenset(word.encode() for word in LABEL_WORDS)


@dataclass
class Rows:
    """What has been read so far.

    Parameters
    ----------
    layout : Layout
        How the table is written.
    name : str
        What messages call it.
    """

    layout: Layout
    name: str
    names: list[bytes] = field(default_factory=list)
    texts: list[list[bytes]] = field(init=False)
    label_rows: list[tuple[bytes, list[bytes]]] = field(default_factory=list)
    data: list[npt.NDArray[np.float32]] = field(default_factory=list)
    indices: list[npt.NDArray[np.int32]] = field(default_factory=list)
    counts: list[npt.NDArray[np.intp]] = field(default_factory=list)
    n_values: int = 0

    def __post_init__(self) -> None:
        self.texts = [[] for _ in self.layout.text_columns]

    @property
    def n_rows(self) -> int:
        """Rows so far, without those of labels."""
        return sum(len(counts) for counts in self.counts)

    def add(self, block: bytes, n_lines: int) -> None:
        """Read a block of whole records.

        Parameters
        ----------
        block : bytes
            Text.
        n_lines : int
            Lines of the file above it.

        Raises
        ------
        DataError
            ``E-TABLE-RAGGED``, ``E-TABLE-TEXT`` or ``E-TOO-LARGE``.
        """
        layout = self.layout
        if layout.thousands_comma:
            block = without_thousands(block, layout.delimiter)
        fields = find_fields(block, layout.delimiter)
        if len(uneven := np.flatnonzero(fields.lengths != layout.n_fields)):
            record = int(uneven[0])
            line = n_lines + fields.line_of(record) + 1
            raise ragged(self.name, line, int(fields.lengths[record]), layout.n_fields)
        first = np.arange(len(fields.lengths)) * layout.n_fields
        for column in layout.empty_columns.tolist():
            filled = np.flatnonzero(fields.starts[first + column] != fields.ends[first + column])
            if len(filled):
                line = n_lines + fields.line_of(int(filled[0])) + 1
                raise filled_column(self.name, line, column)
        kept = self._add_names(fields, first)
        for texts, column in zip(self.texts, layout.text_columns.tolist(), strict=True):
            texts += fields.texts(first[kept] + column)
        self._add_numbers(fields, kept, n_lines)
        if self.n_rows > MOST_ROWS:
            raise too_many_rows(self.name, MOST_ROWS)

    def _add_names(self, fields: Fields, first: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Take up names and rows of labels; say which other records there are."""
        layout, everything = self.layout, np.arange(len(first))
        if layout.name_column is None:
            return everything
        names = fields.texts(first + layout.name_column)
        if not len(layout.number_columns) or not _has_label(names):
            self.names += names
            return everything
        is_label = np.array([plain_word(name) in LABEL_WORDS for name in names])
        for row in np.flatnonzero(is_label).tolist():
            places = first[row] + layout.number_columns
            if may_be_gene(names[row]) and self._are_numbers(fields, places):
                is_label[row] = False
            else:
                self.label_rows.append((names[row], fields.texts(places)))
        kept = np.flatnonzero(~is_label)
        self.names += [names[row] for row in kept.tolist()]
        return kept

    def _are_numbers(self, fields: Fields, places: npt.NDArray[np.intp]) -> bool:
        starts, ends = fields.starts[places], fields.ends[places]
        comma = self.layout.decimal_comma
        return not len(parse_numbers(fields.letters, starts, ends, decimal_comma=comma)[1])

    def _add_numbers(self, fields: Fields, kept: npt.NDArray[np.intp], n_lines: int) -> None:
        layout = self.layout
        n_columns = len(layout.number_columns)
        shape, columns = (-1, layout.n_fields), _as_slice(layout.number_columns)
        starts, ends = (all_.reshape(shape)[:, columns] for all_ in (fields.starts, fields.ends))
        if len(kept) < len(starts):
            starts, ends = starts[kept], ends[kept]
        values, wrong = parse_numbers(
            fields.letters, starts.ravel(), ends.ravel(), decimal_comma=layout.decimal_comma
        )
        if len(wrong):
            row, column = divmod(int(wrong[0]), n_columns)
            self._refuse(fields, int(kept[row]), int(layout.number_columns[column]), n_lines)
        with np.errstate(over="ignore"):  # what is too large becomes infinite: refused later
            values = values.astype(np.float32)
        found = np.flatnonzero(values)
        self.data.append(values[found])
        if n_columns:
            self.indices.append((found % n_columns).astype(np.int32))
            self.counts.append(np.bincount(found // n_columns, minlength=len(kept)))
        else:
            self.counts.append(np.zeros(len(kept), dtype=np.intp))
        self.n_values += len(found)
        require_fits(_BYTES_PER_NUMBER * self.n_values, "its matrix", self.name)

    def _refuse(self, fields: Fields, record: int, column: int, n_lines: int) -> None:
        layout, first = self.layout, record * self.layout.n_fields
        row = f"line {n_lines + fields.line_of(record) + 1:,}"
        if layout.name_column is not None:
            row = f"row {shown(fields.texts(np.array([first + layout.name_column]))[0])}"
        (text,) = fields.texts(np.array([first + column]))
        raise StrayText(self.name, row, column, layout.names[column], text)


def _has_label(names: list[bytes]) -> bool:
    """Whether one of very many names is that of a row of labels."""
    words = b"\n".join(names).lower().translate(None, b"_-. ").split(b"\n")
    return not _LABEL_BYTES.isdisjoint(words)


def _as_slice(columns: npt.NDArray[np.intp]) -> slice | npt.NDArray[np.intp]:
    """Neighbouring columns as a slice, which costs nothing to take."""
    if len(columns) and columns[-1] - columns[0] == len(columns) - 1:
        return slice(int(columns[0]), int(columns[-1]) + 1)
    return columns
