"""Tell raw counts, log-normalised and scaled values apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

__all__ = [
    "TARGET_SUM",
    "ScaleVerdict",
    "common_total",
    "is_log1p_cp10k",
    "log1p_cp10k",
    "recognise_scale",
]

TARGET_SUM = 1e4
# log1p of counts per million is 13.8 for a cell with one single expressed gene: nothing
# log-normalised lies above, while linear values of real cells practically always do.
_LARGEST_LOG = 14.0
_ENOUGH_TO_TELL = 20

Kind = Literal["counts", "log1p", "linear", "scaled", "invalid", "zero", "text"]


@dataclass(frozen=True)
class ScaleVerdict:
    """What a matrix holds.

    Parameters
    ----------
    kind : str
        ``"counts"`` (whole numbers), ``"log1p"`` (non-negative, small, not whole), ``"linear"``
        (non-negative, large, not whole: normalised or corrected but not logged), ``"scaled"``
        (negative values), ``"invalid"`` (NaN or infinite values), ``"zero"`` or ``"text"`` (no
        real numbers at all).
    largest : float
        Largest finite value.
    """

    kind: Kind
    largest: float


def recognise_scale(matrix: sparse.spmatrix | npt.NDArray[np.number]) -> ScaleVerdict:
    """Recognise the scale of an expression matrix from its values.

    Parameters
    ----------
    matrix : sparse matrix or array of shape (n_cells, n_genes)
        Expression values.

    Returns
    -------
    ScaleVerdict
    """
    values = matrix.data if sparse.issparse(matrix) else np.asarray(matrix).ravel()
    values = np.asarray(values)
    if values.dtype.kind not in "iufb":
        return ScaleVerdict("text", float("nan"))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        return ScaleVerdict("invalid", float("nan"))
    if values.size == 0 or not values.any():
        return ScaleVerdict("zero", 0.0)
    largest = float(values.max())
    if values.min() < 0:
        return ScaleVerdict("scaled", largest)
    if values.dtype.kind in "iub" or bool((values == np.rint(values)).all()):
        return ScaleVerdict("counts", largest)
    return ScaleVerdict("log1p" if largest <= _LARGEST_LOG else "linear", largest)


def is_log1p_cp10k(matrix: sparse.spmatrix | npt.NDArray[np.number]) -> bool:
    """Whether log1p values are those of counts per 10,000 over just the genes of `matrix`."""
    return bool(np.isclose(np.median(_linear_totals(matrix)), TARGET_SUM, rtol=0.01))


def common_total(matrix: sparse.spmatrix | npt.NDArray[np.number]) -> float | None:
    """Total to which every cell of a log1p matrix was normalised over just these genes.

    Parameters
    ----------
    matrix : sparse matrix or array of shape (n_cells, n_genes)
        log1p values.

    Returns
    -------
    float or None
        For example 1e6 for counts per million. ``None`` when the totals differ, as they do where
        genes were left out after the normalisation, or when there are too few cells to tell.
    """
    totals = _linear_totals(matrix)
    if len(totals) < _ENOUGH_TO_TELL:
        return None
    low, middle, high = np.percentile(totals, [1, 50, 99])
    return float(middle) if high - low < 0.01 * middle else None


def _linear_totals(matrix: sparse.spmatrix | npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    linear = sparse.csr_matrix(matrix, dtype=np.float32).expm1()
    totals = np.asarray(linear.sum(axis=1, dtype=np.float64)).ravel()
    return totals[totals > 0]


def log1p_cp10k(
    values: npt.NDArray[np.float32], totals: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Counts to log1p of counts per 10,000.

    Parameters
    ----------
    values : array of shape (n,)
        Counts.
    totals : array of shape (n,)
        Total counts, over all genes, of the cell that each value belongs to. Cells without
        counts stay at zero.

    Returns
    -------
    array of shape (n,), float32
        ``log1p(values / totals * 10,000)``.
    """
    factor = np.divide(TARGET_SUM, totals, out=np.zeros_like(totals), where=totals > 0)
    return np.log1p(values * factor).astype(np.float32)
