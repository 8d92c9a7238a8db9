"""What betrays that values were counts once: one total for all cells, or whole multiples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

__all__ = ["CommonTotal", "are_multiples", "are_whole", "cell_totals", "common_total"]

_ENOUGH_TO_TELL = 20


class CommonTotal(NamedTuple):
    """Total to which cells were normalised.

    Parameters
    ----------
    total : float
        For example 1e6 for counts per million.
    spread : float
        Relative difference between the cells: rounding, when it is the true scale.
    """

    total: float
    spread: float


def common_total(linear: sparse.csr_matrix) -> CommonTotal | None:
    """Total to which every cell was normalised over just these genes.

    Parameters
    ----------
    linear : sparse matrix of shape (n_cells, n_genes)
        Values without a logarithm.

    Returns
    -------
    CommonTotal or None
        ``None`` when the totals differ, as they do where genes were left out after the
        normalisation, or when there are too few cells to tell.
    """
    totals = cell_totals(linear)
    if len(totals) < _ENOUGH_TO_TELL:
        return None
    low, middle, high = np.percentile(totals, [1, 50, 99])
    spread = float((high - low) / middle)
    return CommonTotal(float(middle), spread) if spread < 0.01 else None


def are_whole(linear: sparse.csr_matrix) -> bool:
    """Whether these are counts, but for the rounding of a logarithm in single precision."""
    values = linear.data[linear.data < 1000]
    n_different = np.unique(np.rint(values)).size
    return n_different >= 3 and bool((np.abs(values - np.rint(values)) < 0.02).all())


def are_multiples(linear: sparse.csr_matrix) -> bool:
    """Whether the values of each cell are whole multiples of its smallest one.

    Only small multiples tell anything: by chance one in ten values is that near to a whole number,
    among counts all are. Cells whose smallest count is not 1 miss a part, so the median is asked.
    """
    shares = []
    for start, stop in zip(linear.indptr[:-1], linear.indptr[1:], strict=True):
        values = linear.data[start:stop]
        values = values[values > 0]
        if not values.size:
            continue
        ratios = values / values.min()
        ratios = ratios[(ratios > 1.2) & (ratios < 8.5)]
        if ratios.size >= 5:
            shares.append(np.mean(np.abs(ratios - np.rint(ratios)) < 0.05))
    enough = sum(linear.getnnz(axis=1) > 0) / 4
    return bool(len(shares) >= max(1, enough) and np.median(shares) > 0.8)


def cell_totals(linear: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    """Sum of each cell that is not empty."""
    totals = np.asarray(linear.sum(axis=1, dtype=np.float64)).ravel()
    return totals[totals > 0]
