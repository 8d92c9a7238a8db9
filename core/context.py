"""What a model keeps of the reference's other types, so that lookalikes can be told apart.

The markers of a rare type say how its cells differ from the average of all others. In another
lab's data that is not enough: cytotoxic T cells have most of a natural killer cell's markers. What
tells them apart are their own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from core.config import MarkerConfig, RareTask
from core.data import Dataset
from core.data.labels import RareLabels

__all__ = ["ReferenceContext", "describe_context", "rank_by_type"]

# Markers of each other type, best first, and of all types together.
PER_TYPE, MOST_GENES = 20, 200
# The mean and the spread of fewer cells say nothing.
LEAST_CELLS = 3


@dataclass(frozen=True, eq=False)
class ReferenceContext:
    """Types of the reference's labelled cells, and the expression of the other types' markers.

    Parameters
    ----------
    genes : tuple of str
        Markers of the other types that are no markers of the rare one.
    values : array of shape (n_cells, n_genes), float32
        Their expression, log1p of counts per 10,000, in the order of the model's training cells.
    types : tuple of str
        Names of all types, the rare one included, in alphabetical order.
    codes : int32 array of shape (n_cells,)
        Type of each cell, as an index into `types`.
    """

    genes: tuple[str, ...]
    values: npt.NDArray[np.float32]
    types: tuple[str, ...]
    codes: npt.NDArray[np.int32]


def describe_context(
    dataset: Dataset, task: RareTask, truth: RareLabels, markers: Collection[str]
) -> ReferenceContext:
    """Choose markers of the other types on all labelled cells, for a final model.

    Every type of at least 3 cells gives its 20 best; when that makes more than 200 genes, the best
    of each type come first, then the second best, and so on.

    Parameters
    ----------
    dataset : Dataset
        Reference.
    task : RareTask
        Label column and rare type.
    truth : RareLabels
        Its labelled cells.
    markers : collection of str
        Genes that the model has anyway.
    """
    matrix = dataset.matrix()[truth.rows]
    names = dataset.labels(task.label).to_numpy()[truth.rows].astype(str)
    types, codes = np.unique(names, return_inverse=True)
    ranked = rank_by_type(matrix, codes, len(types))
    others = [genes for kind, genes in enumerate(ranked) if types[kind] != task.rare]
    mine = set(dataset.genes.get_indexer(pd.Index(list(markers), dtype=object)))
    in_turns = (genes[place] for place in range(PER_TYPE) for genes in others if place < len(genes))
    chosen = [gene for gene in dict.fromkeys(in_turns) if gene not in mine][:MOST_GENES]
    return ReferenceContext(
        genes=tuple(map(str, dataset.genes[chosen])),
        values=matrix[:, chosen].toarray(),
        types=tuple(map(str, types)),
        codes=codes.astype(np.int32),
    )


def rank_by_type(
    matrix: sparse.csr_matrix, codes: npt.NDArray[np.intp], n_types: int
) -> list[npt.NDArray[np.intp]]:
    """Rank marker genes of every type against the rest by Welch's t, in one pass over the matrix.

    Parameters
    ----------
    matrix : sparse matrix of shape (n_cells, n_genes)
        log1p of counts per 10,000.
    codes : int array of shape (n_cells,)
        Type of each cell, 0 to ``n_types - 1``.
    n_types : int

    Returns
    -------
    list of int arrays
        By type: columns of genes that pass the default thresholds of
        :class:`core.MarkerConfig`, best first; none for a type of fewer than 3 cells.

    References
    ----------
    Welch: The generalization of 'Student's' problem when several different population variances
    are involved. Biometrika 34:28 (1947), DOI 10.1093/biomet/34.1-2.28.
    """
    n_cells = matrix.shape[0]
    member = sparse.csr_matrix((np.ones(n_cells), (codes, np.arange(n_cells))), (n_types, n_cells))
    sizes = np.bincount(codes, minlength=n_types)
    sums = {
        name: np.asarray((member @ _with(matrix, values)).todense())
        for name, values in (
            ("x", matrix.data),
            ("square", np.square(matrix.data, dtype=np.float64)),
            ("linear", np.expm1(matrix.data, dtype=np.float64)),
            ("detected", np.ones(len(matrix.data))),
        )
    }
    totals = {name: part.sum(axis=0) for name, part in sums.items()}
    return [
        _ranked({name: part[kind] for name, part in sums.items()}, totals, sizes[kind], n_cells)
        for kind in range(n_types)
    ]


def _with(matrix: sparse.csr_matrix, values: npt.NDArray) -> sparse.csr_matrix:
    return sparse.csr_matrix((values, matrix.indices, matrix.indptr), matrix.shape)


def _ranked(
    mine: dict[str, npt.NDArray], totals: dict[str, npt.NDArray], n_in: int, n_cells: int
) -> npt.NDArray[np.intp]:
    n_out = n_cells - n_in
    if n_in < LEAST_CELLS or n_out < LEAST_CELLS:
        return np.empty(0, dtype=np.intp)
    inside = {name: values / n_in for name, values in mine.items()}
    outside = {name: (totals[name] - values) / n_out for name, values in mine.items()}
    limits = MarkerConfig()
    detected = np.maximum(inside["detected"], outside["detected"]) >= limits.min_fraction
    logfc = np.log2(inside["linear"] + 1) - np.log2(outside["linear"] + 1)
    passing = np.flatnonzero(detected & (logfc >= limits.min_logfc))
    error = sum(
        np.maximum(part["square"] - part["x"] ** 2, 0)[passing] / (n - 1)
        for part, n in ((inside, n_in), (outside, n_out))
    )
    t = (inside["x"] - outside["x"])[passing] / np.sqrt(np.maximum(error, 1e-12))
    return passing[np.lexsort((-logfc[passing].round(4), -t.round(6)))]
