"""What the two classifiers that are made of trees share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from core.classifiers.trees import Trees, check_trees, leaf_sums

__all__ = ["TreeEnsemble", "check_ensemble"]


class TreeEnsemble(ClassifierMixin, BaseEstimator):
    """A classifier that keeps its fitted trees as plain arrays.

    Children have ``fit``, and ``_scores``, which makes scores of the sums over the trees.
    """

    def _keep(self, trees: Trees, values: npt.NDArray[np.float32]) -> None:
        """Become fitted."""
        self.classes_ = np.array([False, True])
        self.n_features_in_ = values.shape[1]
        self.roots_, self.children_, self.genes_, self.cuts_, self.values_ = trees

    def _trees(self) -> Trees:
        return Trees(self.roots_, self.children_, self.genes_, self.cuts_, self.values_)

    def _scores(self, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        raise NotImplementedError

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Scores of cells.

        Parameters
        ----------
        X : array of shape (n_cells, n_genes)
            Standardised expression.

        Returns
        -------
        array of shape (n_cells, 2)
            Scores (0–1) of the other cells and of the rare ones.
        """
        check_is_fitted(self)
        cells = validate_data(self, X, dtype=np.float32, reset=False)
        rare = self._scores(leaf_sums(self._trees(), cells))
        return np.column_stack([1 - rare, rare])

    def predict(self, X: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether each cell's score of the rare type is above that of the others."""
        return self.predict_proba(X)[:, 1] > 0.5


def check_ensemble(classifier: Any, n_genes: int) -> None:
    """Raise ValueError for trees that cannot be walked safely."""
    trees = classifier._trees()
    if not all(isinstance(array, np.ndarray) for array in trees):
        raise ValueError("no arrays of trees")
    check_trees(trees, n_genes)
