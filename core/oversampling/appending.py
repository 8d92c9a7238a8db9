"""Real cells first, synthetic ones after them, in one array or one sparse matrix."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping

import numpy as np
from scipy import sparse

__all__ = ["append_synthetic"]


def append_synthetic(
    X, y: np.ndarray, wanted: Mapping[Hashable, int], fill: Callable[[Hashable, np.ndarray], None]
):
    """Put synthetic cells behind the real ones.

    Parameters
    ----------
    X : numpy.ndarray or sparse matrix of shape (n_cells, n_genes)
        The real cells; not changed.
    y : numpy.ndarray of shape (n_cells,)
        Their classes.
    wanted : mapping
        Number of synthetic cells per class, 0 or more.
    fill : callable
        Takes a class and an array of shape (n, n_genes), and writes its synthetic cells into it.

    Returns
    -------
    cells : numpy.ndarray or sparse matrix of shape (n_cells + sum of `wanted`, n_genes)
        Of the type of `X`; floating, float32 where that holds the values of `X`.
    labels : numpy.ndarray
        The class of each of them.
    """
    wanted = {label: n for label, n in wanted.items() if n > 0}
    # One array for everything: synthetic cells are written where they are returned.
    n_real = 0 if sparse.issparse(X) else len(X)
    dtype = np.result_type(X.dtype, np.float32)  # integers cannot hold a blend of cells
    cells = np.empty((n_real + sum(wanted.values()), X.shape[1]), dtype)
    if n_real:
        cells[:n_real] = X
    start = n_real
    for label, n in wanted.items():
        fill(label, cells[start : start + n])
        start += n
    if sparse.issparse(X):
        cells = sparse.vstack([X, type(X)(cells)], format=X.format)
    labels = [np.full(n, label, dtype=y.dtype) for label, n in wanted.items()]
    return cells, np.concatenate([y, *labels])
