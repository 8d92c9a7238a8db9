"""10x Genomics .h5 files of every version give cells × genes, and say what was left out."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from core.errors import DataError
from tests.files import dense, write_bad_files
from tests.hdf5_files import CELLS, GENES, VALUES, codes, read, strings, write_tenx, write_tenx_v2


def test_a_file_of_cell_ranger_3_is_read(tmp_path):
    found = read(write_tenx(tmp_path / "x.h5"))
    assert (found.format, codes(found)) == ("10x Genomics .h5 file", [])
    np.testing.assert_array_equal(dense(found.adata.X), VALUES)
    assert list(found.adata.obs_names) == CELLS
    assert list(found.adata.var_names) == GENES
    assert found.adata.var["gene_ids"].tolist() == [f"ENSG{i:011d}" for i in range(24)]
    assert set(found.adata.var["genome"]) == {"GRCh38"}
    assert set(found.adata.var["feature_types"]) == {"Gene Expression"}


def test_only_gene_expression_is_kept(tmp_path):
    kinds = ["Gene Expression"] * 20 + ["Antibody Capture"] * 3 + ["CRISPR Guide Capture"]
    found = read(write_tenx(tmp_path / "x.h5", kinds=kinds[::-1]))
    assert codes(found) == ["W-ANTIBODIES"]
    message = found.findings[0].message
    assert message.startswith("4 of 24 features are no genes and were left out")
    assert "'Antibody Capture' (3), 'CRISPR Guide Capture' (1)" in message
    np.testing.assert_array_equal(dense(found.adata.X), VALUES[:, 4:])
    assert list(found.adata.var_names) == GENES[4:]


def test_antibodies_alone_are_refused(tmp_path):
    path = write_tenx(tmp_path / "x.h5", kinds=["Antibody Capture"] * 24)
    with pytest.raises(DataError, match=r"its features are 'Antibody Capture' \(24\)") as refused:
        read(path)
    assert refused.value.code == "E-NO-EXPRESSION"


def test_two_genomes_are_said_with_their_genes_and_counts(tmp_path):
    genomes = ["GRCh38"] * 10 + ["mm10"] * 14
    found = read(write_tenx(tmp_path / "x.h5", genomes=genomes))
    assert codes(found) == ["W-GENOMES"]
    human, mouse = int(VALUES[:, :10].sum()), int(VALUES[:, 10:].sum())
    assert f"'GRCh38' (10 genes, {human:,} counts)" in found.findings[0].message
    assert f"'mm10' (14 genes, {mouse:,} counts)" in found.findings[0].message
    np.testing.assert_array_equal(dense(found.adata.X), VALUES)


@pytest.mark.parametrize(
    ("name", "code"),
    [("10x_two_genomes.h5", "W-GENOMES"), ("10x_antibody_rows.h5", "W-ANTIBODIES")],
)
def test_awkward_files_of_the_shared_tool_are_read_with_a_warning(tmp_path, name, code):
    assert codes(read(write_bad_files("file_10x_bad", tmp_path) / name)) == [code]


def test_a_file_of_cell_ranger_2_is_read(tmp_path):
    found = read(write_tenx_v2(tmp_path / "x.h5", {"hg19": (VALUES, CELLS)}))
    assert codes(found) == []
    np.testing.assert_array_equal(dense(found.adata.X), VALUES)
    assert list(found.adata.obs_names) == CELLS
    assert list(found.adata.var_names) == [f"hg19_{gene}" for gene in GENES]
    assert found.adata.var["gene_ids"].tolist() == [f"hg19_id{i}" for i in range(24)]


def test_genomes_of_cell_ranger_2_are_put_side_by_side_by_barcode(tmp_path):
    human, mouse = (VALUES[:30], CELLS[:30]), (VALUES[20:, :9] * 5, CELLS[20:])
    found = read(write_tenx_v2(tmp_path / "x.h5", {"hg19": human, "mm10": mouse}))
    assert codes(found) == ["W-GENOMES"]
    assert list(found.adata.obs_names) == CELLS
    assert found.adata.var["genome"].tolist() == ["hg19"] * 24 + ["mm10"] * 9
    wanted = np.zeros((40, 33))
    wanted[:30, :24], wanted[20:, 24:] = VALUES[:30], VALUES[20:, :9] * 5
    np.testing.assert_array_equal(dense(found.adata.X), wanted)


@pytest.mark.parametrize(
    "part", ["data", "indices", "indptr", "shape", "barcodes", "features", "features/name"]
)
def test_a_part_that_is_missing_is_named(tmp_path, part):
    path = write_tenx(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["matrix"][part]
    with pytest.raises(DataError, match=f"there is no '{part.split('/')[-1]}'") as refused:
        read(path)
    assert refused.value.code == "E-10X-INCOMPLETE"


def test_features_without_kinds_are_all_taken_for_genes(tmp_path):
    path = write_tenx(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["matrix/features/feature_type"], file["matrix/features/genome"]
    found = read(path)
    assert codes(found) == []
    assert list(found.adata.var) == ["gene_ids"]


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        ("shape", [24, 41], "its matrix says that it is 24 × 41"),
        ("barcodes", strings(CELLS[:-1]), "24 names of features and 39 of cells"),
        ("features/id", strings(GENES[:-1]), "has 23 values, not 24"),
        ("indices", np.full(np.count_nonzero(VALUES), 24), "values outside its 24 places"),
        ("data", np.zeros(3), "3 values for"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(tmp_path, part, value, says):
    path = write_tenx(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        del file["matrix"][part]
        file["matrix"][part] = value
    with pytest.raises(DataError, match=says) as refused:
        read(path)
    assert refused.value.code == "E-FILE-DAMAGED"
