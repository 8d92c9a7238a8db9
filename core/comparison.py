"""Compare methods cell by cell: with each other, with chance, and the simplest that is as good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_recall_curve

from core.classifiers import CLASSIFIERS
from core.config import Method
from core.evaluation import DECISION
from core.oversampling import SAMPLERS

__all__ = ["F1Difference", "OutOfFold", "chance_f1", "compare", "f1_difference", "recommend"]


class F1Difference(NamedTuple):
    """F1 of one method minus F1 of another, with an approximate 95 % interval, each −1 to 1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Scores of one method, each from a model that had not seen the cell.

    Parameters
    ----------
    repeat, cells : int arrays of shape (n_scores,)
        Repeat and row of the dataset; every labelled cell comes once per repeat.
    is_rare : bool array of shape (n_scores,)
        Truth.
    scores : array of shape (n_scores,)
        0–1.
    """

    repeat: npt.NDArray[np.intp]
    cells: npt.NDArray[np.intp]
    is_rare: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]

    def precision_recall(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Recall and precision at every threshold, over the scores of all repeats."""
        precision, recall, _ = precision_recall_curve(self.is_rare, self.scores)
        return recall, precision

    def per_cell(self) -> pd.DataFrame:
        """One row per different cell: ``is_rare``, and the share of its ``calls`` (0–1) as rare."""
        tests = pd.DataFrame({"is_rare": self.is_rare, "calls": self.scores >= DECISION})
        return tests.groupby(self.cells).agg({"is_rare": "first", "calls": "mean"})


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


def compare(first: OutOfFold, second: OutOfFold, *, seed: int) -> F1Difference:
    """F1 of `first` minus F1 of `second` on the cells that both were tested on."""
    cells = first.per_cell().join(second.per_cell()["calls"], rsuffix="_second", how="inner")
    return f1_difference(
        cells["calls"].to_numpy(),
        cells["calls_second"].to_numpy(),
        cells["is_rare"].to_numpy(),
        seed=seed,
    )


def f1_difference(
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    is_rare: npt.NDArray[np.bool_],
    *,
    seed: int,
    n_resamples: int = 2000,
) -> F1Difference:
    """Bootstrap the difference in F1 between two methods over cells.

    Parameters
    ----------
    first, second : arrays of shape (n_cells,)
        Share of its tests (0–1) in which each cell was called, by either method.
    is_rare : bool array of shape (n_cells,)
        Truth.
    seed : int
        Seed of the resamples.
    n_resamples : int
        How often the cells are drawn anew.

    Returns
    -------
    F1Difference
        With the 2.5 % and 97.5 % quantiles; (0, −1, 1) when there are no rare cells.

    Notes
    -----
    A cell that is tested in five repeats is drawn as one cell, with the mean of its five calls;
    true and false calls are sums of these means. Rare and other cells are drawn separately, as
    many as there are. Cells with the same pair of calls are interchangeable, so that how often
    each *pair* is drawn, which is multinomial, stands exactly for drawing the cells. Models share
    training cells, and intervals of this kind are too narrow for very few cells: read them as
    approximate.

    References
    ----------
    Efron, Tibshirani: An Introduction to the Bootstrap. Chapman & Hall (1993),
    DOI 10.1007/978-1-4899-4541-9.

    Examples
    --------
    >>> import numpy as np
    >>> is_rare = np.arange(100) < 10
    >>> tuple(f1_difference(is_rare * 1.0, is_rare * 0.0, is_rare, seed=0))
    (1.0, 1.0, 1.0)
    """
    calls, n_rare = np.column_stack([first, second]), int(np.sum(is_rare))
    if not n_rare:
        return F1Difference(0.0, -1.0, 1.0)
    rng = np.random.default_rng(seed)
    true_calls = _resampled_sums(calls[is_rare], n_resamples, rng)
    false_calls = _resampled_sums(calls[~is_rare], n_resamples, rng)
    value = _difference(calls[is_rare].sum(axis=0), calls[~is_rare].sum(axis=0), n_rare)
    low, high = np.quantile(_difference(true_calls, false_calls, n_rare), [0.025, 0.975])
    return F1Difference(float(value), float(low), float(high))


def _resampled_sums(
    calls: npt.NDArray[np.float64], n_resamples: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    if not len(calls):
        return np.zeros((n_resamples, 2))
    pairs, cells = np.unique(calls, axis=0, return_counts=True)
    return rng.multinomial(len(calls), cells / len(calls), size=n_resamples) @ pairs


def _difference(
    true_calls: npt.NDArray[np.float64], false_calls: npt.NDArray[np.float64], n_rare: int
) -> npt.NDArray[np.float64]:
    # Found and missed rare cells are n_rare together, which makes 2 TP + FP + FN this sum.
    f1 = 2 * true_calls / (true_calls + false_calls + n_rare)
    # Rounding keeps equal methods at 0, whatever the order in which fractions were added.
    return np.round(f1[..., 0] - f1[..., 1], 12)


def recommend(
    f1: pd.Series, above_chance: pd.Series, out_of_fold: Mapping[str, OutOfFold], *, seed: int
) -> str | None:
    """Name the simplest method above chance whose F1 is not clearly below that of the best.

    Parameters
    ----------
    f1, above_chance : pandas.Series
        Mean F1 (0–1), and whether it is above chance, by method.
    out_of_fold : mapping of str to OutOfFold
        By method.
    seed : int
        Seed of the comparisons.

    Returns
    -------
    str or None
        ``None`` when no method is above chance.
    """
    f1 = f1[above_chance]
    if not len(f1):
        return None
    best = out_of_fold[f1.idxmax()]
    good = [m for m in f1.index if compare(best, out_of_fold[m], seed=seed).low <= 0]
    # The best alone is never clearly below itself, so there is at least one.
    return min(good, key=lambda name: (_complexity(name), -f1[name]))


def _complexity(name: str) -> tuple[int, int]:
    method = Method.parse(name)
    return SAMPLERS[method.sampler].complexity, CLASSIFIERS[method.classifier].complexity
