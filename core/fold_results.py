"""What one fold of a cross-validation says of one method."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from core.config import RareTask, TrainingConfig

__all__ = ["DECISION", "FoldKey", "FoldResult", "count_calls", "ratio", "score_calls"]

# Repeat, fold and method: what tells one result of a cross-validation from the others.
FoldKey = tuple[int, int, str]

# A cell is called rare when its score reaches this value.
DECISION = 0.5


@dataclass(frozen=True, eq=False)
class FoldResult:
    """One method on one fold.

    Parameters
    ----------
    method : str
        For example ``"loras+knn"``.
    repeat, fold : int
        Which fold, both from 0.
    n_train_rare, n_test_rare, n_synthetic : int
        Real rare cells in the training and the test part, and synthetic cells added.
    markers : tuple of str
        Marker genes chosen on the training part (on all cells if the configuration wants that).
    tp, fp, fn, tn : int
        Confusion counts on the test part, at a score of 0.5.
    average_precision, balanced_accuracy : float
        Of the test part, 0–1; NaN where it has no rare cell.
    seconds : float
        Oversampling, fitting and scoring; marker choice is shared by all methods and not counted.
    test_cells : int array of shape (n_test,)
        Rows of the dataset.
    test_is_rare : bool array of shape (n_test,)
        Their truth.
    scores : array of shape (n_test,)
        Their scores, 0–1.
    task, config
        What made it.
    n_train : int
        Real cells in the training part.
    trained_share : float
        Share of rare cells (0–1) that the classifier was fitted with, synthetic cells and weights
        included; NaN for folds of Needle 0.1 and 0.2.
    """

    method: str
    repeat: int
    fold: int
    n_train_rare: int
    n_test_rare: int
    n_synthetic: int
    markers: tuple[str, ...]
    tp: int
    fp: int
    fn: int
    tn: int
    average_precision: float
    balanced_accuracy: float
    seconds: float
    test_cells: npt.NDArray[np.intp]
    test_is_rare: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    task: RareTask
    config: TrainingConfig
    n_train: int = 0
    trained_share: float = float("nan")

    @property
    def key(self) -> FoldKey:
        """Repeat, fold and method."""
        return self.repeat, self.fold, self.method

    @property
    def precision(self) -> float:
        """TP / (TP + FP); 0 when nothing was called."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)


def ratio(part: float, whole: float) -> float:
    """``part / whole``, and 0 where the whole is 0."""
    return float(part) / float(whole) if whole else 0.0


def count_calls(
    is_rare: npt.NDArray[np.bool_], called: npt.NDArray[np.bool_]
) -> tuple[int, int, int, int]:
    """True and false calls, and missed and other cells."""
    tp, fp = int((called & is_rare).sum()), int((called & ~is_rare).sum())
    return tp, fp, int(is_rare.sum()) - tp, int((~is_rare).sum()) - fp


def score_calls(
    is_rare: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]
) -> dict[str, float]:
    """Confusion counts at :data:`DECISION`, average precision and balanced accuracy.

    The last two are NaN where one of both classes is missing, as in a sample without rare cells.
    """
    tp, fp, fn, tn = count_calls(is_rare, scores >= DECISION)
    counts = {"tp": tp, "fp": fp, "fn": fn, "tn": tn}
    if not (tp + fn and tn + fp):
        return counts | {"average_precision": math.nan, "balanced_accuracy": math.nan}
    return counts | {
        "average_precision": float(average_precision_score(is_rare, scores)),
        "balanced_accuracy": (ratio(tp, tp + fn) + ratio(tn, tn + fp)) / 2,
    }
