"""From a file to the canonical dataset: checked and converted once, kept by content digest."""

from __future__ import annotations

import json
import os
import uuid
import warnings
from dataclasses import asdict
from pathlib import Path

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.data.checks import check_expression
from core.data.dataset import LAYOUT, Dataset, dataset_path, load_dataset
from core.data.formats import file_digest, read_h5ad, sniff
from core.data.labels import clean_labels, require_label_column

__all__ = ["open_dataset", "store_dataset"]


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
        "layout": LAYOUT,
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
