"""Put together what R keeps of cells: matrices with genes in rows, tables, a map."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from core.data.reading.cells import ReadCells
from core.data.reading.r_frames import text_columns
from core.data.reading.r_matrices import RMatrix
from core.errors import DataError, Finding

__all__ = ["RCells", "to_cells"]


@dataclass(frozen=True, eq=False)
class RCells:
    """One dataset of R.

    Parameters
    ----------
    matrices : dict of str to RMatrix
        Expression, genes × cells: ``"counts"``, ``"data"`` (what was made of them) or another name.
    genes, cells : list of str or None
        Their names.
    obs, var : pandas.DataFrame or None
        One row per cell, one row per gene, in this order.
    umap : array of shape (n_cells, 2 or more) or None
        A map of the cells.
    """

    matrices: dict[str, RMatrix]
    genes: list[str] | None
    cells: list[str] | None
    obs: pd.DataFrame | None = None
    var: pd.DataFrame | None = None
    umap: npt.NDArray | None = None
    findings: tuple[Finding, ...] = field(default=())


def to_cells(found: RCells, name: str) -> ReadCells:
    """Make cells × genes of it.

    Parameters
    ----------
    found : RCells
        With at least one matrix.
    name : str
        The file's name.

    Raises
    ------
    DataError
        ``E-TABLE-NAMES`` when genes have no names.
    """
    matrices = _distinct(_of_one_shape(found.matrices))
    first = next(iter(matrices.values()))
    n_genes, n_cells = first.shape
    if found.genes is None and n_genes:
        raise DataError(
            f"The matrix in {name} has no names at its rows and columns: its genes are unknown.",
            code="E-TABLE-NAMES",
            next_step="In R, set `rownames(x)` to the genes and `colnames(x)` to the cells, and "
            "save it again.",
        )
    main = next((n for n in ("data", "logcounts") if n in matrices), next(iter(matrices)))
    layers = {n: _turned(each) for n, each in matrices.items() if n != main}
    cells = found.cells or [f"cell_{i}" for i in range(1, n_cells + 1)]
    genes = pd.Index(found.genes or [], dtype=object)
    obs = found.obs if found.obs is not None else pd.DataFrame(index=pd.Index(cells, dtype=object))
    var = text_columns(found.var) if found.var is not None else pd.DataFrame(index=genes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names may come twice: that is found behind the reader
        adata = ad.AnnData(
            X=_turned(matrices[main]),
            layers=layers,
            obs=obs.set_axis(pd.Index(cells, dtype=object), axis=0),
            var=var.set_axis(genes, axis=0),
        )
    if found.umap is not None and len(found.umap) == n_cells:
        adata.obsm["X_umap"] = np.ascontiguousarray(found.umap, dtype=np.float64)
    findings = found.findings
    if any(matrix.sorted_anew for matrix in matrices.values()):
        findings += (
            Finding(
                "F-ORDER",
                "The genes of some cells stood in no order or came twice; they were put in order.",
            ),
        )
    return ReadCells(adata, "R data file", findings)


def _of_one_shape(matrices: dict[str, RMatrix]) -> dict[str, RMatrix]:
    """Leave out matrices about fewer genes or cells than the first has."""
    shape = next(iter(matrices.values())).shape
    return {name: matrix for name, matrix in matrices.items() if matrix.shape == shape}


def _distinct(matrices: dict[str, RMatrix]) -> dict[str, RMatrix]:
    """Leave out what is the counts once more: before normalising, Seurat's data are its counts."""
    counts = matrices.get("counts")
    if counts is None:
        return matrices
    return {
        name: matrix
        for name, matrix in matrices.items()
        if matrix is counts or not _same(matrix.values, counts.values)
    }


def _same(a: npt.NDArray | sparse.spmatrix, b: npt.NDArray | sparse.spmatrix) -> bool:
    if sparse.issparse(a) != sparse.issparse(b):
        return False
    if not sparse.issparse(a):
        return np.array_equal(a, b)
    return np.array_equal(a.data, b.data) and np.array_equal(a.indices, b.indices)


def _turned(matrix: RMatrix) -> npt.NDArray | sparse.csr_matrix | sparse.csc_matrix:
    """Cells × genes; nothing is copied."""
    return matrix.values.T
