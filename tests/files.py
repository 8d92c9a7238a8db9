"""Small .h5ad files with a known content, and the awkward ones that the shared tool writes."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import warnings
from pathlib import Path
from types import ModuleType

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from tests.conftest import ROOT, miss


def counts(n_cells: int = 40, n_genes: int = 24, seed: int = 0) -> np.ndarray:
    """Whole numbers, about a third of them zero; no cell and no gene is empty."""
    values = np.random.default_rng(seed).poisson(1.1, (n_cells, n_genes)).astype(np.float32)
    values[:, 0] += 1
    values[0] += 1
    return values


def cp10k(values: np.ndarray) -> np.ndarray:
    """log1p of counts per 10,000, cell by cell, in plain Python floats."""
    rows = [[v / sum(row) * 1e4 if v else 0.0 for v in row] for row in values.tolist()]
    return np.log1p(np.array(rows))


def cells(values, *, obs=None, genes=None, **parts) -> ad.AnnData:
    """Cells × genes; a third of the cells are of type "a", the others of type "b"."""
    n_cells, n_genes = values.shape
    if obs is None:
        obs = {"type": np.where(np.arange(n_cells) % 3 == 0, "a", "b")}
    names = pd.Index([f"cell{i}" for i in range(n_cells)], dtype=object)
    genes = [f"G{i}" for i in range(n_genes)] if genes is None else genes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # repeated names, on purpose
        return ad.AnnData(
            X=values,
            obs=pd.DataFrame(obs, index=names),
            var=pd.DataFrame(index=pd.Index(genes, dtype=object)),
            **parts,
        )


def write(adata: ad.AnnData, path: Path) -> Path:
    """Write an .h5ad file without anndata's notes."""
    with warnings.catch_warnings(), ad.settings.override(allow_write_nullable_strings=True):
        warnings.simplefilter("ignore")
        adata.write_h5ad(path)
    return path


def write_with(adata: ad.AnnData, path: Path, change) -> Path:
    """Write an .h5ad file, then let `change` damage it."""
    write(adata, path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def dense(matrix) -> np.ndarray:
    """Any matrix as an ordinary array."""
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)


def fingerprint(path: Path) -> tuple[str, int]:
    """Content and time of last change of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns


def kept(home: Path) -> list[str]:
    """Names of all files below a data folder."""
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def bad_files_tool() -> ModuleType:
    """Load the tool that writes awkward files; without it, skip, but fail in CI."""
    data = Path(os.environ.get("NEEDLE_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = data.parent / "tools" / "make_bad_files.py"
    if not path.is_file():
        miss("The tool make_bad_files.py is not at ../shared/tools.")
    spec = importlib.util.spec_from_file_location("make_bad_files", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def write_bad_files(case: str, folder: Path) -> Path:
    """Let the tool write the files of one case."""
    tool = bad_files_tool()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tool.CASES[case][0](folder)
    return folder
