"""The same cells in every format that Needle reads, written by hand: a round trip's first half."""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import rdata
from scipy import sparse
from scipy.io import mmwrite

__all__ = ["KEEPS_LABELS", "LABEL", "WRITERS", "small_cells", "write_valid_files"]

LABEL = "cell_type"
GENES = """
CD3D CD3E CD8A CD4 MS4A1 CD79A NKG7 GNLY LYZ CD14 FCGR3A PPBP PF4 FCER1A CST3 HLA-DRA
ACTB GAPDH MALAT1 PTPRC S100A8 S100A9 CCR7 IL7R SELL CD27 CD38 CD34 KIT GATA1 GATA2 HBB
HBA1 TCL1A IRF7 LILRA4 CLEC4C CD1C CLEC9A XCR1 FOXP3 CTLA4 GZMB GZMK PRF1 KLRD1 NCAM1
TYROBP FCN1 VCAN
"""
# Formats that have no place for what is known of a cell.
WITHOUT_LABELS = {"10x .h5", "10x folder", "10x zip, v2", "10x zip, v3", "rds"}


def strings(values) -> np.ndarray:
    return np.array([str(value).encode() for value in values])


def h5ad(adata: ad.AnnData, folder: Path, matrix=sparse.csr_matrix) -> Path:
    path = folder / "cells.h5ad"
    copy = ad.AnnData(matrix(adata.X), obs=adata.obs, var=adata.var)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy.write_h5ad(path, compression="gzip")
    return path


def h5ad_csc(adata: ad.AnnData, folder: Path) -> Path:
    return h5ad(adata, folder, sparse.csc_matrix)


def h5ad_dense(adata: ad.AnnData, folder: Path) -> Path:
    return h5ad(adata, folder, lambda x: x.toarray())


def h5ad_old(adata: ad.AnnData, folder: Path) -> Path:
    """As anndata 0.6 wrote it: tables as compound arrays, categories in `uns`."""
    path, labels = folder / "old.h5ad", pd.Categorical(adata.obs[LABEL].astype(str))
    matrix = sparse.csr_matrix(adata.X)
    obs = np.zeros(adata.n_obs, dtype=[("index", "S64"), (LABEL, "i1")])
    obs["index"], obs[LABEL] = strings(adata.obs_names), labels.codes
    var = np.zeros(adata.n_vars, dtype=[("index", "S64")])
    var["index"] = strings(adata.var_names)
    with h5py.File(path, "w") as file:
        group = file.create_group("X")
        group.attrs["h5sparse_format"] = "csr"
        group.attrs["h5sparse_shape"] = np.array(matrix.shape)
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(matrix, name)
        file["obs"], file["var"] = obs, var
        file[f"uns/{LABEL}_categories"] = strings(labels.categories)
    return path


def tenx_h5(adata: ad.AnnData, folder: Path) -> Path:
    path, columns = folder / "tenx.h5", sparse.csc_matrix(adata.X.T)
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group["barcodes"] = strings(adata.obs_names)
        group["data"], group["indices"] = columns.data, columns.indices.astype(np.int64)
        group["indptr"] = columns.indptr.astype(np.int64)
        group["shape"] = np.array(columns.shape, dtype=np.int32)
        features = group.create_group("features")
        features["id"] = strings(f"ENSG{i:011d}" for i in range(adata.n_vars))
        features["name"] = strings(adata.var_names)
        features["feature_type"] = strings(["Gene Expression"] * adata.n_vars)
        features["genome"] = strings(["GRCh38"] * adata.n_vars)
    return path


def market(adata: ad.AnnData) -> bytes:
    memory = io.BytesIO()
    mmwrite(memory, sparse.coo_matrix(adata.X.T), precision=9)
    return memory.getvalue()


def tenx_parts(adata: ad.AnnData, *, old: bool) -> dict[str, bytes]:
    end = "" if old else "\tGene Expression"
    genes = "".join(f"ENSG{i:011d}\t{g}{end}\n" for i, g in enumerate(adata.var_names))
    cells = "".join(f"{name}\n" for name in adata.obs_names)
    names = ("genes.tsv" if old else "features.tsv", "barcodes.tsv", "matrix.mtx")
    return dict(zip(names, (genes.encode(), cells.encode(), market(adata)), strict=True))


