"""Read the .h5 files of 10x Genomics' Cell Ranger.

Since version 3 there is one group `matrix` with all features; before, there was one group for each
genome, under its name.

References
----------
.. [1] 10x Genomics, "Feature-Barcode Matrices", Cell Ranger documentation of the HDF5 format.
"""

from __future__ import annotations

import warnings

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from core.data.choices import Choices
from core.data.formats import FORMATS
from core.data.reading.cells import ReadCells
from core.data.reading.features import expression_only, genomes_noted
from core.data.reading.hdf5_guard import opened
from core.data.reading.hdf5_matrix import Matrices
from core.data.reading.hdf5_storage import broken, file_name
from core.data.reading.hdf5_values import numbers, texts
from core.data.source import Source
from core.errors import DataError

__all__ = ["read"]

# What the parts of `features` are called in the table of genes.
_FEATURES = {"id": "gene_ids", "feature_type": "feature_types", "genome": "genome"}
_MATRIX = ("data", "indices", "indptr", "shape", "barcodes")


def read(source: Source, choices: Choices) -> ReadCells:
    """Read a 10x Genomics .h5 file; only gene expression is kept.

    Raises
    ------
    DataError
        ``E-10X-INCOMPLETE`` when one of its parts is missing, ``E-NO-EXPRESSION`` when none of
        its features are genes, ``E-FILE-DAMAGED`` and what :mod:`core.data.reading.hdf5_guard`
        refuses.
    """
    (path,) = source.files
    with opened(path, "a 10x Genomics .h5 file") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names may come twice; that is for the checks to say
        matrices = Matrices(file)
        if "matrix" in file:
            adata = _read_matrix(file["matrix"], matrices)
        else:
            adata = _read_genomes(file, matrices)
        adata, findings = expression_only(adata, path.name)
        findings = (*matrices.findings, *findings, *genomes_noted(adata))
        return ReadCells(adata, FORMATS["10x-h5"].name, findings)


def _read_matrix(group: h5py.HLObject, matrices: Matrices) -> ad.AnnData:
    """Cell Ranger 3 and later."""
    _require_parts(group, (*_MATRIX, "features"))
    features = group["features"]
    _require_parts(features, ("name",))
    var = pd.DataFrame(index=pd.Index(texts(features["name"]), dtype=object))
    for part, column in _FEATURES.items():
        if part in features:
            var[column] = _as_long(features[part], len(var))
    return _cells(group, matrices, var)


def _read_genomes(file: h5py.File, matrices: Matrices) -> ad.AnnData:
    """Before Cell Ranger 3: a group for each genome, each with the barcodes of its own cells."""
    found = [file[name] for name in file]
    groups = [g for g in found if isinstance(g, h5py.Group) and "barcodes" in g]
    parts = []
    for group in groups:
        _require_parts(group, (*_MATRIX, "gene_names"))
        var = pd.DataFrame(index=pd.Index(texts(group["gene_names"]), dtype=object))
        if "genes" in group:
            var["gene_ids"] = _as_long(group["genes"], len(var))
        var["genome"] = group.name.strip("/")
        parts.append(_cells(group, matrices, var))
    if not parts:
        raise broken(file, "it has no matrix")
    return parts[0] if len(parts) == 1 else _side_by_side(parts)


def _side_by_side(parts: list[ad.AnnData]) -> ad.AnnData:
    """Genes of all genomes for every cell that any of them has."""
    barcodes = pd.Index(dict.fromkeys(name for part in parts for name in part.obs_names))
    blocks = []
    for part in parts:
        rows = barcodes.get_indexer(part.obs_names)
        shape = len(barcodes), part.n_obs
        ones = np.ones(part.n_obs, dtype=part.X.dtype)
        placed = sparse.csr_matrix((ones, (rows, np.arange(part.n_obs))), shape=shape)
        blocks.append(placed @ part.X)
    var = pd.concat([part.var for part in parts])
    obs = pd.DataFrame(index=barcodes.astype(object))
    return ad.AnnData(sparse.csr_matrix(sparse.hstack(blocks)), obs=obs, var=var)


def _cells(group: h5py.Group, matrices: Matrices, var: pd.DataFrame) -> ad.AnnData:
    """Genes × cells column by column on the disk, which is cells × genes row by row."""
    obs = pd.DataFrame(index=pd.Index(texts(group["barcodes"]), dtype=object))
    said = tuple(numbers(group["shape"]).ravel().tolist())
    if said != (len(var), len(obs)):
        raise broken(
            group,
            f"its matrix says that it is {' × '.join(map(str, said))[:80]}, and there are "
            f"{len(var):,} names of features and {len(obs):,} of cells",
        )
    x = matrices.compressed(group, (len(obs), len(var)))
    return ad.AnnData(x, obs=obs, var=var)


def _as_long(dataset: h5py.HLObject, n: int) -> np.ndarray:
    values = texts(dataset)
    if len(values) != n:
        raise broken(dataset, f"{dataset.name[:80]!r} has {len(values):,} values, not {n:,}")
    return values


def _require_parts(group: h5py.HLObject, names: tuple[str, ...]) -> None:
    has = isinstance(group, h5py.Group)
    missing = [name for name in names if not has or name not in group]
    if missing:
        raise DataError(
            f"{file_name(group)} looks like a 10x Genomics .h5 file, but in {group.name[:80]!r} "
            f"there is no {missing[0]!r}.",
            code="E-10X-INCOMPLETE",
            next_step="Load `filtered_feature_bc_matrix.h5` as Cell Ranger wrote it.",
        )
