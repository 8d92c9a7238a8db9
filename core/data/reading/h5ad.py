"""Read .h5ad files: `X`, `layers`, `raw`, `obs`, `var` and the UMAP, and nothing else.

Every part is read by its own rules, and checked before it is used, rather than by anndata as a
whole: `uns` and whatever else a file brings along is never touched.
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
from core.data.reading.h5ad_columns import require_known
from core.data.reading.h5ad_tables import read_table
from core.data.reading.hdf5_guard import opened
from core.data.reading.hdf5_matrix import Matrices, Matrix
from core.data.reading.hdf5_storage import broken, file_name
from core.data.reading.hdf5_values import attribute, is_numeric, numbers, text_attribute
from core.data.reading.layers import chosen_layers, layers_left_out
from core.data.source import Source
from core.errors import DataError, Finding

__all__ = ["read"]


def read(source: Source, choices: Choices) -> ReadCells:
    """Read an .h5ad file.

    Raises
    ------
    DataError
        ``E-FILE-LINKS``, ``E-TOO-DEEP``, ``E-TOO-LARGE``, ``E-EXPANDS`` or ``E-HDF5-FILTER`` before
        anything is read; ``E-LAYOUT-NEWER`` for a part in an unknown layout; ``E-FILE-DAMAGED``.
    """
    (path,) = source.files
    with opened(path, "an .h5ad file") as file, warnings.catch_warnings():
        # Names may come twice; that is for the checks to say.
        warnings.simplefilter("ignore")
        return _read(file)


def _read(whole: h5py.File) -> ReadCells:
    file, several = _expression_part(whole)
    require_known(file)
    matrices, left_out = Matrices(whole), []
    obs, var = (read_table(file[name], left_out) for name in ("obs", "var"))
    shape = len(obs), len(var)
    raw = _read_raw(file, matrices, len(obs), left_out)
    x = _read_matrix(file["X"], matrices, shape) if "X" in file else None
    layers, skipped = _read_layers(file, matrices, shape, x is None)
    umap = _read_umap(file, len(obs))
    adata = ad.AnnData(
        X=x,
        obs=obs,
        var=var,
        layers=layers,
        raw=raw,
        obsm={} if umap is None else {"X_umap": umap},
        shape=shape if x is None else None,
    )
    findings = (*several, *matrices.findings, *_columns_left_out(left_out), *skipped)
    return ReadCells(adata, FORMATS["h5ad"].name, findings)


def _expression_part(file: h5py.File) -> tuple[h5py.Group, tuple[Finding, ...]]:
    """The file itself, or of an .h5mu file, which holds several in one, that with the genes."""
    if text_attribute(file, "encoding-type").lower() != "mudata" or "mod" not in file:
        return file, ()
    parts = file["mod"]
    name = next((name for name in parts if name.lower() in ("rna", "gex", "gene expression")), None)
    listed = ", ".join(repr(each[:80]) for each in list(parts)[:5])
    if name is None:
        raise DataError(
            f"{file_name(file)} holds {listed}, and none of them is called 'rna'.",
            code="E-NO-EXPRESSION",
            next_step="Save the part with the gene expression by itself, as .h5ad, and load that.",
        )
    others = len(parts) - 1
    finding = Finding(
        "W-MODALITIES",
        f"The file holds {listed}; only {name!r} is read, with the gene expression.",
        "Needle compares cells by their gene expression; nothing needs to be done.",
    )
    return parts[name], (finding,) if others else ()


def _read_matrix(thing: h5py.HLObject, matrices: Matrices, shape: tuple[int, int]) -> Matrix | None:
    kind = require_known(thing)
    if isinstance(thing, h5py.Dataset):
        return None if kind == "null" else matrices.dense(thing, shape)
    old = text_attribute(thing, "h5sparse_format")
    form = kind.removesuffix("_matrix") or old
    if form not in ("csr", "csc"):
        raise broken(thing, f"{thing.name[:80]!r} is no matrix")
    said = attribute(thing, "shape", attribute(thing, "h5sparse_shape"))
    if said is not None and tuple(map(int, np.atleast_1d(said))) != shape:
        raise broken(
            thing,
            f"{thing.name[:80]!r} says that it is {said}, and `obs` and `var` name "
            f"{shape[0]:,} × {shape[1]:,}",
        )
    return matrices.compressed(thing, shape, by_rows=form == "csr")


def _read_layers(
    file: h5py.Group, matrices: Matrices, shape: tuple[int, int], needs_all: bool
) -> tuple[dict[str, Matrix], tuple[Finding, ...]]:
    group = file.get("layers")
    if not isinstance(group, h5py.Group):
        return {}, ()
    things = {name: group[name] for name in group}
    names = chosen_layers(things, matrices.n_bytes, needs_all=needs_all)
    layers = {name: _read_matrix(things[name], matrices, shape) for name in names}
    kept = {name: layer for name, layer in layers.items() if layer is not None}
    return kept, layers_left_out(set(things) - set(names))


def _read_raw(
    file: h5py.Group, matrices: Matrices, n_cells: int, left_out: list[str]
) -> dict[str, object] | None:
    """`raw`, or what stood for it before anndata 0.7."""
    if "raw" in file and isinstance(file["raw"], h5py.Group):
        require_known(file["raw"])
        x, var = (file.get(f"raw/{name}") for name in ("X", "var"))
    else:
        x, var = (file.get(f"raw.{name}") for name in ("X", "var"))
    if x is None or var is None:
        return None
    table = read_table(var, left_out)
    matrix = _read_matrix(x, matrices, (n_cells, len(table)))
    return None if matrix is None else {"X": matrix, "var": table}


def _read_umap(file: h5py.Group, n_cells: int) -> npt.NDArray | None:
    places = file.get("obsm")
    if isinstance(places, h5py.Dataset) and "X_umap" in (places.dtype.names or ()):
        return _old_umap(places)
    thing = places.get("X_umap") if isinstance(places, h5py.Group) else None
    if not isinstance(thing, h5py.Dataset) or not is_numeric(thing) or len(thing.shape) != 2:
        return None
    if len(thing) != n_cells:
        raise broken(thing, f"its UMAP has {len(thing):,} cells, and `obs` has {n_cells:,}")
    return numbers(thing)


def _old_umap(places: h5py.Dataset) -> npt.NDArray | None:
    kind = places.dtype["X_umap"]
    if kind.base.kind != "f" or len(kind.shape) != 1:
        return None
    values = pd.DataFrame(places.fields("X_umap")[()]).to_numpy()
    return values.astype(kind.base.newbyteorder("="))


def _columns_left_out(names: list[str]) -> tuple[Finding, ...]:
    if not names:
        return ()
    some = ", ".join(repr(name[:80]) for name in names[:5])
    return (
        Finding(
            "W-COLUMNS-LEFT-OUT",
            f"{len(names):,} column(s) hold neither numbers nor text and were left out: {some}.",
            "If one of them is needed, save it as text and load the file again.",
        ),
    )
