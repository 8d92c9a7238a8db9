"""The canonical file of a dataset: how it is written, whole or not at all."""

from __future__ import annotations

import json
import os
import uuid
import warnings

import anndata as ad
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.data.checks import CheckedCells
from core.data.dataset import LAYOUT, dataset_path
from core.data.labels import clean_labels
from core.data.report import without_name

__all__ = ["is_kept", "keep"]

# Raised whenever files are read or judged in another way, so that they are read anew.
EDITION = 3


def is_kept(digest: str) -> bool:
    """Whether a content was read before, and in the way of this edition."""
    try:
        with h5py.File(dataset_path(digest), "r") as file:
            return json.loads(file["uns/needle"].asstr()[()]).get("edition", 1) >= EDITION
    except (OSError, KeyError, ValueError):
        return False  # never read, or damaged since, as by a full disk


def keep(checked: CheckedCells, *, digest: str, name: str) -> None:
    """Write the canonical file of cells that passed the checks.

    Parameters
    ----------
    checked : CheckedCells
        Without refusals.
    digest : str
        SHA-256 of the content, and the answers, that it was made from.
    name : str
        Name for the screen.
    """
    about = {
        "layout": LAYOUT,
        "edition": EDITION,
        "name": name,
        "scale": checked.report.scale,
        "report": without_name(checked.report).to_dict(),
    }
    totals = np.asarray(checked.matrix.sum(axis=1, dtype=np.float64)).ravel()
    canonical = ad.AnnData(
        X=checked.matrix,
        obs=_plain_table(checked.obs).set_axis(checked.cells),
        var=pd.DataFrame(index=checked.genes),
        obsm={} if checked.umap is None else {"X_umap": checked.umap},
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
    columns = {name: _plain_column(obs[name]) for name in obs.columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(obs)))


def _plain_column(column: pd.Series) -> npt.NDArray | pd.Categorical:
    """Numbers and truth values as they are, whatever else as text in categories."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
        return column.to_numpy()
    if column.dtype.kind in "iuf":  # pandas' nullable numbers
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Categorical(clean_labels(column))
