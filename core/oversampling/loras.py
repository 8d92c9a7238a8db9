"""LoRAS: synthetic rare cells as random blends of the real ones.

A synthetic cell is a random convex combination of `n_affine` shadow samples, each of them a cell
of one rare cell's neighbourhood plus Gaussian noise. Written out for one parent,

    y = sum_i w_i (x_i + e_i) = W X(N) + e,    e ~ N(0, noise_scale² · sum_i w_i²) per gene,

where W holds the weights summed per neighbour. The right-hand side is what is computed here: the
same distribution, and the shadow samples never exist in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from core.config import LorasConfig
from core.oversampling.draws import add_noise, draw_shares
from core.oversampling.neighbourhoods import find_neighbours
from core.oversampling.settings import (
    check_rare_cells,
    check_settings,
    choose_n_affine,
    choose_n_neighbors,
    is_whole,
    require,
)

__all__ = ["draw_synthetic", "fill_synthetic", "to_dense", "to_generator"]

# Numbers per temporary array: few enough to stay in a processor's cache, enough of them to make
# the cost of one block's calls small.
BLOCK_SIZE = 1 << 18


def draw_synthetic(
    rare_cells,
    n: int,
    *,
    n_neighbors: int | None = None,
    n_affine: int | None = None,
    noise_scale: float = 0.005,
    weights: Literal["dirichlet", "integers"] = "dirichlet",
    neighbour_space: Literal["features", "pca", "tsne"] = "features",
    rng: np.random.Generator | int | None = None,
) -> np.ndarray:
    """Draw synthetic cells from the cells of one rare type.

    Parameters
    ----------
    rare_cells : array-like or sparse matrix of shape (n_rare, n_genes)
        The real cells, two or more.
    n : int
        Synthetic cells to draw, 0 or more.
    n_neighbors, n_affine, noise_scale, weights, neighbour_space
        As in :class:`core.LoRAS`.
    rng : numpy.random.Generator, int or None
        Source of all randomness of the call.

    Returns
    -------
    numpy.ndarray of shape (n, n_genes)
        Synthetic cells, those of one parent side by side, parents in random order and each with
        the same number of cells (or one more). float32 when `rare_cells` is, else float64.

    Raises
    ------
    ParameterError
        As :class:`core.LoRAS`, and when `n` is not a whole number of 0 or more.

    Examples
    --------
    >>> from core.oversampling import draw_synthetic
    >>> draw_synthetic([[0.0, 1.0], [2.0, 3.0]], 4, rng=0).shape
    (4, 2)
    """
    settings = LorasConfig(n_neighbors, n_affine, noise_scale, weights, neighbour_space)
    check_settings(settings)
    require(is_whole(n, 0), f"`n` must be a whole number of 0 or more. Got {n!r}.")
    rare = check_array(to_dense(rare_cells), dtype=[np.float64, np.float32], ensure_min_samples=0)
    cells = np.empty((n, rare.shape[1]), rare.dtype)
    fill_synthetic(cells, rare, settings, to_generator(rng))
    return cells


def fill_synthetic(
    out: np.ndarray, rare: np.ndarray, settings: LorasConfig, rng: np.random.Generator
) -> None:
    """Write ``len(out)`` synthetic cells into `out`, an equal share for each rare cell."""
    n_rare, n_genes = rare.shape
    check_rare_cells(settings, n_rare)
    n_affine = choose_n_affine(settings, n_genes)
    n_neighbors = choose_n_neighbors(settings, n_rare)
    rare = rare.astype(out.dtype, copy=False)
    neighbours = find_neighbours(rare, n_neighbors, settings.neighbour_space, rng)
    # What one cell and one parent need in temporary memory decides how many fit into a block.
    max_cells = max(1, BLOCK_SIZE // max(n_affine, n_neighbors, n_genes))
    max_parents = max(1, BLOCK_SIZE // (n_neighbors * n_genes))
    start = 0
    for parents, n_each in _blocks(rng.permutation(n_rare), len(out), max_cells, max_parents):
        stop = start + len(parents) * n_each
        block = out[start:stop].reshape(len(parents), n_each, n_genes)
        _blend(block, rare.take(neighbours[parents], axis=0), n_affine, settings, rng)
        start = stop


def _blocks(
    parents: np.ndarray, n_cells: int, max_cells: int, max_parents: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Share `n_cells` among `parents`; yield (some parents, cells for each of them)."""
    share, extra = divmod(n_cells, len(parents))
    for group, n_each in ((parents[:extra], share + 1), (parents[extra:], share)):
        for n_part in [max_cells] * (n_each // max_cells) + [n_each % max_cells]:
            if n_part:
                step = min(max_parents, max(1, max_cells // n_part))
                for i in range(0, len(group), step):
                    yield group[i : i + step], n_part


def _blend(
    out: np.ndarray,
    neighbourhoods: np.ndarray,
    n_affine: int,
    settings: LorasConfig,
    rng: np.random.Generator,
) -> None:
    """Fill `out` (parents, cells, genes) from `neighbourhoods` (parents, neighbours, genes)."""
    n_parents, n_each, n_genes = out.shape
    n_cells, n_neighbors = n_parents * n_each, neighbourhoods.shape[1]
    shares, squares = draw_shares(
        n_cells, n_neighbors, n_affine, settings.weights, rng, dtype=out.dtype
    )
    np.matmul(shares.reshape(n_parents, n_each, n_neighbors), neighbourhoods, out=out)
    if settings.noise_scale > 0:
        sd = settings.noise_scale * np.sqrt(squares)
        add_noise(out.reshape(n_cells, n_genes), sd, rng)


def to_dense(cells):
    """`cells` as an array, whether sparse or not."""
    return cells.toarray() if sparse.issparse(cells) else cells


def to_generator(random_state) -> np.random.Generator:
    """One generator for a whole call, from anything imbalanced-learn calls a random state."""
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**32, size=4, dtype=np.uint32)
    return np.random.default_rng(random_state)
