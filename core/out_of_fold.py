"""Out-of-fold scores of one method with their calls, and what these are fold by fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_recall_curve

from core.fold_results import FoldResult
from core.thresholds import crossfit_calls

__all__ = ["COUNTS", "OutOfFold", "average_precision", "pool_folds"]

COUNTS = ("tp", "fp", "fn", "tn")


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Scores of one method, each from a model that had not seen the cell.

    Parameters
    ----------
    repeat, fold, cells : int arrays of shape (n_scores,)
        Repeat, fold and row of the dataset; every labelled cell comes once per repeat.
    is_rare : bool array of shape (n_scores,)
        Truth.
    scores : array of shape (n_scores,)
        0–1.
    thresholds : array of shape (n_scores,)
        What each score was held against, chosen on the other folds of its repeat, 0–1.
    called : bool array of shape (n_scores,)
        Whether the score reaches it.
    trained_share : array of shape (n_scores,)
        Share of rare cells (0–1) that the model was fitted with; NaN where that is not known.
    n_train : int array of shape (n_scores,)
        Real training cells of the model, 1 or more.
    """

    repeat: npt.NDArray[np.intp]
    fold: npt.NDArray[np.intp]
    cells: npt.NDArray[np.intp]
    is_rare: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    thresholds: npt.NDArray[np.float64]
    called: npt.NDArray[np.bool_]
    trained_share: npt.NDArray[np.float64]
    n_train: npt.NDArray[np.intp]

    def precision_recall(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Recall and precision at every threshold, over the scores of all repeats."""
        precision, recall, _ = precision_recall_curve(self.is_rare, self.scores)
        return recall, precision

    def per_cell(self) -> pd.DataFrame:
        """One row per different cell: ``is_rare``, and the share of its ``calls`` (0–1) as rare."""
        tests = pd.DataFrame({"is_rare": self.is_rare, "calls": self.called})
        return tests.groupby(self.cells).agg({"is_rare": "first", "calls": "mean"})

    @cached_property
    def per_fold(self) -> pd.DataFrame:
        """One row per fold, by repeat and fold: what its calls are.

        Columns ``tp``, ``fp``, ``fn``, ``tn``, ``n_train`` (cells), ``f1`` (0–1, 1 where nothing is
        rare and nothing called), and ``precision`` and ``recall`` (0–1), which are NaN where there
        is nothing to divide by. How cells are ranked is no matter of one fold with hardly a rare
        cell in it: see :attr:`pseudo_values`.
        """
        rare, called = self.is_rare, self.called
        tests = pd.DataFrame(
            {
                "tp": rare & called,
                "fp": ~rare & called,
                "fn": rare & ~called,
                "tn": ~rare & ~called,
            }
        )
        folds = tests.groupby([self.repeat, self.fold]).sum().rename_axis(["repeat", "fold"])
        folds["n_train"] = pd.Series(self.n_train).groupby([self.repeat, self.fold]).first()
        tp = folds["tp"].astype(float)
        # 0 / 0 is NaN in pandas.
        folds["precision"] = tp / (tp + folds["fp"])
        folds["recall"] = tp / (tp + folds["fn"])
        wrong = folds["fp"] + folds["fn"]
        # Nothing to find and nothing called is as it should be.
        folds["f1"] = (2 * tp / (2 * tp + wrong)).where(tp + wrong > 0, 1.0)
        return folds

    @cached_property
    def per_repeat(self) -> pd.DataFrame:
        """One row per repeat: ``precision``, ``recall``, ``f1`` and ``average_precision``, 0–1.

        Of all folds of the repeat together, as the table of a training shows them; NaN where there
        is nothing to divide by, and all of them where no cell is rare.
        """
        repeats = np.unique(self.repeat)
        counts = self.per_fold[list(COUNTS)].groupby(level="repeat").sum()
        scores = _count_ratios(counts.reindex(repeats))
        scores["average_precision"] = [
            average_precision(self.is_rare[mine], self.scores[mine])
            for mine in (self.repeat == repeat for repeat in repeats)
        ]
        return scores

    @cached_property
    def pseudo_values(self) -> pd.DataFrame:
        """What every fold contributes to the scores of its repeat: the jackknife over folds.

        Same rows as :attr:`per_fold` and same columns as :attr:`per_repeat`. With K folds in the
        repeat, a pseudo-value is K times the score of all folds minus (K − 1) times the score
        without the fold. For shares over folds of one size, such as recall, it is the fold's own
        share; F1 and average precision are no means over folds, and of one fold with a single rare
        cell they say nearly nothing. NaN where no cell is rare without the fold.

        References
        ----------
        Tukey: Bias and confidence in not-quite large samples. Annals of Mathematical Statistics
        29:614 (1958), DOI 10.1214/aoms/1177706647.
        Efron, Tibshirani: An Introduction to the Bootstrap, chapter 11 (1993).
        Forman, Scholz: Apples-to-apples in cross-validation studies. ACM SIGKDD Explorations 12:49
        (2010), DOI 10.1145/1882471.1882479, on why F1 belongs to pooled counts.
        """
        counts = self.per_fold[list(COUNTS)]
        of_repeat = counts.groupby(level="repeat")
        n_folds = of_repeat["tp"].transform("size").to_numpy()[:, None]
        whole = self.per_repeat.loc[counts.index.get_level_values("repeat")].to_numpy()
        without = _count_ratios(of_repeat.transform("sum") - counts)
        without["average_precision"] = [
            average
            for repeat in self.per_repeat.index
            for average in self._ranking_without_each_fold(repeat)
        ]
        # A single fold stands for itself: without it there is nothing left.
        rest = np.where(n_folds > 1, (n_folds - 1) * without.to_numpy(), 0.0)
        return pd.DataFrame(n_folds * whole - rest, index=counts.index, columns=without.columns)

    def _ranking_without_each_fold(self, repeat: int) -> list[float]:
        mine = self.repeat == repeat
        fold, is_rare, scores = self.fold[mine], self.is_rare[mine], self.scores[mine]
        return [
            average_precision(is_rare[fold != left_out], scores[fold != left_out])
            for left_out in np.unique(fold)
        ]

    def cut_to(self, folds: pd.MultiIndex) -> OutOfFold:
        """The same scores and calls, of some folds (pairs of repeat and fold) alone."""
        keep = pd.MultiIndex.from_arrays([self.repeat, self.fold]).isin(folds)
        return OutOfFold(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})

    def n_different(self) -> tuple[int, int]:
        """How many different cells were tested, rare ones and others."""
        n_rare = len(np.unique(self.cells[self.is_rare]))
        return n_rare, len(np.unique(self.cells[~self.is_rare]))


def pool_folds(results: Sequence[FoldResult], goal: str) -> OutOfFold:
    """Put the folds of one method together, and call their cells for a goal.

    Parameters
    ----------
    results : sequence of FoldResult
        Of one method, at least one.
    goal : str
        As in :func:`core.thresholds.choose_threshold`.

    Returns
    -------
    OutOfFold
        Calls are those of :func:`core.thresholds.crossfit_calls`.
    """
    cells = np.concatenate([r.test_cells for r in results])
    is_rare = np.concatenate([r.test_is_rare for r in results]).astype(bool)
    scores = np.concatenate([r.scores for r in results])
    sizes = [len(r.scores) for r in results]
    repeat = np.repeat([r.repeat for r in results], sizes)
    fold = np.repeat([r.fold for r in results], sizes)
    # Folds of older runs do not say how many cells they trained on: all that they did not test.
    n_cells = len(np.unique(cells))
    n_train = [r.n_train or max(n_cells - len(r.scores), 1) for r in results]
    thresholds, called = crossfit_calls(repeat, fold, is_rare, scores, goal)
    return OutOfFold(
        repeat=repeat,
        fold=fold,
        cells=cells,
        is_rare=is_rare,
        scores=scores,
        thresholds=thresholds,
        called=called,
        trained_share=np.repeat([r.trained_share for r in results], sizes).astype(float),
        n_train=np.repeat(n_train, sizes),
    )


def average_precision(is_rare: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> float:
    """Average precision of a ranking, 0–1: the mean, over rare cells, of the precision at each.

    Equal scores are one step. NaN where all cells are rare or none is.

    Examples
    --------
    >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7]))
    0.8333333333333333
    """
    if is_rare.all() or not is_rare.any():
        return float("nan")
    # scikit-learn's function gives the same, and takes its time for checks: this is called once
    # per fold and method.
    falling = np.argsort(-scores)
    ranked, lower = is_rare[falling], -scores[falling]
    called = np.searchsorted(lower, lower, side="right")
    precision = np.cumsum(ranked)[called - 1] / called
    return float(precision[ranked].mean())


def _count_ratios(counts: pd.DataFrame) -> pd.DataFrame:
    tp, fp, fn = (counts[name].astype(float) for name in ("tp", "fp", "fn"))
    # 0 / 0 is NaN in pandas.
    ratios = {
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
    }
    return pd.DataFrame(ratios).where(tp + fn > 0)
