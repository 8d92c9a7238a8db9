"""Gene names: unique within a dataset, matched between datasets by name and never by position."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import Finding

__all__ = ["GeneMatch", "make_names_unique", "match_genes", "parse_gene_list"]


@dataclass(frozen=True)
class GeneMatch:
    """Which of the wanted genes a dataset has.

    Parameters
    ----------
    found, missing : tuple of str
        In the order in which they were wanted.
    suggestions : dict of str to str
        For a missing gene, the name in the dataset that differs from it only in upper and lower
        case or punctuation, where there is one.
    """

    found: tuple[str, ...]
    missing: tuple[str, ...]
    suggestions: dict[str, str]

    @property
    def coverage(self) -> float:
        """Share (0–1) of the wanted genes that were found."""
        return len(self.found) / max(1, len(self.found) + len(self.missing))

    def findings(self) -> tuple[Finding, ...]:
        """One ``W-GENE-UNKNOWN`` for each missing gene, with its suggestion."""
        return tuple(self._finding(gene) for gene in self.missing)

    def _finding(self, gene: str) -> Finding:
        like = self.suggestions.get(gene)
        return Finding(
            "W-GENE-UNKNOWN",
            f"{gene} is not a gene of this dataset and was left out.",
            f"Did you mean {like}?" if like else "Check its spelling.",
        )


def match_genes(available: pd.Index, wanted: Iterable[str]) -> GeneMatch:
    """Look up genes by exact name.

    Parameters
    ----------
    available : pandas.Index of str
        Genes of the dataset, unique.
    wanted : iterable of str
        Names to look for; repeats count once.

    Returns
    -------
    GeneMatch
    """
    wanted = list(dict.fromkeys(wanted))
    there = available.get_indexer(pd.Index(wanted, dtype=object)) >= 0
    missing = tuple(gene for gene, found in zip(wanted, there, strict=True) if not found)
    return GeneMatch(
        found=tuple(gene for gene, found in zip(wanted, there, strict=True) if found),
        missing=missing,
        suggestions=_suggest(available, missing),
    )


def _suggest(available: pd.Index, missing: Iterable[str]) -> dict[str, str]:
    """Offer names that differ in case and punctuation alone: CD3 is like CD4, and another gene."""
    missing = [(gene, plain) for gene in missing if (plain := _plain(gene))]
    if not missing:
        return {}
    by_plain = {_plain(name): str(name) for name in reversed(list(available))}
    return {gene: by_plain[plain] for gene, plain in missing if plain in by_plain}


def _plain(name: str) -> str:
    return "".join(letter for letter in str(name).upper() if letter.isalnum())


def parse_gene_list(text: str) -> tuple[str, ...]:
    r"""Read a pasted gene list: names separated by spaces, commas, semicolons or new lines.

    Parameters
    ----------
    text : str
        What the user pasted; quotes around names are dropped.

    Returns
    -------
    tuple of str
        Names in their order, each once.

    Examples
    --------
    >>> parse_gene_list('CD34, "SOX4"\nCD34')
    ('CD34', 'SOX4')
    """
    names = (name.strip("\"'`") for name in re.split(r"[\s,;]+", text))
    return tuple(dict.fromkeys(name for name in names if name))


def make_names_unique(names: pd.Index) -> tuple[pd.Index, npt.NDArray[np.bool_]]:
    """Append ``-1``, ``-2``, … to names that came before; the first keeps its name.

    Parameters
    ----------
    names : pandas.Index
        Names, possibly repeated.

    Returns
    -------
    names : pandas.Index of str
        All different.
    changed : array of bool
        Which names were changed.
    """
    names = names.astype(str)
    taken = set(names)
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        if name not in seen:
            seen[name] = 0
            unique.append(name)
            continue
        candidate = name
        while candidate in taken:
            seen[name] += 1
            candidate = f"{name}-{seen[name]}"
        taken.add(candidate)
        unique.append(candidate)
    result = pd.Index(unique, dtype=object)
    return result, np.asarray(result != names)
