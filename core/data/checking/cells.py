"""Cells and genes that are odd by their values: empty, constant, or huge."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from core.data.checking.matrices import gene_blocks
from core.data.checking.profile import Profile, expressed_genes
from core.data.checking.text import counted, quoted
from core.errors import Finding

__all__ = ["judge_cells"]

_ENOUGH_GENES = 20
_ENOUGH_CELLS = 10
# No droplet holds ten million molecules of one gene, and no plate so many reads of it per cell.
_LARGEST_COUNT = 1e7


def judge_cells(
    matrix: sparse.csc_matrix, profile: Profile, *, scale: str, genes: pd.Index, cells: pd.Index
) -> list[Finding]:
    """Say which cells and genes are empty, constant or huge.

    Parameters
    ----------
    matrix : sparse matrix of shape (n_cells, n_genes), float32
        Canonical values.
    profile : Profile
        Of this matrix.
    scale : {"counts", "log1p", "linear"}
        What the values are.
    genes, cells : pandas.Index of str
        Names.

    Returns
    -------
    list of Finding
        ``W-EMPTY-CELLS``, ``W-CONSTANT-GENES``, ``W-HUGE-VALUES``.
    """
    huge = [] if scale == "log1p" else _huge(matrix, profile, genes, cells)
    return [*_empty(profile), *_constant(profile), *huge]


def _empty(profile: Profile) -> list[Finding]:
    n_empty = int((profile.n_expressed == 0).sum())
    if not n_empty:
        return []
    return [
        Finding(
            "W-EMPTY-CELLS",
            f"{counted(n_empty, 'cell')} without any expression.",
            "They stay in the dataset; remove them beforehand if they are empty droplets.",
        )
    ]


def _constant(profile: Profile) -> list[Finding]:
    n_cells = len(profile.totals)
    if n_cells < _ENOUGH_CELLS:
        return []
    zero = int((profile.n_expressing == 0).sum())
    same = (profile.n_expressing == n_cells) & (profile.smallest == profile.largest)
    # Genes without any count are in every unfiltered matrix: nothing to be warned of.
    if not same.any():
        return []
    return [
        Finding(
            "W-CONSTANT-GENES",
            f"{zero + int(same.sum()):,} of {len(same):,} genes have the same value in all cells "
            f"({zero:,} of them zero): they tell no cells apart.",
            "Nothing needs to be done: they are never chosen as marker genes.",
        )
    ]


def _huge(
    matrix: sparse.csc_matrix, profile: Profile, genes: pd.Index, cells: pd.Index
) -> list[Finding]:
    said = []
    gene = int(profile.largest.argmax())
    if profile.largest[gene] > _LARGEST_COUNT:
        n = sum(int((block.data > _LARGEST_COUNT).sum()) for block in gene_blocks(matrix))
        start, stop = matrix.indptr[gene], matrix.indptr[gene + 1]
        cell = matrix.indices[start + int(matrix.data[start:stop].argmax())]
        said.append(
            f"{counted(n, 'value')} above {_LARGEST_COUNT:,.0f} can hardly be counts; the largest "
            f"is {profile.largest[gene]:,.6g}, of gene {quoted(genes[gene])} in cell "
            f"{quoted(cells[cell])}"
        )
    gene, n = _dominating_gene(matrix, profile)
    if n:
        said.append(f"gene {quoted(genes[gene])} makes up more than 90 % of {counted(n, 'cell')}")
    if not said:
        return []
    return [
        Finding(
            "W-HUGE-VALUES",
            said[0][:1].upper() + "; ".join(said)[1:] + ".",
            "See whether a column that is no gene, such as a total, came into the matrix.",
        )
    ]


def _dominating_gene(matrix: sparse.csc_matrix, profile: Profile) -> tuple[int, int]:
    """Find the gene that has more than 90 % of most cells' values, and in how many; else 0 cells.

    Such a gene has more than 45 % of all, when every cell counts alike; two at most have.
    """
    n_filled = int((profile.totals > 0).sum())
    if matrix.shape[1] < _ENOUGH_GENES or n_filled < _ENOUGH_CELLS:
        return 0, 0
    share = np.divide(
        1, profile.totals, out=np.zeros_like(profile.totals), where=profile.totals > 0
    )
    for block in gene_blocks(matrix):
        there, starts = expressed_genes(block)
        if not there.size:
            continue
        shares = block.data * share[block.cells]
        for at in np.flatnonzero(np.add.reduceat(shares, starts) > 0.45 * n_filled):
            stop = starts[at + 1] if at + 1 < len(starts) else len(shares)
            n = int((shares[starts[at] : stop] > 0.9).sum())
            if n > n_filled / 2:
                return int(there[at]), n
    return 0, 0
