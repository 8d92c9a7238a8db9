"""How many of the query's cells are rare, from probabilities alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import chi2

from core.config_checks import is_number, require

__all__ = ["ShareEstimate", "em_share", "estimate_share"]

Probabilities = npt.NDArray[np.float64]

# Nearer to 0 or 1 no probability is believed: one cell would rule out whole shares.
_CLIP = 1e-9
# How far the log likelihood may lie below its highest within the 95 % interval.
_DROP = float(chi2.ppf(0.95, df=1)) / 2


@dataclass(frozen=True, eq=False)
class ShareEstimate:
    """Share of the rare type among cells of unknown type.

    Parameters
    ----------
    share : float
        The most likely one, 0–1, both ends included.
    low, high : float
        95 % likelihood-ratio interval, within 0–1.
    probabilities : array of shape (n_cells,)
        Probability of each cell to be rare where that share of cells is, 0–1.
    """

    share: float
    low: float
    high: float
    probabilities: Probabilities


def estimate_share(probabilities: npt.ArrayLike, *, trained_share: float) -> ShareEstimate:
    """Find the share of rare cells that makes the probabilities of all cells most likely.

    Parameters
    ----------
    probabilities : array of shape (n_cells,)
        Of the rare type, 0–1, by a calibrated classifier; both ends are taken as 1e-9 off.
    trained_share : float
        Share of rare cells that it was fitted with, above 0 and below 1.

    Returns
    -------
    ShareEstimate
        When the cells say nothing, as each has the trained share for its probability or there are
        none: that share, and the interval 0–1.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for a share or probabilities out of their range.

    Notes
    -----
    By Bayes' theorem a probability p at the trained share t holds the likelihood ratio
    r = p (1 − t) / ((1 − p) t) of the two types. At a share π, the log likelihood of all cells is
    L(π) = Σ log(π r + 1 − π) up to a constant. It is a sum of concave functions, so that the root
    of its derivative is the only maximum, and without a root one of the ends is. The EM algorithm
    of Saerens et al. climbs to the same place (:func:`em_share`), slowly where types overlap. The
    interval holds every π with 2 (L(π̂) − L(π)) of at most 3.84, the 95 % quantile of χ² with one
    degree of freedom; near an end it covers rather more or less than 95 %.

    All of this takes the ratios for true: rare and other cells look in the query as they do in the
    reference, and the probabilities are calibrated. The interval knows of the number of cells only.

    References
    ----------
    Saerens, Latinne, Decaestecker: Adjusting the outputs of a classifier to new a priori
    probabilities. Neural Computation 14:21 (2002), DOI 10.1162/089976602753284446.

    Wilks: The large-sample distribution of the likelihood ratio for testing composite hypotheses.
    Annals of Mathematical Statistics 9:60 (1938), DOI 10.1214/aoms/1177732360.

    Examples
    --------
    >>> found = estimate_share([0.99, 0.01, 0.01, 0.01, 0.01], trained_share=0.5)
    >>> round(found.share, 3), round(found.low, 3), round(found.high, 3)
    (0.194, 0.003, 0.631)
    """
    ratios = _ratios(probabilities, trained_share)
    if np.allclose(ratios, 1, rtol=0, atol=1e-12):
        return ShareEstimate(float(trained_share), 0.0, 1.0, np.full(len(ratios), trained_share))

    def slope(share: float) -> float:
        return float(np.sum((ratios - 1) / _mixture(ratios, share)))

    if slope(0) <= 0:
        share = 0.0
    elif slope(1) >= 0:
        share = 1.0
    else:
        share = _root(slope, 0, 1)

    def log_likelihood(share: float) -> float:
        return float(np.sum(np.log(_mixture(ratios, share))))

    lowest = log_likelihood(share) - _DROP

    def above(share: float) -> float:
        return log_likelihood(share) - lowest

    low = 0.0 if above(0) >= 0 else _root(above, 0, share)
    high = 1.0 if above(1) >= 0 else _root(above, share, 1)
    return ShareEstimate(share, low, high, _posterior(ratios, share))


def em_share(probabilities: npt.ArrayLike, *, trained_share: float, share: float) -> float:
    """Take one step of the EM algorithm: the mean probability at a share is the next share.

    Parameters
    ----------
    probabilities, trained_share
        As in :func:`estimate_share`; of at least one cell.
    share : float
        Where the step starts, 0–1. From 0 and 1 it leads nowhere else.

    Returns
    -------
    float
        A share that is at least as likely, 0–1.

    References
    ----------
    Saerens et al., as in :func:`estimate_share`.
    """
    require(is_number(share) and 0 <= share <= 1, "share", "a number from 0 to 1", share)
    ratios = _ratios(probabilities, trained_share)
    require(len(ratios) > 0, "probabilities", "of at least one cell", 0)
    return float(_posterior(ratios, share).mean())


def _ratios(probabilities: npt.ArrayLike, trained_share: float) -> Probabilities:
    ok = is_number(trained_share) and 0 < trained_share < 1
    require(ok, "trained_share", "a number above 0 and below 1", trained_share)
    values = np.asarray(probabilities, dtype=np.float64)
    ok = values.ndim == 1 and bool(np.all((values >= 0) & (values <= 1)))
    require(ok, "probabilities", "one number from 0 to 1 per cell", values)
    values = np.clip(values, _CLIP, 1 - _CLIP)
    return values * (1 - trained_share) / ((1 - values) * trained_share)


def _posterior(ratios: Probabilities, share: float) -> Probabilities:
    return share * ratios / _mixture(ratios, share)


def _mixture(ratios: Probabilities, share: float) -> Probabilities:
    # The bracket matters: beside 1, a ratio of 1e-9 would lose half its digits.
    return share * ratios + (1 - share)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    # The tolerance is absolute by default, and a share may be very small.
    return float(brentq(function, low, high, xtol=1e-15))
