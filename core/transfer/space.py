"""Where the cells of a query are neighbours: what varies among them, and what the markers say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

__all__ = ["query_space"]

_N_MARKER_COMPONENTS = 20

Matrix = npt.NDArray[np.float32]


def query_space(components: Matrix, values: Matrix, *, n_components: int = 30) -> Matrix:
    """Join the query's principal components with those of the model's genes, with equal weight.

    The first find what sets the query's cells apart by themselves, but seven cells among a thousand
    leave no trace in them; the second know what matters for the rare type. Both are scaled so
    that their first component has a standard deviation of 1.

    Parameters
    ----------
    components : array of shape (n_cells, n_any)
        Principal components of the query's variable genes.
    values : array of shape (n_cells, n_genes)
        The model's genes, standardised by the query.
    n_components : int
        How many of `components` are used.

    Returns
    -------
    array of shape (n_cells, n_features), float32
    """
    of_markers = values[:, :1].astype(np.float64)
    if values.std(axis=0).any():  # copies of one cell have no components
        n_marker = min(_N_MARKER_COMPONENTS, *values.shape)
        solver = PCA(n_marker, svd_solver="covariance_eigh", random_state=0)
        of_markers = solver.fit_transform(values.astype(np.float64))
    parts = (components[:, :n_components].astype(np.float64), of_markers)
    return np.hstack([part / (part[:, 0].std() or 1.0) for part in parts]).astype(np.float32)
