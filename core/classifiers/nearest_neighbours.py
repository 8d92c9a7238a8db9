"""The share of rare cells among the nearest training cells, with or without weights."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import KNeighborsClassifier

from core.classifiers.entry import ClassifierEntry, require_numbers
from core.config import TrainingConfig

__all__ = ["ENTRY", "WeightedNeighbours"]


class WeightedNeighbours(KNeighborsClassifier):
    """Nearest neighbours whose votes count as much as the training cell weighs.

    Which cells are the neighbours does not depend on the weights. A score is the weight of the rare
    cells among them over the weight of all: what one gets by repeating each rare neighbour as often
    as it weighs.

    Examples
    --------
    >>> import numpy as np
    >>> cells, is_rare = np.array([[0.0], [1.0], [9.0]]), np.array([False, True, False])
    >>> knn = WeightedNeighbours(2, algorithm="brute").fit(cells, is_rare, np.array([1, 3, 1]))
    >>> knn.predict_proba(np.array([[0.5]]))
    array([[0.25, 0.75]])
    """

    def fit(
        self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None
    ) -> WeightedNeighbours:
        """Keep the training cells and their weights.

        Parameters
        ----------
        X : array of shape (n_cells, n_genes)
            Standardised expression.
        y : bool array of shape (n_cells,)
            Which are the rare type.
        sample_weight : array of shape (n_cells,) or None
            Weights above 0; ``None``: all the same.
        """
        super().fit(X, y)
        weights = np.ones(len(self._y)) if sample_weight is None else sample_weight
        self.cell_weights_ = np.asarray(weights, dtype=np.float64)
        return self

    def predict_proba(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Scores (0–1) of the other cells and of the rare ones, of shape (n_cells, 2)."""
        nearest = self.kneighbors(X, return_distance=False)
        votes = self.cell_weights_[nearest]
        rare = np.where(self._y[nearest] == 1, votes, 0.0).sum(axis=1) / votes.sum(axis=1)
        return np.column_stack([1 - rare, rare])


def _settings(config: TrainingConfig, n_training_cells: int) -> dict[str, Any]:
    # Brute force: exact, quick on a few hundred genes, and nothing but arrays in a saved model.
    n_neighbors = min(int(config.knn_neighbors), n_training_cells)
    return {"n_neighbors": n_neighbors, "algorithm": "brute"}


def _build(config: TrainingConfig, n_training_cells: int, seed: int) -> KNeighborsClassifier:
    return KNeighborsClassifier(**_settings(config, n_training_cells))


def _build_weighted(config: TrainingConfig, n_training_cells: int, seed: int) -> WeightedNeighbours:
    return WeightedNeighbours(**_settings(config, n_training_cells))


# scikit-learn's compiled code takes all of this on trust: with a class that is not there it would
# write beyond the end of an array.
_PLAIN = {
    "algorithm": "brute",
    "weights": "uniform",
    "metric": "minkowski",
    "metric_params": None,
    "p": 2,
    "outputs_2d_": False,
    "effective_metric_": "euclidean",
    "effective_metric_params_": {},
    "_fit_method": "brute",
    "_tree": None,
}


def _check(classifier: KNeighborsClassifier, n_genes: int) -> None:
    classes, n_neighbors = classifier._y, classifier.n_neighbors
    if not isinstance(classes, np.ndarray) or classes.dtype != np.int64 or classes.ndim != 1:
        raise ValueError("no classes of the nearest cells")
    if not np.isin(classes, (0, 1)).all() or not classes.flags.c_contiguous:
        raise ValueError("a class that is not there")
    require_numbers(classifier._fit_X, (len(classes), n_genes))
    is_whole = isinstance(n_neighbors, Integral) and not isinstance(n_neighbors, bool)
    if not is_whole or not 1 <= n_neighbors <= len(classes):
        raise ValueError("more neighbours than cells")
    if classifier.n_samples_fit_ != len(classes):
        raise ValueError("another number of cells")
    for name, expected in _PLAIN.items():
        got = getattr(classifier, name)
        if type(got) is not type(expected) or got != expected:
            raise ValueError(f"{name} is not what Needle sets")
    if isinstance(classifier, WeightedNeighbours):
        require_numbers(classifier.cell_weights_, classes.shape, least=1e-30)


ENTRY = ClassifierEntry(
    "knn",
    "k nearest neighbours",
    2,
    _build,
    kinds=(KNeighborsClassifier, WeightedNeighbours),
    check=_check,
    build_weighted=_build_weighted,
)
