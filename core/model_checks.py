"""Whether the parts of a model file belong together: header, training cells and pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from core.config import Method

__all__ = ["check_cells", "check_pipeline"]

_CLASSIFIERS = {"knn": KNeighborsClassifier, "lr": LogisticRegression}


def check_cells(fields: dict[str, Any], values: np.ndarray, is_rare: np.ndarray) -> None:
    """Raise ValueError for training cells that do not belong to the header."""
    n_cells, n_genes = values.shape
    if n_genes != len(fields["genes"]) or is_rare.shape != (n_cells,):
        raise ValueError("the training cells do not belong to this header")
    if is_rare.dtype != bool or values.dtype != np.float32 or not np.isfinite(values).all():
        raise ValueError("the training cells are no expression")


def check_pipeline(fields: dict[str, Any], pipeline: Any, values: np.ndarray) -> None:
    """Raise ValueError (or what comes of a wrong type) for a pipeline that is not the header's."""
    scaler, classifier = (step for _, step in pipeline.steps)
    wanted = _CLASSIFIERS[Method.parse(fields["method"]).classifier]
    if (type(pipeline), type(scaler), type(classifier)) != (Pipeline, StandardScaler, wanted):
        raise ValueError("not a scaler followed by the classifier that the header names")
    if list(classifier.classes_) != [False, True]:
        raise ValueError("not a classifier of rare cells")
    if {scaler.n_features_in_, classifier.n_features_in_} != {len(fields["genes"])}:
        raise ValueError("the header's genes do not belong to this pipeline")
    # Neither is ever set by Needle: one makes folders and reads pickles, one starts processes.
    if pipeline.memory is not None or classifier.n_jobs is not None:
        raise ValueError("the pipeline wants to do more than to score")
    score = pipeline.predict_proba(values[:1])
    if score.shape != (1, 2) or not ((score >= 0) & (score <= 1)).all():
        raise ValueError("the pipeline gives no scores")
