"""Make reference and query comparable, gene by gene, and say how far apart they were.

Every step is named in the result. Nothing here knows the query's labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from core.data import Dataset, match_genes
from core.model import RareCellModel
from core.transfer.alignment import align
from core.transfer_config import TransferConfig

__all__ = ["Comparable", "compare_genes", "make_comparable", "standardise", "thin"]

Matrix = npt.NDArray[np.float32]

# From this ratio of the median counts per cell on, the deeper dataset is thinned.
DEPTH_RATIO = 10.0
# Standardised values beyond it are cut off wherever distances or directions are computed, as one
# gene of one cell must not outvote all others.
MOST_SD = 10.0


@dataclass(frozen=True, eq=False)
class Comparable:
    """The same genes of reference and query on common scales.

    Parameters
    ----------
    genes : tuple of str
        The model's genes and those of its context that the query has.
    n_markers : int
        How many of them, from the front, are markers of the rare type.
    reference : array of shape (n_reference_cells, n_genes)
        Standardised by the reference.
    by_reference, by_query : array of shape (n_query_cells, n_genes)
        The query standardised by the reference's, and by its own means and standard deviations;
        neither goes beyond the reference's own range of the gene.
    own : array of shape (n_query_cells, n_genes)
        The query standardised by itself, without that bound.
    shift : pandas.DataFrame
        See :func:`compare_genes`.
    steps : tuple of str
        What was done, in words.
    """

    genes: tuple[str, ...]
    n_markers: int
    reference: Matrix
    by_reference: Matrix
    by_query: Matrix
    own: Matrix
    shift: pd.DataFrame
    steps: tuple[str, ...]


def make_comparable(model: RareCellModel, dataset: Dataset, config: TransferConfig) -> Comparable:
    """Bring the model's training cells and a query to common scales.

    Parameters
    ----------
    model : RareCellModel
        Brings the reference's cells along.
    dataset : Dataset
        Query.
    config : TransferConfig
        Which steps are taken.
    """
    genes, n_markers, reference = _training_cells(model, dataset, with_context=config.context)
    query, steps = dataset.expression(genes), []
    shift = compare_genes(genes, reference, query)
    ratio = _depth_ratio(model, dataset)
    if _wants_thinning(config, ratio):
        reference, query = _same_depth(model, dataset, reference, query, seed=config.seed)
        deeper = "query" if ratio > 1 else "reference"
        times = max(ratio, 1 / ratio)
        steps.append(f"the {deeper}, {times:,.3g} times deeper, was thinned to the other's depth")
    elif config.match_depth and ratio is None:
        steps.append("depth was not matched, as one of the datasets holds no counts")
    if config.features != "expression":
        reference, query = (_within_cells(part, config.features) for part in (reference, query))
        steps.append(f"genes were replaced by their {_WORDS[config.features]} within each cell")
    scaled, by_reference, own = standardise(reference, query)
    by_query = own
    if config.harmony:
        scaled, by_reference = align(scaled, own, seed=config.seed)
        by_query = by_reference
        steps.append("genes were standardised within each dataset, and both aligned by Harmony")
    else:
        steps.append(_STANDARD[config.standardise])
    low, high = scaled.min(axis=0), scaled.max(axis=0)
    return Comparable(
        genes=tuple(genes),
        n_markers=n_markers,
        reference=scaled,
        by_reference=np.clip(by_reference, low, high),
        by_query=np.clip(by_query, low, high),
        own=np.clip(own, -MOST_SD, MOST_SD),
        shift=shift,
        steps=tuple(steps),
    )


_WORDS = {"ranks": "ranks", "cosine": "directions"}
_STANDARD = {
    "both": "genes were standardised by the reference and by the query itself, and both count",
    "reference": "genes were standardised by the reference",
    "query": "genes were standardised by the query itself",
}


def standardise(reference: Matrix, query: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Standardise genes: reference by reference, query by reference, query by query.

    A gene that does not vary in a dataset keeps its unit there.
    """
    mean, sd = reference.mean(axis=0), _spread(reference)
    own_mean, own_sd = query.mean(axis=0), _spread(query)
    parts = ((reference - mean) / sd, (query - mean) / sd, (query - own_mean) / own_sd)
    return tuple(part.astype(np.float32, copy=False) for part in parts)


