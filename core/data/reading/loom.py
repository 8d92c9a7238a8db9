"""Read loom files: genes × cells, with names and labels as attributes of rows and columns.

References
----------
.. [1] Linnarsson Lab, "Loom file format specs", versions 2.0.1 and 3.0.0.
"""

from __future__ import annotations

import html
import warnings
from collections.abc import Sequence

import anndata as ad
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.data.choices import Choices
from core.data.formats import FORMATS
from core.data.reading.cells import ReadCells
from core.data.reading.hdf5_guard import opened
from core.data.reading.hdf5_matrix import Matrices, Matrix
from core.data.reading.hdf5_storage import broken, file_name
from core.data.reading.hdf5_values import is_numeric, is_text, numbers, text_attribute, texts
from core.data.reading.layers import chosen_layers, layers_left_out
from core.data.source import Source
from core.errors import DataError

__all__ = ["read"]

# In this order; upper and lower case, spaces and `_` are all the same.
_GENE_NAMES = (
    "gene",
    "genename",
    "genenames",
    "genesymbol",
    "symbol",
    "varnames",
    "name",
    "index",
    "genes",
    "accession",
    "geneid",
    "geneids",
    "ensemblid",
)
_CELL_NAMES = (
    "cellid",
    "cellids",
    "obsnames",
    "barcode",
    "barcodes",
    "cellbarcode",
    "cellname",
    "cellnames",
    "cell",
    "cells",
    "index",
    "name",
)


def read(source: Source, choices: Choices) -> ReadCells:
    """Read a loom file.

    Raises
    ------
    DataError
        ``E-LOOM-IDS`` when cells or genes have no names, ``E-FILE-DAMAGED``, and what
        :mod:`core.data.reading.hdf5_guard` refuses.
    """
    (path,) = source.files
    with opened(path, "a loom file") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names may come twice; that is for the checks to say
        return _read(file)


def _read(file: h5py.File) -> ReadCells:
    matrix = file["matrix"]
    if not isinstance(matrix, h5py.Dataset) or len(matrix.shape or ()) != 2:
        raise broken(file, "its matrix is no matrix of genes and cells")
    n_genes, n_cells = matrix.shape
    is_old = not _version(file).startswith("3")
    var, _ = _table(file["row_attrs"], n_genes, _GENE_NAMES, "gene", is_old)
    obs, umap = _table(file["col_attrs"], n_cells, _CELL_NAMES, "cell", is_old)
    matrices = Matrices(file)
    shape = n_genes, n_cells
    x = _read_matrix(matrix, matrices, shape)
    group = file.get("layers")
    things = {name: group[name] for name in group} if isinstance(group, h5py.Group) else {}
    names = chosen_layers(things, matrices.n_bytes, needs_all=False)
    adata = ad.AnnData(
        x,
        obs=obs,
        var=var,
        layers={name: _read_matrix(things[name], matrices, shape) for name in names},
        obsm={} if umap is None else {"X_umap": umap},
    )
    return ReadCells(adata, FORMATS["loom"].name, layers_left_out(set(things) - set(names)))


def _read_matrix(dataset: h5py.Dataset, matrices: Matrices, shape: tuple[int, int]) -> Matrix:
    return matrices.packed(dataset, shape).T


def _version(file: h5py.File) -> str:
    """Version of the layout: an attribute up to 2, a dataset since 3."""
    kept = file.get("attrs/LOOM_SPEC_VERSION")
    if isinstance(kept, h5py.Dataset) and kept.shape == () and is_text(kept):
        return kept.asstr()[()]
    return text_attribute(file, "LOOM_SPEC_VERSION")


def _table(
    group: h5py.HLObject, n: int, candidates: Sequence[str], what: str, is_old: bool
) -> tuple[pd.DataFrame, npt.NDArray | None]:
    """Attributes of rows or columns that are lists; a UMAP, if it is among them."""
    if not isinstance(group, h5py.Group):
        raise broken(group, f"{group.name[:80]!r} is no group of attributes")
    columns: dict[str, npt.NDArray] = {}
    umap = None
    for name, thing in group.items():
        is_plain = isinstance(thing, h5py.Dataset) and (is_numeric(thing) or is_text(thing))
        if not is_plain or len(thing.shape) not in (1, 2):
            continue
        if len(thing) != n:
            raise broken(thing, f"{thing.name[:80]!r} has {len(thing):,} values, not {n:,}")
        if len(thing.shape) == 1:
            columns[name] = _values(thing, is_old)
        elif _plain(name) in ("xumap", "umap") and is_numeric(thing):
            umap = numbers(thing)
    by_plain = {_plain(name): name for name in reversed(columns)}
    found = next((by_plain[name] for name in candidates if name in by_plain), None)
    if found is None:
        raise _no_names(group, what, columns)
    index = pd.Index(columns.pop(found).astype(str), dtype=object)
    return pd.DataFrame(columns, index=index), umap


def _values(dataset: h5py.Dataset, is_old: bool) -> npt.NDArray:
    if not is_text(dataset):
        return numbers(dataset)
    values = texts(dataset)
    if is_old:
        # Up to version 2 text was ASCII, with all other characters written as in HTML.
        values = np.array([html.unescape(value) for value in values], dtype=object)
    return values


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _no_names(group: h5py.Group, what: str, columns: dict[str, npt.NDArray]) -> DataError:
    usual = {"gene": "Gene", "cell": "CellID"}[what]
    there = ", ".join(repr(name[:80]) for name in list(columns)[:5]) or "nothing"
    return DataError(
        f"{file_name(group)} does not say what its {what}s are called: "
        f"{group.name.strip('/')[:80]!r} holds {there}, and no {usual!r}.",
        code="E-LOOM-IDS",
        next_step=f"Add the names of the {what}s as {usual!r} to `{group.name.strip('/')}` and "
        "load the file again.",
    )
