"""UMAP of real cells, and new cells placed in it."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

from core.data import Dataset

__all__ = ["dataset_umap", "fit_umap", "place", "principal_components", "umap_file"]

Points = npt.NDArray[np.float32]

_N_VARIABLE_GENES = 2000
_N_COMPONENTS = 30
_N_NEIGHBORS = 15
# Of larger datasets this many cells, drawn at random, make the map, and the rest is placed in it:
# the layout of more would take minutes and look the same.
_MAX_MAPPED = 20_000


def dataset_umap(dataset: Dataset, *, seed: int = 0) -> Points:
    """UMAP coordinates of a dataset: the file's own, else computed once and kept beside it.

    Computed on 30 principal components of the 2,000 most variable genes (fewer where there are
    fewer), 15 neighbours, as is usual with scanpy. Of more than 20,000 cells a random 20,000 make
    the map, and the others are placed in it (:func:`place`).

    Parameters
    ----------
    dataset : Dataset
        Cells to lay out.
    seed : int
        Seed of the layout.

    Returns
    -------
    array of shape (n_cells, 2), float32
    """
    if dataset.file_umap is not None:
        return dataset.file_umap
    kept = umap_file(dataset, seed=seed)
    return _kept(kept, lambda: _lay_out(principal_components(dataset), seed=seed))


def principal_components(dataset: Dataset) -> Points:
    """Principal components of a dataset's variable genes, computed once and kept beside it.

    Parameters
    ----------
    dataset : Dataset
        Cells.

    Returns
    -------
    array of shape (n_cells, n_components), float32
        30 components of the 2,000 most variable genes, fewer where there are fewer; the genes
        themselves where there is nothing to reduce.
    """
    kept = dataset.path.with_name(f"{dataset.path.stem}.pca.npy")
    return _kept(kept, lambda: _reduce(dataset))


def _kept(file: Path, compute: Callable[[], Points]) -> Points:
    """Read an array, or compute it and write it, whole or not at all."""
    if file.exists():
        return np.load(file)
    points = compute()
    part = file.with_name(f".{file.name}.{uuid.uuid4().hex}.part.npy")
    try:
        np.save(part, points)
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
    return points


def umap_file(dataset: Dataset, *, seed: int = 0) -> Path:
    """Where the computed map of a dataset is kept, whether it is there yet or not."""
    return dataset.path.with_name(f"{dataset.path.stem}.umap{seed}.npy")


def fit_umap(features: npt.NDArray[np.floating], *, seed: int = 0) -> Points:
    """Lay cells out in two dimensions by UMAP.

    Parameters
    ----------
    features : array of shape (n_cells, n_features)
        Where distances are Euclidean: principal components or standardised genes.
    seed : int
        Seed of the layout.

    Returns
    -------
    array of shape (n_cells, 2), float32
        Below 10 cells, and with fewer than two features that vary, which UMAP cannot lay out, the
        first two principal components.

    References
    ----------
    McInnes, Healy, Melville: UMAP: Uniform Manifold Approximation and Projection for Dimension
    Reduction. DOI 10.48550/arXiv.1802.03426.
    """
    features = np.asarray(features, dtype=np.float32)
    if len(features) < 10 or np.count_nonzero(features.std(axis=0)) < 2:
        return _first_two_components(features)
    import umap  # costs 2 s to import, and only maps need it

    n_neighbors = min(_N_NEIGHBORS, len(features) - 1)
    search = NearestNeighbors(n_neighbors=n_neighbors).fit(features)
    distances, indices = search.kneighbors(features)
    layout = umap.UMAP(
        n_neighbors=n_neighbors,
        min_dist=0.3,
        n_epochs=300 if len(features) <= 5000 else 200,
        init="pca",
        precomputed_knn=(indices, distances.astype(np.float32), None),
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes on precomputed neighbours, which is what we want
        return layout.fit_transform(features).astype(np.float32)


def place(
    features: npt.NDArray[np.floating], points: Points, new: npt.NDArray[np.floating]
) -> Points:
    """Place new cells in an existing map, which does not move.

    Each new cell comes to the mean position of its nearest mapped cells, weighted by
    ``exp(-(d - d₁) / s)`` with d₁ the distance to the nearest of them and s their mean excess over
    it: the local kernel of UMAP, and the position from which UMAP's own ``transform`` starts.

    Parameters
    ----------
    features : array of shape (n_cells, n_features)
        Mapped cells.
    points : array of shape (n_cells, 2)
        Their map positions.
    new : array of shape (n_new, n_features)
        Cells to place, in the same features.

    Returns
    -------
    array of shape (n_new, 2), float32

    References
    ----------
    McInnes, Healy, Melville, DOI 10.48550/arXiv.1802.03426, section 3.
    """
    search = NearestNeighbors(n_neighbors=min(5, len(features))).fit(features)
    distances, indices = search.kneighbors(new)
    excess = distances - distances[:, :1]
    spread = excess.mean(axis=1, keepdims=True)
    weights = np.exp(-np.divide(excess, spread, out=np.zeros_like(excess), where=spread > 0))
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ij,ijk->ik", weights, points[indices]).astype(np.float32)


def _lay_out(features: Points, *, seed: int) -> Points:
    if len(features) <= _MAX_MAPPED:
        return fit_umap(features, seed=seed)
    drawn = np.random.default_rng(seed).choice(len(features), _MAX_MAPPED, replace=False)
    mapped = fit_umap(features[drawn], seed=seed)
    points = place(features[drawn], mapped, features)
    points[drawn] = mapped
    return points


def _reduce(dataset: Dataset) -> Points:
    import scanpy  # costs 2 s to import, and only maps of unmapped files need it

    matrix = dataset.matrix()
    if not _n_varying(matrix):  # copies of one cell have no components
        return np.zeros((dataset.n_cells, 2), dtype=np.float32)
    cells = ad.AnnData(X=matrix)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # genes without any count, and tiny datasets
        if dataset.n_genes > _N_VARIABLE_GENES and dataset.n_cells > 2:
            scanpy.pp.highly_variable_genes(cells, n_top_genes=_N_VARIABLE_GENES)
            cells = cells[:, cells.var["highly_variable"]].copy()
        n_components = min(_N_COMPONENTS, cells.n_obs - 1, cells.n_vars - 1)
        if n_components < 2:  # nothing to reduce
            return cells.X.toarray()
        scanpy.pp.pca(cells, n_comps=n_components, random_state=0)
    return cells.obsm["X_pca"].astype(np.float32)


def _n_varying(matrix: sparse.csr_matrix) -> int:
    """Number of genes that are not the same in all cells."""
    return int((matrix.max(axis=0) != matrix.min(axis=0)).nnz)


def _first_two_components(features: Points) -> Points:
    centred = features - features.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(features), 2), dtype=np.float32)
    n = min(2, len(singular))
    points[:, :n] = (left * singular)[:, :n]
    return points
