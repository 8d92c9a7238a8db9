"""LoRAS: synthetic rare cells as random blends of the real ones.

A synthetic cell is a random convex combination of `n_affine` shadow samples, each of them a cell
of one rare cell's neighbourhood plus Gaussian noise. Written out for one parent,

    y = sum_i w_i (x_i + e_i) = W X(N) + e,    e ~ N(0, noise_scale² · sum_i w_i²) per gene,

where W holds the weights summed per neighbour. The right-hand side is what is computed here: the
same distribution, and the shadow samples never exist in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Literal

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

from core.config import LorasConfig
from core.errors import ParameterError

__all__ = ["LoRAS", "draw_synthetic"]

WEIGHTS = ("dirichlet", "integers")
NEIGHBOUR_SPACES = ("features", "pca", "tsne")
MAX_COMPONENTS = 30
MIN_TSNE_CELLS = 16
# Numbers per temporary array: few enough to stay in a processor's cache.
BLOCK_SIZE = 1 << 17


class LoRAS(BaseOverSampler):
    """Oversample rare cells with localised random affine shadow samples.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        How many cells of which class there shall be, as everywhere in imbalanced-learn.
    n_neighbors : int or None
        Cells in a neighbourhood, the parent included, 1 to the number of rare cells. ``None``: 5
        below 100 rare cells, else 30, never more than there are.
    n_affine : int or None
        Shadow samples in one combination, 2 or more. A small number keeps more of the real
        variance: 2 / (n_affine + 1) of it with Dirichlet weights. ``None``: number of genes, at
        most 50.
    noise_scale : float
        Standard deviation of the shadow noise per gene, 0 or more, in the units of `X`.
    weights : {"dirichlet", "integers"}
        Weights of a combination: Dirichlet(1, …, 1), or integers 0 to 99 divided by their sum.
    neighbour_space : {"features", "pca", "tsne"}
        Where nearest cells are looked for, always by Euclidean distance: all genes, at most 30
        principal components, or two t-SNE dimensions (16 rare cells or more).
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None
        Source of all randomness of one call.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of synthetic cells per class.
    n_neighbors_ : dict
        Size of a neighbourhood per class that was oversampled.
    n_affine_ : int
        Shadow samples in one combination.

    Raises
    ------
    ParameterError
        When a setting is out of range or does not fit the number of rare cells; when a class has
        one cell only.

    References
    ----------
    Bej et al. 2021, "LoRAS: an oversampling approach for imbalanced datasets", Machine Learning
    110:279-301, https://doi.org/10.1007/s10994-020-05913-4

    Bej et al. 2021, "Automated annotation of rare-cell types from single-cell RNA-sequencing data
    through synthetic oversampling", BMC Bioinformatics 22:557,
    https://doi.org/10.1186/s12859-021-04469-x

    Examples
    --------
    >>> import numpy as np
    >>> from core.oversampling import LoRAS
    >>> cells = np.random.default_rng(0).normal(size=(100, 6))
    >>> is_rare = np.arange(100) < 10
    >>> balanced, labels = LoRAS(random_state=0).fit_resample(cells, is_rare)
    >>> balanced.shape, int(labels.sum())
    ((180, 6), 90)
    """

    _parameter_constraints: dict = {
        **BaseOverSampler._parameter_constraints,
        "random_state": ["random_state", np.random.Generator],
        # Checked by _check_settings, which tells the user what to do.
        "n_neighbors": "no_validation",
        "n_affine": "no_validation",
        "noise_scale": "no_validation",
        "weights": "no_validation",
        "neighbour_space": "no_validation",
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        n_neighbors: int | None = None,
        n_affine: int | None = None,
        noise_scale: float = 0.005,
        weights: Literal["dirichlet", "integers"] = "dirichlet",
        neighbour_space: Literal["features", "pca", "tsne"] = "features",
        random_state=None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.n_neighbors = n_neighbors
        self.n_affine = n_affine
        self.noise_scale = noise_scale
        self.weights = weights
        self.neighbour_space = neighbour_space
        self.random_state = random_state

    def _fit_resample(self, X, y):
        settings = LorasConfig(
            self.n_neighbors, self.n_affine, self.noise_scale, self.weights, self.neighbour_space
        )
        _check_settings(settings)
        rng = _generator(self.random_state)
        wanted = {label: n for label, n in self.sampling_strategy_.items() if n > 0}
        # One array for everything: synthetic cells are written where they are returned.
        n_real, n_genes = (0 if sparse.issparse(X) else len(X)), X.shape[1]
        cells = np.empty((n_real + sum(wanted.values()), n_genes), _float_type(X.dtype))
        if n_real:
            cells[:n_real] = X
        self.n_affine_ = _choose_n_affine(settings, n_genes)
        self.n_neighbors_ = {}
        start = n_real
        for label, n in wanted.items():
            rare = _dense(X[np.flatnonzero(y == label)])
            _fill(cells[start : start + n], rare, settings, rng)
            self.n_neighbors_[label] = _choose_n_neighbors(settings, len(rare))
            start += n
        if sparse.issparse(X):
            cells = sparse.vstack([X, type(X)(cells)], format=X.format)
        labels = [np.full(n, label, dtype=y.dtype) for label, n in wanted.items()]
        return cells, np.concatenate([y, *labels])


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
        As in :class:`LoRAS`.
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
        As :class:`LoRAS`, and when `n` is not a whole number of 0 or more.

    Examples
    --------
    >>> from core.oversampling import draw_synthetic
    >>> draw_synthetic([[0.0, 1.0], [2.0, 3.0]], 4, rng=0).shape
    (4, 2)
    """
    settings = LorasConfig(n_neighbors, n_affine, noise_scale, weights, neighbour_space)
    _check_settings(settings)
    _require(_is_whole(n, 0), f"`n` must be a whole number of 0 or more. Got {n!r}.")
    rare = check_array(_dense(rare_cells), dtype=[np.float64, np.float32], ensure_min_samples=0)
    cells = np.empty((n, rare.shape[1]), rare.dtype)
    _fill(cells, rare, settings, _generator(rng))
    return cells


