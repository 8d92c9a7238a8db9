"""Scores as probabilities: shifted to how rare the type is, and checked against what was found."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.config_checks import is_number, require
from core.spread import binomial_interval

__all__ = [
    "Brier",
    "brier_score",
    "expected_calibration_error",
    "reliability",
    "shift_prior",
]

Truth = npt.NDArray[np.bool_]
Probabilities = npt.NDArray[np.float64]


def shift_prior(
    scores: Probabilities, *, trained_share: float | Probabilities, share: float
) -> Probabilities:
    """Turn scores of a classifier trained on many rare cells into probabilities where few are.

    Parameters
    ----------
    scores : array of shape (n_scores,)
        Probability of the rare type, 0–1, by a classifier that saw rare cells more often.
    trained_share : float or array of shape (n_scores,)
        Share of rare cells (synthetic ones and weights included) it was fitted with, above 0 and
        below 1. Where it is NaN, that is not known, and scores are kept as they are.
    share : float
        Share of rare cells where the scores are to be read, above 0 and below 1.

    Returns
    -------
    array of shape (n_scores,)
        0–1; the order of scores that were made with one `trained_share` is kept, and 0 and 1 stay.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for a share out of its range.

    Notes
    -----
    The odds are multiplied by the odds of `share` over those of `trained_share`, which is a shift
    of the log-odds. This is Bayes' theorem as long as oversampling changes how many rare cells
    there are and not what they look like; synthetic cells are not drawn from the true distribution,
    so that the result needs to be checked (:func:`reliability`).

    References
    ----------
    Saerens, Latinne, Decaestecker: Adjusting the outputs of a classifier to new a priori
    probabilities. Neural Computation 14:21 (2002), DOI 10.1162/089976602753284446.

    Elkan: The foundations of cost-sensitive learning. IJCAI (2001), 973–978.

    Examples
    --------
    >>> import numpy as np
    >>> shift_prior(np.array([0.5, 0.99]), trained_share=0.5, share=0.02).round(3)
    array([0.02 , 0.669])
    """
    scores, trained = np.asarray(scores, dtype=float), np.asarray(trained_share, dtype=float)
    ok = is_number(share) and 0 < share < 1
    require(ok, "share", "a number above 0 and below 1", share)
    known = trained[np.isfinite(trained)]
    inside = bool(np.all((known > 0) & (known < 1)))
    require(inside, "trained_share", "above 0 and below 1, or NaN", trained_share)
    rare = scores * share / trained
    other = (1 - scores) * (1 - share) / (1 - trained)
    return np.where(np.isfinite(trained), rare / (rare + other), scores)


def reliability(
    is_rare: Truth, probabilities: Probabilities, *, n_bins: int = 10, times: float = 1.0
) -> pd.DataFrame:
    """Compare probabilities with how often cells that have them are rare.

    Parameters
    ----------
    is_rare : bool array of shape (n_scores,)
        Truth.
    probabilities : array of shape (n_scores,)
        0–1.
    n_bins : int
        Most bins, 2 or more.
    times : float
        How often each cell comes, once per repeat: intervals rest on different cells.

    Returns
    -------
    DataFrame
        One row per bin, from low to high: `low` and `high`, the lowest and highest probability in
        it; `predicted`, their mean; `observed`, the share of rare cells, with the exact 95 %
        interval `observed_low` to `observed_high`; `n` and `n_rare`, scores and rare ones.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when there are no cells, or fewer than 2 bins.

    Notes
    -----
    Of a rare type nearly all cells have a probability close to 0. Bins of equal width would be
    empty but for the first, and bins of equally many cells would put all rare ones into the last.
    Here every bin holds about the same *sum of probabilities*, that is as many rare cells as any
    other if the probabilities are right. Of the truth, only the number of rare
    cells has a say in the borders, else it would bend the
    curve; equal probabilities stay together. With few rare cells there are fewer bins, one for two
    different rare cells and never less than two.
    """
    require(len(is_rare) > 0, "is_rare", "of at least one cell", len(is_rare))
    require(n_bins >= 2, "n_bins", "2 or more", n_bins)
    n_bins = min(n_bins, max(2, int(is_rare.sum() / times) // 2))
    values, which, cells = np.unique(probabilities, return_inverse=True, return_counts=True)
    weight = values * cells
    # Where the middle of each group of equal probabilities lies within the sum of all.
    middle = (np.cumsum(weight) - weight / 2) / (weight.sum() or 1.0)
    bins = np.minimum(middle * n_bins, n_bins - 1).astype(int)[which]
    scores = pd.DataFrame({"probability": probabilities, "is_rare": is_rare})
    rows = [_bin(mine, times) for _, mine in scores.groupby(bins)]
    return pd.DataFrame(rows)


def _bin(mine: pd.DataFrame, times: float) -> dict[str, float]:
    probability, n_rare, n = mine["probability"], int(mine["is_rare"].sum()), len(mine)
    low, high = binomial_interval(n_rare / times, n / times)
    return {
        "low": probability.min(),
        "high": probability.max(),
        "predicted": probability.mean(),
        "observed": n_rare / n,
        "observed_low": low,
        "observed_high": high,
        "n": n,
        "n_rare": n_rare,
    }


class Brier(NamedTuple):
    """Mean squared error of probabilities, and that of always saying the prevalence; each 0–1."""

    value: float
    reference: float

    @property
    def skill(self) -> float:
        """Share of the reference's error that is gone: 1 is perfect, below 0 is worse than it."""
        return 1 - self.value / self.reference if self.reference else float("nan")


def brier_score(is_rare: Truth, probabilities: Probabilities) -> Brier:
    """Mean squared difference between probabilities (0–1) and truth, with its reference.

    References
    ----------
    Brier: Verification of forecasts expressed in terms of probability. Monthly Weather Review 78:1
    (1950), DOI 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    """
    prevalence = float(np.mean(is_rare))
    error = float(np.mean((np.asarray(probabilities) - is_rare) ** 2))
    return Brier(error, prevalence * (1 - prevalence))


def expected_calibration_error(table: pd.DataFrame) -> float:
    """Mean distance (0–1) between predicted and observed share, every cell counting once.

    Of a rare type it is small whatever happens, as most cells are far from it: read it beside the
    prevalence.

    Parameters
    ----------
    table : DataFrame
        Of :func:`reliability`.

    References
    ----------
    Naeini, Cooper, Hauskrecht: Obtaining well calibrated probabilities using Bayesian binning. AAAI
    (2015), DOI 10.1609/aaai.v29i1.9602.
    """
    distance = (table["predicted"] - table["observed"]).abs()
    return float(np.average(distance, weights=table["n"]))
