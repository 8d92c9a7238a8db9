"""How frequent the rare type is in the query, as the calls have it, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from core.spread import binomial_interval

__all__ = ["CalledShare", "called_share", "counted_share"]


@dataclass(frozen=True)
class CalledShare:
    """Share of the rare type among the query's cells, by its calls.

    Parameters
    ----------
    share : float
        Called cells per cell, 0–1.
    low, high : float
        Interval, 0–1: what chance makes of the cells that would be called with a stricter
        threshold, and of those that would be with a more generous one.
    n_sure, n_called, n_possible : int
        Cells called with the stricter, the actual and the more generous threshold.
    """

    share: float
    low: float
    high: float
    n_sure: int
    n_called: int
    n_possible: int

    def withdrawn(self) -> CalledShare:
        """The same where the called cells are not the rare type: none is, some are possible."""
        return replace(self, share=0.0, low=0.0, n_sure=0, n_called=0)


def counted_share(n_called: int, n_cells: int) -> CalledShare:
    """Share by calls that no threshold decided: the interval is that of chance alone."""
    low, high = binomial_interval(n_called, n_cells)
    return CalledShare(n_called / n_cells, low, high, n_called, n_called, n_called)


def called_share(
    scores: npt.NDArray[np.float64], threshold: float, *, width: float = 0.1
) -> CalledShare:
    """Estimate the share of the rare type from calls, with what is doubtful in the interval.

    The probabilities of another study's cells are not calibrated, so that the estimate by label
    shift (:func:`core.transfer.estimate_share`), which relies on them, missed most of the rare
    cells of the studies that it was tried on. Calls do not depend on them.

    Parameters
    ----------
    scores : array of shape (n_cells,)
        Final scores, 0–1.
    threshold : float
        0–1.
    width : float
        How much the stricter and the more generous threshold differ from it; the latter is never
        below half of it.

    Returns
    -------
    CalledShare
        Low and high are ends of exact 95 % intervals (Clopper–Pearson).

    Examples
    --------
    >>> import numpy as np
    >>> found = called_share(np.array([0.9, 0.5, 0.41, 0.0]), 0.5)
    >>> found.n_sure, found.n_called, found.n_possible
    (1, 2, 3)
    """
    n_cells = len(scores)
    generous = max(threshold - width, threshold / 2)
    counts = [int((scores >= value).sum()) for value in (threshold + width, threshold, generous)]
    low = binomial_interval(counts[0], n_cells)[0]
    high = binomial_interval(counts[2], n_cells)[1]
    return CalledShare(counts[1] / n_cells, low, high, *counts)
