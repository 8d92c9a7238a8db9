"""Whether a table has its cells, or its genes, in rows.

Each of these speaks for one of the two; what they say is added up:

- the share of names, of rows and of columns, that are genes (Ensembl ids, known symbols, names
  written like symbols);
- the share that are cells (barcodes, accessions, wells, ``cell 12``, numbers in order);
- what the column of row names is called (``barcode``, ``gene``);
- columns of labels (a column ``cell_type`` stands beside cells);
- cells named in a metadata file that came along.

Genes in rows are turned without a question when at least 200 rows are genes beyond doubt and
almost no column is. Cells in rows are believed when known genes, or names that only genes or
only cells have, say so, and the names of the rows are not called genes. Weaker signs, or none at
all, are asked about.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from core.data.choices import Choices
from core.data.gene_tables import looks_like_genes
from core.data.reading.text_forms import (
    are_positions,
    gene_forms,
    like_cells,
    written_like_genes,
)
from core.data.reading.text_raw import RawTable
from core.data.reading.text_words import CELL_WORDS, GENE_WORDS, LABEL_WORDS, plain_word

__all__ = ["Evidence", "are_positions", "find_orientation", "genes_are_in_rows", "like_cells"]

Answer = Literal["cells-in-rows", "genes-in-rows"]

OPTIONS = {
    "cells-in-rows": "Every row is a cell, every column a gene.",
    "genes-in-rows": "Every row is a gene, every column a cell.",
}
_ENOUGH_GENES = 200
_LOOKED_AT = 5000
_CLEAR = 0.3
_KNOWN = 0.1
_SURE_CELLS = 0.9


@dataclass(frozen=True)
class Evidence:
    """What the names of a table say.

    Parameters
    ----------
    towards_cells : float
        Positive when cells are in rows, negative when genes are.
    is_certain : bool
        Whether genes are in rows beyond doubt.
    is_told : bool
        Whether known genes, or names that only genes or cells have, are among what speaks.
    """

    towards_cells: float
    is_certain: bool
    is_told: bool = True

    @property
    def is_clear(self) -> bool:
        """Whether it tells at all."""
        return self.is_certain or abs(self.towards_cells) > _CLEAR


def find_orientation(raw: RawTable, known_cells: Collection[str] = ()) -> Evidence:
    """Weigh what speaks for cells, and what for genes, in rows.

    Parameters
    ----------
    raw : RawTable
        A table.
    known_cells : collection of str
        Names of cells from elsewhere.

    Returns
    -------
    Evidence
    """
    rows, columns = _some(raw.rows), _some(raw.columns)
    row_cells, column_cells = _cells(raw.rows), _cells(raw.columns)
    # Some wells are called as genes are: C3, F8.
    row_genes = _genes(rows) if row_cells < _SURE_CELLS else 0.0
    column_genes = _genes(columns) if column_cells < _SURE_CELLS else 0.0
    balance = max(column_genes, written_like_genes(columns)) - max(
        row_genes, written_like_genes(rows)
    )
    balance += row_cells - column_cells
    corner = plain_word(raw.corner)
    balance += (corner in CELL_WORDS) - (corner in GENE_WORDS)
    labelled = _has_labels(raw.row_texts), _has_labels(raw.column_texts)
    balance += labelled[0] - labelled[1]
    is_told = max(row_genes, column_genes, row_cells, column_cells) > _CLEAR
    is_told = is_told or corner in CELL_WORDS or any(labelled)
    known = set(known_cells)
    in_rows, in_columns = _share(rows, known), _share(columns, known)
    if in_rows + in_columns > _KNOWN:
        # Cells that are named elsewhere settle it.
        return Evidence(4 * (in_rows - in_columns), in_columns > 2 * in_rows)
    likely = max(row_genes, written_like_genes(rows) if column_cells > 0.5 else 0)
    is_certain = (
        balance < -_CLEAR
        and likely * len(raw.rows) >= _ENOUGH_GENES
        and likely > 0.3
        and column_genes < 0.05
    )
    return Evidence(float(balance), is_certain, is_told)


def genes_are_in_rows(raw: RawTable, choices: Choices, known_cells: Collection[str] = ()) -> bool:
    """Decide it, or ask (``C-ORIENTATION``).

    Parameters
    ----------
    raw : RawTable
        A table.
    choices : Choices
        Takes up the question.
    known_cells : collection of str
        Names of cells from elsewhere, such as a metadata file.

    Returns
    -------
    bool
        For the time being the more likely answer.
    """
    evidence = find_orientation(raw, known_cells)
    if evidence.is_certain:
        return True
    calls_them_genes = plain_word(raw.corner) in GENE_WORDS
    if evidence.towards_cells > _CLEAR and evidence.is_told and not calls_them_genes:
        return False
    suggested: Answer = "genes-in-rows" if evidence.towards_cells < 0 else "cells-in-rows"
    looks = (
        "its rows look like genes, but not beyond doubt"
        if evidence.towards_cells < -_CLEAR or calls_them_genes
        else "neither its rows nor its columns can be told to be genes"
    )
    answer = choices.ask(
        "C-ORIENTATION",
        f"{raw.name} has {len(raw.rows):,} rows ({_first(raw.rows)}) and {len(raw.columns):,} "
        f"columns ({_first(raw.columns)}): {looks}.",
        OPTIONS,
        suggested=suggested,
        next_step="Say whether every row is a cell or a gene.",
    )
    return answer == "genes-in-rows"


def _genes(names: Sequence[str]) -> float:
    return max(looks_like_genes(names), gene_forms(names))


def _cells(names: Sequence[str]) -> float:
    return 1.0 if are_positions(names) else like_cells(_some(names))


def _has_labels(texts: Collection[str]) -> bool:
    return any(plain_word(name) in LABEL_WORDS for name in texts)


def _share(names: Sequence[str], known: set[str]) -> float:
    return sum(name in known for name in names) / max(1, len(names))


def _some(names: Sequence[str]) -> Sequence[str]:
    """At most `_LOOKED_AT` names, from all over the table."""
    return names[:: len(names) // _LOOKED_AT + 1]


def _first(names: Sequence[str]) -> str:
    some = [name if len(name) <= 24 else name[:23] + "…" for name in names[:3]]
    return ", ".join(some) + (", …" if len(names) > 3 else "")
