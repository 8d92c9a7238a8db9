"""HDF5 files as other programs write them, made by h5py from what their layouts say."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from core.data.choices import Choices
from core.data.reading import ReadCells, read_cells
from core.data.source import Source
from tests.files import counts

VALUES = counts()
N_CELLS, N_GENES = VALUES.shape
CELLS = [f"cell{i}" for i in range(N_CELLS)]
GENES = [f"G{i}" for i in range(N_GENES)]
TYPES = np.where(np.arange(N_CELLS) % 3 == 0, "a", "β")


def read(path: Path) -> ReadCells:
    """Read a file without any answers."""
    return read_cells(Source.of(path), Choices())


def codes(read: ReadCells) -> list[str]:
    return [finding.code for finding in read.findings]


def put_sparse(group: h5py.Group, matrix) -> None:
    """Put a compressed matrix into a group, as it is."""
    group["data"], group["indices"], group["indptr"] = matrix.data, matrix.indices, matrix.indptr


def strings(values, length: int = 0) -> np.ndarray:
    """Text of a fixed length, in UTF-8."""
    return np.array(
        [str(value).encode() for value in values], dtype=f"S{length}" if length else None
    )


def write_old_h5ad(path: Path, *, sparse_x: bool = True) -> Path:
    """As anndata 0.6 did: tables of records, categories and h5sparse attributes."""
    kinds = np.dtype([("index", "S8"), ("type", "i1"), ("depth", ">f8"), ("name", "S4")])
    obs = np.zeros(N_CELLS, dtype=kinds)
    obs["index"], obs["type"], obs["name"] = strings(CELLS), TYPES == "β", strings(TYPES)
    obs["depth"] = VALUES.sum(axis=1)
    var = np.zeros(N_GENES, dtype=[("index", "S8"), ("n", "i4")])
    var["index"] = strings(GENES)
    places = np.zeros(N_CELLS, dtype=[("X_pca", "f4", (3,)), ("X_umap", "f4", (2,))])
    places["X_umap"] = VALUES[:, :2]
    with h5py.File(path, "w") as file:
        if sparse_x:
            group = file.create_group("X")
            put_sparse(group, sparse.csr_matrix(VALUES))
            group.attrs["h5sparse_format"] = np.bytes_("csr")
            group.attrs["h5sparse_shape"] = VALUES.shape
        else:
            file["X"] = VALUES
        file["raw.X"], file["raw.var"] = np.hstack([VALUES, VALUES]), np.hstack([var, var])
        file["obs"], file["var"], file["obsm"] = obs, var, places
        file["uns/type_categories"] = strings(["a", "β"])
    return path


def write_h5ad_07(path: Path) -> Path:
    """As anndata 0.7 did: categories stand apart and are referred to."""
    with h5py.File(path, "w") as file:
        file["X"] = VALUES
        file["X"].attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        for name, labels in (("obs", CELLS), ("var", GENES)):
            group = file.create_group(name)
            group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.1.0"})
            group.attrs["_index"] = "names"
            group.attrs["column-order"] = np.array([], dtype="f8")
            group.create_dataset("names", data=labels, dtype=h5py.string_dtype())
        group = file["obs"]
        group.attrs["column-order"] = np.array(["type", "depth"], dtype=object)
        group["depth"] = VALUES.sum(axis=1)
        group["type"] = (TYPES == "β").astype("i1")
        group["__categories/type"] = strings(["a", "β"])
        group["__categories/type"].attrs["ordered"] = True
        group["type"].attrs["categories"] = group["__categories/type"].ref
    return path


def write_tenx(path: Path, *, values=VALUES, kinds=None, genomes=None) -> Path:
    """As Cell Ranger 3 and later do."""
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        put_tenx(group, values)
        features = group.create_group("features")
        features["id"] = strings(f"ENSG{i:011d}" for i in range(values.shape[1]))
        features["name"] = strings(GENES[: values.shape[1]])
        features["feature_type"] = strings(kinds or ["Gene Expression"] * values.shape[1])
        features["genome"] = strings(genomes or ["GRCh38"] * values.shape[1])
    return path


def put_tenx(group: h5py.Group, values, cells=CELLS) -> None:
    columns = sparse.csc_matrix(values.T.astype("i4"))
    group["data"] = columns.data
    group["indices"] = columns.indices.astype("i8")
    group["indptr"] = columns.indptr.astype("i8")
    group["shape"] = np.array(columns.shape, dtype="i4")
    group["barcodes"] = strings(cells)


def write_tenx_v2(path: Path, genomes: dict[str, tuple[np.ndarray, list[str]]]) -> Path:
    """As Cell Ranger 2 did: for each genome its values and its cells."""
    with h5py.File(path, "w") as file:
        for name, (values, cells) in genomes.items():
            put_tenx(group := file.create_group(name), values, cells)
            group["genes"] = strings(f"{name}_id{i}" for i in range(values.shape[1]))
            group["gene_names"] = strings(f"{name}_{gene}" for gene in GENES[: values.shape[1]])
    return path


def write_loom(
    path: Path, *, version: str = "3.0.0", genes="Gene", cells="CellID", libver: str = "earliest"
) -> Path:
    """As loompy does: in small chunks, packed, and growing in both directions."""
    with h5py.File(path, "w", libver=libver) as file:
        packed = {"chunks": (16, 16), "compression": "gzip", "compression_opts": 2}
        packed["maxshape"] = (None, None)
        file.create_dataset("matrix", data=VALUES.T, **packed)
        file.create_dataset("layers/spliced", data=VALUES.T * 2, **packed)
        file["row_attrs/" + genes], file["col_attrs/" + cells] = strings(GENES), strings(CELLS)
        file["row_attrs/Chromosome"] = np.arange(N_GENES)
        types = strings(TYPES)
        if version.startswith("3"):
            file["attrs/LOOM_SPEC_VERSION"] = version
        else:
            file.attrs["LOOM_SPEC_VERSION"] = version
            types = np.array([text.encode("ascii", "xmlcharrefreplace") for text in TYPES])
        file["col_attrs/type"], file["col_attrs/depth"] = types, VALUES.sum(axis=1)
        file["col_attrs/X_umap"], file["col_attrs/X_pca"] = VALUES[:, :2], VALUES[:, :5]
    return path


def write_h5seurat(path: Path, *, layers: bool = False, slots=("counts", "data")) -> Path:
    """As SeuratDisk does for Seurat 3 and 4; with `layers` for Seurat 5."""
    with h5py.File(path, "w") as file:
        file.attrs["active.assay"] = np.array(["integrated"], dtype=object)
        file.create_dataset("cell.names", data=CELLS, dtype=h5py.string_dtype())
        file.create_group("assays/integrated")
        assay = file.create_group("assays/RNA")
        assay.create_dataset("features", data=GENES, dtype=h5py.string_dtype())
        place = assay.create_group("layers") if layers else assay
        for name, values in (("counts", VALUES), ("data", np.log1p(VALUES))):
            if name in slots:
                # R's dgCMatrix is features × cells, column by column.
                put_sparse(group := place.create_group(name), sparse.csc_matrix(values.T))
                group.attrs["dims"] = np.array([N_GENES, N_CELLS])
        place["scale.data"] = VALUES[:, :4] - 1
        meta = file.create_group("meta.data")
        meta["nCount_RNA"], meta["note"] = VALUES.sum(axis=1), strings(TYPES)
        meta["type/levels"], meta["type/values"] = strings(["a", "β"]), 1 + (TYPES == "β")
        file["reductions/umap/cell.embeddings"] = VALUES[:, :2].T
    return path


def pandas_labels(read: ReadCells, column: str) -> list[str]:
    return pd.Series(read.adata.obs[column]).astype(str).tolist()
