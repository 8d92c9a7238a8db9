"""An .h5ad file of any age is read as it was written, or refused in plain words."""

from __future__ import annotations

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from core.data.reading import hdf5_matrix, layers
from core.errors import DataError
from tests.files import cells, dense, fingerprint, write, write_with
from tests.hdf5_files import (
    CELLS,
    GENES,
    TYPES,
    VALUES,
    codes,
    pandas_labels,
    read,
    write_h5ad_07,
    write_old_h5ad,
)

FORMS = {"dense": np.asarray, "csr": sparse.csr_matrix, "csc": sparse.csc_matrix}
TYPES_OF_NUMBERS = [
    "i1",
    "i2",
    "i4",
    "i8",
    "u1",
    "u2",
    "u4",
    "u8",
    "f2",
    "f4",
    "f8",
    ">i4",
    ">f4",
    ">f8",
]


def everything() -> ad.AnnData:
    adata = cells(
        sparse.csr_matrix(np.log1p(VALUES)),
        obs={
            "type": pd.Categorical(TYPES, categories=["β", "a", "unused"], ordered=True),
            "text": TYPES,
            "depth": VALUES.sum(axis=1),
            "good": VALUES[:, 0] > 1,
            "whole": pd.array([1, None, *range(38)], dtype="Int64"),
            "maybe": pd.array([True, None, *[False] * 38], dtype="boolean"),
            "said": pd.array(["x", None, *["y"] * 38], dtype="string"),
            "numbered": pd.Categorical(np.arange(40) % 3),
        },
        layers={"counts": sparse.csc_matrix(VALUES), "half": VALUES / 2},
        obsm={"X_umap": VALUES[:, :2], "X_pca": VALUES[:, :5]},
        obsp={"distances": sparse.eye(40, format="csr")},
        uns={"neighbors": {"params": {"n": 15}}, "log1p": {}},
    )
    adata.var["gene_ids"] = [f"ENSG{i:011d}" for i in range(24)]
    adata.raw = cells(sparse.csr_matrix(np.hstack([VALUES, VALUES])))
    return adata


def test_all_that_is_read_is_as_anndata_reads_it(tmp_path):
    path = write(everything(), tmp_path / "all.h5ad")
    before = fingerprint(path)
    found, wanted = read(path), ad.read_h5ad(path)
    assert (found.format, codes(found)) == (".h5ad file", [])
    adata = found.adata
    assert sparse.issparse(adata.X)
    np.testing.assert_array_equal(dense(adata.X), dense(wanted.X))
    assert set(adata.layers) == {"counts", "half"}
    for name in adata.layers:
        np.testing.assert_array_equal(dense(adata.layers[name]), dense(wanted.layers[name]))
    np.testing.assert_array_equal(dense(adata.raw.X), dense(wanted.raw.X))
    assert list(adata.raw.var_names) == list(wanted.raw.var_names)
    assert list(adata.obs_names) == CELLS
    assert list(adata.var_names) == GENES
    assert list(adata.var["gene_ids"]) == list(wanted.var["gene_ids"])
    assert list(adata.obs) == list(wanted.obs)
    for name in wanted.obs:
        missing = wanted.obs[name].isna()
        np.testing.assert_array_equal(adata.obs[name].isna(), missing, err_msg=name)
        mine, theirs = adata.obs[name][~missing], wanted.obs[name][~missing]
        assert mine.tolist() == theirs.tolist(), name
    assert list(adata.obs["type"].cat.categories) == ["β", "a", "unused"]
    assert adata.obs["type"].cat.ordered
    assert list(adata.obsm) == ["X_umap"]
    np.testing.assert_array_equal(adata.obsm["X_umap"], VALUES[:, :2])
    assert not adata.uns
    assert not adata.obsp
    assert fingerprint(path) == before


@pytest.mark.parametrize("dtype", TYPES_OF_NUMBERS)
@pytest.mark.parametrize("form", FORMS)
def test_every_kind_of_number_gives_the_same_values(tmp_path, form, dtype):
    def change(file):
        part = "X" if form == "dense" else "X/data"
        values, attributes = file[part][()], dict(file[part].attrs)
        del file[part]
        file[part] = values.astype(dtype)
        file[part].attrs.update(attributes)

    path = write_with(cells(FORMS[form](VALUES)), tmp_path / "x.h5ad", change)
    x = read(path).adata.X
    np.testing.assert_array_equal(dense(x), VALUES)
    assert x.dtype.isnative
    # scipy's sparse matrices know no half floats.
    assert x.dtype.itemsize == (
        4 if dtype == "f2" and form != "dense" else np.dtype(dtype).itemsize
    )


