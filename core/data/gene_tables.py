"""Gene symbols, Ensembl ids and orthologs of human and mouse: tables that are part of Needle.

What they hold, from where and under which licence, is said in ``tables/README.md``. They have the
names in use now: neither earlier symbols (SEPT2 for SEPTIN2) nor synonyms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd

__all__ = [
    "ORGANISMS",
    "ensembl_organism",
    "human_orthologs",
    "ids_of",
    "looks_like_genes",
    "symbols_in_any_case",
    "symbols_of",
]

ORGANISMS = ("human", "mouse")
_FOLDER = Path(__file__).parent / "tables"
# ENSG… is a human gene, ENSMUSG… one of mouse, ENSRNOG… of rat; a version may follow.
_ENSEMBL = re.compile(r"ENS([A-Z]{3,4})?G\d{11}(\.\d+)?(_PAR_Y)?")


@cache
def symbols_of(organism: str) -> dict[str, str]:
    """Symbol of each Ensembl id.

    Parameters
    ----------
    organism : {"human", "mouse"}
        Whose genes.

    Returns
    -------
    dict of str to str
        One-to-one; shared, so not to be changed.

    Examples
    --------
    >>> symbols_of("human")["ENSG00000174059"]
    'CD34'
    """
    table = _read(organism)
    return dict(zip(table["id"], table["symbol"], strict=True))


@cache
def ids_of(organism: str) -> dict[str, str]:
    """Ensembl id of each symbol: :func:`symbols_of` the other way round."""
    return {symbol: gene for gene, symbol in symbols_of(organism).items()}


@cache
def human_orthologs() -> dict[str, str]:
    """Human Ensembl id of each mouse Ensembl id that has a one-to-one ortholog.

    Examples
    --------
    >>> symbols_of("human")[human_orthologs()["ENSMUSG00000016494"]]
    'CD34'
    """
    table = _read("orthologs")
    return dict(zip(table["mouse"], table["human"], strict=True))


@cache
def symbols_in_any_case(organism: str) -> dict[str, str]:
    """Symbol by its lower-case form; those that differ from another in case alone are left out."""
    by_form: dict[str, str] = {}
    twice = set()
    for symbol in ids_of(organism):
        form = symbol.casefold()
        if by_form.setdefault(form, symbol) != symbol:
            twice.add(form)
    return {form: symbol for form, symbol in by_form.items() if form not in twice}


def ensembl_organism(name: str) -> str | None:
    """Organism of an Ensembl gene id, with or without a version.

    Returns
    -------
    {"human", "mouse", ""} or None
        Empty for another species; ``None`` when `name` is no Ensembl gene id.

    Examples
    --------
    >>> ensembl_organism("ENSMUSG00000016494.9"), ensembl_organism("CD34")
    ('mouse', None)
    """
    match = _ENSEMBL.fullmatch(name)
    return None if match is None else {None: "human", "MUS": "mouse"}.get(match[1], "")


def looks_like_genes(names: Iterable[str]) -> float:
    """Share (0–1) of names that are genes of human or mouse, or Ensembl ids of any species.

    Case is ignored. Earlier symbols are not known, so that real lists of genes reach 0.8 to 1; of
    cell names and barcodes hardly any is a gene.

    Parameters
    ----------
    names : iterable of str
        Names of rows or columns.

    Examples
    --------
    >>> looks_like_genes(["CD34", "Cd34", "ENSG00000174059.17", "AAACATACAACCAC-1"])
    0.75
    """
    names = [str(name) for name in names]
    known = [symbols_in_any_case(organism) for organism in ORGANISMS]
    hits = sum(
        ensembl_organism(name) is not None or any(name.casefold() in table for table in known)
        for name in names
    )
    return hits / len(names) if names else 0.0


def _read(name: str) -> pd.DataFrame:
    # Without the first option a gene called NAN would be no name.
    return pd.read_csv(_FOLDER / f"{name}.csv.gz", keep_default_na=False, dtype=str)
