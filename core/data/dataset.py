"""The canonical dataset: one clean, gene-major file per content, opened again by its digest.

The file is an ordinary .h5ad that scanpy can read: ``X`` holds the counts (or log1p values) as a
CSC matrix, so that single genes are read without touching the rest, and ``uns["needle"]`` says in
JSON what was recognised and fixed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata.io import read_elem
from scipy import sparse

from core.config import RareTask
from core.data.genes import match_genes
from core.data.labels import (
    LabelColumn,
    RareLabels,
    find_label_columns,
    require_label_column,
    require_task,
)
from core.data.report import FileReport, with_name
from core.data.scale import log1p_cp10k
from core.errors import DataError, Finding, ParameterError
from core.paths import datasets_folder

__all__ = ["LAYOUT", "Dataset", "dataset_path", "load_dataset"]

# Raised whenever the canonical layout changes, so that old files are written anew.
LAYOUT = 1


@dataclass(frozen=True, eq=False)
class Dataset:
    """Cells × genes from one file, checked and normalised; read-only.

    Parameters
    ----------
    path : Path
        Canonical file on disk.
    name : str
        What the screen calls it, from the name of the file.
    digest : str
        SHA-256 of the content it was made from.
    genes, cells : pandas.Index of str
        Unique names of the columns and rows.
    obs : pandas.DataFrame
        One row per cell: labels and whatever else the file said of its cells.
    scale : {"counts", "linear", "log1p"}
        What the file held; :meth:`expression` is log1p of counts per 10,000 in any case.
    report : FileReport
        What the file was taken for, what was repaired, what is odd.
    file_umap : array of shape (n_cells, 2) or None
        UMAP coordinates that the file brought along.
    """

    path: Path
    name: str
    digest: str
    genes: pd.Index
    cells: pd.Index
    obs: pd.DataFrame
    scale: str
    report: FileReport
    file_umap: npt.NDArray[np.float32] | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was odd (``W-``) or was repaired (``F-``)."""
        return tuple(f for f in self.report.findings if f.code.startswith(("W-", "F-")))

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.cells)

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return len(self.genes)

    @property
    def depth(self) -> float | None:
        """Median counts per cell; ``None`` where the file, or half of its cells, had no counts."""
        return (float(np.median(self._totals)) or None) if self.scale == "counts" else None

    def label_columns(self) -> list[LabelColumn]:
        """Columns that can serve as cell types, with number of types and the smallest type."""
        return find_label_columns(self.obs)

    def labels(self, column: str) -> pd.Series:
        """Cell types in `column` as text, ``None`` where missing.

        Raises
        ------
        DataError
            ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.
        """
        return require_label_column(self.obs, column)

    def type_sizes(self, column: str) -> pd.Series:
        """Cells per type of `column`, largest first; raises as :meth:`labels` does."""
        return self.labels(column).value_counts()

    def rare_labels(self, task: RareTask) -> RareLabels:
        """Which labelled cells are the rare type of `task`; see :func:`core.data.require_task`."""
        return require_task(self.obs, task)

    def expression(self, genes: Sequence[str]) -> npt.NDArray[np.float32]:
        """Expression of some genes, all cells.

        Parameters
        ----------
        genes : sequence of str
            Names; each must be in :attr:`genes`.

        Returns
        -------
        array of shape (n_cells, n_genes), float32
            log1p of counts per 10,000, columns in the order of `genes`.

        Raises
        ------
        ParameterError
            ``E-GENE-UNKNOWN`` for a name that is not there.
        """
        match = match_genes(self.genes, genes)
        if match.missing:
            raise ParameterError(
                "`genes` must be genes of the dataset. Unknown: "
                + ", ".join(match.missing[:5])
                + ".",
                code="E-GENE-UNKNOWN",
                next_step=match.findings()[0].next_step,
            )
        out = np.zeros((self.n_cells, len(genes)), dtype=np.float32)
        with _opened(self.path) as file:
            data, indices = file["X/data"], file["X/indices"]
            for column, gene in enumerate(self.genes.get_indexer(pd.Index(genes, dtype=object))):
                start, stop = self._indptr[gene], self._indptr[gene + 1]
                rows = indices[start:stop]
                out[rows, column] = self._normalise(data[start:stop], rows)
        return out

    def matrix(self) -> sparse.csr_matrix:
        """Expression of all genes.

        Returns
        -------
        sparse matrix of shape (n_cells, n_genes), float32
            log1p of counts per 10,000.
        """
        counts = self.stored_matrix()
        values = self._normalise(counts.data, counts.indices)
        shape = (self.n_cells, self.n_genes)
        return sparse.csc_matrix((values, counts.indices, counts.indptr), shape=shape).tocsr()

    def stored_matrix(self) -> sparse.csc_matrix:
        """Values as the file had them (see :attr:`scale`), cells × genes."""
        with _opened(self.path) as file:
            return read_elem(file["X"])

    def to_anndata(self) -> ad.AnnData:
        """The dataset as an in-memory AnnData: stored values, ``obs`` and the file's UMAP."""
        with _opened(self.path):  # gone or not is said in one place
            return ad.read_h5ad(self.path)

    def _normalise(self, values: npt.NDArray, rows: npt.NDArray) -> npt.NDArray[np.float32]:
        if self.scale == "log1p":
            return values
        return log1p_cp10k(values, self._totals[rows])

    @cached_property
    def _indptr(self) -> npt.NDArray[np.int64]:
        with _opened(self.path) as file:
            return file["X/indptr"][:].astype(np.int64)

    @cached_property
    def _totals(self) -> npt.NDArray[np.float64]:
        with _opened(self.path) as file:
            return file["uns/needle_totals"][:]


