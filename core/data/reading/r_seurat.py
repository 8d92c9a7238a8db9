"""Seurat objects of versions 2 to 5."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from rdata.parser import RObject
from scipy import sparse

from core.data.reading.r_cells import RCells
from core.data.reading.r_frames import aligned, is_frame, read_frame
from core.data.reading.r_matrices import RMatrix, is_matrix, read_matrix
from core.data.reading.r_objects import attributes, class_name, column, named_values, texts
from core.data.reading.r_refusals import no_expression, unreadable

__all__ = ["is_seurat", "read_seurat"]

_ROLES = ("counts", "data")


def is_seurat(value: RObject) -> bool:
    """Whether an R object is one of Seurat's."""
    return class_name(value) in ("Seurat", "seurat")


def read_seurat(value: RObject, name: str) -> RCells:
    """Read counts, normalised data, labels and the map of a Seurat object.

    Of several assays ``RNA`` is taken, which has all genes; else the active one.

    Parameters
    ----------
    value : rdata.parser.RObject
        Something that :func:`is_seurat`.
    name : str
        The file's name.

    Raises
    ------
    DataError
        ``E-R-UNREADABLE`` or ``E-NO-EXPRESSION``.
    """
    own = attributes(value)
    if class_name(value) == "seurat":
        assay, ident, maps = value, own.get("ident"), named_values(own.get("dr"))
        matrices = _matrices({"counts": own.get("raw.data"), "data": own.get("data")}, name)
        matrices = _counts_of_kept_cells(matrices)
    else:
        assay, ident = _assay(own, name), own.get("active.ident")
        maps = named_values(own.get("reductions"))
        matrices = _layered(assay, name) if "layers" in attributes(assay) else _plain(assay, name)
    if not matrices:
        raise no_expression(name)
    first = next(iter(matrices.values()))
    cells = first.columns or []
    table = read_frame(own["meta.data"]) if is_frame(own["meta.data"]) else pd.DataFrame()
    obs = aligned(table, cells)
    obs = pd.DataFrame(index=pd.Index(cells, dtype=object)) if obs is None else obs
    return RCells(
        matrices,
        first.rows,
        cells,
        _with_identity(obs, ident),
        _gene_table(assay, first.rows or []),
        _umap(maps, cells, name),
    )


def _assay(own: dict[str, RObject], name: str) -> RObject:
    assays = named_values(own.get("assays"))
    active = texts(own.get("active.assay"))
    for wanted in ("RNA", *active, *assays):
        if wanted in assays:
            return assays[wanted]
    raise no_expression(name)


def _plain(assay: RObject, name: str) -> dict[str, RMatrix]:
    own = attributes(assay)
    return _matrices({role: own.get(role) for role in _ROLES}, name)


def _matrices(found: dict[str, RObject | None], name: str) -> dict[str, RMatrix]:
    """Read what is there; Seurat keeps an empty matrix where there is nothing."""
    matrices = {}
    for role, value in found.items():
        if value is None or class_name(value) == "NULL":
            continue
        if not is_matrix(value) and class_name(value) != "matrix":
            raise unreadable(name, class_name(value), "Seurat")
        matrix = read_matrix(value, name) if is_matrix(value) else None
        if matrix is not None and min(matrix.shape):
            matrices[role] = matrix
    return matrices


def _layered(assay: RObject, name: str) -> dict[str, RMatrix]:
    """Read an assay of version 5, which keeps names apart and may be split into samples."""
    own = attributes(assay)
    features, cells = _map(own["features"], name), _map(own["cells"], name)
    layers = named_values(own["layers"])
    matrices = {}
    for role in _ROLES:
        parts = [layer for layer in layers if layer == role or layer.startswith(f"{role}.")]
        blocks = [(_block(layers[layer], name), features[layer], cells[layer]) for layer in parts]
        shape = len(features.index), len(cells.index)
        if blocks and sum(int(here.sum()) for _, _, here in blocks) == shape[1]:
            joined = _joined(blocks, shape)
            matrices[role] = RMatrix(joined, list(features.index), list(cells.index))
        elif blocks:
            raise unreadable(name, f"Assay5 with incomplete {role}", "Seurat5")
    return matrices


