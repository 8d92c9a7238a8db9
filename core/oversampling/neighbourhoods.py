"""Which rare cells are near each other, in all genes, in principal components or in t-SNE."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

__all__ = ["find_neighbours"]

MAX_COMPONENTS = 30
# Distances per temporary array: few enough to stay in a processor's cache.
BLOCK_SIZE = 1 << 16


def find_neighbours(
    rare: np.ndarray, n_neighbors: int, space: str, rng: np.random.Generator
) -> np.ndarray:
    """Find the nearest rare cells of every rare cell, by Euclidean distance.

    Parameters
    ----------
    rare : numpy.ndarray of shape (n_rare, n_genes)
        The rare cells, two or more.
    n_neighbors : int
        Cells in a neighbourhood, the cell itself included, 1 to ``n_rare``.
    space : {"features", "pca", "tsne"}
        Where distances are taken.
    rng : numpy.random.Generator
        Seeds the principal components and t-SNE.

    Returns
    -------
    numpy.ndarray of shape (n_rare, n_neighbors)
        Rows of each neighbourhood, in no order. A cell is always in its own neighbourhood, even
        among identical cells.
    """
    if n_neighbors == 1:
        return np.arange(len(rare))[:, np.newaxis]
    blocks = _squared_distances(_place(rare, space, rng))
    return np.concatenate([_smallest(block, n_neighbors) for block in blocks])


def _squared_distances(places: np.ndarray) -> Iterator[np.ndarray]:
    """Yield squared distances (some cells, n_rare) up to a factor; -1 from a cell to itself.

    |a - b|² = |a|² + |b|² - 2ab turns the distances into one matrix product. Its cancellation
    does no harm in float64 on centred coordinates; the factor keeps float32 from overflowing.
    """
    centred = places - places.mean(axis=0, dtype=np.float64)
    centred /= np.abs(centred).max() or 1.0
    norms = np.vecdot(centred, centred)
    others = -2 * centred.T
    step = max(1, BLOCK_SIZE // len(centred))
    for start in range(0, len(centred), step):
        distances = centred[start : start + step] @ others
        distances += norms
        distances += norms[start : start + step, np.newaxis]
        np.fill_diagonal(distances[:, start:], -1.0)
        yield distances


def _smallest(table: np.ndarray, k: int) -> np.ndarray:
    """Columns of the `k` smallest numbers in each row of `table`, in no order."""
    # Numpy partitions float32 several times as fast as it finds the columns of a partition.
    narrow = table.astype(np.float32)
    is_small = narrow <= np.partition(narrow, k - 1, axis=1)[:, [k - 1]]
    found = np.flatnonzero(is_small)
    if found.size != len(table) * k:  # ties at the border, by identical cells for instance
        return np.argpartition(table, k - 1, axis=1)[:, :k]
    return found.reshape(-1, k) % table.shape[1]


def _place(rare: np.ndarray, space: str, rng: np.random.Generator) -> np.ndarray:
    """Coordinates of the rare cells (n_rare, dimensions) in which neighbours are near."""
    n_rare, n_genes = rare.shape
    # Identical cells span no other space: their variance of zero would be divided by.
    if space == "features" or (rare == rare[0]).all():
        return rare
    seed = int(rng.integers(2**31))
    if space == "pca":
        n_components = min(n_rare - 1, n_genes, MAX_COMPONENTS)
        return PCA(n_components, random_state=seed).fit_transform(rare)
    perplexity = min(30, (n_rare - 1) / 3)
    return TSNE(perplexity=perplexity, init="random", random_state=seed).fit_transform(rare)
