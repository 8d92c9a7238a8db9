"""How far a score may lie from the truth: exact binomial and corrected resampled t intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import beta
from scipy.stats import t as student

__all__ = [
    "TTest",
    "average_precision_interval",
    "binomial_interval",
    "corrected_interval",
    "corrected_t_test",
]


ENOUGH_CELLS = 6


class TTest(NamedTuple):
    """Mean of differences over folds, with a 95 % interval and a two-sided p value.

    Fewer than two folds: `low`, `high` and `p` are NaN, and there is no verdict. `n_apart` is in
    how many cells per repeat the calls of two methods differ, where that is known.
    """

    mean: float
    low: float
    high: float
    p: float
    n_folds: int
    n_apart: float = math.inf

    @property
    def can_tell(self) -> bool:
        """Whether there were folds enough to say anything."""
        return self.n_folds >= 2

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out, and not because of a handful of cells.

        F1 of few rare cells takes few values, and is by chance the same in every fold. A sign test
        on fewer than six cells cannot reach 5 %, whichever way they point.
        """
        return (self.low > 0 or self.high < 0) and self.n_apart >= ENOUGH_CELLS


def corrected_t_test(
    differences: npt.ArrayLike, test_train_ratio: float, *, level: float = 0.95
) -> TTest:
    """Test whether the mean of differences over folds is 0, whose training cells overlap.

    Parameters
    ----------
    differences : array of shape (n_folds,)
        One method's score minus another's, over the same folds of all repeats.
    test_train_ratio : float
        Test cells per training cell of a fold, above 0: 1/4 with five folds.
    level : float
        Coverage of the interval, 0–1.

    Returns
    -------
    TTest

    Notes
    -----
    Folds share most of their training cells, so that the ordinary test takes their differences
    for more independent than they are. Here the variance of the mean is (1/J + n_test/n_train) s²
    for J folds with variance s², with J − 1 degrees of freedom. When all differences are equal
    there is no spread to judge by: the interval is that one value, and p is 1 at 0 and else 0.

    References
    ----------
    Nadeau, Bengio: Inference for the generalization error. Machine Learning 52:239 (2003),
    DOI 10.1023/A:1024068626366.

    Bouckaert, Frank: Evaluating the replicability of significance tests for comparing learning
    algorithms. PAKDD (2004), DOI 10.1007/978-3-540-24775-3_3.

    Examples
    --------
    >>> corrected_t_test([0.2, 0.2, 0.2], 0.25)
    TTest(mean=0.2, low=0.2, high=0.2, p=0.0, n_folds=3, n_apart=inf)
    """
    # Rounding keeps equal scores at 0, however they came about.
    values = np.round(np.asarray(differences, dtype=float), 12)
    n = len(values)
    mean = float(np.round(values.mean(), 12)) if n else math.nan
    if n < 2:
        return TTest(mean, math.nan, math.nan, math.nan, n)
    error = math.sqrt((1 / n + test_train_ratio) * float(np.var(values, ddof=1)))
    # What rounding leaves of a spread is none.
    if error < 1e-12:
        return TTest(mean, mean, mean, float(mean == 0), n)
    half = float(student.ppf((1 + level) / 2, n - 1)) * error
    p = 2 * float(student.sf(abs(mean) / error, n - 1))
    return TTest(mean, mean - half, mean + half, p, n)


def corrected_interval(
    centre: float, values: npt.ArrayLike, test_train_ratio: float
) -> tuple[float, float]:
    """Corrected resampled t interval of a score, 0–1, from its spread over folds.

    Parameters
    ----------
    centre : float
        The score over all folds, whose counts are pooled; the mean over folds, each of which has
        few rare cells, may be another number.
    values : array of shape (n_folds,)
        The score of every fold; NaN where a fold has none.
    test_train_ratio : float
        As in :func:`corrected_t_test`.

    Returns
    -------
    low, high : float
        95 % interval around `centre`, cut at 0 and 1; NaN from fewer than two folds.
    """
    values = np.asarray(values, dtype=float)
    found = corrected_t_test(values[np.isfinite(values)], test_train_ratio)
    low, high = centre + found.low - found.mean, centre + found.high - found.mean
    return float(np.clip(low, 0, 1)), float(np.clip(high, 0, 1))


def binomial_interval(hits: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Clopper–Pearson interval of a share, exact for independent trials.

    Parameters
    ----------
    hits, n : float
        Successes and trials; means over repeats need not be whole numbers.
    level : float
        Coverage, 0–1.

    Returns
    -------
    low, high : float
        Between 0 and 1; (0, 1) when there were no trials.

    References
    ----------
    Clopper, Pearson: The use of confidence or fiducial limits. Biometrika 26:404 (1934),
    DOI 10.1093/biomet/26.4.404.
    """
    tail = (1 - level) / 2
    low = beta.ppf(tail, hits, n - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def average_precision_interval(average: float, n_rare: int) -> tuple[float, float]:
    """Approximate 95 % interval of an average precision: that of a share of the rare cells.

    Parameters
    ----------
    average : float
        Average precision, 0–1; NaN where there is none.
    n_rare : int
        Different rare cells behind it.

    Returns
    -------
    low, high : float
        Between 0 and 1; (0, 1) when nothing is known.

    Notes
    -----
    The binomial interval of Boyd et al., here in its exact form, which holds at 1 as well.

    References
    ----------
    Boyd, Eng, Page: Area under the precision-recall curve: point estimates and confidence
    intervals. ECML PKDD (2013), DOI 10.1007/978-3-642-40994-3_29.
    """
    if not math.isfinite(average):
        return 0.0, 1.0
    return binomial_interval(average * n_rare, n_rare)
