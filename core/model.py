"""The model that a user keeps: fitted on all cells, with everything to apply and explain it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from core.calibration import shift_prior
from core.config import Method, RareTask, TrainingConfig
from core.context import ReferenceContext
from core.data import Dataset, GeneMatch, match_genes
from core.data.gene_advice import GeneAdvice, advise_names
from core.data.gene_ids import recognise_names
from core.errors import QueryMismatchError
from core.fitting import fit_method, rare_scores, trained_share
from core.model_file import read_parts, write_parts
from core.summary import CrossValidation

__all__ = ["MIN_COVERAGE", "RareCellModel", "load_model"]

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
        Score (0–1) from which on a cell is called rare: chosen on out-of-fold scores for the
        configuration's goal, or 0.5 where there are none.
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
    context : ReferenceContext or None
        Types of the training cells and markers of the other ones; ``None`` in models of files that
        were written before there was one.
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
    context: ReferenceContext | None = None

    @property
    def title(self) -> str:
        """One line for a list of models."""
        return (
            f"{self.task.rare} · {self.method} · {len(self.genes)} genes · {self.reference['name']}"
        )

    def match(self, dataset: Dataset) -> GeneMatch:
        """Look the model's genes up in a dataset, by name."""
        return match_genes(dataset.genes, self.genes)

    def require_genes(self, dataset: Dataset) -> GeneMatch:
        """Look the model's genes up, and refuse a dataset with fewer than half of them.

        Raises
        ------
        QueryMismatchError
            ``E-GENES-MISSING``.
        """
        match = self.match(dataset)
        if match.coverage < MIN_COVERAGE:
            raise self.mismatch(match, dataset)
        return match

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
        match = self.require_genes(dataset)
        pipeline = self._fit_anew(match.found) if match.missing else self.pipeline
        return rare_scores(pipeline, dataset.expression(match.found))

    def probabilities(
        self, scores: npt.NDArray[np.float64], *, frequency: float | None = None
    ) -> npt.NDArray[np.float64]:
        """Turn scores into probabilities where a given share of the cells is rare.

        Oversampling and class weights teach a classifier that the rare type is frequent; the
        log-odds of its scores are shifted back by as much as its training differed.

        Parameters
        ----------
        scores : array of shape (n_cells,)
            From :meth:`score`, 0–1.
        frequency : float or None
            Share of rare cells (0–1); that of the reference by default.

        Returns
        -------
        array of shape (n_cells,)
            0–1. How well they are calibrated, the reliability curve of the cross-validation tells.
        """
        is_rare, method = self.training_is_rare, Method.parse(self.method)
        n_rare = int(is_rare.sum())
        n_other = len(is_rare) - n_rare
        trained = trained_share(n_rare, n_other, self.n_synthetic, method.sampler, self.config)
        share = n_rare / len(is_rare) if frequency is None else frequency
        return shift_prior(scores, trained_share=trained, share=share)

    def with_goal(self, cross_validation: CrossValidation) -> RareCellModel:
        """The same model with the threshold and the scores that a cross-validation has for a goal.

        Parameters
        ----------
        cross_validation : CrossValidation
            Of this model's task, method and configuration, summarised for any goal.
        """
        return replace(
            self,
            threshold=cross_validation.thresholds[self.method].value,
            metrics=_metrics(cross_validation, self.method),
            config=replace(self.config, goal=cross_validation.goal),
        )

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


def _metrics(cross_validation: CrossValidation, method: str) -> dict[str, float | None]:
    """A method's row of the table, as plain values for JSON."""
    row = cross_validation.table.loc[method].to_dict()
    return {name: None if pd.isna(value) else float(value) for name, value in row.items()}