def _block(value: RObject, name: str) -> RMatrix:
    if not is_matrix(value):
        raise unreadable(name, class_name(value), "Seurat5")
    return read_matrix(value, name)


def _joined(
    blocks: list[tuple[RMatrix, pd.Series, pd.Series]], shape: tuple[int, int]
) -> npt.NDArray | sparse.csc_matrix:
    for block, rows, columns in blocks:
        if block.shape != (int(rows.sum()), int(columns.sum())):
            raise ValueError("a layer has more or fewer genes or cells than are mapped to it")
    if len(blocks) == 1 and blocks[0][0].shape == shape:
        return blocks[0][0].values
    parts = []
    for block, rows, columns in blocks:
        part = sparse.coo_matrix(block.values)
        places = np.flatnonzero(rows)[part.row], np.flatnonzero(columns)[part.col]
        parts.append((part.data, *places))
    data, rows, columns = (np.concatenate(each) for each in zip(*parts, strict=True))
    joined = sparse.csc_matrix((data, (rows, columns)), shape=shape)
    joined.sort_indices()
    return joined


def _map(value: RObject, name: str) -> pd.DataFrame:
    """Which genes or cells (rows) are in which layer (columns)."""
    found = read_matrix(value, name)
    if found.rows is None or found.columns is None:
        raise ValueError("the map of an assay has no names")
    return pd.DataFrame(found.values == 1, index=found.rows, columns=found.columns)


def _counts_of_kept_cells(matrices: dict[str, RMatrix]) -> dict[str, RMatrix]:
    """Cut the raw data of version 2 down to the cells and genes that were kept."""
    counts, data = matrices.get("counts"), matrices.get("data")
    if counts is None or data is None or counts.shape == data.shape:
        return matrices
    rows = pd.Index(counts.rows or []).get_indexer(pd.Index(data.rows or []))
    columns = pd.Index(counts.columns or []).get_indexer(pd.Index(data.columns or []))
    if (rows < 0).any() or (columns < 0).any():
        return {"data": data}
    kept = RMatrix(counts.values[:, columns][rows], data.rows, data.columns, counts.sorted_anew)
    return {"counts": kept, "data": data}


def _with_identity(obs: pd.DataFrame, ident: RObject | None) -> pd.DataFrame:
    """Add the active identity, unless it is a column already."""
    labels = column(ident, len(obs)) if ident is not None else None
    if labels is None or not len(obs):
        return obs
    names = texts(attributes(ident).get("names"))
    found = aligned(pd.DataFrame({"active.ident": labels}).set_axis(names), obs.index)
    if found is None or any(_same_text(obs[name], found["active.ident"]) for name in obs.columns):
        return obs
    return obs.assign(**{"active.ident": found["active.ident"]})


def _same_text(a: pd.Series, b: pd.Series) -> bool:
    return bool((a.astype(str).to_numpy() == b.astype(str).to_numpy()).all())


def _gene_table(assay: RObject, genes: list[str]) -> pd.DataFrame | None:
    own = attributes(assay)
    value = own.get("meta.features", own.get("meta.data" if "layers" in own else ""))
    if value is None or not is_frame(value):
        return None
    table = read_frame(value)
    if len(table) != len(genes):
        return None
    in_order = isinstance(table.index, pd.RangeIndex)  # version 5 keeps no names here
    return table if in_order else aligned(table, genes)


def _umap(maps: dict[str, RObject], cells: list[str], name: str) -> npt.NDArray | None:
    found = [key for key in maps if key.lower() == "umap"] or [
        k for k in maps if "umap" in k.lower()
    ]
    embedding = attributes(maps[found[0]]).get("cell.embeddings") if found else None
    if embedding is None or not is_matrix(embedding):
        return None
    matrix = read_matrix(embedding, name)
    if matrix.rows is None or sparse.issparse(matrix.values):
        return None
    table = aligned(pd.DataFrame(matrix.values, index=pd.Index(matrix.rows, dtype=object)), cells)
    return None if table is None else table.to_numpy()
