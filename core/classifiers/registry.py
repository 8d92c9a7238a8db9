"""The table of classifiers. Adding one is one file and one line here."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController

from core.classifiers import (
    gradient_boosting,
    linear_svm,
    logistic_regression,
    nearest_neighbours,
    neural_network,
    random_forest,
)
from core.classifiers.entry import ClassifierEntry
from core.config import TrainingConfig
from core.errors import ParameterError

__all__ = ["CLASSIFIERS", "fit", "make_classifier"]

CLASSIFIERS: dict[str, ClassifierEntry] = {
    entry.name: entry
    for entry in (
        logistic_regression.ENTRY,
        linear_svm.ENTRY,
        nearest_neighbours.ENTRY,
        random_forest.ENTRY,
        gradient_boosting.ENTRY,
        neural_network.ENTRY,
    )
}


def make_classifier(
    name: str,
    config: TrainingConfig,
    *,
    n_training_cells: int,
    seed: int,
    weighted: bool = False,
) -> ClassifierMixin:
    """Build an unfitted classifier.

    Parameters
    ----------
    name : {"lr", "svm", "knn", "forest", "boosting", "mlp"}
        Logistic regression, linear SVM, majority of the nearest cells, random forest, gradient
        boosting or a neural network.
    config : TrainingConfig
        Settings; ``knn_neighbors`` is used by ``knn``, ``classifier`` by all others.
    n_training_cells : int
        Real and synthetic cells that it will be fitted on.
    seed : int
        Seed of classifiers that draw random numbers.
    weighted : bool
        Whether the cells that it will be fitted on have weights.

    Returns
    -------
    scikit-learn classifier with ``predict_proba``

    Raises
    ------
    ParameterError
        ``E-CLASSIFIER`` for an unknown name.
    """
    if name not in CLASSIFIERS:
        raise ParameterError(
            f"`classifiers` must be among {', '.join(CLASSIFIERS)}. Got {name!r}.",
            code="E-CLASSIFIER",
            next_step="Choose one of these.",
        )
    entry = CLASSIFIERS[name]
    build = entry.build_weighted if weighted and entry.build_weighted else entry.build
    return build(config, n_training_cells, seed)


def fit(
    classifier: ClassifierMixin,
    values: npt.NDArray[np.float32],
    is_rare: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.floating] | None = None,
) -> ClassifierMixin:
    """Fit a classifier of :func:`make_classifier` on scaled cells, on one thread.

    Parameters
    ----------
    classifier : scikit-learn classifier
        Made for weighted cells when there are weights.
    values : array of shape (n_cells, n_genes), float32
        Standardised expression.
    is_rare : bool array of shape (n_cells,)
        Which are the rare type; both kinds must be there.
    weights : array of shape (n_cells,) or None
        How much each cell counts, above 0; ``None``: all the same.

    Returns
    -------
    scikit-learn classifier
        The same object, fitted; its ``classes_`` are False and True.
    """
    settings = {} if weights is None else {"sample_weight": weights}
    # Boosting would take all cores, whatever else runs there, and so would matrix products that
    # are too small to gain by it; neither has a setting for that.
    with _threads().limit(limits=1), warnings.catch_warnings():
        # With next to no penalty the optimum of separable cells is at infinity: whoever asks for
        # that gets the last step, which ranks cells as the optimum would.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(values, is_rare, **settings)


@cache
def _threads() -> ThreadpoolController:
    # Looking for the libraries takes longer than a small fit; those of scikit-learn are loaded.
    return ThreadpoolController()