def dataset_path(digest: str) -> Path:
    """Where the canonical file of a content digest lies."""
    return datasets_folder() / f"{digest}.v{LAYOUT}.h5ad"


def _opened(path: Path) -> h5py.File:
    """Open the file of a dataset, which may have been deleted since it was looked at last."""
    try:
        return h5py.File(path, "r")
    except FileNotFoundError as error:
        raise _unknown() from error


def _unknown() -> DataError:
    return DataError(
        "These cells were not found in Needle's data folder.",
        code="E-DATASET-UNKNOWN",
        next_step="Load their file again.",
    )


def load_dataset(digest: str, *, name: str | None = None, file_name: str | None = None) -> Dataset:
    """Open a canonical dataset again by its digest.

    Parameters
    ----------
    digest : str
        SHA-256 of the content.
    name : str or None
        What to call it; by default as it was called first.
    file_name : str or None
        What its report calls the file; by default `name`.

    Raises
    ------
    DataError
        ``E-DATASET-UNKNOWN`` when this data folder does not have it.
    """
    path = dataset_path(digest)
    if not digest.isalnum():
        raise _unknown()
    with _opened(path) as file:
        obs = read_elem(file["obs"])
        about = json.loads(file["uns/needle"].asstr()[()])
        genes = read_elem(file["var"]).index
        umap = file["obsm/X_umap"][:] if "X_umap" in file.get("obsm", {}) else None
    return Dataset(
        path=path,
        name=name or about["name"],
        digest=digest,
        genes=genes,
        cells=obs.index,
        obs=obs,
        scale=about["scale"],
        report=_report(about, obs, genes, file_name or name or about["name"]),
        file_umap=umap,
    )


def _report(about: dict[str, Any], obs: pd.DataFrame, genes: pd.Index, name: str) -> FileReport:
    """Return the report kept with a dataset; those of version 0.2 have findings alone."""
    if "report" in about:
        return with_name(FileReport.from_dict(about["report"]), name)
    findings = tuple(Finding(**finding) for finding in about["findings"])
    return FileReport(
        name,
        n_cells=len(obs),
        n_genes=len(genes),
        scale=about["scale"],
        findings=tuple(f for f in findings if f.code not in _NO_FINDINGS_NOW),
    )


# What version 0.2 called findings and is a plain fact: where values stand, and no labels.
_NO_FINDINGS_NOW = ("F-EXPRESSION-FROM", "W-NO-LABELS")
