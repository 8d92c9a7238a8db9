"""A random forest, grown by scikit-learn and kept as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils.validation import validate_data

from core.classifiers.ensemble import TreeEnsemble, check_ensemble
from core.classifiers.entry import ClassifierEntry
from core.classifiers.trees import MAX_DEPTH, OneTree, join
from core.config import TrainingConfig

__all__ = ["ENTRY", "RandomForest"]


class RandomForest(TreeEnsemble):
    """Random forest: the mean of the shares of rare cells in the leaves that a cell falls into.

    The trees are those of :class:`sklearn.ensemble.RandomForestClassifier` with its defaults (grown
    out, square root of the genes at each node), and the scores are the same.

    Parameters
    ----------
    n_trees : int
        Number of trees, at most 2,000.
    random_state : int or None
        Seed of the draws of cells and genes.

    References
    ----------
    Breiman (2001), Random forests, DOI 10.1023/A:1010933404324.

    Examples
    --------
    >>> import numpy as np
    >>> cells = np.arange(40.0).reshape(20, 2)
    >>> forest = RandomForest(random_state=0).fit(cells, np.arange(20) > 14)
    >>> bool(forest.predict_proba(cells[-1:])[0, 1] > 0.9)
    True
    """

    def __init__(self, n_trees: int = 100, *, random_state: int | None = None) -> None:
        self.n_trees = n_trees
        self.random_state = random_state

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
    ) -> RandomForest:
        """Grow the trees.

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
        forest = RandomForestClassifier(
            self.n_trees, max_depth=MAX_DEPTH, random_state=self.random_state
        ).fit(values, is_rare, sample_weight)
        self._keep(join(_plain(one.tree_) for one in forest.estimators_), values)
        return self

    def _scores(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        # Sums of shares may leave their range by a rounding.
        return np.clip(sums / len(self.roots_), 0, 1)


def _plain(tree: Any) -> OneTree:
    return OneTree(
        is_leaf=tree.children_left < 0,
        left=tree.children_left,
        right=tree.children_right,
        genes=tree.feature,
        cuts=tree.threshold,
        values=tree.value[:, 0, 1],
    )


def _build(config: TrainingConfig, n_training_cells: int, seed: int) -> RandomForest:
    return RandomForest(int(config.classifier.forest_trees), random_state=seed)


ENTRY = ClassifierEntry(
    "forest", "random forest", 3, _build, kinds=(RandomForest,), check=check_ensemble
)
