"""What gene names are: symbols or Ensembl ids, of human or mouse; and their frills taken off."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.data.checking.text import quoted
from core.data.gene_tables import ORGANISMS, ensembl_organism, ids_of, symbols_in_any_case
from core.errors import Finding

__all__ = [
    "Recognised",
    "is_symbol",
    "quoted",
    "recognise_names",
    "strip_genome",
    "strip_versions",
    "symbol_columns",
]

# Names of real studies, ten years old ones too, are in their organism's table to 80–95 %, and to
# less than 0.3 % in the other's (C2, H19). Anything between tells them apart; a panel that was cut
# down, or an awkward file, keeps a fifth.
_LEAST_SHARE = 0.2
# Fewer may be chance: cells called C2 … C9 are "genes" too.
_LEAST_KNOWN = 5

# Columns of `var` that hold symbols beside ids: of scanpy, CELLxGENE, Seurat, loom, Monocle.
_SYMBOL_COLUMNS = (
    "gene_symbols",
    "gene_symbol",
    "gene_name",
    "gene_names",
    "feature_name",
    "symbol",
    "symbols",
    "gene_short_name",
    "hgnc_symbol",
    "mgi_symbol",
    "gene",
    "genes",
    "features",
    "name",
)
_NOTHING = ("", "nan", "na", "n/a", "none", "-")
_VERSION = re.compile(r"^(ENS(?:[A-Z]{3,4})?G\d{11})\.\d+((?:_PAR_Y)?)$")
_GENOME = re.compile(r"(GRC[hm]\d\d|hg\d\d|mm\d\d?)_+(?=.)")


@dataclass(frozen=True)
class Recognised:
    """What the names of a file's genes are.

    Parameters
    ----------
    style : {"symbols", "ensembl", "other"}
        Ensembl ids are told by their form, symbols by the tables.
    organism : {"human", "mouse", ""}
        Empty when the names do not tell.
    n_known : int
        Names in the table of `organism`, or with the form of an id.
    lost_case : bool
        Symbols that are in the table in other capitals only.
    """

    style: str = "other"
    organism: str = ""
    n_known: int = 0
    lost_case: bool = False


def recognise_names(names: pd.Index) -> Recognised:
    """Tell style and organism of gene names.

    Parameters
    ----------
    names : pandas.Index of str
        One per gene.

    Returns
    -------
    Recognised
        ``"other"`` unless half of the names have the form of an Ensembl id, or 5 names and a fifth
        of all are symbols.

    Examples
    --------
    >>> recognise_names(pd.Index(["Cd3d", "Cd34", "Ppbp", "Ms4a1", "Lyz2"])).organism
    'mouse'
    """
    organisms = Counter(found for name in names if (found := ensembl_organism(name)) is not None)
    n_ids = organisms.total()
    if n_ids and 2 * n_ids >= len(names):
        return Recognised("ensembl", organisms.most_common(1)[0][0], n_ids)
    exact = {organism: _n_in(names, ids_of(organism)) for organism in ORGANISMS}
    forms = names.str.casefold()
    loose = {organism: _n_in(forms, symbols_in_any_case(organism)) for organism in ORGANISMS}
    best, closest = (max(ORGANISMS, key=n.__getitem__) for n in (exact, loose))
    needed = max(_LEAST_KNOWN, _LEAST_SHARE * len(names))
    # Mouse symbols in capitals are human ones in part (CD3D), but never those of mouse alone.
    shouted = closest == "mouse" and best == "human" and loose["mouse"] > 1.1 * loose["human"]
    if exact[best] >= needed and not shouted:
        return Recognised("symbols", best, exact[best])
    if loose[closest] >= needed:
        return Recognised("symbols", closest, loose[closest], lost_case=True)
    return Recognised()


def _n_in(names: pd.Index, table: dict[str, str]) -> int:
    return sum(name in table for name in names)


def strip_versions(names: pd.Index) -> tuple[pd.Index, list[Finding]]:
    """Take the versions off Ensembl ids: ``ENSG00000174059.17`` is ``ENSG00000174059``.

    Returns
    -------
    names : pandas.Index of str
        Perhaps with repeats that only their version told apart.
    findings : list of Finding
        ``F-GENE-VERSIONS`` if there was any.
    """
    plain = pd.Index([_VERSION.sub(r"\1\2", name) for name in names], dtype=object)
    changed = np.flatnonzero(plain != names)
    if not len(changed):
        return names, []
    return plain, [
        Finding(
            "F-GENE-VERSIONS",
            f"The version was taken off {len(changed):,} of {len(names):,} Ensembl ids "
            f"({names[changed[0]]} is {plain[changed[0]]} now).",
        )
    ]


def strip_genome(names: pd.Index, var: pd.DataFrame) -> tuple[pd.Index, list[Finding]]:
    """Take off the genome that Cell Ranger puts before names: ``GRCh38_CD3D``, ``mm10___Cd3d``.

    Returns
    -------
    names : pandas.Index of str
        Unchanged unless every name has one and the same genome before it.
    findings : list of Finding
        ``F-GENE-NAMES-REPAIRED``, or ``W-GENOMES`` for names of several genomes; the reader has
        said so already where `var` has a column ``genome``.
    """
    matches = [_GENOME.match(name) for name in names]
    if not matches or not all(matches):
        return names, []
    genomes = list(dict.fromkeys(match[1] for match in matches))
    if len(genomes) == 1:
        plain = pd.Index([m.string[m.end() :] for m in matches], dtype=object)
        message = (
            f"The genome {genomes[0]} was taken off all gene names: {quoted(names[0])} is "
            f"{quoted(plain[0])} now."
        )
        return plain, [Finding("F-GENE-NAMES-REPAIRED", message)]
    if "genome" in var.columns:
        return names, []
    return names, [
        Finding(
            "W-GENOMES",
            f"The genes are of {len(genomes)} genomes: {', '.join(genomes[:4])}.",
            "Keep the genes of one genome, and the cells that belong to it, and load them again.",
        )
    ]


def symbol_columns(var: pd.DataFrame) -> list[str]:
    """Columns of `var` that give at least half of the genes a symbol, known names of columns first.

    A column whose name says nothing counts when half of what it holds are genes by the tables.
    """
    named = {str(column).casefold().replace(" ", "_"): column for column in var.columns}
    likely = [named[name] for name in _SYMBOL_COLUMNS if name in named]
    others = [column for column in var.columns if column not in likely]
    found = [column for column in likely if _gives_symbols(var[column])]
    more = [c for c in others if _gives_symbols(var[c]) and _known(var[c])]
    return [*found, *more]


def _gives_symbols(column: pd.Series) -> bool:
    """Text, mostly filled in, mostly different and not ids."""
    values = column.dropna()
    if not values.map(lambda value: isinstance(value, str)).all():
        return False
    symbols = values[[is_symbol(value) for value in values]]
    return 2 * len(symbols) >= len(column) > 0 and 2 * symbols.nunique() >= len(symbols)


def is_symbol(value: object) -> bool:
    """Whether a cell of a column of symbols holds one, and not nothing or an id."""
    text = value.strip() if isinstance(value, str) else ""
    return text.casefold() not in _NOTHING and ensembl_organism(text) is None


def _known(column: pd.Series) -> bool:
    found = recognise_names(pd.Index(column.dropna().astype(str), dtype=object))
    return found.style == "symbols" and 2 * found.n_known >= len(column)
