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
# Scores that differ by no more are the same in practice: nobody would notice.
NEGLIGIBLE = 0.02


class TTest(NamedTuple):
    """Mean of differences over folds, with a 95 % interval and a two-sided p value.

    Fewer than two folds: `low`, `high`, `p` and `error` are NaN, and there is no verdict. The same
    difference in all folds, and not 0: there is no spread to test it against, and `low`, `high` and
    `p` are NaN. `n_apart` is in how many cells per repeat the calls of two methods differ, where
    that is known; `error` is the corrected standard error of the mean.
    """

    mean: float
    low: float
    high: float
    p: float
    n_folds: int
    n_apart: float = math.inf
    error: float = math.nan

    @property
    def can_tell(self) -> bool:
        """Whether there were folds enough to say anything."""
        return self.n_folds >= 2

    @property
    def has_spread(self) -> bool:
        """Whether there is an interval, and not the same difference in every fold."""
        return math.isfinite(self.low)

    @property
    def is_beyond_noise(self) -> bool:
        """Whether the mean is more than one standard error from 0, and more than anyone notices.

        That is less than :attr:`is_clear` asks for: reason enough to prefer what is ahead, and no
        proof that it is.
        """
        return abs(self.mean) > max(self.error, NEGLIGIBLE) if self.can_tell else False

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out, and not because of a handful of cells.

        F1 of few rare cells takes few values, and is by chance the same in every fold. A sign test
        on fewer than six cells cannot reach 5 %, whichever way they point.
        """
        return (self.low > 0 or self.high < 0) and self.n_apart >= ENOUGH_CELLS


def corrected_t_test(
    differences: npt.ArrayLike,
    test_train_ratio: float,
    *,
    level: float = 0.95,
    mean: float | None = None,
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
    mean : float or None
        Difference over all folds together, where that is not the mean of `differences`.

    Returns
    -------
    TTest

    Notes
    -----
    Folds share most of their training cells, so that the ordinary test takes their differences
    for more independent than they are. Here the variance of the mean is (1/J + n_test/n_train) s²
    for J folds with variance s², with J − 1 degrees of freedom. When all differences are equal
    there is no spread to judge by: at 0 the interval is 0 and p is 1; else there is neither.

    References
    ----------
    Nadeau, Bengio: Inference for the generalization error. Machine Learning 52:239 (2003),
    DOI 10.1023/A:1024068626366.

    Bouckaert, Frank: Evaluating the replicability of significance tests for comparing learning
    algorithms. PAKDD (2004), DOI 10.1007/978-3-540-24775-3_3.

    Examples
    --------
    >>> found = corrected_t_test([0.1, 0.2, 0.3], 0.25)
    >>> round(found.error, 4), round(found.p, 4)
    (0.0764, 0.1201)
    """
    # Rounding keeps equal scores at 0, however they came about.
    values = np.round(np.asarray(differences, dtype=float), 12)
    n = len(values)
    if mean is None:
        mean = float(values.mean()) if n else math.nan
    mean = float(np.round(mean, 12))
    if n < 2:
        return TTest(mean, math.nan, math.nan, math.nan, n)
    error = math.sqrt((1 / n + test_train_ratio) * float(np.var(values, ddof=1)))
    # What rounding leaves of a spread is none.
    if error < 1e-12:
        low, high, p = (0.0, 0.0, 1.0) if mean == 0 else (math.nan,) * 3
        return TTest(mean, low, high, p, n, error=0.0)
    half = float(student.ppf((1 + level) / 2, n - 1)) * error
    p = 2 * float(student.sf(abs(mean) / error, n - 1))
    return TTest(mean, mean - half, mean + half, p, n, error=error)


def corrected_interval(
    centre: float, values: npt.ArrayLike, test_train_ratio: float
) -> tuple[float, float]:
    """Corrected resampled t interval of a score, 0–1, from its spread over folds.

    Parameters
    ----------
    centre : float
        The score over all folds together.
    values : array of shape (n_folds,)
        The score's pseudo-value of every fold; NaN where a fold has none.
    test_train_ratio : float
        As in :func:`corrected_t_test`.

    Returns
    -------
    low, high : float
        95 % interval around `centre`, cut at 0 and 1; NaN from fewer than two folds, and where all
        folds are alike, which is no proof that others would be.
    """
    values = np.asarray(values, dtype=float)
    found = corrected_t_test(values[np.isfinite(values)], test_train_ratio, mean=centre)
    return float(np.clip(found.low, 0, 1)), float(np.clip(found.high, 0, 1))


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
