"""One walk through a matrix: what is to be known of every cell and every gene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from core.data.checking.matrices import Block, gene_blocks

__all__ = ["Profile", "expressed_genes", "find_copies", "profile_cells"]

# Two cells with so many genes in common, each with the same value, are one cell.
_ENOUGH_TO_COMPARE = 10


@dataclass(frozen=True, eq=False)
class Profile:
    """What one walk through a matrix tells about every cell and every gene.

    Parameters
    ----------
    n_expressed : int array of shape (n_cells,)
        Genes expressed per cell.
    totals : float array of shape (n_cells,)
        Sum of each cell.
    signatures : uint64 array of shape (n_cells,)
        Equal for cells with equal values in all genes, and else different.
    n_expressing : int array of shape (n_genes,)
        Cells that express each gene.
    smallest, largest : float array of shape (n_genes,)
        Of the values other than zero; 0 where there is none.
    """

    n_expressed: npt.NDArray[np.int64]
    totals: npt.NDArray[np.float64]
    signatures: npt.NDArray[np.uint64]
    n_expressing: npt.NDArray[np.int64]
    smallest: npt.NDArray[np.float32]
    largest: npt.NDArray[np.float32]


def profile_cells(matrix: sparse.csc_matrix) -> Profile:
    """Walk through a canonical matrix once.

    Parameters
    ----------
    matrix : sparse matrix of shape (n_cells, n_genes), float32
        As :func:`core.data.checking.matrices.to_canonical` makes it.

    Returns
    -------
    Profile
    """
    n_cells, n_genes = matrix.shape
    weights = np.random.default_rng(0).integers(1, 2**63, n_genes, dtype=np.uint64)
    found = Profile(
        np.zeros(n_cells, np.int64),
        np.zeros(n_cells),
        np.zeros(n_cells, np.uint64),
        np.diff(matrix.indptr).astype(np.int64),
        np.zeros(n_genes, np.float32),
        np.zeros(n_genes, np.float32),
    )
    for block in gene_blocks(matrix):
        np.add(found.n_expressed, np.bincount(block.cells, minlength=n_cells), found.n_expressed)
        sums = np.bincount(block.cells, weights=block.data, minlength=n_cells)
        np.add(found.totals, sums, found.totals)
        np.add(found.signatures, _signatures(block, weights, n_cells), found.signatures)
        there, starts = expressed_genes(block)
        if there.size:
            found.smallest[there] = np.minimum.reduceat(block.data, starts)
            found.largest[there] = np.maximum.reduceat(block.data, starts)
    return found


def expressed_genes(block: Block) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.integer]]:
    """Genes of a block that have values, and where in its arrays each of them starts."""
    there = np.flatnonzero(np.diff(block.pointers))
    return there + block.genes.start, block.pointers[there]


def _signatures(
    block: Block, weights: npt.NDArray[np.uint64], n_cells: int
) -> npt.NDArray[np.uint64]:
    """Sum, modulo 2**64, of scrambled values times a random number for each gene."""
    mixed = block.data.view(np.uint32).astype(np.uint64)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    shape = (n_cells, len(block.pointers) - 1)
    return (
        sparse.csc_matrix((mixed, block.cells, block.pointers), shape=shape) @ weights[block.genes]
    )


def find_copies(profile: Profile) -> npt.NDArray[np.intp]:
    """For each cell the first one with the same values; itself where there is none before it.

    Parameters
    ----------
    profile : Profile
        Cells with fewer than ten expressed genes are not compared: they are alike by chance.

    Returns
    -------
    int array of shape (n_cells,)
    """
    first = np.arange(len(profile.totals))
    cells = np.flatnonzero(profile.n_expressed >= _ENOUGH_TO_COMPARE)
    _, starts, group = np.unique(profile.signatures[cells], return_index=True, return_inverse=True)
    first[cells] = cells[starts[group]]
    return first
