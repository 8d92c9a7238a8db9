"""The canonical dataset: one clean, gene-major file per content, opened again by its digest.

The file is an ordinary .h5ad that scanpy can read: ``X`` holds the counts (or log1p values) as a
CSC matrix, so that single genes are read without touching the rest, and ``uns["needle"]`` says in
JSON what was recognised and fixed.
"""

from __future__ import annotations

import json
import os
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
from anndata.io import read_elem
from scipy import sparse

from core.config import RareTask
from core.data.checks import check_expression
from core.data.formats import file_digest, read_h5ad, sniff
from core.data.genes import match_genes
from core.data.labels import (
    LabelColumn,
    RareLabels,
    clean_labels,
    find_label_columns,
    require_label_column,
    require_task,
)
from core.data.scale import log1p_cp10k
from core.errors import DataError, Finding, ParameterError
from core.paths import datasets_folder

__all__ = ["Dataset", "load_dataset", "open_dataset", "store_dataset"]

# Raised whenever the canonical layout changes, so that old files are written anew.
_LAYOUT = 1


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
    findings : tuple of Finding
        What was odd or was repaired.
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
    findings: tuple[Finding, ...]
    file_umap: npt.NDArray[np.float32] | None

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.cells)

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return len(self.genes)

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
        with h5py.File(self.path, "r") as file:
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
        with h5py.File(self.path, "r") as file:
            return read_elem(file["X"])

    def to_anndata(self) -> ad.AnnData:
        """The dataset as an in-memory AnnData: stored values, ``obs`` and the file's UMAP."""
        return read_h5ad(self.path)

    def _normalise(self, values: npt.NDArray, rows: npt.NDArray) -> npt.NDArray[np.float32]:
        if self.scale == "log1p":
            return values
        return log1p_cp10k(values, self._totals[rows])

    @cached_property
    def _indptr(self) -> npt.NDArray[np.int64]:
        with h5py.File(self.path, "r") as file:
            return file["X/indptr"][:].astype(np.int64)

    @cached_property
    def _totals(self) -> npt.NDArray[np.float64]:
        with h5py.File(self.path, "r") as file:
            return file["uns/needle_totals"][:]


def open_dataset(
    path: str | os.PathLike[str], *, label: str | None = None, name: str | None = None
) -> Dataset:
    """Open a file of cells: recognise it, check it, convert it once.

    The canonical copy is kept in the data folder under the SHA-256 of the file's content, so that
    opening the same content again costs only the reading of that digest.

    Parameters
    ----------
    path : path-like
        An .h5ad file of counts or log-normalised values.
    label : str or None
        Column of ``obs`` that must be usable as cell types.
    name : str or None
        What to call the dataset; by default the file's name without its ending.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        ``E-FILE-MISSING``, ``E-FILE-EMPTY``, ``E-NOT-H5AD``, ``E-H5AD-DAMAGED``, ``E-NO-CELLS``,
        ``E-NO-EXPRESSION``, ``E-NOT-NUMBERS``, ``E-NOT-FINITE``, ``E-ALL-ZERO``, ``E-SCALED``,
        ``E-LABEL-COLUMN`` or ``E-LABEL-ONE-TYPE``.

    Examples
    --------
    >>> import core
    >>> core.demo_reference().n_cells
    525
    """
    path = Path(path)
    sniff(path)
    digest = file_digest(path)
    if not dataset_path(digest).exists():
        store_dataset(read_h5ad(path), digest=digest, name=name or path.stem, label=label)
    dataset = load_dataset(digest, name=name or path.stem)
    if label is not None:
        dataset.labels(label)
    return dataset


def dataset_path(digest: str) -> Path:
    """Where the canonical file of a content digest lies."""
    return datasets_folder() / f"{digest}.v{_LAYOUT}.h5ad"


def load_dataset(digest: str, *, name: str | None = None) -> Dataset:
    """Open a canonical dataset again by its digest.

    Raises
    ------
    DataError
        ``E-DATASET-UNKNOWN`` when this data folder does not have it.
    """
    path = dataset_path(digest)
    if not digest.isalnum() or not path.is_file():
        raise DataError(
            "This dataset is not in Needle's data folder any more.",
            code="E-DATASET-UNKNOWN",
            next_step="Load its file again.",
        )
    with h5py.File(path, "r") as file:
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
        findings=tuple(Finding(**finding) for finding in about["findings"]),
        file_umap=umap,
    )


def store_dataset(adata: ad.AnnData, *, digest: str, name: str, label: str | None = None) -> None:
    """Check an AnnData and write its canonical file; the file appears whole or not at all.

    Parameters
    ----------
    adata : anndata.AnnData
        As read; left unchanged.
    digest : str
        SHA-256 of the content it was made from.
    name : str
        Name for the screen.
    label : str or None
        Column of ``obs`` that must be usable as cell types; otherwise nothing is written.
    """
    checked = check_expression(adata)
    if label is not None:
        require_label_column(adata.obs, label)
    about = {
        "layout": _LAYOUT,
        "name": name,
        "scale": checked.kind,
        "findings": [asdict(finding) for finding in checked.findings],
    }
    totals = np.asarray(checked.matrix.sum(axis=1, dtype=np.float64)).ravel()
    canonical = ad.AnnData(
        X=checked.matrix,
        obs=_plain_table(adata.obs).set_axis(checked.cells),
        var=pd.DataFrame(index=checked.genes),
        obsm=_umap_of(adata),
        uns={"needle": json.dumps(about), "needle_totals": totals},
    )
    target = dataset_path(digest)
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # anndata's notes on string types are not the user's
            canonical.write_h5ad(part, compression="lzf")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _plain_table(obs: pd.DataFrame) -> pd.DataFrame:
    """Only columns that an .h5ad can hold."""
    columns = {str(name).replace("/", "∕"): _plain_column(obs[name]) for name in obs.columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(obs)))


def _plain_column(column: pd.Series) -> npt.NDArray | pd.Categorical:
    """Numbers and truth values as they are, whatever else as text in categories."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
        return column.to_numpy()
    if column.dtype.kind in "iuf":  # pandas' nullable numbers
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Categorical(clean_labels(column))


def _umap_of(adata: ad.AnnData) -> dict[str, npt.NDArray[np.float32]]:
    umap = adata.obsm.get("X_umap")
    if not isinstance(umap, np.ndarray) or umap.dtype.kind not in "iuf" or umap.shape[1] < 2:
        return {}
    umap = umap[:, :2].astype(np.float32)
    return {"X_umap": umap} if np.isfinite(umap).all() else {}
