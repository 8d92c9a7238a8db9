"""Out-of-fold scores of one method with their calls, and what these are fold by fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import precision_recall_curve

from core.fold_results import FoldResult, score_calls
from core.thresholds import crossfit_calls

__all__ = ["OutOfFold", "pool_folds"]


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
        rare and nothing called), and ``precision``, ``recall`` and ``average_precision`` (0–1),
        which are NaN where there is nothing to divide by.
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
        ranked = pd.DataFrame({"is_rare": rare, "scores": self.scores})
        folds["average_precision"] = [
            score_calls(mine["is_rare"].to_numpy(), mine["scores"].to_numpy())["average_precision"]
            for _, mine in ranked.groupby([self.repeat, self.fold])
        ]
        return folds

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
