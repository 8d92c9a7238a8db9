"""Compare methods over the same folds: with each other, with chance, and the simplest as good."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from core.classifiers import CLASSIFIERS
from core.config import Method
from core.out_of_fold import OutOfFold
from core.oversampling import SAMPLERS
from core.spread import TTest, corrected_t_test

__all__ = [
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


# Scores that differ by no more are the same in practice.
NEGLIGIBLE = 0.01


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
    """Test whether F1 of `first` differs from F1 of `second`, fold by fold.

    Parameters
    ----------
    first, second : OutOfFold
        Of one cross-validation; only folds that both have are compared.
    score : {"f1", "average_precision"}
        Which score is compared.

    Returns
    -------
    TTest
        Of F1 of `first` minus F1 of `second`, by the corrected resampled t-test
        (:func:`core.spread.corrected_t_test`).

    Notes
    -----
    A fold in which nothing is rare and nothing is called, as when a whole sample without rare cells
    is held back, has an F1 of 1: false calls there count. It has no average precision, and is left
    out of that comparison. A score is clearly different when 0 is outside the 95 % interval and,
    for F1, the calls differ in six cells or more; everything else is within noise. With folds of
    few rare cells the test is careful: it rather misses a difference than makes one up.
    """
    shared = shared_folds(first, second)
    mine, other = (one.per_fold for one in shared)
    differences = (mine[score] - other[score]).dropna()
    found = corrected_t_test(differences, ratio_of_parts(mine.loc[differences.index]))
    return found if score != "f1" else found._replace(n_apart=cells_apart(*shared))


def cells_apart(first: OutOfFold, second: OutOfFold) -> float:
    """In how many different cells the calls of two methods differ, the mean over repeats."""
    calls, others = (one.per_cell()["calls"] for one in (first, second))
    return float((calls - others).abs().sum())


def recommend(
    f1: pd.Series, above_chance: pd.Series, out_of_fold: Mapping[str, OutOfFold]
) -> str | None:
    """Name the simplest method above chance that is as good as the best one within noise.

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
    As good is a method that the one with the highest F1 is clearly better than neither in F1 nor in
    average precision (:func:`compare`). The ranking counts beside the calls, because few rare cells
    make F1 coarse.
    """
    f1 = f1[above_chance]
    if not len(f1):
        return None
    best = out_of_fold[f1.idxmax()]
    good = [name for name in f1.index if is_as_good(out_of_fold[name], best)]
    # The best is as good as itself, so there is at least one.
    return min(good, key=lambda name: (complexity(name), -f1[name]))


def is_as_good(method: OutOfFold, best: OutOfFold) -> bool:
    """Whether `best` is clearly better neither in F1 nor in average precision.

    Parameters
    ----------
    method, best : OutOfFold
        Of one cross-validation.

    Returns
    -------
    bool
        Differences of at most 0.01 do not count, however clear they are: nobody would notice.

    References
    ----------
    Benavoli, Corani, Demšar, Zaffalon: Time for a change. Journal of Machine Learning Research
    18:77 (2017), which takes 0.01 as the region of practical equivalence.
    """
    ahead = [compare(best, method, score=score) for score in ("f1", "average_precision")]
    return not any(one.is_clear and one.mean > NEGLIGIBLE for one in ahead)


def complexity(name: str) -> tuple[int, int]:
    """Rank a method (``"loras+knn"``) from simple to elaborate: sampler first, then classifier."""
    method = Method.parse(name)
    return SAMPLERS[method.sampler].complexity, CLASSIFIERS[method.classifier].complexity
