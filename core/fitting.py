"""Fit one method on training cells: scale, oversample, fit, in this order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from core.classifiers import fit, make_classifier
from core.config import Method, TrainingConfig
from core.oversampling import SAMPLERS, make_sampler

__all__ = [
    "TrainingCells",
    "fit_classifier",
    "fit_method",
    "oversample",
    "rare_scores",
    "scale_cells",
    "trained_share",
]

Matrix = npt.NDArray[np.float32]


class _Fitted(Protocol):
    def predict_proba(self, X: Matrix) -> npt.NDArray[np.floating]: ...

    classes_: npt.NDArray


@dataclass(frozen=True)
class TrainingCells:
    """Cells that a classifier is fitted on, already scaled.

    Parameters
    ----------
    values : array of shape (n_cells, n_genes), float32
        Standardised expression, real cells first, synthetic ones after them.
    is_rare : bool array of shape (n_cells,)
        Which are the rare type.
    n_synthetic : int
        How many of them are synthetic.
    weights : array of shape (n_cells,) or None
        How much each cell counts; ``None`` when all count the same.
    """

    values: Matrix
    is_rare: npt.NDArray[np.bool_]
    n_synthetic: int
    weights: npt.NDArray[np.float64] | None = None

    @property
    def rare_share(self) -> float:
        """Share of rare cells (0–1) as a classifier sees it: with synthetic cells and weights."""
        return float(np.average(self.is_rare, weights=self.weights))


def scale_cells(
    values: Matrix, is_rare: npt.NDArray[np.bool_]
) -> tuple[StandardScaler, TrainingCells]:
    """Standardise each gene by the mean and standard deviation of the training cells."""
    scaler = StandardScaler().fit(values)
    scaled = scaler.transform(values).astype(np.float32, copy=False)
    return scaler, TrainingCells(scaled, is_rare, 0)


def oversample(
    cells: TrainingCells, sampler_name: str, config: TrainingConfig, *, seed: int
) -> TrainingCells:
    """Add synthetic rare cells, or give rare cells more weight, up to ``config.target_ratio``.

    When there are that many rare cells per other cell already there is nothing to add, and the
    cells come back as they were.
    """
    sampler = make_sampler(sampler_name, config, seed=seed)
    n_real, n_rare = len(cells.is_rare), int(cells.is_rare.sum())
    wanted = config.target_ratio * (n_real - n_rare)
    if n_rare >= wanted:
        return cells
    if SAMPLERS[sampler_name].weighs:
        weights = np.where(cells.is_rare, wanted / n_rare, 1.0)
        return TrainingCells(cells.values, cells.is_rare, 0, weights)
    # Fewer than one cell more is none: a sampler would refuse to be asked for it.
    if sampler is None or int(wanted) <= n_rare:
        return cells
    values, is_rare = sampler.fit_resample(cells.values, cells.is_rare)
    return TrainingCells(values, is_rare.astype(bool), len(is_rare) - n_real)


def fit_method(
    values: Matrix,
    is_rare: npt.NDArray[np.bool_],
    method: Method,
    config: TrainingConfig,
    *,
    seed: int,
) -> tuple[Pipeline, int]:
    """Scale, oversample and fit on training cells.

    Parameters
    ----------
    values : array of shape (n_cells, n_genes)
        log1p of counts per 10,000 of the marker genes.
    is_rare : bool array of shape (n_cells,)
        Which are the rare type.
    method : Method
        Sampler and classifier.
    config : TrainingConfig
        Their settings.
    seed : int
        Seed of both.

    Returns
    -------
    pipeline : sklearn.pipeline.Pipeline
        Fitted scaler and classifier; the sampler has no part in prediction.
    n_synthetic : int
        Synthetic cells that were added.
    """
    scaler, cells = scale_cells(values, is_rare)
    cells = oversample(cells, method.sampler, config, seed=seed)
    classifier = fit_classifier(cells, method.classifier, config, seed=seed)
    return Pipeline([("scale", scaler), ("classifier", classifier)]), cells.n_synthetic


def fit_classifier(
    cells: TrainingCells, name: str, config: TrainingConfig, *, seed: int
) -> ClassifierMixin:
    """Fit a classifier of the registry on scaled (and oversampled) cells."""
    n_cells, weighted = len(cells.is_rare), cells.weights is not None
    classifier = make_classifier(
        name, config, n_training_cells=n_cells, seed=seed, weighted=weighted
    )
    return fit(classifier, cells.values, cells.is_rare, cells.weights)


def rare_scores(fitted: _Fitted, values: Matrix) -> npt.NDArray[np.float64]:
    """Predicted probability (0–1) of the rare type, one per cell."""
    column = int(np.flatnonzero(fitted.classes_)[0])
    return fitted.predict_proba(values)[:, column].astype(np.float64)


def trained_share(
    n_rare: int, n_other: int, n_synthetic: int, sampler_name: str, config: TrainingConfig
) -> float:
    """Share of rare cells (0–1) that a classifier was fitted with: synthetic cells or weights too.

    Parameters
    ----------
    n_rare, n_other, n_synthetic : int
        Training cells of the rare type, of all others, and synthetic ones.
    sampler_name : str
        Name from the registry.
    config : TrainingConfig
        Holds the target ratio, which decides the weights.

    Examples
    --------
    >>> trained_share(10, 90, 80, "loras", TrainingConfig())
    0.5
    """
    weight: float = n_rare + n_synthetic
    if SAMPLERS[sampler_name].weighs:
        weight = max(n_rare, config.target_ratio * n_other)
    return weight / (weight + n_other)
