"""The model that a user keeps: fitted on all cells, with everything to apply and explain it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from core.config import Method, RareTask, TrainingConfig
from core.data import Dataset, GeneMatch, match_genes
from core.data.gene_advice import GeneAdvice, advise_names
from core.data.gene_ids import recognise_names
from core.errors import QueryMismatchError
from core.evaluation import DECISION, iter_folds
from core.fitting import fit_method, rare_scores
from core.markers import choose_markers
from core.model_file import read_parts, write_parts
from core.summary import CrossValidation, summarise

__all__ = ["MIN_COVERAGE", "RareCellModel", "fit_model", "fit_models", "load_model", "train"]

# Below this share of the model's genes a score says more about what is missing than about cells.
MIN_COVERAGE = 0.5


@dataclass(frozen=True, eq=False)
class RareCellModel:
    """A classifier for one rare cell type, with everything needed to apply and explain it.

    Parameters
    ----------
    genes : tuple of str
        Marker genes, in the order of the classifier's features.
    task : RareTask
        What it was trained for.
    config : TrainingConfig
        How.
    method : str
        For example ``"loras+knn"``.
    threshold : float
        Score (0–1) from which on a cell is called rare.
    metrics : mapping
        The method's row of the cross-validation; empty when there were too few rare cells.
    pipeline : sklearn.pipeline.Pipeline
        Fitted scaler and classifier.
    training_values : array of shape (n_cells, n_genes), float32
        Expression of the reference's labelled cells, log1p of counts per 10,000: what is needed to
        fit the classifier anew for a query that lacks some of the genes.
    training_is_rare : bool array of shape (n_cells,)
        Which of these cells are the rare type.
    n_synthetic : int
        Synthetic cells that the final fit used.
    reference : mapping
        Name, digest, ``n_cells`` and ``n_rare`` of the reference.
    created : str
        Date and time, UTC, ISO 8601.
    """

    genes: tuple[str, ...]
    task: RareTask
    config: TrainingConfig
    method: str
    threshold: float
    metrics: Mapping[str, float]
    pipeline: Pipeline
    training_values: npt.NDArray[np.float32]
    training_is_rare: npt.NDArray[np.bool_]
    n_synthetic: int
    reference: Mapping[str, Any]
    created: str

    @property
    def title(self) -> str:
        """One line for a list of models."""
        return (
            f"{self.task.rare} · {self.method} · {len(self.genes)} genes · {self.reference['name']}"
        )

    def match(self, dataset: Dataset) -> GeneMatch:
        """Look the model's genes up in a dataset, by name."""
        return match_genes(dataset.genes, self.genes)

    def score(self, dataset: Dataset) -> npt.NDArray[np.float64]:
        """Score every cell of a dataset.

        For a dataset that lacks some of the genes the classifier is fitted anew, on the same
        reference cells with the genes that are there: any value put in the place of a missing
        marker would speak for or against the rare type.

        Parameters
        ----------
        dataset : Dataset
            Query cells.

        Returns
        -------
        array of shape (n_cells,)
            Scores, 0–1.

        Raises
        ------
        QueryMismatchError
            ``E-GENES-MISSING`` when fewer than half of the genes are there.
        """
        match = self.match(dataset)
        if match.coverage < MIN_COVERAGE:
            raise self.mismatch(match, dataset)
        pipeline = self._fit_anew(match.found) if match.missing else self.pipeline
        return rare_scores(pipeline, dataset.expression(match.found))

    def _fit_anew(self, genes: tuple[str, ...]) -> Pipeline:
        values = self.training_values[:, np.isin(self.genes, genes)]
        method, config = Method.parse(self.method), self.config
        return fit_method(values, self.training_is_rare, method, config, seed=config.seed)[0]

    def mismatch(self, match: GeneMatch, dataset: Dataset) -> QueryMismatchError:
        """The refusal of a query that has too few of the genes, with examples of both names."""
        mine, theirs = ", ".join(self.genes[:4]), ", ".join(map(str, dataset.genes[:4]))
        return QueryMismatchError(
            f"Only {len(match.found)} of the model's {len(self.genes)} genes are in the query. "
            f"The model has names like {mine}; the query has names like {theirs}.",
            code="E-GENES-MISSING",
            next_step=self.name_advice(dataset) or self._without_advice(dataset),
        )

    def _without_advice(self, dataset: Dataset) -> str:
        """What to do about genes that are missing under any name."""
        mine, theirs = (recognise_names(pd.Index(g)) for g in (self.genes, dataset.genes))
        is_same = (mine.style, mine.organism) == (theirs.style, theirs.organism)
        if is_same and mine.style != "other":
            return (
                "This query lacks the genes: was it cut down to selected genes? Load the whole "
                "matrix."
            )
        return (
            "Use a query of the same species and with the same kind of gene names (symbols or "
            "Ensembl ids)."
        )

    def name_advice(self, dataset: Dataset) -> str:
        """How to load the query, or the reference, for more of the genes to be found.

        Returns
        -------
        str
            A sentence with the number found before and after; empty when no other names that Needle
            knows (symbols for ids, human orthologs, repaired names) would help.
        """
        for what, advice, and_then in (
            ("query", self.query_advice(dataset), ""),
            ("reference", self.reference_advice(dataset), " and train anew"),
        ):
            if advice:
                return (
                    f"Load the {what} again with {advice.answers}{and_then}: {advice.n_after} "
                    f"instead of {advice.n_before} of the {len(self.genes)} genes would be found."
                )
        return ""

    def query_advice(self, dataset: Dataset) -> GeneAdvice | None:
        """Choices with which the query would have more of the genes, if there are any."""
        return advise_names(self.genes, dataset.genes, dataset.findings)

    def reference_advice(self, dataset: Dataset) -> GeneAdvice | None:
        """Choices with which the reference would have had more genes of this query, if any."""
        return advise_names(dataset.genes, pd.Index(self.genes))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file: skops, no pickle, with a readable JSON header and a SHA-256.

        Parameters
        ----------
        path : path-like
            File to write; an existing one is replaced.
        """
        write_parts(Path(path), vars(self))


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
        For example ``"loras+knn"``: fitted at once, without scores. ``None``: every method of
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
    for method in methods:
        pipeline, n_synthetic = fit_method(
            values, truth.is_rare, Method.parse(method), config, seed=config.seed
        )
        row = {} if cross_validation is None else cross_validation.table.loc[method].to_dict()
        yield RareCellModel(
            genes=markers,
            task=task,
            config=config,
            method=method,
            threshold=DECISION,
            metrics={name: None if pd.isna(value) else float(value) for name, value in row.items()},
            pipeline=pipeline,
            training_values=values,
            training_is_rare=truth.is_rare,
            n_synthetic=n_synthetic,
            reference={
                "name": dataset.name,
                "digest": dataset.digest,
                "n_cells": dataset.n_cells,
                "n_rare": truth.n_rare,
            },
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def load_model(path: str | os.PathLike[str]) -> RareCellModel:
    """Load a model that :meth:`RareCellModel.save` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : path-like
        Model file.

    Returns
    -------
    RareCellModel
        Gives the same scores as the one that was saved.

    Raises
    ------
    ModelFileError
        ``E-MODEL-MISSING`` when there is no such file, ``E-MODEL-PICKLE`` for a pickle or joblib
        file, ``E-MODEL-FILE`` for any other file that is no Needle model, ``E-MODEL-DAMAGED``,
        ``E-MODEL-FORMAT`` for a newer format, ``E-MODEL-UNTRUSTED`` when the file wants types that
        no Needle model has, or ``E-MODEL-CONTENT`` when it holds parts that none has.
    """
    return RareCellModel(**read_parts(Path(path)))
