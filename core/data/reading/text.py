"""One table of text as cells."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import anndata as ad
from scipy import sparse

from core.data.choices import Choices
from core.data.reading.cells import ReadCells
from core.data.reading.metadata import add_metadata, cell_names_in, texts_as_table
from core.data.reading.parts import Part
from core.data.reading.text_forms import are_positions
from core.data.reading.text_orientation import genes_are_in_rows
from core.data.reading.text_raw import RawTable
from core.data.reading.text_table import read_table
from core.errors import DataError, Finding

__all__ = ["as_cells", "read_text", "require_expression", "transposed"]


def read_text(
    part: Part, choices: Choices, metadata: Sequence[Part] = (), *, table: RawTable | None = None
) -> ReadCells:
    """Read one table of expression, with tables of labels beside it.

    Parameters
    ----------
    part : Part
        The table of expression.
    choices : Choices
        Takes up ``C-ORIENTATION`` and ``C-DECIMALS``.
    metadata : sequence of Part
        Tables with a row for each cell.
    table : RawTable, optional
        The table, where it was read already.

    Returns
    -------
    ReadCells

    Raises
    ------
    DataError
        See :func:`core.data.reading.text_table.read_table`; ``E-TABLE-NAMES`` when cells and genes
        are only numbered, ``E-NO-EXPRESSION`` when there are no numbers, ``E-FILES-UNRELATED``.
    """
    raw = table or read_table(part, choices)
    require_expression(raw)
    labels = [read_table(each, only_texts=True) for each in metadata]
    known = {name for each in labels for name in cell_names_in(each)}
    in_rows = genes_are_in_rows(raw, choices, known)
    adata = as_cells(raw, genes_in_rows=in_rows)
    findings = list(raw.findings)
    if in_rows and not any(f.code == "C-ORIENTATION" for f in choices.findings):
        findings.append(transposed([raw.name]))
    for each in labels:
        findings += [*each.findings, *add_metadata(adata, each, raw.name)]
    what = "text table" if not metadata else "text table and metadata"
    return ReadCells(adata, what, tuple(findings))


def transposed(names: Sequence[str]) -> Finding:
    """Tell that tables were turned."""
    return Finding(
        "F-TRANSPOSED",
        f"{' and '.join(names)} had genes in rows and cells in columns, and was turned.",
    )


def require_expression(raw: RawTable) -> None:
    """Refuse a table without numbers, or without names.

    Raises
    ------
    DataError
        ``E-NO-EXPRESSION`` or ``E-TABLE-NAMES``.
    """
    if not raw.columns or not raw.rows:
        raise DataError(
            f"{raw.name} has no columns of expression values: it looks like a table of labels.",
            code="E-NO-EXPRESSION",
            next_step="Choose it together with the table of expression values.",
        )
    if are_positions(raw.rows) and are_positions(raw.columns):
        raise DataError(
            f"{raw.name} calls its rows {raw.rows[0]}, {int(raw.rows[0]) + 1}, … and its columns "
            f"{raw.columns[0]}, {int(raw.columns[0]) + 1}, …: no gene has a name.",
            code="E-TABLE-NAMES",
            next_step="Save the table with the names of genes and cells and load it again.",
        )


def as_cells(raw: RawTable, *, genes_in_rows: bool) -> ad.AnnData:
    """Cells × genes from a table.

    Parameters
    ----------
    raw : RawTable
        A table.
    genes_in_rows : bool
        Whether to turn it.

    Returns
    -------
    anndata.AnnData
        Labels of cells in ``obs``, texts about genes in ``var``.
    """
    cells, genes = (raw.columns, raw.rows) if genes_in_rows else (raw.rows, raw.columns)
    about_cells, about_genes = (
        (raw.column_texts, raw.row_texts) if genes_in_rows else (raw.row_texts, raw.column_texts)
    )
    matrix: sparse.spmatrix = raw.matrix.T if genes_in_rows else raw.matrix
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names are made unique later
        return ad.AnnData(
            X=matrix,
            obs=texts_as_table(about_cells, cells),
            var=texts_as_table(about_genes, genes),
        )
