"""Neighbour graph of the query's cells, in which a small group keeps to itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, eye, triu
from sklearn.neighbors import NearestNeighbors

from core.config_checks import require

__all__ = ["LEAST_WEIGHT", "neighbour_graph"]

# Lighter edges are noise, and are dropped; Seurat's choice.
LEAST_WEIGHT = 1 / 15
# Up to so many cells the neighbours are searched exactly.
_MOST_EXACT = 20_000
# Edges that are weighed at a time.
_PAIRS = 200_000


def neighbour_graph(features: npt.ArrayLike, *, n_neighbors: int = 15, seed: int = 0) -> csr_matrix:
    """Connect cells by how many of their nearest neighbours they share.

    Parameters
    ----------
    features : array of shape (n_cells, n_features)
        What the distance (Euclidean) between cells is measured on, such as principal components.
    n_neighbors : int
        Nearest neighbours of each cell, itself not among them, 1 or more; at most all others.
    seed : int
        Of the approximate search, which more than 20,000 cells need.

    Returns
    -------
    float64 CSR matrix of shape (n_cells, n_cells)
        Weights of 1/15 to 1, symmetric, in canonical format, with an empty diagonal.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for features that are no finite table, or fewer than 1 neighbour.

    Notes
    -----
    Cells are connected if at least one is among the nearest neighbours of the other. The weight is
    the Jaccard index of their neighbour sets, |N(i) ∩ N(j)| / |N(i) ∪ N(j)|, where every cell
    counts as a neighbour of itself, so that each set has one member more than there are neighbours.
    Weights below 1/15 are dropped.

    Distance alone would tie a rare type to its surroundings: a group smaller than a neighbourhood
    must take the rest of its neighbours from elsewhere. But those outside have neighbours of their
    own and share few with the group, while its members share nearly all of theirs. Hence it keeps
    most of its weight to itself.

    Above 20,000 cells nearest-neighbour descent finds all but about 1 % of the neighbours. It runs
    in one thread, as its result depends on how many there are.

    References
    ----------
    Jarvis, Patrick: Clustering using a similarity measure based on shared near neighbors. IEEE
    Transactions on Computers C-22:1025 (1973), DOI 10.1109/T-C.1973.223640.

    Stuart et al.: Comprehensive integration of single-cell data. Cell 177:1888 (2019),
    DOI 10.1016/j.cell.2019.05.031.

    Dong, Moses, Li: Efficient k-nearest neighbor graph construction for generic similarity
    measures. WWW (2011), DOI 10.1145/1963405.1963487.

    Examples
    --------
    >>> neighbour_graph([[0.0], [1.0], [9.0]], n_neighbors=1).toarray().round(2)
    array([[0.  , 1.  , 0.  ],
           [1.  , 0.  , 0.33],
           [0.  , 0.33, 0.  ]])
    """
    features = np.asarray(features, dtype=np.float64)
    is_table = features.ndim == 2 and features.shape[1] > 0 and bool(np.isfinite(features).all())
    require(is_table, "features", "a table of finite numbers, cells × features", features.shape)
    require(n_neighbors >= 1, "n_neighbors", "1 or more", n_neighbors)
    n_cells = len(features)
    n_neighbors = min(n_neighbors, n_cells - 1)
    if n_neighbors < 1:
        return csr_matrix((n_cells, n_cells))
    if n_cells <= _MOST_EXACT:
        # In single precision, which takes half the time and finds the same neighbours but for ties.
        search = NearestNeighbors(n_neighbors=n_neighbors).fit(features.astype(np.float32))
        neighbours = search.kneighbors(return_distance=False)  # of each cell, without itself
    else:
        neighbours = _approximate(features, n_neighbors, seed)
    return _shared(neighbours)


def _approximate(
    features: npt.NDArray[np.float64], n_neighbors: int, seed: int
) -> npt.NDArray[np.intp]:
    from pynndescent import NNDescent  # compiles for 20 s, and only many cells need it

    # Of twice as many, the nearest half is nearly always complete.
    n_sought = min(2 * (n_neighbors + 1), len(features))
    search = NNDescent(features, n_neighbors=n_sought, random_state=seed, n_jobs=1)
    found = search.neighbor_graph[0].astype(np.intp)
    # A cell comes first among its own, but not always among copies of one point.
    nearest = found != np.arange(len(found))[:, None]
    nearest &= nearest.cumsum(axis=1) <= n_neighbors
    return found[nearest].reshape(len(found), n_neighbors)


def _shared(neighbours: npt.NDArray[np.intp]) -> csr_matrix:
    """Jaccard graph of the neighbours of each cell, (n_cells, n_neighbors) without the cell."""
    n_cells, n_neighbors = neighbours.shape
    starts = np.arange(0, neighbours.size + 1, n_neighbors)
    ones = np.ones(neighbours.size)
    members = csr_matrix((ones, neighbours.ravel(), starts), shape=(n_cells, n_cells))
    members = (members + eye(n_cells, format="csr")).tocsr()
    left, right = triu(members + members.T, k=1).nonzero()
    # Pair by pair: the product of all with all would have no bounds where many cells have the same
    # neighbours, such as copies of one point.
    weights = np.empty(len(left))
    for start in range(0, len(left), _PAIRS):
        pairs = slice(start, start + _PAIRS)
        both = members[left[pairs]].multiply(members[right[pairs]])
        n_shared = np.asarray(both.sum(axis=1)).ravel()
        weights[pairs] = n_shared / (2 * (n_neighbors + 1) - n_shared)
    kept = weights >= LEAST_WEIGHT
    upper = csr_matrix((weights[kept], (left[kept], right[kept])), shape=(n_cells, n_cells))
    graph = (upper + upper.T).tocsr()
    graph.sum_duplicates()
    return graph
