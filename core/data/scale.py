"""Tell raw counts, normalised, log-normalised and scaled values apart.

Counts are whole. Log-normalised values betray themselves once the logarithm is undone: the values
of every cell then add up to one common total, or, where genes were left out afterwards, are whole
multiples of the smallest one, because they were counts. The same holds for other logarithms, and
for values that were logged twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from core.data.checking.evidence import are_multiples, are_whole, cell_totals, common_total
from core.data.checking.matrices import Matrix, blocks_of_values, native, sample_of_cells

__all__ = [
    "TARGET_SUM",
    "ScaleVerdict",
    "is_log1p_cp10k",
    "log1p_cp10k",
    "recognise_scale",
]

TARGET_SUM = 1e4
# log1p of counts per million is 13.8 for a cell with one single expressed gene: nothing
# log-normalised lies above, while linear values of real cells practically always do.
_LARGEST_LOG = 14.0
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)

Kind = Literal["counts", "log1p", "linear", "scaled", "invalid", "zero", "text"]


@dataclass(frozen=True)
class ScaleVerdict:
    """What a matrix holds.

    Parameters
    ----------
    kind : str
        ``"counts"`` (whole numbers), ``"log1p"`` (non-negative, small, not whole), ``"linear"``
        (non-negative, large, not whole: normalised or corrected but not logged), ``"scaled"``
        (negative values), ``"invalid"`` (NaN, infinite or beyond float32), ``"zero"`` or ``"text"``
        (no real numbers at all).
    largest : float
        Largest finite value.
    evidence : {"whole", "total", "counts", "multiples", ""}
        How it was told: whole numbers; a common total of all cells; whole numbers once the
        logarithm is undone; whole multiples within each cell; empty when by the size of the values
        alone.
    total : float or None
        Common total of the cells, on a linear scale.
    base : float
        Of the logarithm.
    times_logged : int
        1, or 2 when the logarithm was taken twice.
    """

    kind: Kind
    largest: float
    evidence: str = ""
    total: float | None = None
    base: float = math.e
    times_logged: int = 1

    @property
    def reason(self) -> str:
        """One sentence on how the scale was told and how sure that is; empty for the unusable."""
        if self.kind == "counts":
            largest = f"{self.largest:,.0f}"
            return f"Sure: every value is a whole number, the largest {largest}."
        if self.kind not in ("log1p", "linear"):
            return ""
        undone = "" if self.kind == "linear" else f"{self._logarithm} undone, "
        if self.evidence == "total":
            total = f"{self.total:,.0f}" if self.total >= 100 else f"{self.total:.3g}"
            return f"Sure: {undone}the values of every cell add up to {total}."
        if self.evidence == "counts":
            return f"Sure: {undone}every value is a whole number."
        if self.evidence == "multiples":
            return (
                f"Sure: {undone}the values of each cell are whole multiples of one unit, as "
                "normalised counts are."
            )
        if self.kind == "linear":
            return f"Likely: values are not whole, and too large for logged ones ({self._largest})."
        return (
            f"Not sure: values are not whole and small ({self._largest}), but do not come from "
            "counts by any usual logarithm."
        )

    @property
    def _largest(self) -> str:
        return f"up to {self.largest:,.4g}"

    @property
    def _logarithm(self) -> str:
        if self.times_logged == 2:
            return "with the logarithm taken twice and"
        return "with the logarithm" + ("" if self.base == math.e else f" to base {self.base:g}")


def recognise_scale(matrix: Matrix) -> ScaleVerdict:
    """Recognise the scale of an expression matrix from its values.

    Parameters
    ----------
    matrix : sparse matrix or array of shape (n_cells, n_genes)
        Expression values of any type.

    Returns
    -------
    ScaleVerdict

    Examples
    --------
    >>> recognise_scale(np.array([[0, 3], [1, 2]])).kind
    'counts'
    """
    matrix = matrix if sparse.issparse(matrix) else np.asarray(matrix)
    if matrix.dtype.kind not in "iufb":
        return ScaleVerdict("text", float("nan"))
    smallest, largest, is_whole, is_finite = 0.0, 0.0, True, True
    for values in blocks_of_values(matrix):
        smallest = min(smallest, float(values.min()))
        largest = max(largest, float(values.max()))
        if values.dtype.kind == "f":
            # A NaN makes the smallest and largest of its block NaN, which min() and max() drop.
            is_finite = is_finite and bool(np.isfinite(values).all())
            is_whole = is_whole and bool((values == np.rint(values)).all())
    if not is_finite or largest > _LARGEST_FLOAT32:
        return ScaleVerdict("invalid", float("nan"))
    if smallest < 0:
        return ScaleVerdict("scaled", largest)
    if largest == 0:
        return ScaleVerdict("zero", 0.0)
    if is_whole:
        return ScaleVerdict("counts", largest, "whole")
    return _recognise_fractions(sample_of_cells(native(matrix)), largest)


def _recognise_fractions(sample: sparse.csr_matrix, largest: float) -> ScaleVerdict:
    """Try the usual ways to take a logarithm, the commonest first."""
    plain = ScaleVerdict("linear", largest)
    ways = [
        plain,
        ScaleVerdict("log1p", largest),
        ScaleVerdict("log1p", largest, base=2.0),
        ScaleVerdict("log1p", largest, base=10.0),
        ScaleVerdict("log1p", largest, times_logged=2),
    ]
    undone = [(way, _undone(sample, way)) for way in ways if _is_possible(way)]
    totals = [(common_total(linear), way) for way, linear in undone]
    agreeing = [(found, way) for found, way in totals if found is not None]
    if agreeing:
        # Of cells that are alike, other scales nearly agree too; the true one does to the digit.
        found, way = min(agreeing, key=lambda each: each[0].spread)
        return replace(way, evidence="total", total=found.total)
    if largest < 1 and are_multiples(sample):  # shares of the cell; log1p hardly bends these
        return replace(plain, evidence="multiples")
    for way, linear in undone[1:]:
        if are_whole(linear):
            return replace(way, evidence="counts")
        if are_multiples(linear):
            return replace(way, evidence="multiples")
    if largest <= _LARGEST_LOG:
        return ScaleVerdict("log1p", largest)
    return replace(plain, evidence="multiples") if are_multiples(sample) else plain


def _is_possible(way: ScaleVerdict) -> bool:
    """Whether the largest value can have come about in this way."""
    if way.kind == "linear":
        return True
    once = way.largest * math.log(way.base)
    if once > _LARGEST_LOG or way.times_logged == 1:
        return once <= _LARGEST_LOG
    return math.expm1(once) <= _LARGEST_LOG


def _undone(sample: sparse.csr_matrix, way: ScaleVerdict) -> sparse.csr_matrix:
    if way.kind == "linear":
        return sample
    return sparse.csr_matrix(
        (undo_log(sample.data, way), sample.indices, sample.indptr), shape=sample.shape
    )


def undo_log(values: npt.NDArray[np.floating], way: ScaleVerdict) -> npt.NDArray[np.floating]:
    """Values on a linear scale, from those on the scale of a verdict."""
    values = np.expm1(values * math.log(way.base))
    return values if way.times_logged == 1 else np.expm1(values)


def is_log1p_cp10k(matrix: Matrix) -> bool:
    """Whether log1p values are those of counts per 10,000 over just the genes of `matrix`."""
    totals = cell_totals(sample_of_cells(native(matrix)).expm1())
    return bool(np.isclose(np.median(totals), TARGET_SUM, rtol=0.01))


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
