"""h5Seurat files give the assay RNA as cells × genes, with labels, whichever assay was active."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from core.errors import DataError
from tests.files import dense
from tests.hdf5_files import (
    CELLS,
    GENES,
    TYPES,
    VALUES,
    codes,
    pandas_labels,
    read,
    strings,
    write_h5seurat,
)


@pytest.mark.parametrize("layers", [False, True], ids=["Seurat 3 and 4", "Seurat 5"])
def test_an_h5seurat_file_is_read(tmp_path, layers):
    found = read(write_h5seurat(tmp_path / "x.h5seurat", layers=layers))
    adata = found.adata
    assert (found.format, codes(found)) == ("h5Seurat file", [])
    np.testing.assert_array_equal(dense(adata.X), np.log1p(VALUES))
    np.testing.assert_array_equal(dense(adata.layers["counts"]), VALUES)
    assert (list(adata.obs_names), list(adata.var_names)) == (CELLS, GENES)
    assert pandas_labels(found, "type") == adata.obs["note"].tolist() == TYPES.tolist()
    assert adata.obs["type"].dtype == "category"
    np.testing.assert_array_equal(adata.obs["nCount_RNA"], VALUES.sum(axis=1))
    np.testing.assert_array_equal(adata.obsm["X_umap"], VALUES[:, :2])


@pytest.mark.parametrize("slot", ["counts", "data"])
def test_one_matrix_is_enough(tmp_path, slot):
    adata = read(write_h5seurat(tmp_path / "x.h5seurat", slots=[slot])).adata
    np.testing.assert_array_equal(dense(adata.X), VALUES if slot == "counts" else np.log1p(VALUES))
    assert not adata.layers


def test_a_dense_matrix_lies_cells_by_genes(tmp_path):
    path = write_h5seurat(tmp_path / "x.h5seurat", slots=["counts"])
    with h5py.File(path, "r+") as file:
        file["assays/RNA/data"] = VALUES
    np.testing.assert_array_equal(dense(read(path).adata.X), VALUES)


def test_a_level_that_is_missing_is_no_label(tmp_path):
    path = write_h5seurat(tmp_path / "x.h5seurat")
    with h5py.File(path, "r+") as file:
        file["meta.data/type/values"][:2] = np.iinfo("i4").min
    labels = read(path).adata.obs["type"]
    assert labels.isna().tolist() == [True, True] + [False] * 38


def test_labels_in_one_table_are_read(tmp_path):
    path = write_h5seurat(tmp_path / "x.h5seurat")
    with h5py.File(path, "r+") as file:
        del file["meta.data"]
        table = np.zeros(40, dtype=[("type", "S4"), ("depth", "f8")])
        table["type"], table["depth"] = strings(TYPES), VALUES.sum(axis=1)
        file["meta.data"] = table
    obs = read(path).adata.obs
    assert obs["type"].tolist() == TYPES.tolist()
    np.testing.assert_array_equal(obs["depth"], VALUES.sum(axis=1))


def test_without_rna_the_active_assay_is_read(tmp_path):
    path = write_h5seurat(tmp_path / "x.h5seurat")
    with h5py.File(path, "r+") as file:
        file.attrs["active.assay"] = "Spatial"
        file.move("assays/RNA", "assays/Spatial")
    np.testing.assert_array_equal(dense(read(path).adata.layers["counts"]), VALUES)


@pytest.mark.parametrize(("keeps_scaled", "code"), [(True, "E-SCALED"), (False, "E-NO-EXPRESSION")])
def test_without_counts_or_data_it_is_refused(tmp_path, keeps_scaled, code):
    path = write_h5seurat(tmp_path / "x.h5seurat", slots=[])
    if not keeps_scaled:
        with h5py.File(path, "r+") as file:
            del file["assays/RNA/scale.data"]
    with pytest.raises(DataError, match="of its assay 'RNA'") as refused:
        read(path)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("assays/RNA/counts/indices", np.full(np.count_nonzero(VALUES), 24)),
        ("assays/RNA/features", strings(GENES[:-1])),
        ("cell.names", strings(CELLS[:-1])),
        ("meta.data/type/values", np.full(40, 3)),
        ("meta.data/type/levels", strings(["a", "a"])),
        ("meta.data/note", strings(CELLS[:-1])),
        ("reductions/umap/cell.embeddings", np.zeros((2, 7))),
        ("assays", 1.0),
    ],
    ids=["places", "genes", "cells", "no-level", "levels-twice", "column", "umap", "assays"],
)
def test_parts_that_do_not_fit_together_are_refused(tmp_path, part, value):
    path = write_h5seurat(tmp_path / "x.h5seurat")
    with h5py.File(path, "r+") as file:
        del file[part]
        file[part] = value
    with pytest.raises(DataError, match=r"x\.h5seurat (is damaged|starts like)") as refused:
        read(path)
    assert refused.value.code == "E-FILE-DAMAGED"
