"""Align a query with the reference by Harmony, in the space that their genes share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.decomposition import PCA

__all__ = ["align"]

Matrix = npt.NDArray[np.float32]

_N_COMPONENTS = 30


def align(reference: Matrix, query: Matrix, *, seed: int = 0) -> tuple[Matrix, Matrix]:
    """Remove what sets two datasets apart within groups of similar cells.

    Both are brought to their common principal components, corrected there by Harmony, and taken
    back to genes, so that every later step and every explanation speaks of genes. What the
    components leave out is lost for both.

    Parameters
    ----------
    reference : array of shape (n_reference_cells, n_genes)
        Standardised expression.
    query : array of shape (n_query_cells, n_genes)
        The same genes, standardised by the query itself: Harmony corrects what differs within
        groups of similar cells, and begins by finding such groups in both.
    seed : int

    Returns
    -------
    reference, query : arrays as they came in, aligned, float32

    References
    ----------
    Korsunsky et al.: Fast, sensitive and accurate integration of single-cell data with Harmony.
    Nature Methods 16:1289 (2019), DOI 10.1038/s41592-019-0619-0.
    """
    from harmonypy import run_harmony  # only who asks for it needs it

    together = np.vstack([reference, query]).astype(np.float64)
    n_components = min(_N_COMPONENTS, together.shape[1], len(together) - 1)
    solver = PCA(n_components, svd_solver="covariance_eigh", random_state=seed)
    points = solver.fit_transform(together)
    dataset = np.repeat(["reference", "query"], [len(reference), len(query)])
    fitted = run_harmony(
        points,
        pd.DataFrame({"dataset": dataset}),
        "dataset",
        verbose=False,
        random_state=seed,
        ncores=1,
    )
    corrected = np.asarray(fitted.Z_corr, dtype=np.float64)
    if corrected.shape != points.shape:  # components × cells
        corrected = corrected.T
    genes = solver.inverse_transform(corrected).astype(np.float32)
    return genes[: len(reference)], genes[len(reference) :]
