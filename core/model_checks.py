"""Whether the parts of a model file belong together: header, training cells and pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from core.classifiers import CLASSIFIERS
from core.config import Method

# log1p of counts per 10,000 is below 10; far beyond it, squares and sums would not stay finite.
_LARGEST_VALUE = 1e6

__all__ = ["check_cells", "check_context", "check_pipeline"]


def check_cells(fields: dict[str, Any], values: np.ndarray, is_rare: np.ndarray) -> None:
    """Raise ValueError for training cells that do not belong to the header."""
    n_cells, n_genes = values.shape
    if n_genes != len(fields["genes"]) or is_rare.shape != (n_cells,):
        raise ValueError("the training cells do not belong to this header")
    if is_rare.dtype != bool or values.dtype != np.float32 or not _is_expression(values):
        raise ValueError("the training cells are no expression")


def _is_expression(values: np.ndarray) -> bool:
    return bool((np.abs(values) <= _LARGEST_VALUE).all())  # NaN is no such number either


def check_context(fields: dict[str, Any], is_rare: np.ndarray) -> None:
    """Raise ValueError for a context that does not belong to the header or the training cells."""
    context = fields["context"]
    values, codes, n_cells = context.values, context.codes, len(is_rare)
    if values.shape != (n_cells, len(context.genes)) or codes.shape != (n_cells,):
        raise ValueError("the context does not belong to these cells")
    if values.dtype != np.float32 or not _is_expression(values) or codes.dtype != np.int32:
        raise ValueError("the context is no expression with types")
    if codes.min() < 0 or codes.max() >= len(context.types):
        raise ValueError("a cell is of no type")
    if ((codes == context.types.index(fields["task"].rare)) != is_rare).any():
        raise ValueError("the types contradict which cells are rare")


def check_pipeline(fields: dict[str, Any], pipeline: Any, values: np.ndarray) -> None:
    """Raise ValueError (or what comes of a wrong type) for a pipeline that is not the header's.

    Nothing of the pipeline is called before its numbers are known to be sound: some of what would
    be called is compiled code, which takes indices and lengths on trust.
    """
    scaler, classifier = (step for _, step in pipeline.steps)
    entry = CLASSIFIERS[Method.parse(fields["method"]).classifier]
    if (type(pipeline), type(scaler)) != (Pipeline, StandardScaler):
        raise ValueError("not a pipeline that begins with a scaler")
    if type(classifier) not in entry.kinds:
        raise ValueError("not the classifier that the header names")
    # Neither is ever set by Needle: one makes folders and reads pickles, one starts processes.
    if pipeline.memory is not None or getattr(classifier, "n_jobs", None) is not None:
        raise ValueError("the pipeline wants to do more than to score")
    n_genes = len(fields["genes"])
    for step in (scaler, classifier):
        _check_step(step, n_genes)
    _check_scaler(scaler, n_genes)
    _check_classes(classifier.classes_)
    entry.check(classifier, n_genes)
    score = pipeline.predict_proba(values[:1])
    if score.shape != (1, 2) or not ((score >= 0) & (score <= 1)).all():
        raise ValueError("the pipeline gives no scores")


def _check_step(step: Any, n_genes: int) -> None:
    if type(step.n_features_in_) is not int or step.n_features_in_ != n_genes:
        raise ValueError("the header's genes do not belong to this pipeline")
    # Needle fits arrays; with names, every scoring would warn that the cells have none.
    if hasattr(step, "feature_names_in_"):
        raise ValueError("the pipeline has names of its own for the genes")


def _check_scaler(scaler: StandardScaler, n_genes: int) -> None:
    # Without copies it would write into the cells that it is given.
    if (scaler.with_mean, scaler.with_std, scaler.copy) != (True, True, True):
        raise ValueError("the scaler does more or less than to scale")
    for numbers in (scaler.mean_, scaler.scale_):
        if numbers.shape != (n_genes,) or numbers.dtype != np.float64:
            raise ValueError("the scaler is for other genes")
    # Of log values, in 32 bits: beyond these bounds a scaled cell would be infinite.
    in_bounds = (np.abs(scaler.mean_) < 1e6) & (scaler.scale_ > 1e-6) & (scaler.scale_ < 1e6)
    if not in_bounds.all():
        raise ValueError("the scaler does not scale")


def _check_classes(classes: Any) -> None:
    if classes.dtype != bool or classes.tolist() != [False, True]:
        raise ValueError("not a classifier of rare cells")
