"""The classifiers: one row each. Adding one is one function and one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from core.config import TrainingConfig
from core.errors import ParameterError

__all__ = ["CLASSIFIERS", "ClassifierEntry", "make_classifier"]


@dataclass(frozen=True)
class ClassifierEntry:
    """One row of the registry.

    Parameters
    ----------
    name : str
        Name in a configuration.
    label : str
        Name on the screen.
    complexity : int
        Order in which equally good classifiers are preferred, simplest first.
    build : callable
        ``(config, n_training_cells, seed) -> classifier``.
    """

    name: str
    label: str
    complexity: int
    build: Callable[[TrainingConfig, int, int], ClassifierMixin]


def _knn(config: TrainingConfig, n_training_cells: int, seed: int) -> ClassifierMixin:
    # Brute force: exact, quick on a few hundred genes, and nothing but arrays in a saved model.
    return KNeighborsClassifier(
        n_neighbors=min(config.knn_neighbors, n_training_cells), algorithm="brute"
    )


def _logistic_regression(
    config: TrainingConfig, n_training_cells: int, seed: int
) -> ClassifierMixin:
    return LogisticRegression(C=1.0, max_iter=5000, random_state=seed)


CLASSIFIERS = {
    entry.name: entry
    for entry in (
        ClassifierEntry("lr", "logistic regression", 0, _logistic_regression),
        ClassifierEntry("knn", "k nearest neighbours", 1, _knn),
    )
}


def make_classifier(
    name: str, config: TrainingConfig, *, n_training_cells: int, seed: int
) -> ClassifierMixin:
    """Build an unfitted classifier.

    Parameters
    ----------
    name : str
        ``"knn"`` (majority of the 30 nearest cells) or ``"lr"`` (L2-regularised logistic
        regression, C = 1).
    config : TrainingConfig
        Settings; ``knn_neighbors`` is used by ``knn``.
    n_training_cells : int
        Real and synthetic cells that it will be fitted on.
    seed : int
        Seed of classifiers that draw random numbers.

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
    return CLASSIFIERS[name].build(config, n_training_cells, seed)