def _fill(
    out: np.ndarray, rare: np.ndarray, settings: LorasConfig, rng: np.random.Generator
) -> None:
    """Write ``len(out)`` synthetic cells into `out`, an equal share for each rare cell."""
    n_rare, n_genes = rare.shape
    _check_rare_cells(settings, n_rare)
    n_affine = _choose_n_affine(settings, n_genes)
    n_neighbors = _choose_n_neighbors(settings, n_rare)
    rare = rare.astype(out.dtype, copy=False)
    neighbours = _find_neighbours(rare, n_neighbors, settings.neighbour_space, rng)
    # What one cell and one parent need in temporary memory decides how many fit into a block.
    max_cells = max(1, BLOCK_SIZE // max(n_affine, n_neighbors, n_genes))
    max_parents = max(1, BLOCK_SIZE // (n_neighbors * n_genes))
    start = 0
    for parents, n_each in _blocks(rng.permutation(n_rare), len(out), max_cells, max_parents):
        stop = start + len(parents) * n_each
        block = out[start:stop].reshape(len(parents), n_each, n_genes)
        _blend(block, rare[neighbours[parents]], n_affine, settings, rng)
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
    weights, squares = _draw_weights(n_cells, n_affine, settings.weights, rng)
    # Whose shadow each weight belongs to; numpy is fastest at drawing 16-bit integers.
    small = np.uint16 if n_neighbors < 1 << 16 else np.int64
    slots = rng.integers(0, n_neighbors, weights.shape, dtype=small)
    slots = slots + np.arange(0, n_cells * n_neighbors, n_neighbors)[:, np.newaxis]
    blend = np.bincount(slots.ravel(), weights.ravel(), n_cells * n_neighbors)
    blend = blend.reshape(n_cells, n_neighbors)
    total = blend.sum(axis=1)
    blend /= total[:, np.newaxis]
    blend = blend.astype(out.dtype, copy=False).reshape(n_parents, n_each, n_neighbors)
    np.matmul(blend, neighbourhoods, out=out)
    if settings.noise_scale > 0:
        sd = settings.noise_scale * np.sqrt(squares) / total
        _add_noise(out.reshape(n_cells, n_genes), sd, rng)


def _draw_weights(
    n_cells: int, n_affine: int, kind: str, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n_cells, n_affine) not yet divided by their sum, and their sums of squares."""

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        if kind == "dirichlet":  # exponentials over their sum are Dirichlet(1, …, 1)
            weights = -np.log(1 - rng.random((n, n_affine), dtype=np.float32))
        else:
            weights = rng.integers(0, 100, (n, n_affine), dtype=np.uint16).astype(np.float32)
        return weights, np.einsum("ij,ij->i", weights, weights)

    weights, squares = draw(n_cells)
    # A row of zeros cannot be divided by its sum: such a row is drawn again.
    while (zero := np.flatnonzero(squares == 0)).size:
        weights[zero], squares[zero] = draw(zero.size)
    return weights, squares


def _add_noise(cells: np.ndarray, sd: np.ndarray, rng: np.random.Generator) -> None:
    """Add independent Gaussian noise to every gene; `sd` has one value per cell.

    Box and Muller's transform (https://doi.org/10.1214/aoms/1177706645) in float32: two
    independent uniforms give two independent normals. ``Generator.standard_normal`` would take
    three times as long and be half of the whole call.
    """
    n_cells, n_genes = cells.shape
    half = math.ceil(n_genes / 2)
    radius, angle = rng.random((2, n_cells, half), dtype=np.float32)
    np.log(1 - radius, out=radius)
    radius *= -2
    np.sqrt(radius, out=radius)
    radius *= sd[:, np.newaxis].astype(np.float32)
    angle *= np.float32(2 * np.pi)
    cells[:, :half] += radius * np.cos(angle)
    cells[:, half:] += (radius * np.sin(angle))[:, : n_genes - half]


def _find_neighbours(
    rare: np.ndarray, n_neighbors: int, space: str, rng: np.random.Generator
) -> np.ndarray:
    """Rows of each rare cell's neighbourhood (n_rare, n_neighbors), itself in the first column."""
    parents = np.arange(len(rare))[:, np.newaxis]
    if n_neighbors == 1:
        return parents
    # Asking for the others only keeps the parent in, even among identical cells.
    search = NearestNeighbors(n_neighbors=n_neighbors - 1).fit(_place(rare, space, rng))
    return np.hstack([parents, search.kneighbors(return_distance=False)])


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


def _choose_n_neighbors(settings: LorasConfig, n_rare: int) -> int:
    if settings.n_neighbors is not None:
        return int(settings.n_neighbors)
    return min(5 if n_rare < 100 else 30, n_rare)


def _choose_n_affine(settings: LorasConfig, n_genes: int) -> int:
    return int(settings.n_affine) if settings.n_affine is not None else max(2, min(n_genes, 50))


def _check_settings(settings: LorasConfig) -> None:
    """Refuse settings that fit no data at all."""
    for name, least in (("n_neighbors", 1), ("n_affine", 2)):
        got = getattr(settings, name)
        text = f"`{name}` must be a whole number of {least} or more, or None. Got {got!r}."
        _require(got is None or _is_whole(got, least), text)
    noise = settings.noise_scale
    is_number = isinstance(noise, Real) and not isinstance(noise, bool) and math.isfinite(noise)
    text = f"`noise_scale` must be a finite number of 0 or more. Got {noise!r}."
    _require(is_number and noise >= 0, text)
    for name, known in (("weights", WEIGHTS), ("neighbour_space", NEIGHBOUR_SPACES)):
        got = getattr(settings, name)
        text = f"`{name}` must be one of {', '.join(known)}. Got {got!r}."
        _require(isinstance(got, str) and got in known, text)


def _check_rare_cells(settings: LorasConfig, n_rare: int) -> None:
    """Refuse settings that do not fit the number of rare cells."""
    _require(
        n_rare >= 2,
        f"LoRAS needs at least 2 cells of the class it adds to. Got {n_rare}.",
        code="E-RARE-ONE",
        next_step="Choose a larger rare type, or merge it with a related one.",
    )
    got = settings.n_neighbors
    _require(
        got is None or got <= n_rare,
        "`n_neighbors` must be at most the number of rare cells. "
        f"Got {got} for {n_rare} cells; choose {n_rare} or fewer.",
        next_step="With None it is fitted to the number of cells.",
    )
    _require(
        settings.neighbour_space != "tsne" or n_rare >= MIN_TSNE_CELLS,
        f"`neighbour_space` 'tsne' needs at least {MIN_TSNE_CELLS} rare cells. Got {n_rare}.",
        code="E-TSNE-SMALL",
        next_step="Choose 'features' or 'pca'.",
    )


def _require(ok: bool, message: str, *, code: str = "E-PARAMETER", next_step: str = "") -> None:
    if not ok:
        raise ParameterError(message, code=code, next_step=next_step or "Choose another value.")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def _dense(cells):
    return cells.toarray() if sparse.issparse(cells) else cells


def _float_type(dtype: np.dtype) -> np.dtype:
    """`dtype` itself when it can hold a blend of cells, else a floating type that can."""
    return np.result_type(dtype, np.float32)


def _generator(random_state) -> np.random.Generator:
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**32, size=4, dtype=np.uint32)
    return np.random.default_rng(random_state)
