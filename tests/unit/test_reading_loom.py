"""loom files of every version give cells × genes with labels; without names they are refused."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy import sparse

from core.data.reading import hdf5_matrix
from core.errors import DataError
from tests.files import dense, write_bad_files
from tests.hdf5_files import CELLS, GENES, TYPES, VALUES, codes, read, strings, write_loom


@pytest.mark.parametrize("version", ["2.0.1", "3.0.0"])
def test_a_loom_file_is_read(tmp_path, version):
    found = read(write_loom(tmp_path / "x.loom", version=version))
    adata = found.adata
    assert (found.format, codes(found)) == ("loom file", [])
    assert sparse.issparse(adata.X)
    np.testing.assert_array_equal(dense(adata.X), VALUES)
    np.testing.assert_array_equal(dense(adata.layers["spliced"]), VALUES * 2)
    assert (list(adata.obs_names), list(adata.var_names)) == (CELLS, GENES)
    assert adata.obs["type"].tolist() == TYPES.tolist()
    assert set(adata.obs) == {"type", "depth"}
    np.testing.assert_array_equal(adata.obs["depth"], VALUES.sum(axis=1))
    assert adata.var["Chromosome"].tolist() == list(range(24))
    assert list(adata.obsm) == ["X_umap"]
    np.testing.assert_array_equal(adata.obsm["X_umap"], VALUES[:, :2])


@pytest.mark.parametrize("genes", ["Gene", "gene", "GeneName", "var_names", "Accession"])
@pytest.mark.parametrize("cells", ["CellID", "cell_id", "obs_names", "barcode", "Barcodes"])
def test_names_are_found_under_what_they_are_called(tmp_path, genes, cells):
    adata = read(write_loom(tmp_path / "x.loom", genes=genes, cells=cells)).adata
    assert (list(adata.obs_names), list(adata.var_names)) == (CELLS, GENES)


def test_symbols_go_before_accessions_which_are_kept(tmp_path):
    path = write_loom(tmp_path / "x.loom", genes="Gene")
    with h5py.File(path, "r+") as file:
        file["row_attrs/Accession"] = strings(f"ENSG{i}" for i in range(24))
    adata = read(path).adata
    assert list(adata.var_names) == GENES
    assert adata.var["Accession"].tolist() == [f"ENSG{i}" for i in range(24)]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"cells": "depth2"}, "what its cells are called: 'col_attrs' holds 'depth', 'depth2'"),
        ({"genes": "colour"}, "what its genes are called: 'row_attrs' holds"),
    ],
    ids=["cells", "genes"],
)
def test_without_names_a_loom_file_is_refused(tmp_path, names, says):
    with pytest.raises(DataError, match=says) as refused:
        read(write_loom(tmp_path / "x.loom", **names))
    assert refused.value.code == "E-LOOM-IDS"


def test_the_awkward_loom_file_of_the_shared_tool_is_refused(tmp_path):
    path = write_bad_files("file_loom_bad", tmp_path) / "loom_no_cellid.loom"
    with pytest.raises(DataError, match="what its cells are called") as refused:
        read(path)
    assert refused.value.code == "E-LOOM-IDS"


@pytest.mark.parametrize("block", [1, 100, 1000, 10**6])
def test_blocks_of_any_size_give_the_same_matrix(tmp_path, monkeypatch, block):
    monkeypatch.setattr(hdf5_matrix, "_BLOCK_BYTES", block)
    np.testing.assert_array_equal(dense(read(write_loom(tmp_path / "x.loom")).adata.X), VALUES)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("matrix", np.zeros(5)),
        ("matrix", np.full((24, 40), b"a")),
        ("matrix", np.zeros((24, 41))),
        ("layers/spliced", np.zeros((40, 24))),
        ("col_attrs/CellID", strings(CELLS[:-1])),
        ("col_attrs/type", strings(CELLS[:-1])),
        ("col_attrs", 1.0),
    ],
    ids=["list", "text", "wider", "layer", "too-few-cells", "too-few-labels", "no-group"],
)
def test_parts_that_do_not_fit_together_are_refused(tmp_path, part, value):
    path = write_loom(tmp_path / "x.loom")
    with h5py.File(path, "r+") as file:
        del file[part]
        file[part] = value
    with pytest.raises(DataError, match=r"x\.loom is damaged") as refused:
        read(path)
    assert refused.value.code == "E-FILE-DAMAGED"