def tenx_folder(adata: ad.AnnData, folder: Path) -> Path:
    place = folder / "filtered_feature_bc_matrix"
    place.mkdir()
    for name, content in tenx_parts(adata, old=False).items():
        (place / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return place


def tenx_zip(adata: ad.AnnData, folder: Path, *, old: bool = False) -> Path:
    path = folder / ("v2.zip" if old else "v3.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tenx_parts(adata, old=old).items():
            if old:
                archive.writestr(f"hg19/{name}", content)
            else:
                archive.writestr(f"{name}.gz", gzip.compress(content, mtime=0))
    return path


def tenx_zip_old(adata: ad.AnnData, folder: Path) -> Path:
    return tenx_zip(adata, folder, old=True)


def loom(adata: ad.AnnData, folder: Path) -> Path:
    path = folder / "cells.loom"
    with h5py.File(path, "w") as file:
        file.create_dataset("matrix", data=adata.X.toarray().T, compression="gzip")
        for name in ("layers", "row_graphs", "col_graphs"):
            file.create_group(name)
        file["row_attrs/Gene"] = strings(adata.var_names)
        file["col_attrs/CellID"] = strings(adata.obs_names)
        file[f"col_attrs/{LABEL}"] = strings(adata.obs[LABEL])
        file.attrs["LOOM_SPEC_VERSION"] = "2.0.1"
    return path


def frame(adata: ad.AnnData) -> pd.DataFrame:
    return pd.DataFrame(adata.X.toarray(), adata.obs_names, adata.var_names)


def csv(adata: ad.AnnData, folder: Path) -> Path:
    path, table = folder / "cells.csv", frame(adata)
    table.insert(0, LABEL, adata.obs[LABEL].astype(str))
    table.to_csv(path)
    return path


def table_and_labels(adata: ad.AnnData, folder: Path) -> list[Path]:
    """Genes in rows, as R writes it, and labels in a second file in another order."""
    paths = [folder / "expression.tsv.gz", folder / "metadata.csv"]
    frame(adata).T.to_csv(paths[0], sep="\t")
    adata.obs[[LABEL]].iloc[::-1].to_csv(paths[1])
    return paths


def h5seurat(adata: ad.AnnData, folder: Path) -> Path:
    """Genes × cells in columns is cells × genes in rows: the same three arrays."""
    path, rows = folder / "cells.h5seurat", sparse.csr_matrix(adata.X)
    labels = pd.Categorical(adata.obs[LABEL].astype(str))
    with h5py.File(path, "w") as file:
        file.attrs["active.assay"], file.attrs["version"] = "RNA", "3.1.5.9900"
        file["cell.names"] = strings(adata.obs_names)
        assay = file.create_group("assays/RNA")
        assay.attrs["key"] = "rna_"
        assay["features"] = strings(adata.var_names)
        counts = assay.create_group("counts")
        counts.attrs["dims"] = np.array([adata.n_vars, adata.n_obs])
        for name in ("data", "indices", "indptr"):
            counts[name] = getattr(rows, name)
        meta = file.create_group("meta.data")
        meta.attrs["_index"] = "_index"
        meta.attrs["colnames"] = strings([LABEL])
        meta["_index"] = strings(adata.obs_names)
        meta[f"{LABEL}/levels"] = strings(labels.categories)
        meta[f"{LABEL}/values"] = labels.codes.astype(np.int32) + 1
    return path


def rds(adata: ad.AnnData, folder: Path) -> Path:
    path, table = folder / "cells.rds", frame(adata).T.astype(np.float64)
    rdata.write_rds(path, table)
    return path


Writer = Callable[[ad.AnnData, Path], Path | list[Path]]
WRITERS: dict[str, Writer] = {
    ".h5ad, CSR": h5ad,
    ".h5ad, CSC": h5ad_csc,
    ".h5ad, dense": h5ad_dense,
    ".h5ad of anndata 0.6": h5ad_old,
    "10x .h5": tenx_h5,
    "10x folder": tenx_folder,
    "10x zip, v2": tenx_zip_old,
    "10x zip, v3": tenx_zip,
    "loom": loom,
    "csv": csv,
    "tsv.gz and labels": table_and_labels,
    "h5Seurat": h5seurat,
    "rds": rds,
}
KEEPS_LABELS = {name: name not in WITHOUT_LABELS for name in WRITERS}


def small_cells() -> ad.AnnData:
    """Counts of 60 cells and 50 genes with real names, of two types."""
    genes = GENES.split()
    rng = np.random.default_rng(5)
    values = rng.poisson(1.2, (60, len(genes))).astype(np.float32)
    labels = np.where(np.arange(60) < 12, "rare", "other")
    values[:12, :6] += rng.poisson(5, (12, 6))
    obs = pd.DataFrame({LABEL: pd.Categorical(labels)}, index=[f"cell{i}" for i in range(60)])
    return ad.AnnData(sparse.csr_matrix(values), obs=obs, var=pd.DataFrame(index=genes))


def write_valid_files(folder: Path) -> list[Path]:
    """Write one small file of every format that is a single file."""
    written = []
    for number, write in enumerate(WRITERS.values()):
        place = folder / str(number)
        place.mkdir(parents=True)
        path = write(small_cells(), place)
        if isinstance(path, Path) and path.is_file():
            written.append(path)
    return written
