"""Read .h5seurat files, as SeuratDisk and its successors write Seurat objects.

R keeps matrices column by column: what is features × cells in R is cells × features on the disk.

References
----------
.. [1] P. Hoffman, "Saving and loading data from an h5Seurat file", documentation of SeuratDisk.
"""

from __future__ import annotations

import warnings

import anndata as ad
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.data.choices import Choices
from core.data.formats import FORMATS
from core.data.reading.cells import ReadCells
from core.data.reading.h5ad_tables import read_records
from core.data.reading.hdf5_guard import opened
from core.data.reading.hdf5_matrix import Matrices, Matrix
from core.data.reading.hdf5_storage import broken, file_name
from core.data.reading.hdf5_values import (
    attribute,
    is_numeric,
    numbers,
    text_attribute,
    texts,
    vector,
)
from core.data.source import Source
from core.errors import DataError

__all__ = ["read"]


def read(source: Source, choices: Choices) -> ReadCells:
    """Read an .h5seurat file: `data` becomes `X`, and `counts` a layer beside it.

    Raises
    ------
    DataError
        ``E-NO-EXPRESSION`` or ``E-SCALED`` when its assay holds no values or only scaled ones,
        ``E-FILE-DAMAGED``, and what :mod:`core.data.reading.hdf5_guard` refuses.
    """
    (path,) = source.files
    with opened(path, "an .h5seurat file") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names may come twice; that is for the checks to say
        return _read(file)


def _read(file: h5py.File) -> ReadCells:
    cells = texts(file["cell.names"])
    assay = _assay(file)
    genes = texts(assay["features"])
    matrices = Matrices(file)
    slots = {}
    for name in ("data", "counts"):
        thing = _slot(assay, name)
        if thing is not None:
            slots[name] = _read_matrix(thing, matrices, (len(cells), len(genes)))
    if not slots:
        raise _no_expression(assay)
    umap = _read_umap(file, len(cells))
    adata = ad.AnnData(
        slots.get("data", slots.get("counts")),
        obs=_read_meta(file.get("meta.data"), cells),
        var=pd.DataFrame(index=pd.Index(genes, dtype=object)),
        layers={"counts": slots["counts"]} if len(slots) == 2 else {},
        obsm={} if umap is None else {"X_umap": umap},
    )
    return ReadCells(adata, FORMATS["h5seurat"].name, matrices.findings)


def _assay(file: h5py.File) -> h5py.Group:
    """`RNA`, whichever assay was active last: others hold integrated values, or antibodies."""
    assays = file["assays"]
    active = text_attribute(file, "active.assay")
    names = [name for name in ("RNA", active, *assays) if name and name in assays]
    if not names or not isinstance(assays[names[0]], h5py.Group):
        raise broken(file, "it has no assay")
    return assays[names[0]]


def _slot(assay: h5py.Group, name: str) -> h5py.HLObject | None:
    """A matrix of an assay, which since Seurat 5 is one of its layers."""
    for place in (name, f"layers/{name}"):
        thing = assay.get(place)
        if isinstance(thing, h5py.Group) or (thing is not None and 0 not in thing.shape):
            return thing
    return None


def _read_matrix(thing: h5py.HLObject, matrices: Matrices, shape: tuple[int, int]) -> Matrix:
    if isinstance(thing, h5py.Dataset):
        return matrices.dense(thing, shape)
    said = attribute(thing, "dims")
    if said is not None and tuple(map(int, np.atleast_1d(said))) != shape[::-1]:
        raise broken(
            thing,
            f"{thing.name[:80]!r} says that it is {said}, and there are names of {shape[1]:,} "
            f"features and {shape[0]:,} cells",
        )
    return matrices.compressed(thing, shape)


def _read_meta(thing: h5py.HLObject | None, cells: npt.NDArray[np.object_]) -> pd.DataFrame:
    """What is known of the cells: numbers, text, and factors with their levels."""
    index = pd.Index(cells, dtype=object)
    if isinstance(thing, h5py.Dataset):
        # One record a cell; its columns are all there is, for the names stand elsewhere.
        table = read_records(thing, [], has_names=False)
        return table.set_axis(index) if len(table) == len(cells) else pd.DataFrame(index=index)
    columns = {}
    for name in thing if isinstance(thing, h5py.Group) else ():
        part = thing[name]
        if isinstance(part, h5py.Group):
            column = _factor(part, len(cells))
        else:
            column = vector(part, len(cells))
        if column is not None and name != text_attribute(thing, "_index", "_index"):
            columns[name] = column
    return pd.DataFrame(columns, index=index)


def _factor(group: h5py.Group, n: int) -> pd.Categorical | None:
    """Values are numbered from 1; anything below is R's mark for a missing one."""
    if "levels" not in group or "values" not in group:
        return None
    levels, values = pd.Index(texts(group["levels"])), vector(group["values"], n)
    if values is None or values.dtype.kind not in "iuf" or not levels.is_unique:
        raise broken(group, f"{group.name[:80]!r} is no factor")
    codes = np.nan_to_num(values.astype(np.float64)) - 1
    if len(codes) and codes.max() >= len(levels):
        raise broken(group, f"{group.name[:80]!r} refers to levels that are not there")
    return pd.Categorical.from_codes(np.maximum(codes, -1).astype(np.int64), levels)


def _read_umap(file: h5py.File, n_cells: int) -> npt.NDArray | None:
    places = file.get("reductions/umap/cell.embeddings")
    if not isinstance(places, h5py.Dataset) or not is_numeric(places) or len(places.shape) != 2:
        return None
    if n_cells not in places.shape:
        raise broken(places, f"its UMAP is not of {n_cells:,} cells")
    values = numbers(places)
    return values if len(values) == n_cells and values.shape[1] < n_cells else values.T


def _no_expression(assay: h5py.Group) -> DataError:
    if _slot(assay, "scale.data") is not None:
        return DataError(
            f"{file_name(assay)} holds only scaled values of its assay {assay.name[8:88]!r}.",
            code="E-SCALED",
            next_step="Save the object with its counts, and load the file again.",
        )
    return DataError(
        f"{file_name(assay)} holds no values of its assay {assay.name[8:88]!r}.",
        code="E-NO-EXPRESSION",
        next_step="Save the object with its counts, and load the file again.",
    )
