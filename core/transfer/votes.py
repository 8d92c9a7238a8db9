"""Clusters of the query's cells, and the name each gets by the votes of its cells."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix, triu

from core.config_checks import is_number, require

__all__ = ["cluster_cells", "highest_probability", "most_frequent"]

# igraph has one source of random numbers for all threads.
_RANDOM = threading.Lock()


def cluster_cells(
    graph: csr_matrix, *, resolution: float = 1.0, seed: int = 0
) -> npt.NDArray[np.intp]:
    """Cluster cells by the Leiden algorithm, with modularity, until nothing improves.

    Parameters
    ----------
    graph : sparse matrix of shape (n_cells, n_cells)
        Symmetric weights (:func:`core.transfer.graph.neighbour_graph`).
    resolution : float
        Above 0; the higher, the more and smaller clusters.
    seed : int
        Of the order in which cells are moved, and of the refinement.

    Returns
    -------
    int array of shape (n_cells,)
        Clusters from 0, the largest; of equally large ones, that of the earlier cell comes first.
        A cell without neighbours is a cluster of its own.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for a graph that is not square, or a resolution out of its range.

    References
    ----------
    Traag, Waltman, van Eck: From Louvain to Leiden: guaranteeing well-connected communities.
    Scientific Reports 9:5233 (2019), DOI 10.1038/s41598-019-41695-z.

    Reichardt, Bornholdt: Statistical mechanics of community detection. Physical Review E 74:016110
    (2006), DOI 10.1103/PhysRevE.74.016110. (The resolution.)

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> cluster_cells(csr_matrix([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]))
    array([1, 0, 0])
    """
    ok = graph.ndim == 2 and graph.shape[0] == graph.shape[1]
    require(ok, "graph", "as many rows as columns", graph.shape)
    ok = is_number(resolution) and resolution > 0
    require(ok, "resolution", "a number above 0", resolution)
    import igraph  # only the naming of clusters needs it

    edges = triu(graph, k=1).tocoo()
    pairs = np.column_stack([edges.row, edges.col])
    network = igraph.Graph(n=graph.shape[0], edges=pairs)
    with _RANDOM:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            found = network.community_leiden(
                objective_function="modularity",
                weights=edges.data.astype(np.float64),
                resolution=resolution,
                n_iterations=-1,
            )
        finally:
            igraph.set_random_number_generator(random)  # igraph's own default
    return _by_size(np.asarray(found.membership, dtype=np.intp))


def _by_size(clusters: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    _, first, cluster, size = np.unique(
        clusters, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty_like(first)
    rank[np.lexsort([first, -size])] = np.arange(len(first))
    return rank[cluster]


def most_frequent(calls: npt.ArrayLike, clusters: npt.ArrayLike) -> pd.DataFrame:
    """Name each cluster by the most frequent call of its cells.

    Parameters
    ----------
    calls : array of str of shape (n_cells,)
        Type that each cell is called.
    clusters : int array of shape (n_cells,)
        Cluster of each cell (:func:`cluster_cells`).

    Returns
    -------
    DataFrame
        Indexed by cluster, rising: `name`; `share`, the part of the cells that are called so, 0–1;
        `n_cells`. Of equally frequent names it is the alphabetically first, capital letters before
        small ones.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when there is not one call for each cell.

    References
    ----------
    Domínguez Conde et al.: Cross-tissue immune cell analysis reveals tissue-specific features in
    humans. Science 376:eabl5197 (2022), DOI 10.1126/science.abl5197. (Majority voting.)

    Examples
    --------
    >>> most_frequent(["B", "T", "T", "NK"], [0, 0, 0, 1])["name"].tolist()
    ['T', 'NK']
    """
    clusters = np.asarray(clusters)
    ok = np.shape(calls) == clusters.shape and clusters.ndim == 1
    require(ok, "calls", f"one name for each of {clusters.size} cells", np.shape(calls))
    names, which = np.unique(np.asarray(calls, dtype=str), return_inverse=True)
    votes = np.zeros((len(clusters), len(names)))
    votes[np.arange(len(clusters)), which] = 1
    return _winners(votes, names, clusters)


def highest_probability(
    probabilities: npt.ArrayLike, names: Sequence[str], clusters: npt.ArrayLike
) -> pd.DataFrame:
    """Name each cluster by the type with the highest sum of its cells' probabilities.

    A vote counts as much as it is sure: many cells that are barely of one type may be outvoted by
    fewer that are certainly of another.

    Parameters
    ----------
    probabilities : array of shape (n_cells, n_names)
        Of each type, 0 or more.
    names : sequence of str of length n_names
        The types, each once.
    clusters : int array of shape (n_cells,)
        As in :func:`most_frequent`.

    Returns
    -------
    DataFrame
        As :func:`most_frequent`, but `share` is the name's part of the summed probabilities of all
        names; 0 where they are all 0. Sums that differ by rounding only are equal.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for shapes that do not fit, names that come twice, or probabilities that
        are negative or not finite.

    Examples
    --------
    >>> found = highest_probability([[0.6, 0.4], [0.6, 0.4], [0.1, 0.9]], ["T", "B"], [0, 0, 0])
    >>> found.loc[0, "name"]
    'B'
    """
    probabilities, clusters = np.asarray(probabilities, dtype=np.float64), np.asarray(clusters)
    sorted_names, order = np.unique(np.asarray(names, dtype=str), return_index=True)
    ok = len(names) > 0 and len(sorted_names) == len(names)
    require(ok, "names", "at least one name, and each once", names)
    expected = (clusters.size, len(names))
    ok = probabilities.shape == expected and clusters.ndim == 1
    require(ok, "probabilities", f"{expected[0]} cells × {expected[1]} names", probabilities.shape)
    ok = bool(np.all(np.isfinite(probabilities) & (probabilities >= 0)))
    require(ok, "probabilities", "finite and not negative", "others")
    return _winners(probabilities[:, order], sorted_names, clusters)


def _winners(
    votes: npt.NDArray[np.float64], names: npt.NDArray[np.str_], clusters: npt.NDArray[np.intp]
) -> pd.DataFrame:
    """Sum votes, whose columns are in the order of the names, over clusters and take the most."""
    index, which, n_cells = np.unique(clusters, return_inverse=True, return_counts=True)
    totals = np.zeros((len(index), len(names)))
    np.add.at(totals, which, votes)
    sums = totals.sum(axis=1, keepdims=True)
    shares = totals / np.where(sums > 0, sums, 1)
    # Rounded, so that the order of a sum decides no tie; of equal ones argmax takes the first.
    best = shares.round(12).argmax(axis=1) if len(index) else np.zeros(0, dtype=np.intp)
    return pd.DataFrame(
        {
            "name": names[best].astype(object),
            "share": shares[np.arange(len(index)), best],
            "n_cells": n_cells,
        },
        index=pd.Index(index, name="cluster"),
    )