def _spread(values: Matrix) -> Matrix:
    sd = values.std(axis=0)
    return np.where(sd > 1e-6, sd, 1).astype(np.float32)


def compare_genes(genes: Sequence[str], reference: Matrix, query: Matrix) -> pd.DataFrame:
    """How differently each gene is measured in both datasets.

    Parameters
    ----------
    genes : sequence of str
    reference, query : arrays of shape (n_cells, n_genes)
        log1p of counts per 10,000.

    Returns
    -------
    pandas.DataFrame
        One row per gene: ``gene``; ``mean_reference`` and ``mean_query`` (log1p of counts per
        10,000); ``detected_reference`` and ``detected_query``, shares of cells (0–1) with
        expression; ``shift``, difference of the means in units of the pooled standard deviation
        (Cohen's d).

    References
    ----------
    Cohen: Statistical Power Analysis for the Behavioral Sciences. 2nd edition (1988),
    DOI 10.4324/9780203771587.
    """
    pooled = np.sqrt((reference.var(axis=0) + query.var(axis=0)) / 2)
    gap = query.mean(axis=0) - reference.mean(axis=0)
    return pd.DataFrame(
        {
            "gene": list(genes),
            "mean_reference": reference.mean(axis=0),
            "mean_query": query.mean(axis=0),
            "detected_reference": (reference > 0).mean(axis=0),
            "detected_query": (query > 0).mean(axis=0),
            "shift": np.where(pooled > 0, gap / np.where(pooled > 0, pooled, 1), 0.0),
        }
    )


def thin(values: Matrix, *, depth: float, seed: int) -> Matrix:
    """Draw what a shallower measurement of the same cells would have counted.

    Parameters
    ----------
    values : array of shape (n_cells, n_genes)
        log1p of counts per 10,000.
    depth : float
        Counts per cell to draw, above 0.
    seed : int

    Returns
    -------
    array of shape (n_cells, n_genes), float32
        log1p of counts per 10,000, of counts drawn from Poisson distributions.
    """
    expected = np.expm1(values.astype(np.float64)) * (depth / 1e4)
    drawn = np.random.default_rng(seed).poisson(expected)
    return np.log1p(drawn * (1e4 / depth)).astype(np.float32)


def _training_cells(
    model: RareCellModel, dataset: Dataset, *, with_context: bool
) -> tuple[list[str], int, Matrix]:
    """Genes that the query has, how many of them are markers, and the reference's values."""
    known = [(model.genes, model.training_values)]
    if with_context and model.context is not None:
        known.append((model.context.genes, model.context.values))
    genes: list[str] = []
    parts = []
    for names, values in known:
        found = match_genes(dataset.genes, names).found
        genes += found
        parts.append(values[:, np.isin(names, found)] if names else values)
    n_markers = parts[0].shape[1]
    return genes, n_markers, np.hstack(parts)


def _depth_ratio(model: RareCellModel, dataset: Dataset) -> float | None:
    depth = model.reference.get("depth")
    return dataset.depth / depth if depth and dataset.depth else None


def _wants_thinning(config: TransferConfig, ratio: float | None) -> bool:
    if ratio is None or config.match_depth is False:
        return False
    least = 1.1 if config.match_depth else DEPTH_RATIO
    return max(ratio, 1 / ratio) >= least


def _same_depth(
    model: RareCellModel, dataset: Dataset, reference: Matrix, query: Matrix, *, seed: int
) -> tuple[Matrix, Matrix]:
    mine, theirs = model.reference["depth"], dataset.depth
    if theirs > mine:
        return reference, thin(query, depth=mine, seed=seed)
    return thin(reference, depth=theirs, seed=seed), query


def _within_cells(values: Matrix, features: str) -> Matrix:
    """Ranks of the genes within each cell, 0 to 1, or each cell centred and of unit length."""
    if features == "ranks":
        return (rankdata(values, axis=1) / values.shape[1]).astype(np.float32)
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.where(length > 0, length, 1)