@pytest.mark.parametrize("form", FORMS)
def test_truth_values_are_read(tmp_path, form):
    path = write(cells(FORMS[form](VALUES > 1)), tmp_path / "x.h5ad")
    np.testing.assert_array_equal(dense(read(path).adata.X), VALUES > 1)


@pytest.mark.parametrize("sparse_x", [True, False], ids=["sparse", "dense"])
def test_a_file_of_anndata_0_6_is_read(tmp_path, sparse_x):
    found = read(write_old_h5ad(tmp_path / "old.h5ad", sparse_x=sparse_x))
    adata = found.adata
    assert codes(found) == []
    assert sparse.issparse(adata.X) == sparse_x
    np.testing.assert_array_equal(dense(adata.X), VALUES)
    assert (list(adata.obs_names), list(adata.var_names)) == (CELLS, GENES)
    assert adata.obs["type"].tolist() == adata.obs["name"].tolist() == TYPES.tolist()
    assert adata.obs["type"].dtype == "category"
    np.testing.assert_array_equal(adata.obs["depth"], VALUES.sum(axis=1))
    np.testing.assert_array_equal(adata.raw.X, np.hstack([VALUES, VALUES]))
    assert list(adata.raw.var_names) == GENES * 2
    np.testing.assert_array_equal(adata.obsm["X_umap"], VALUES[:, :2])


def test_a_file_of_anndata_0_7_is_read(tmp_path):
    found = read(write_h5ad_07(tmp_path / "cells.h5ad"))
    assert codes(found) == []
    assert pandas_labels(found, "type") == TYPES.tolist()
    assert found.adata.obs["type"].cat.ordered
    np.testing.assert_array_equal(found.adata.obs["depth"], VALUES.sum(axis=1))
    np.testing.assert_array_equal(dense(found.adata.X), VALUES)


def test_a_file_without_x_has_all_its_layers(tmp_path):
    adata = cells(VALUES, layers={"odd": VALUES * 3, "counts": VALUES})
    adata = ad.AnnData(X=None, obs=adata.obs, var=adata.var, layers=dict(adata.layers))
    found = read(write(adata, tmp_path / "x.h5ad")).adata
    assert found.X is None
    assert set(found.layers) == {"odd", "counts"}


def test_names_that_come_twice_are_left_to_the_checks(tmp_path):
    path = write(cells(VALUES, genes=["A"] * 24), tmp_path / "x.h5ad")
    assert list(read(path).adata.var_names) == ["A"] * 24


def test_categories_that_nothing_refers_to_are_found(tmp_path):
    path = write_h5ad_07(tmp_path / "from_seurat.h5ad")
    with h5py.File(path, "r+") as file:
        del file["obs/type"].attrs["categories"]
    assert pandas_labels(read(path), "type") == TYPES.tolist()
    with h5py.File(path, "r+") as file:
        file["obs/type"][0] = 2  # these are just numbers, then
    assert pandas_labels(read(path), "type")[:3] == ["2", "1", "1"]


def test_a_matrix_that_does_not_say_its_shape_has_that_of_its_names(tmp_path):
    adata = cells(sparse.csr_matrix(VALUES))
    path = write_with(adata, tmp_path / "x.h5ad", lambda file: file["X"].attrs.pop("shape"))
    np.testing.assert_array_equal(dense(read(path).adata.X), VALUES)


def write_h5mu(path, *names):
    source = write(cells(sparse.csr_matrix(VALUES)), path.with_name("one.h5ad"))
    with h5py.File(source) as one, h5py.File(path, "w") as file:
        file.attrs.update({"encoding-type": "MuData", "encoding-version": "0.1.0"})
        for name in ("obs", "var"):
            one.copy(name, file)
        for name in names:
            one.copy("/", file, f"mod/{name}")
    return path


def test_of_several_measurements_the_gene_expression_is_read(tmp_path):
    found = read(write_h5mu(tmp_path / "x.h5mu", "prot", "rna"))
    assert codes(found) == ["W-MODALITIES"]
    assert "The file holds 'prot', 'rna'; only 'rna' is read" in found.findings[0].message
    np.testing.assert_array_equal(dense(found.adata.X), VALUES)
    assert codes(read(write_h5mu(tmp_path / "y.h5mu", "rna"))) == []


