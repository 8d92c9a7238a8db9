"""A table of text as it was read."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import sparse

from core.errors import Finding

__all__ = ["RawTable"]


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
        ``F-DIALECT``, ``F-ENCODING``, ``F-MEASURES``, ``W-ENCODING``.
    """

    name: str
    corner: str
    rows: list[str]
    columns: list[str]
    matrix: sparse.csr_matrix
    row_texts: dict[str, list[str]]
    column_texts: dict[str, list[str]]
    findings: tuple[Finding, ...] = ()
