"""What calls on cells of known type mean for a query: how many are found, how many are wrong."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from core.config_checks import is_number, require
from core.spread import binomial_interval

__all__ = ["Counts", "QueryOutlook", "in_query"]


class Counts(NamedTuple):
    """Calls on cells of known type; means over repeats need not be whole numbers."""

    tp: float
    fp: float
    n_rare: float
    n_other: float


class _HasCounts(Protocol):
    @property
    def tp(self) -> float: ...
    @property
    def fp(self) -> float: ...
    @property
    def n_rare(self) -> float: ...
    @property
    def n_other(self) -> float: ...


class QueryOutlook(NamedTuple):
    """What calls may be expected to be in a query; ``…_low`` and ``…_high`` bound each of them.

    Parameters
    ----------
    n_cells, n_rare : float
        Cells of the query, and rare ones among them at the frequency assumed.
    found, false_calls : float
        Rare cells that are called, and others that are.
    precision : float
        Share of rare cells among the called ones, 0–1; NaN when none is called.
    """

    n_cells: float
    n_rare: float
    found: float
    found_low: float
    found_high: float
    false_calls: float
    false_calls_low: float
    false_calls_high: float
    precision: float
    precision_low: float
    precision_high: float


def in_query(
    counts: _HasCounts, *, frequency: float, n_cells: float = 10_000, times: float = 1.0
) -> QueryOutlook:
    """Say what calls would be in a query whose cells are like the reference's.

    Parameters
    ----------
    counts : Counts or Threshold
        Calls on cells that the models had not seen.
    frequency : float
        Share of rare cells in the query, 0–1.
    n_cells : float
        Cells of the query.
    times : float
        How often each cell is among `counts`: intervals rest on the number of different cells.

    Returns
    -------
    QueryOutlook

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for a frequency out of its range.

    Notes
    -----
    Bounds come from the exact 95 % intervals of recall and of the false-positive rate, so that no
    false call among 500 cells is not taken for none ever. The precision is bounded by the worst of
    both together and the best of both together. They know of chance alone, not of another lab's
    tissue, chemistry or batch.

    Examples
    --------
    >>> in_query(Counts(9, 1, 10, 500), frequency=0.01).found
    90.0
    """
    ok = is_number(frequency) and 0 <= frequency <= 1
    require(ok, "frequency", "a number from 0 to 1", frequency)
    n_rare = n_cells * frequency
    n_other = n_cells - n_rare
    found = [n_rare * share for share in _rate(counts.tp, counts.n_rare, times)]
    wrong = [n_other * share for share in _rate(counts.fp, counts.n_other, times)]
    precision = [
        hit / (hit + miss) if hit + miss else np.nan
        for hit, miss in ((found[0], wrong[0]), (found[1], wrong[2]), (found[2], wrong[1]))
    ]
    return QueryOutlook(float(n_cells), n_rare, *found, *wrong, *precision)


def _rate(hits: float, n: float, times: float) -> tuple[float, float, float]:
    return (hits / n if n else 0.0, *binomial_interval(hits / times, n / times))