def test_several_measurements_without_gene_expression_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds 'atac', 'prot', and none of them") as refused:
        read(write_h5mu(tmp_path / "x.h5mu", "atac", "prot"))
    assert refused.value.code == "E-NO-EXPRESSION"


def test_every_shared_dataset_is_read_as_anndata_reads_it(shared_data):
    paths = sorted(shared_data.glob("*.h5ad"))
    assert paths
    for path in paths:
        found, wanted = read(path), ad.read_h5ad(path)
        assert codes(found) == []
        assert (abs(found.adata.X - wanted.X)).sum() == 0
        pd.testing.assert_frame_equal(
            found.adata.obs, wanted.obs, check_index_type=False, check_column_type=False
        )
        assert list(found.adata.var_names) == list(wanted.var_names)


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csc_matrix])
def test_a_row_out_of_order_is_put_in_order_and_said(tmp_path, form):
    matrix = form(VALUES)
    stop = matrix.indptr[1]
    matrix.indices[:stop] = matrix.indices[:stop][::-1].copy()
    matrix.data[:stop] = matrix.data[:stop][::-1].copy()
    matrix.has_sorted_indices = False
    found = read(write(cells(matrix), tmp_path / "unsorted.h5ad"))
    assert codes(found) == ["F-ORDER"]
    assert found.adata.X.has_canonical_format
    np.testing.assert_array_equal(found.adata.X.toarray(), VALUES)


def test_values_that_come_twice_are_added_up_and_said(tmp_path):
    matrix = sparse.csr_matrix(VALUES)
    half = sparse.csr_matrix(
        (np.repeat(matrix.data / 2, 2), np.repeat(matrix.indices, 2), matrix.indptr * 2),
        shape=matrix.shape,
    )
    found = read(write(cells(half), tmp_path / "twice.h5ad"))
    assert codes(found) == ["F-ORDER"]
    assert "'/X'" in found.findings[0].message
    np.testing.assert_array_equal(found.adata.X.toarray(), VALUES)


def test_genes_rearranged_by_scipy_are_nothing_to_report(tmp_path):
    adata = cells(sparse.csr_matrix(VALUES))[:, ::-1].copy()
    assert not adata.X.has_sorted_indices
    found = read(write(adata, tmp_path / "reversed.h5ad"))
    assert codes(found) == []
    assert found.adata.X.has_canonical_format
    np.testing.assert_array_equal(found.adata.X.toarray(), VALUES[:, ::-1])


@pytest.mark.parametrize("chunks", [None, (8, 24), (40, 3), (7, 5)])
def test_a_large_dense_matrix_of_few_values_becomes_sparse_on_the_way(
    tmp_path, monkeypatch, chunks
):
    monkeypatch.setattr(hdf5_matrix, "_SMALL", 0)
    monkeypatch.setattr(hdf5_matrix, "_BLOCK_BYTES", 1500)
    few = np.where(VALUES > 2, VALUES, 0)
    assert 0 < np.count_nonzero(few) < few.size / 3

    def change(file):
        attributes = dict(file["X"].attrs)
        del file["X"]
        file.create_dataset("X", data=few, chunks=chunks)
        file["X"].attrs.update(attributes)

    x = read(write_with(cells(VALUES), tmp_path / "x.h5ad", change)).adata.X
    assert sparse.issparse(x)
    np.testing.assert_array_equal(x.toarray(), few)
    full = read(write(cells(VALUES + 1), tmp_path / "full.h5ad")).adata.X
    assert isinstance(full, np.ndarray)


def test_layers_are_read_while_there_is_memory_and_counts_in_any_case(tmp_path, monkeypatch):
    adata = cells(VALUES, layers={"a": VALUES, "z": VALUES, "counts": VALUES})
    path = write(adata, tmp_path / "x.h5ad")
    monkeypatch.setattr(layers, "memory_budget", lambda: 9 * VALUES.nbytes)
    found = read(path)
    assert set(found.adata.layers) == {"counts", "a"}
    assert codes(found) == ["W-LAYERS-LEFT-OUT"]
    assert "'z'" in found.findings[0].message
    monkeypatch.setattr(layers, "memory_budget", lambda: 1)
    assert set(read(path).adata.layers) == {"counts"}
