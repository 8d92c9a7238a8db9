"""What betrays how values were made: one total for all cells, whole multiples, their spread."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

__all__ = [
    "CommonTotal",
    "are_whole",
    "cell_totals",
    "common_total",
    "is_round",
    "looks_logged",
    "miss_of_multiples",
    "share_a_floor",
]

_ENOUGH_TO_TELL = 20
_ROUNDING = 1e-4


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
        normalisation. Fewer than 20 cells have to agree but for rounding, and to tell anything, a
        pair of cells or a single one must add up to 100, 1,000, …
    """
    totals = cell_totals(linear)
    if not totals.size:
        return None
    are_many = totals.size >= _ENOUGH_TO_TELL
    low, middle, high = np.percentile(totals, [1, 50, 99] if are_many else [0, 50, 100])
    spread = float((high - low) / middle)
    if spread >= (0.01 if are_many else _ROUNDING):
        return None
    return CommonTotal(float(middle), spread) if totals.size > 2 or is_round(middle) else None


def is_round(total: float) -> bool:
    """Whether cells are usually normalised to such a total: 100, 1,000 and so on."""
    power = 10.0 ** np.rint(np.log10(total))
    return bool(power >= 100 and abs(total / power - 1) < _ROUNDING)


def are_whole(linear: sparse.csr_matrix) -> bool:
    """Whether these are counts, but for the rounding of a logarithm in single precision."""
    values = linear.data[linear.data < 1000]
    n_different = np.unique(np.rint(values)).size
    return n_different >= 3 and bool((np.abs(values - np.rint(values)) < 0.02).all())


def miss_of_multiples(linear: sparse.csr_matrix) -> float | None:
    """How far the values of a typical cell are from whole multiples of its smallest one.

    Only small multiples tell anything: by chance one in ten values is that near to a whole number,
    among counts all are. Cells whose smallest count is not 1 miss a part, so the median is asked.

    Returns
    -------
    float or None
        In units of the smallest value; ``None`` where they are no multiples.
    """
    shares, misses = [], []
    for start, stop in zip(linear.indptr[:-1], linear.indptr[1:], strict=True):
        values = linear.data[start:stop]
        values = values[values > 0]
        if not values.size:
            continue
        ratios = values / values.min()
        ratios = ratios[(ratios > 1.2) & (ratios < 8.5)]
        if ratios.size >= 5:
            off = np.abs(ratios - np.rint(ratios))
            # Without a 2 these are no counts but, for example, counts + 0.5: 1, 3, 5, … halves.
            shares.append(np.mean(off < 0.05) if (np.rint(ratios) == 2).any() else 0.0)
            misses.append(np.mean(off))
    enough = sum(linear.getnnz(axis=1) > 0) / 4
    if len(shares) < max(1, enough) or np.median(shares) <= 0.8:
        return None
    return float(np.median(misses))


def looks_logged(sample: sparse.csr_matrix) -> bool | None:
    """Whether the values above zero are spread evenly, as logarithms are.

    Counts, however corrected, have a long tail: their skewness is 2 to 80 in real cells, that of
    their logarithms at most 1.7.

    Returns
    -------
    bool or None
        ``None`` when there are too few values to tell.
    """
    values = sample.data[sample.data > 0]
    if values.size < _ENOUGH_TO_TELL:
        return None
    centred = values - values.mean()
    deviation = float(np.sqrt((centred**2).mean()))
    return deviation == 0 or bool((centred**3).mean() < 2 * deviation**3)


def share_a_floor(sample: sparse.csr_matrix, smallest: float) -> bool:
    """Whether every cell has the smallest value of all, and on the whole more than once."""
    n_cells, n_genes = sample.shape
    if sample.nnz <= n_cells * n_genes / 2:
        return False
    lowest = sample.min(axis=1).toarray()
    tolerance = 1e-6 * abs(smallest)
    n_lowest = int((sample.data <= smallest + tolerance).sum())
    return bool((lowest <= smallest + tolerance).all()) and n_lowest >= 2 * n_cells


def cell_totals(linear: sparse.csr_matrix) -> npt.NDArray[np.float64]:
    """Sum of each cell that is not empty."""
    totals = np.asarray(linear.sum(axis=1, dtype=np.float64)).ravel()
    return totals[totals > 0]
