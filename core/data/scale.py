"""Tell raw counts, normalised, log-normalised and scaled values apart.

Counts are whole. Log-normalised values betray themselves once the logarithm is undone: the values
of every cell then add up to one common total, or, where genes were left out afterwards, are whole
multiples of the smallest one, because they were counts. The same holds for other logarithms, for
values that were logged twice, and for those to which less than 1 was added before. Where nothing
tells, the likeliest is named, and the user has the last word.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import sparse

from core.data.checking.evidence import (
    are_whole,
    cell_totals,
    common_total,
    is_round,
    looks_logged,
    miss_of_multiples,
    share_a_floor,
)
from core.data.checking.matrices import Matrix, blocks_of_values, native, sample_of_cells
from core.data.scale_verdict import ScaleVerdict

__all__ = [
    "TARGET_SUM",
    "is_log1p_cp10k",
    "log1p_cp10k",
    "recognise_scale",
    "undo_log",
]

TARGET_SUM = 1e4
# log1p of counts per million is 13.8 for a cell with one single expressed gene: nothing
# log-normalised lies above, while linear values of real cells practically always do. To base 2
# that is 20.2: in between, values may be logarithms to base 2 or not logged.
_LARGEST_LOG = 14.0
_LARGEST_LOG2 = _LARGEST_LOG / math.log(2)
_ROUNDING = 1e-4
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


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
        return _recognise_negative(sample_of_cells(native(matrix)), smallest, largest)
    if largest == 0:
        return ScaleVerdict("zero", 0.0)
    if is_whole:
        return ScaleVerdict("counts", largest, "whole")
    return _recognise_fractions(sample_of_cells(native(matrix)), largest)


def _recognise_negative(sample: sparse.csr_matrix, smallest: float, largest: float) -> ScaleVerdict:
    """Tell logarithms of x + 0.1 and the like, in which every zero is negative, from scaled."""
    scaled = ScaleVerdict("scaled", largest)
    if not share_a_floor(sample, smallest):
        return scaled
    ways = [
        ScaleVerdict("log1p", largest, base=base, pseudocount=base**smallest)
        for base in (math.e, 2.0, 10.0)
    ]
    dense = sample.toarray()
    undone = [(way, sparse.csr_matrix(undo_log(dense, way))) for way in ways if _is_possible(way)]
    return _tell(undone) or replace(scaled, evidence="floor")


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
    return _tell(undone) or _guess(sample, plain)


_Undone = list[tuple[ScaleVerdict, sparse.csr_matrix]]


def _tell(undone: _Undone) -> ScaleVerdict | None:
    """Find the way that leaves a common total, counts, or multiples of one unit."""
    told = _tell_by_total(undone)
    if told:
        return told
    for way, linear in undone:
        if way.kind != "linear" and are_whole(linear):
            return replace(way, evidence="counts")
    misses = [(miss_of_multiples(linear), way) for way, linear in undone]
    passed = [(miss, way) for miss, way in misses if miss is not None]
    if not passed:
        return None
    # Where counts are 1 and 2 alone, another logarithm bends little: the true one does not at all.
    return replace(min(passed, key=lambda each: each[0])[1], evidence="multiples")


def _tell_by_total(undone: _Undone) -> ScaleVerdict | None:
    totals = [(common_total(linear), way) for way, linear in undone]
    agreeing = [(found, way) for found, way in totals if found is not None]
    if not agreeing:
        return None
    # Of cells that are alike, other scales nearly agree too; the true one does to the digit. Where
    # the values of all cells are the same ones, as after quantile normalisation, every scale does.
    least = min(found.spread for found, _ in agreeing)
    best = [each for each in agreeing if each[0].spread <= max(_ROUNDING, 3 * least)]
    if len(best) > 1:
        best = [each for each in best if is_round(each[0].total)]
    if len(best) != 1:
        return None
    found, way = best[0]
    return replace(way, evidence="total", total=found.total)


def _guess(sample: sparse.csr_matrix, plain: ScaleVerdict) -> ScaleVerdict:
    """Name the likeliest scale, by size and spread, where nothing tells.

    Taking small values for log1p is a sensible default where they are spread like logarithms, or
    no value is zero (something was added to all, so that neither reading is exact): another
    logarithm would only stretch them. Whether values are logged at all, and the base above 14,
    changes every one of them: that stays open.
    """
    if plain.largest > _LARGEST_LOG2:
        return plain
    is_logged = looks_logged(sample)
    if plain.largest > _LARGEST_LOG:
        likely = ScaleVerdict("log1p", plain.largest, base=2.0) if is_logged else plain
        return replace(likely, is_open=True)
    has_zeros = sample.count_nonzero() < math.prod(sample.shape)
    if is_logged is not False or not has_zeros:
        return ScaleVerdict("log1p", plain.largest)
    return replace(plain, is_open=True)


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
    values = values * math.log(way.base)
    if way.pseudocount != 1:
        values = np.exp(values) - way.pseudocount
        return np.where(values < way.pseudocount * _ROUNDING, 0, values)
    values = np.expm1(values)
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
