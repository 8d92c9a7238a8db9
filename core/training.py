"""Train the final model of a method on all labelled cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from core.config import Method, RareTask, TrainingConfig
from core.context import describe_context
from core.data import Dataset
from core.evaluation import iter_folds
from core.fitting import fit_method
from core.fold_results import DECISION
from core.markers import choose_markers
from core.model import RareCellModel
from core.summary import CrossValidation, summarise

__all__ = ["fit_model", "fit_models", "train"]


def train(
    dataset: Dataset, task: RareTask, config: TrainingConfig, *, method: str | None = None
) -> RareCellModel:
    """Train the final model on all labelled cells.

    Parameters
    ----------
    dataset : Dataset
        Reference cells.
    task : RareTask
        Label column and rare type.
    config : TrainingConfig
        Settings and seed.
    method : str or None
        For example ``"loras+knn"``: fitted at once, without scores, and therefore with a threshold
        of 0.5 whatever ``config.goal`` is; :meth:`RareCellModel.with_goal` gives it those of a
        cross-validation. ``None``: every method of
        `config` is cross-validated, and the recommended one (else the one of highest F1) is
        fitted and carries its scores.

    Returns
    -------
    RareCellModel

    Raises
    ------
    ParameterError
        As :func:`core.iter_folds`; with a `method`, 2 rare cells are enough.
    DataError
        ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.

    Examples
    --------
    >>> import core
    >>> task = core.RareTask("bulk_labels", "CD34+")
    >>> config = core.TrainingConfig(markers=20)
    >>> model = core.train(core.demo_reference(), task, config, method="loras+knn")
    >>> model.n_synthetic
    505
    """
    if method is not None:
        return fit_model(dataset, task, config, method)
    cross_validation = summarise(iter_folds(dataset, task, config))
    best = cross_validation.recommended or cross_validation.table["f1_mean"].idxmax()
    return fit_model(dataset, task, config, best, cross_validation)


def fit_model(
    dataset: Dataset,
    task: RareTask,
    config: TrainingConfig,
    method: str,
    cross_validation: CrossValidation | None = None,
) -> RareCellModel:
    """Fit one method on all labelled cells; `cross_validation` lends the model its metrics."""
    return next(fit_models(dataset, task, config, [method], cross_validation))


def fit_models(
    dataset: Dataset,
    task: RareTask,
    config: TrainingConfig,
    methods: Iterable[str],
    cross_validation: CrossValidation | None = None,
) -> Iterator[RareCellModel]:
    """Fit several methods, as :func:`fit_model` does, on markers that are chosen once."""
    truth = dataset.rare_labels(task)
    markers, values = choose_markers(dataset, truth, config.marker_config())
    context = describe_context(dataset, task, truth, markers)
    for method in methods:
        pipeline, n_synthetic = fit_method(
            values, truth.is_rare, Method.parse(method), config, seed=config.seed
        )
        model = RareCellModel(
            genes=markers,
            task=task,
            config=config,
            method=method,
            threshold=DECISION,
            metrics={},
            pipeline=pipeline,
            training_values=values,
            training_is_rare=truth.is_rare,
            n_synthetic=n_synthetic,
            reference={
                "name": dataset.name,
                "digest": dataset.digest,
                "n_cells": dataset.n_cells,
                "n_rare": truth.n_rare,
                "depth": dataset.depth,
            },
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            context=context,
        )
        yield model if cross_validation is None else model.with_goal(cross_validation)
