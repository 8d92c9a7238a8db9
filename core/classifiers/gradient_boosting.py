"""Gradient boosting of trees, fitted by scikit-learn and kept as plain arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils.validation import validate_data

from core.classifiers.bins import Bins
from core.classifiers.ensemble import TreeEnsemble, check_ensemble
from core.classifiers.entry import ClassifierEntry, require_numbers
from core.classifiers.trees import MAX_DEPTH, OneTree, join
from core.config import TrainingConfig

__all__ = ["ENTRY", "GradientBoosting", "least_cells_in_a_leaf"]

_USUAL_LEAF = 20


class GradientBoosting(TreeEnsemble):
    """Gradient boosting: trees that correct each other, one after another, on binned expression.

    The trees are those of :class:`sklearn.ensemble.HistGradientBoostingClassifier`, never stopped
    early, for that would put rare cells aside. The scores are the same.

    Parameters
    ----------
    n_trees : int
        Number of trees, at most 2,000.
    learning_rate : float
        Share of each tree's correction that is applied, above 0 to 1.
    least_cells : int
        Fewest training cells in a leaf.
    random_state : int or None
        Seed; nothing is drawn at random with the settings that Needle uses.

    References
    ----------
    Friedman (2001), Greedy function approximation: a gradient boosting machine,
    DOI 10.1214/aos/1013203451.

    Examples
    --------
    >>> import numpy as np
    >>> cells = np.arange(40.0).reshape(20, 2)
    >>> boosting = GradientBoosting(least_cells=2).fit(cells, np.arange(20) > 14)
    >>> bool(boosting.predict_proba(cells[-1:])[0, 1] > 0.9)
    True
    """

    def __init__(
        self,
        n_trees: int = 100,
        *,
        learning_rate: float = 0.1,
        least_cells: int = _USUAL_LEAF,
        random_state: int | None = None,
    ) -> None:
        self.n_trees = n_trees
        self.learning_rate = learning_rate
        self.least_cells = least_cells
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> GradientBoosting:
        """Fit the trees.

        Parameters
        ----------
        X : array of shape (n_cells, n_genes)
            Expression.
        y : bool array of shape (n_cells,)
            Which are the rare type; both kinds must be there.
        sample_weight : array of shape (n_cells,) or None
            How much each cell counts.
        """
        values, is_rare = validate_data(self, X, y, dtype=np.float32)
        boosting = HistGradientBoostingClassifier(
            max_iter=self.n_trees,
            learning_rate=self.learning_rate,
            min_samples_leaf=self.least_cells,
            max_depth=MAX_DEPTH,
            early_stopping=False,
            random_state=self.random_state,
        )
        bins = Bins(values)
        boosting.fit(bins.steps(values), is_rare, sample_weight)
        self._keep(join(_plain(one.nodes, bins) for (one,) in boosting._predictors), values)
        # The log-odds that the trees start from.
        self.start_ = np.array([boosting._baseline_prediction.item()], dtype=np.float64)
        return self

    def _scores(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return expit(self.start_ + sums)


def _plain(nodes: npt.NDArray[np.void], bins: Bins) -> OneTree:
    is_leaf = nodes["is_leaf"].astype(bool)
    cuts = np.zeros(len(nodes))
    inner = nodes[~is_leaf]
    cuts[~is_leaf] = bins.cuts(inner["feature_idx"], inner["num_threshold"])
    return OneTree(
        is_leaf=is_leaf,
        left=nodes["left"],
        right=nodes["right"],
        genes=nodes["feature_idx"],
        cuts=cuts,
        values=nodes["value"],
    )


def least_cells_in_a_leaf(n_training_cells: int) -> int:
    """Fewest cells in a leaf: 20 as in scikit-learn, or a tenth of fewer than 200 cells.

    With 20 no tree splits fewer than 40 cells, and nothing would be learned. It is not tied to the
    number of rare cells: leaves of a few of them are learned by heart, and the unseen cells beside
    them are missed. What one tree leaves together the next ones tell apart.
    """
    return int(np.clip(n_training_cells // 10, 1, _USUAL_LEAF))


def _build(config: TrainingConfig, n_training_cells: int, seed: int) -> GradientBoosting:
    return GradientBoosting(
        int(config.classifier.boosting_iterations),
        learning_rate=float(config.classifier.boosting_learning_rate),
        least_cells=least_cells_in_a_leaf(n_training_cells),
        random_state=seed,
    )


def _check(classifier: GradientBoosting, n_genes: int) -> None:
    check_ensemble(classifier, n_genes)
    require_numbers(classifier.start_, (1,))


ENTRY = ClassifierEntry(
    "boosting", "gradient boosting", 4, _build, kinds=(GradientBoosting,), check=_check
)
