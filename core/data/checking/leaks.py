"""Cells and genes that give the answer away: copies of cells, genes that are the label itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from core.data.checking.matrices import gene_blocks
from core.data.checking.profile import Profile, expressed_genes, find_copies
from core.data.checking.text import counted, listed, quoted
from core.errors import Finding

__all__ = ["judge_leaks"]

# A type of so many cells is matched by a gene's expressing cells only when one made the other: by
# five when the value is the same in all of them, as in a column that somebody computed.
_ENOUGH_SAME = 5
_ENOUGH_ANY = 10


def judge_leaks(
    matrix: sparse.csc_matrix, profile: Profile, *, genes: pd.Index, labels: pd.Series | None
) -> list[Finding]:
    """Say which cells are copies of others, and which genes equal a label.

    Parameters
    ----------
    matrix : sparse matrix of shape (n_cells, n_genes), float32
        Canonical values.
    profile : Profile
        Of this matrix.
    genes : pandas.Index of str
        Names.
    labels : pandas.Series or None
        Most likely cell types, ``None`` where missing.

    Returns
    -------
    list of Finding
        ``W-IDENTICAL-CELLS``, ``W-GENE-IS-LABEL``.
    """
    first = find_copies(profile)
    is_copy = first != np.arange(len(first))
    if labels is None:
        return _copies(first, is_copy, None)
    codes, types = pd.factorize(labels)
    # A copy under another label would hide what its original shows.
    own = np.where(is_copy, -1, codes)
    return [*_copies(first, is_copy, codes), *_answers(matrix, profile, own, types, genes)]


def _copies(
    first: npt.NDArray[np.intp], is_copy: npt.NDArray[np.bool_], codes: npt.NDArray | None
) -> list[Finding]:
    n = int(is_copy.sum())
    if not n:
        return []
    other = 0 if codes is None else int((codes[is_copy] != codes[first[is_copy]]).sum())
    more = f"; {other:,} of them under another label" if other else ""
    return [
        Finding(
            "W-IDENTICAL-CELLS",
            f"{counted(n, 'cell')} repeat another cell exactly, gene by gene{more}.",
            "Remove the copies: a cell that is in the training and in the test part at once makes "
            "scores look better than they are.",
        )
    ]


def _answers(
    matrix: sparse.csc_matrix,
    profile: Profile,
    codes: npt.NDArray[np.integer],
    types: pd.Index,
    genes: pd.Index,
) -> list[Finding]:
    sizes = np.bincount(codes[codes >= 0], minlength=len(types))
    if len(types) < 2:
        return []
    said = []
    for gene, kind in _exact_genes(matrix, codes, sizes):
        is_same = profile.smallest[gene] == profile.largest[gene]
        if sizes[kind] >= (_ENOUGH_SAME if is_same else _ENOUGH_ANY):
            said.append(f"{quoted(genes[gene])} all {sizes[kind]:,} of {quoted(types[kind])}")
    if not said:
        return []
    return [
        Finding(
            "W-GENE-IS-LABEL",
            f"{len(said):,} gene(s) mark exactly the cells of one type, every one of them and no "
            f"other: {listed(said)}.",
            "Real genes hardly ever do so. See whether the label itself, or a column made from it, "
            "came into the matrix, and leave it out: it would make every score look perfect.",
        )
    ]


def _exact_genes(
    matrix: sparse.csc_matrix, codes: npt.NDArray[np.integer], sizes: npt.NDArray[np.integer]
) -> list[tuple[int, int]]:
    """Genes whose expressing cells, of those with a label, are exactly one type; and that type."""
    found = []
    codes = codes.astype(np.int32)
    highest = np.where(codes < 0, np.iinfo(np.int32).max, codes)
    for block in gene_blocks(matrix):
        genes, starts = expressed_genes(block)
        if not genes.size:
            continue
        there = codes[block.cells]
        n_labelled = np.add.reduceat(there >= 0, starts, dtype=np.int64)
        last = np.maximum.reduceat(there, starts)
        only = (last >= 0) & (np.minimum.reduceat(highest[block.cells], starts) == last)
        only &= n_labelled == sizes[last]
        found += zip(genes[only].tolist(), last[only].tolist(), strict=True)
    return found
