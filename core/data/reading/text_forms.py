"""How names of genes and of cells are written."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["are_positions", "gene_forms", "like_cells", "written_like_genes"]

# Identifiers that nothing else has: Ensembl, FlyBase, WormBase, Arabidopsis, rice, yeast, fish.
_GENE_ID = re.compile(
    r"ENS[A-Z]*G\d{11}(\.\d+)?|FBgn\d{7}|WBGene\d{8}|AT[1-5CM]G\d{5}(\.\d+)?|Os\d{2}g\d{7}"
    r"|Y[A-P][LR]\d{3}[WC](-[A-Z])?|Q\d{4}|ZDB-[A-Z]*GENE[A-Z]*-\d{6}-\d+|LOC\d{6,9}",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"[A-Z][A-Za-z0-9]{0,9}([.-][A-Za-z0-9.-]{1,8})?|\d{7}[A-Z]\d{2}Rik")
_CELL = re.compile(
    r"(^|[^A-Za-z])[ACGT]{12,}(x|-\d+)?($|[^A-Za-z])"  # barcodes, with any prefix or suffix
    r"|^(SRR|ERR|DRR|SRX|GSM|SAMN|SAMEA)\d+"
    r"|(^|[^a-z])(cell|nucleus|barcode|well|cellid)[ _.:-]?\d+"
    r"|^[csvx][ _.-]?\d+$|^sample[ _.-]?\d+|[_-][A-P]\d{1,2}$",
    re.IGNORECASE,
)
# Wells of a plate, such as A1, P24 or P1A01. C3 and F8 are genes: only among others do they tell.
_WELL = re.compile(r"(p|plate)?[ _.-]?\d*[ _.-]?[A-P](0?[1-9]|1\d|2[0-4])", re.IGNORECASE)
_MANY_WELLS = 0.5


def gene_forms(names: Sequence[str]) -> float:
    """Share (0–1) of names that are identifiers of genes by their form.

    Examples
    --------
    >>> gene_forms(["FBgn0000008", "WBGene00000001", "AT1G01010", "A1"])
    0.75
    """
    return sum(bool(_GENE_ID.fullmatch(name)) for name in names) / max(1, len(names))


def like_cells(names: Sequence[str]) -> float:
    """Share (0–1) of names that cells have, and genes do not.

    Numbers are names of cells only if they count them, for genes have numbers too (Entrez).

    Examples
    --------
    >>> like_cells(["AAACCCAAGCGTATGG-1", "cell12", "CD3E", "SOX4"])
    0.5
    >>> like_cells(["A1", "A2", "P1H12"]), like_cells(["1", "2"]), like_cells(["7157", "672"])
    (1.0, 1.0, 0.0)
    """
    if are_positions(names):
        return 1.0
    return sum(_are_cells(names)) / max(1, len(names))


def written_like_genes(names: Sequence[str]) -> float:
    """Share (0–1) of names that are identifiers of genes, or are written like symbols."""
    like = sum(
        bool(_GENE_ID.fullmatch(name) or _SYMBOL.fullmatch(name)) and not is_cell
        for name, is_cell in zip(names, _are_cells(names), strict=True)
    )
    return like / max(1, len(names))


def _are_cells(names: Sequence[str]) -> list[bool]:
    wells = [bool(_WELL.fullmatch(name)) for name in names]
    are_wells = sum(wells) > _MANY_WELLS * len(names) and len(names) > 1
    return [
        bool(_CELL.search(name)) or (are_wells and well)
        for name, well in zip(names, wells, strict=True)
    ]


def are_positions(names: Sequence[str]) -> bool:
    """Whether names are just numbers in order, from 0 or 1."""
    if not names or names[0] not in ("0", "1"):
        return False
    first = int(names[0])
    return all(name == str(first + i) for i, name in enumerate(names))
