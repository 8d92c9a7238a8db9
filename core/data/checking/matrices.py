"""Matrices as files have them: every number type, dense and sparse, and never a second dense copy.

A matrix of a file may fill half of the memory. What is computed on it goes block by block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

__all__ = [
    "Block",
    "Matrix",
    "blocks_of_values",
    "first_not_finite",
    "gene_blocks",
    "native",
    "sample_of_cells",
    "to_canonical",
]

Matrix = sparse.spmatrix | sparse.sparray | npt.NDArray[np.generic]
BLOCK = 1 << 21


class Block(NamedTuple):
    """Some neighbouring genes of a canonical matrix; its arrays are views.

    Parameters
    ----------
    genes : slice
        Which genes.
    data, cells : array of shape (n_values,)
        Values other than zero, and the rows they stand in.
    pointers : int array of shape (n_genes + 1,)
        Where the values of each gene start and end.
    """

    genes: slice
    data: npt.NDArray[np.float32]
    cells: npt.NDArray[np.integer]
    pointers: npt.NDArray[np.integer]


def native(matrix: Matrix) -> Matrix:
    """Return the matrix in number types that scipy computes with; itself wherever it can be."""
    values = matrix.data if sparse.issparse(matrix) else matrix
    dtype = values.dtype.newbyteorder("=")
    if sparse.issparse(matrix) and dtype == np.float16:
        dtype = np.dtype(np.float32)
    return matrix if values.dtype == dtype else matrix.astype(dtype)


def blocks_of_values(matrix: Matrix) -> Iterator[npt.NDArray[np.generic]]:
    """Every stored value, in pieces of which a copy may be made."""
    values = matrix.data if sparse.issparse(matrix) else matrix.ravel(order="K")
    for start in range(0, values.size, BLOCK):
        yield values[start : start + BLOCK]


def first_not_finite(matrix: Matrix) -> tuple[int, int, int]:
    """Count the values that are no finite float32, and find one.

    Returns
    -------
    n, cell, gene : int
        Number of values, and the position of the first stored one; -1 where there is none.
    """
    n, first, before = 0, -1, 0
    by_rows = sparse.issparse(matrix) or matrix.flags.c_contiguous
    values = matrix.data if sparse.issparse(matrix) else matrix.ravel(order="C" if by_rows else "F")
    for start in range(0, values.size, BLOCK):
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(values[start : start + BLOCK].astype(np.float32))
        if first < 0 and bad.any():
            first = before + int(bad.argmax())
        n, before = n + int(bad.sum()), before + bad.size
    if first < 0:
        return 0, -1, -1
    return n, *_position(matrix, first, by_rows)


def _position(matrix: Matrix, at: int, by_rows: bool) -> tuple[int, int]:
    if not sparse.issparse(matrix):
        cell, gene = np.unravel_index(at, matrix.shape, order="C" if by_rows else "F")
        return int(cell), int(gene)
    line = int(np.searchsorted(matrix.indptr, at, side="right")) - 1
    other = int(matrix.indices[at])
    return (line, other) if matrix.format == "csr" else (other, line)


def sample_of_cells(matrix: Matrix, *, most: int = 1000, values: int = BLOCK) -> sparse.csr_matrix:
    """Take some cells, the same ones every time, as numbers of double precision.

    Parameters
    ----------
    matrix : array or sparse matrix of shape (n_cells, n_genes)
        Expression values in native number types.
    most : int
        At most so many cells.
    values : int
        At most about so many values, but always one cell.

    Returns
    -------
    sparse matrix of shape (n_sampled, n_genes), float64
    """
    n_cells = matrix.shape[0]
    stored = matrix.nnz if sparse.issparse(matrix) else matrix.size
    n = max(1, min(most, n_cells, int(values * n_cells / max(1, stored))))
    rows = np.sort(np.random.default_rng(0).choice(n_cells, n, replace=False))
    some = matrix if n == n_cells else matrix[rows]
    return sparse.csr_matrix(some.astype(np.float64))


def to_canonical(matrix: Matrix) -> sparse.csc_matrix:
    """Write expression anew as the canonical matrix: gene by gene, float32, no zeros stored.

    Parameters
    ----------
    matrix : array or sparse matrix of shape (n_cells, n_genes)
        Finite values in native number types; left unchanged.

    Returns
    -------
    sparse matrix of shape (n_cells, n_genes), float32
        Shares no memory with `matrix`.
    """
    if not sparse.issparse(matrix):
        return _from_dense(matrix)
    kind = sparse.csr_matrix if matrix.format == "csr" else sparse.csc_matrix
    data = matrix.data.astype(np.float32, copy=False)
    same = kind((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    made = same.tocsc(copy=True)
    made.sum_duplicates()
    made.eliminate_zeros()
    return made


def _from_dense(matrix: npt.NDArray[np.generic]) -> sparse.csc_matrix:
    """Count first, then fill: nothing is there twice."""
    n_cells, n_genes = matrix.shape
    pointers = np.zeros(n_genes + 1, dtype=np.int64)
    for genes, block in _dense_blocks(matrix):
        pointers[genes.start + 1 : genes.stop + 1] = np.count_nonzero(block, axis=1)
    np.cumsum(pointers, out=pointers)
    data = np.empty(pointers[-1], dtype=np.float32)
    cells = np.empty(pointers[-1], dtype=np.int32)
    for genes, block in _dense_blocks(matrix):
        there, part = np.nonzero(block), slice(pointers[genes.start], pointers[genes.stop])
        data[part] = block[there]
        cells[part] = there[1]
    return sparse.csc_matrix((data, cells, pointers), shape=(n_cells, n_genes))


def _dense_blocks(
    matrix: npt.NDArray[np.generic],
) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    """Go through an array by groups of genes, each copied as genes × cells."""
    n_cells, n_genes = matrix.shape
    width = max(1, BLOCK // max(1, n_cells))
    for start in range(0, n_genes, width):
        genes = slice(start, min(start + width, n_genes))
        yield genes, np.ascontiguousarray(matrix[:, genes].T, dtype=np.float32)


def gene_blocks(matrix: sparse.csc_matrix) -> Iterator[Block]:
    """Go through a canonical matrix by groups of genes of about two million values."""
    pointers, n_genes, start = matrix.indptr, matrix.shape[1], 0
    while start < n_genes:
        wanted = int(pointers[start]) + BLOCK
        stop = max(start + 1, int(np.searchsorted(pointers, wanted, side="right")) - 1)
        low, high = int(pointers[start]), int(pointers[stop])
        yield Block(
            slice(start, stop),
            matrix.data[low:high],
            matrix.indices[low:high],
            pointers[start : stop + 1] - low,
        )
        start = stop
