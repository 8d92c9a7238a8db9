"""Logistic regression with an L2 penalty: the simplest of the classifiers."""

from __future__ import annotations

from sklearn.linear_model import LogisticRegression

from core.classifiers.entry import ClassifierEntry, require_numbers
from core.config import TrainingConfig

__all__ = ["ENTRY"]


def _build(config: TrainingConfig, n_training_cells: int, seed: int) -> LogisticRegression:
    return LogisticRegression(C=float(config.classifier.lr_c), max_iter=5000, random_state=seed)


def _check(classifier: LogisticRegression, n_genes: int) -> None:
    require_numbers(classifier.coef_, (1, n_genes))
    require_numbers(classifier.intercept_, (1,))
    if classifier.solver != "lbfgs":
        raise ValueError("another solver, with another way from distances to scores")


ENTRY = ClassifierEntry(
    "lr",
    "logistic regression",
    0,
    _build,
    kinds=(LogisticRegression,),
    check=_check,
    carries_over=True,
)
