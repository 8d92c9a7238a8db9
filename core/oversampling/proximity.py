"""Rare cells in levels, from those nearest to other cells to those farthest from them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

__all__ = ["choose_n_combined", "find_levels", "level_weights", "share_out"]

Rows = npt.NDArray[np.intp]


def find_levels(rare, others, *, n_levels: int, n_neighbors: int) -> list[Rows]:
    """Divide the rare cells into proximity levels.

    Parameters
    ----------
    rare : array-like or sparse matrix of shape (n_rare, n_genes)
        The rare cells.
    others : array-like or sparse matrix of shape (n_others, n_genes)
        All other cells, one or more.
    n_levels : int
        Most levels, 1 or more.
    n_neighbors : int
        Rare cells nearest to each other cell that make up a level, 1 or more.

    Returns
    -------
    list of numpy.ndarray
        Rows of `rare`, ascending, each in one level. The first level holds the `n_neighbors` rare
        cells nearest to any other cell, by Euclidean distance; the second those of the cells that
        are left, and so on; the last one all that are still left. No level is empty.
    """
    left = np.arange(rare.shape[0])
    levels = []
    while left.size and len(levels) < n_levels - 1:
        search = NearestNeighbors(n_neighbors=min(n_neighbors, left.size), algorithm="brute")
        search.fit(rare[left])
        near = np.unique(search.kneighbors(others, return_distance=False))
        levels.append(left[near])
        left = np.delete(left, near)
    return [*levels, left] if left.size else levels


def level_weights(n_levels: int, theta: float) -> npt.NDArray[np.float64]:
    """Shares of the synthetic cells, one per level, that fall by exp(-theta) and sum to 1."""
    weights = np.exp(-theta * np.arange(n_levels))
    return weights / weights.sum()


def share_out(n: int, weights: npt.NDArray[np.float64]) -> Rows:
    """Share `n` cells out by `weights`: each the whole part, the largest remainders one more."""
    exact = n * weights
    counts = np.floor(exact).astype(np.intp)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: n - counts.sum()]] += 1
    return counts


def choose_n_combined(n_affine: int, weights: npt.NDArray[np.float64]) -> Rows:
    """Cells in one combination, per level: as many as its weight allows, and two at least."""
    return np.maximum(2, np.ceil(n_affine * weights / weights.max())).astype(np.intp)
