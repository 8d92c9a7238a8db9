"""The demo: real blood cells that ship inside scanpy, split into a reference and a query.

The cells are 700 PBMC of the 68k dataset of Zheng et al., *Nature Communications* 8:14049 (2017),
DOI 10.1038/ncomms14049, with the authors' labels from bulk profiles of sorted cells.
"""

from __future__ import annotations

import hashlib
import warnings

import anndata as ad
import numpy as np
import numpy.typing as npt
from sklearn.model_selection import train_test_split

from core.config import RareTask
from core.data.dataset import Dataset, dataset_path, load_dataset
from core.data.store import store_dataset

__all__ = ["DEMO_MARKERS", "DEMO_TASK", "demo_query", "demo_reference", "find_demo"]

DEMO_TASK = RareTask(label="bulk_labels", rare="CD34+")
DEMO_MARKERS = 20
_SEED = 0


def demo_reference() -> Dataset:
    """Three quarters of the demo's cells: 525 cells, 10 of them CD34+. Works offline.

    Returns
    -------
    Dataset
        Expression as scanpy ships it in ``.raw`` (log1p of counts per 10,000, 765 genes), labels
        in ``obs["bulk_labels"]``.
    """
    return _demo("reference", "Demo reference (PBMC)")


def demo_query() -> Dataset:
    """The other quarter: 175 real cells that :func:`demo_reference` does not contain.

    Returns
    -------
    Dataset
        As :func:`demo_reference`, with 3 CD34+ cells.
    """
    return _demo("query", "Demo query (PBMC)")


def find_demo(part: str) -> str | None:
    """Digest of the demo's ``"reference"`` or ``"query"`` if it was made before, else ``None``."""
    return _digest(part) if dataset_path(_digest(part)).exists() else None


def _digest(part: str) -> str:
    return hashlib.sha256(f"needle demo {part} 2".encode()).hexdigest()


def _demo(part: str, name: str) -> Dataset:
    digest = _digest(part)
    if find_demo(part) is None:
        cells = _all_cells()
        store_dataset(cells[_split(cells)[part]], digest=digest, name=name)
    return load_dataset(digest, name=name)


def _split(cells: ad.AnnData) -> dict[str, npt.NDArray[np.intp]]:
    reference, query = train_test_split(
        np.arange(cells.n_obs),
        test_size=0.25,
        random_state=_SEED,
        stratify=cells.obs[DEMO_TASK.label].to_numpy(),
    )
    return {"reference": np.sort(reference), "query": np.sort(query)}


def _all_cells() -> ad.AnnData:
    import scanpy  # costs 2 s, and only the first visitor needs it

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the shipped file is in an old layout
        shipped = scanpy.datasets.pbmc68k_reduced()
    return ad.AnnData(
        X=shipped.raw.X,
        obs=shipped.obs[[DEMO_TASK.label, "louvain", "phase"]],
        var=shipped.raw.var,
        obsm={"X_umap": np.asarray(shipped.obsm["X_umap"])},
    )
