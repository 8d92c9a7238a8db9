"""Cells of a query that are unlike anything that a model was trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

__all__ = ["RARELY", "unlike_cells"]

# So many of the reference's own cells are farther from the others than the limit.
RARELY = 0.01
_NEIGHBOURS = 5
# Distances among more cells than these take seconds, and tell the same.
_MOST_CELLS = 5_000

Matrix = npt.NDArray[np.float32]


def unlike_cells(
    reference: Matrix, is_rare: npt.NDArray[np.bool_], query: Matrix, *, seed: int = 0
) -> npt.NDArray[np.bool_]:
    """Which query cells are farther from the reference's cells than these are from each other.

    Every cell is described by the model's genes and by what they make up together of its
    expression, each standardised by the reference. Its distance from the reference is the mean
    Euclidean one to the five nearest reference cells, and its distance from the rare type that to
    the five nearest rare ones. A query cell is unlike the reference when both are above the 99th
    percentile of what they are for the reference's own cells, or its own rare ones, each measured
    to the others. So about one in a hundred of cells that are like the reference is; of another
    study's there are some more. The second distance is there for rare cells, which have few
    neighbours and so are far from all others in their own dataset, too.

    It sees what the model's genes see: a type that the reference lacks stays unseen where it has
    these genes as some type of the reference has them, and these genes are as good as absent in
    many types.

    Parameters
    ----------
    reference : array of shape (n_cells, n_genes)
        log1p of counts per 10,000 of the training cells.
    is_rare : bool array of shape (n_cells,)
        Which of them are the rare type; they are kept when there are more cells than needed.
    query : array of shape (n_query_cells, n_genes)
        The same genes of other cells.
    seed : int
        Of the choice among more than 5,000 reference cells.

    Returns
    -------
    bool array of shape (n_query_cells,)
        Nothing is unlike a reference of a single cell.

    References
    ----------
    Distance to near neighbours as a sign of outliers: S. Ramaswamy, R. Rastogi and K. Shim,
    "Efficient algorithms for mining outliers from large data sets", SIGMOD (2000),
    doi:10.1145/342009.335437.
    """
    if len(reference) < 2:
        return np.zeros(len(query), dtype=bool)
    rows = _sample(is_rare, seed)
    own, is_rare = _with_share(reference[rows]), is_rare[rows]
    mean, sd = own.mean(axis=0), own.std(axis=0)
    sd[sd == 0] = 1
    own, query = (own - mean) / sd, (_with_share(query) - mean) / sd
    return _is_far(own, query) & _is_far(own[is_rare], query)


def _is_far(
    cells: npt.NDArray[np.float64], query: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Which cells are farther from some cells than 99 % of these are from the rest of them."""
    if len(cells) < 2:
        return np.ones(len(query), dtype=bool)
    neighbours = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, len(cells) - 1)).fit(cells)
    among = neighbours.kneighbors()[0].mean(axis=1)  # a cell is not its own neighbour
    return neighbours.kneighbors(query)[0].mean(axis=1) > np.quantile(among, 1 - RARELY)


def _with_share(values: Matrix) -> npt.NDArray[np.float64]:
    """Add a column with log1p of the counts per 10,000 of all these genes together."""
    values = values.astype(np.float64)
    return np.column_stack([values, np.log1p(np.expm1(values).sum(axis=1))])


def _sample(is_rare: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.intp]:
    """All cells, or 5,000 of them, half of which may be rare ones."""
    if len(is_rare) <= _MOST_CELLS:
        return np.arange(len(is_rare))
    order = np.random.default_rng(seed).permutation(len(is_rare))
    rare = order[is_rare[order]][: _MOST_CELLS // 2]
    others = order[~is_rare[order]][: _MOST_CELLS - len(rare)]
    return np.concatenate([rare, others])
