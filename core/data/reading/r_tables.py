"""A matrix or table of R by itself: which way it lies, and what its parts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from rdata.parser import RObject
from scipy import sparse

from core.data.choices import Choices
from core.data.reading.limits import require_fits
from core.data.reading.r_cells import RCells
from core.data.reading.r_frames import read_frame
from core.data.reading.r_matrices import RMatrix, read_matrix
from core.data.reading.r_refusals import no_expression
from core.data.reading.text_layout import LABEL_WORDS, plain_word
from core.data.reading.text_orientation import OPTIONS, find_orientation
from core.data.reading.text_table import RawTable

__all__ = ["read_single_matrix", "read_table"]


def read_single_matrix(value: RObject, name: str, choices: Choices) -> RCells:
    """Read a matrix with names of genes and cells.

    Parameters
    ----------
    value : rdata.parser.RObject
        A matrix.
    name : str
        The file's name.
    choices : Choices
        Takes up ``C-ORIENTATION`` when the names do not tell.
    """
    matrix = read_matrix(value, name)
    raw = _names_only(name, matrix)
    # A sparse matrix of R has genes in rows unless its names speak against it.
    by_custom = sparse.issparse(matrix.values) and not find_orientation(raw).is_clear
    if by_custom or _genes_in_rows(raw, matrix, choices):
        return RCells({"matrix": matrix}, matrix.rows, matrix.columns)
    turned = RMatrix(matrix.values.T, matrix.columns, matrix.rows, matrix.sorted_anew)
    return RCells({"matrix": turned}, turned.rows, turned.columns)


def read_table(value: RObject, name: str, choices: Choices) -> RCells:
    """Read a table of numbers with genes in its columns or rows.

    Columns of text beside genes in columns are labels of the cells.

    Parameters
    ----------
    value : rdata.parser.RObject
        A table.
    name : str
        The file's name.
    choices : Choices
        Takes up ``C-ORIENTATION`` when the names do not tell.

    Raises
    ------
    DataError
        ``E-NO-EXPRESSION`` when no column holds numbers.
    """
    table, corner = _with_names(read_frame(value))
    is_number = [
        table[column].dtype.kind in "iuf" and plain_word(column) not in LABEL_WORDS
        for column in table.columns
    ]
    numbers = table.loc[:, is_number]
    if numbers.empty:
        raise no_expression(name)
    require_fits(numbers.size * 16, "its table", name)
    rows = None if isinstance(table.index, pd.RangeIndex) else list(table.index)
    matrix = RMatrix(numbers.to_numpy(), rows, list(numbers.columns))
    others = table.loc[:, np.logical_not(is_number)]
    if _genes_in_rows(_names_only(name, matrix, corner, list(others)), matrix, choices):
        return RCells({"matrix": matrix}, rows, matrix.columns, var=others)
    turned = replace(matrix, values=matrix.values.T, rows=matrix.columns, columns=rows)
    return RCells({"matrix": turned}, turned.rows, turned.columns, obs=others)


def _with_names(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Name the rows by a column of text when they have no names, and say how it is called."""
    if not isinstance(table.index, pd.RangeIndex):
        return table, ""
    for name in table.columns:
        column = table[name]
        is_text = column.dtype.kind == "O" or isinstance(column.dtype, pd.CategoricalDtype)
        if is_text and column.notna().all() and column.is_unique:
            return table.drop(columns=name).set_axis(column.astype(object)), name
    return table, ""


def _names_only(
    name: str, matrix: RMatrix, corner: str = "", labels: Sequence[str] = ()
) -> RawTable:
    """Give the names of a matrix to the questions that are asked of tables of text."""
    rows, columns = matrix.rows or [], matrix.columns or []
    texts: dict[str, list[str]] = {label: [] for label in labels}
    return RawTable(name, corner, rows, columns, sparse.csr_matrix((0, 0)), texts, {})


def _genes_in_rows(raw: RawTable, matrix: RMatrix, choices: Choices) -> bool:
    """Decide by the names, and ask (``C-ORIENTATION``) when they do not tell."""
    if matrix.rows is None or matrix.columns is None:
        return matrix.columns is None  # genes always have names
    evidence = find_orientation(raw)
    if evidence.is_clear:  # genes in rows are usual in R: less is needed to believe it than in text
        return evidence.towards_cells < 0
    answer = choices.ask(
        "C-ORIENTATION",
        f"{raw.name} has {len(raw.rows):,} rows ({_some(raw.rows)}) and {len(raw.columns):,} "
        f"columns ({_some(raw.columns)}): neither can be told to be genes.",
        OPTIONS,
        suggested="genes-in-rows",
        next_step="Say whether every row is a cell or a gene.",
    )
    return answer == "genes-in-rows"


def _some(names: Sequence[str]) -> str:
    return ", ".join(repr(name if len(name) <= 24 else name[:23] + "…") for name in names[:3])
