"""Compare methods over the same folds: with each other, with chance, and the simplest as good."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from core.classifiers import CLASSIFIERS
from core.config import Method
from core.out_of_fold import OutOfFold
from core.oversampling import SAMPLERS
from core.spread import NEGLIGIBLE, TTest, corrected_t_test

__all__ = [
    "NEGLIGIBLE",
    "OutOfFold",
    "TTest",
    "cells_apart",
    "chance_f1",
    "compare",
    "complexity",
    "corrected_t_test",
    "is_as_good",
    "ratio_of_parts",
    "recommend",
    "shared_folds",
]


def chance_f1(prevalence: float) -> float:
    """F1 of calling every cell rare, the best that calls without knowledge reach.

    Parameters
    ----------
    prevalence : float
        Share of rare cells, 0–1. It is the precision; recall is 1.

    Examples
    --------
    >>> round(chance_f1(10 / 525), 3)
    0.037
    """
    return 2 * prevalence / (1 + prevalence)


def shared_folds(first: OutOfFold, second: OutOfFold) -> tuple[OutOfFold, OutOfFold]:
    """Cut both methods to the folds that both have, which while folds come in may not be all."""
    if first.per_fold.index.equals(second.per_fold.index):
        return first, second
    both = first.per_fold.index.intersection(second.per_fold.index)
    return first.cut_to(both), second.cut_to(both)


def ratio_of_parts(per_fold: pd.DataFrame) -> float:
    """Test cells per training cell, the mean over folds; 0 without folds."""
    n_test = per_fold[["tp", "fp", "fn", "tn"]].sum(axis=1)
    return float((n_test / per_fold["n_train"]).mean()) if len(per_fold) else 0.0


def compare(first: OutOfFold, second: OutOfFold, *, score: str = "f1") -> TTest:
    """Test whether a score of `first` differs from that of `second` over the same folds.

    Parameters
    ----------
    first, second : OutOfFold
        Of one cross-validation; only folds that both have are compared.
    score : {"f1", "average_precision"}
        Which score is compared, as the table of a training shows it: of all folds of a repeat
        together, the mean over repeats.

    Returns
    -------
    TTest
        Of the score of `first` minus that of `second`, by the corrected resampled t-test
        (:func:`core.spread.corrected_t_test`) on the folds' pseudo-values
        (:attr:`OutOfFold.pseudo_values`).

    Notes
    -----
    A fold in which nothing is rare, as when a whole sample without rare cells is held back, counts
    by its false calls. A score is clearly different when 0 is outside the 95 % interval and,
    for F1, the calls differ in six cells or more. With folds of few rare cells that test is
    careful: it rather misses a difference than makes one up.
    """
    shared = shared_folds(first, second)
    mine, other = (one.pseudo_values[score] for one in shared)
    differences = (mine - other).dropna()
    centre = (shared[0].per_repeat[score] - shared[1].per_repeat[score]).mean()
    ratio = ratio_of_parts(shared[0].per_fold.loc[differences.index])
    found = corrected_t_test(differences, ratio, mean=float(centre))
    return found if score != "f1" else found._replace(n_apart=cells_apart(*shared))


def cells_apart(first: OutOfFold, second: OutOfFold) -> float:
    """In how many different cells the calls of two methods differ, the mean over repeats."""
    calls, others = (one.per_cell()["calls"] for one in (first, second))
    return float((calls - others).abs().sum())


def recommend(
    f1: pd.Series, above_chance: pd.Series, out_of_fold: Mapping[str, OutOfFold]
) -> str | None:
    """Name the simplest method above chance within one standard error of the best.

    Parameters
    ----------
    f1, above_chance : pandas.Series
        Mean F1 (0–1), and whether it is above chance, by method.
    out_of_fold : mapping of str to OutOfFold
        By method.

    Returns
    -------
    str or None
        ``None`` when no method is above chance.

    Notes
    -----
    As good is a method that the one with the highest F1 is ahead of by no more than one standard
    error, neither in F1 nor in average precision (:func:`is_as_good`). The ranking counts beside
    the calls, because few rare cells make F1 coarse. So nothing is recommended that a simpler
    method equals within that noise, measured from the best.

    References
    ----------
    Breiman, Friedman, Olshen, Stone: Classification and Regression Trees, section 3.4.3 (1984).

    Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, section 7.10 (2009),
    DOI 10.1007/978-0-387-84858-7.
    """
    f1 = f1[above_chance]
    if not len(f1):
        return None
    best = out_of_fold[f1.idxmax()]
    good = [name for name in f1.index if is_as_good(out_of_fold[name], best)]
    # The best is as good as itself, so there is at least one.
    return min(good, key=lambda name: (complexity(name), -f1[name]))


def is_as_good(method: OutOfFold, best: OutOfFold) -> bool:
    """Whether `best` is ahead by at most one standard error in F1, and in average precision.

    Parameters
    ----------
    method, best : OutOfFold
        Of one cross-validation.

    Returns
    -------
    bool
        Differences of at most 0.02 do not count, however clear they are: nobody would notice. Nor
        does one from fewer than two folds, whose error nobody knows.

    Notes
    -----
    "Not significantly worse" would be another thing: among a handful of rare cells, nothing ever
    is. Breiman's rule takes the standard error of the best score; here it is that of the
    difference, because both methods are tested on the same folds, corrected for the training cells
    that these share (Nadeau and Bengio; see :func:`core.spread.corrected_t_test`).
    """
    ahead = [compare(best, method, score=score) for score in ("f1", "average_precision")]
    return not any(one.is_beyond_noise and one.mean > 0 for one in ahead)


def complexity(name: str) -> tuple[int, int]:
    """Rank a method (``"loras+knn"``) from simple to elaborate: sampler first, then classifier."""
    method = Method.parse(name)
    return SAMPLERS[method.sampler].complexity, CLASSIFIERS[method.classifier].complexity
