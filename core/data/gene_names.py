"""Which names the genes of a file go by: recognised, cleaned, and mapped where the user says so.

What is certain is done at once and reported (``F-``): versions of Ensembl ids and the one genome
before all names are taken off. What is a matter of choice is offered (``W-``), with the number of
genes before and after: symbols instead of ids, damaged names as they were, human orthologs.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from core.data.checking.text import counted, listed, quoted
from core.data.choices import Choices
from core.data.gene_ids import (
    Recognised,
    is_symbol,
    recognise_names,
    strip_genome,
    strip_versions,
    symbol_columns,
)
from core.data.gene_repairs import Mangled, find_mangled, restore_case
from core.data.gene_tables import ORGANISMS, human_orthologs, ids_of, symbols_of
from core.errors import Finding

__all__ = ["GeneNames", "name_genes"]

# A table that knows fewer of the ids is of another release or organism.
_LEAST_COVERAGE = 0.5
_MOST_COLUMNS = 3
_KEEP = "keep"


@dataclass(frozen=True, eq=False)
class GeneNames:
    """Names of the genes of a file, and what was seen and done on the way to them.

    Parameters
    ----------
    names : pandas.Index of str
        One per gene, in the file's order; not yet unique.
    style : {"symbols", "ensembl", "other"}
        What `names` are.
    organism : {"human", "mouse", ""}
        Whose genes they are in the file; empty when the names do not tell.
    findings : tuple of Finding
        What was repaired (``F-``) or is odd and cannot be (``W-``). Offers that were not taken up
        are with the :class:`Choices`.
    """

    names: pd.Index
    style: str
    organism: str
    findings: tuple[Finding, ...] = ()


def name_genes(var: pd.DataFrame, names: pd.Index, choices: Choices) -> GeneNames:
    """Recognise gene names, clean them, and offer better ones.

    Parameters
    ----------
    var : pandas.DataFrame
        One row per gene; its columns may hold symbols.
    names : pandas.Index
        The genes' names in the file.
    choices : Choices
        Answers so far; takes up the offers ``W-GENE-IDS`` (``"column:<name>"``, ``"table"``),
        ``W-GENE-NAMES-MANGLED`` (``"repair"``, ``"human"``, ``"mouse"``) and ``W-MOUSE``
        (``"human-orthologs"``), each with ``"keep"``.

    Returns
    -------
    GeneNames
        With ``F-GENE-VERSIONS``, ``F-GENE-NAMES-REPAIRED``, ``F-GENES-RENAMED``; with
        ``W-GENE-NAMES-MANGLED`` for dates that cannot be repaired; with ``W-GENOMES``.

    Examples
    --------
    >>> names = pd.Index(["ENSG00000174059.17", "ENSG00000163736.5"])
    >>> found = name_genes(pd.DataFrame(index=names), names, Choices({"W-GENE-IDS": "table"}))
    >>> list(found.names), found.style, found.organism
    (['CD34', 'PPBP'], 'symbols', 'human')
    """
    names = pd.Index(names.astype(str), dtype=object)
    names, genome = strip_genome(names, var)
    names, versions = strip_versions(names)
    found = recognise_names(names)
    names, renamed = _use_symbols(names, var, found, choices)
    if renamed:
        # A handful of symbols is too few to tell by themselves; that they are some was said.
        of_ids, found = found, recognise_names(names)
        if found.style == "other":
            found = Recognised("symbols", of_ids.organism)
    named, repaired = _repair(names, found, choices)
    if repaired and found.lost_case:
        found = recognise_names(named)
    organism = found.organism
    named, orthologs = _use_orthologs(named, found, choices)
    if orthologs:
        organism = "human"
    findings = (*genome, *versions, *renamed, *repaired, *orthologs)
    return GeneNames(named, found.style, organism, findings)


def _use_symbols(
    names: pd.Index, var: pd.DataFrame, found: Recognised, choices: Choices
) -> tuple[pd.Index, list[Finding]]:
    """Offer symbols for names that are ids, or that say nothing."""
    if found.style == "symbols":
        return names, []
    mappings = {f"column:{c}": _column(names, var[c]) for c in symbol_columns(var)[:_MOST_COLUMNS]}
    if found.style == "other":
        mappings = {key: m for key, m in mappings.items() if _are_genes(m)}
    table = symbols_of(found.organism) if found.organism else {}
    if sum(name in table for name in names) >= max(1, _LEAST_COVERAGE * len(names)):
        mappings["table"] = pd.Series([table.get(name) for name in names], dtype=object)
    if not mappings:
        return names, []
    counts = {key: int(mapping.notna().sum()) for key, mapping in mappings.items()}
    options = {key: f"{_place(key)}: {n:,} of {len(names):,} genes." for key, n in counts.items()}
    style = "Ensembl ids" if found.style == "ensembl" else f"names like {quoted(names[0])}"
    answer = choices.ask(
        "W-GENE-IDS",
        f"The genes are named by {style}, not by symbols. " + " ".join(options.values()),
        {**options, _KEEP: "Keep the names as they are."},
        next_step="Choose the symbols if the dataset that this one is used with has symbols.",
    )
    if answer not in mappings:
        return names, []
    return _rename(names, mappings[answer], _place(answer), "kept their name")


def _column(names: pd.Index, column: pd.Series) -> pd.Series:
    symbols = [value.strip() if is_symbol(value) else None for value in column]
    return pd.Series(symbols, dtype=object)


def _are_genes(symbols: pd.Series) -> bool:
    found = recognise_names(pd.Index(symbols.dropna(), dtype=object))
    return found.style == "symbols" and found.n_known >= _LEAST_COVERAGE * len(symbols)


def _place(answer: str) -> str:
    if answer == "table":
        return "Symbols from Needle's own table"
    return f"Symbols from column {quoted(answer.removeprefix('column:'))}"


def _rename(
    names: pd.Index, new: pd.Series, source: str, kept: str
) -> tuple[pd.Index, list[Finding]]:
    """Give the genes the names that there are for them, and say how many had none."""
    there = new.notna().to_numpy()
    renamed = pd.Index(new.where(there, names.to_series(index=new.index)), dtype=object)
    first = there.argmax()
    message = (
        f"{there.sum():,} of {len(names):,} genes were renamed ({source[0].lower()}{source[1:]}): "
        f"{quoted(names[first])} is {quoted(renamed[first])} now."
    )
    if not there.all():
        message += f" The other {(~there).sum():,} {kept}."
    return renamed, [Finding("F-GENES-RENAMED", message)]


def _repair(names: pd.Index, found: Recognised, choices: Choices) -> tuple[pd.Index, list[Finding]]:
    """Offer to undo what Excel and R do to names."""
    if found.style != "symbols" or not found.organism:
        return names, []
    if found.lost_case:
        return _repair_case(names, choices)
    mangled = find_mangled(names, found.organism)
    if not mangled.repairs:
        return names, _only_named(mangled)
    answer = choices.ask(
        "W-GENE-NAMES-MANGLED",
        f"{_gene_names(mangled.repairs)} changed by Excel or R: "
        f"{_examples(mangled.repairs)}.{_left(mangled)}",
        {
            "repair": f"Write these {len(mangled.repairs):,} as they were, by the names of today.",
            _KEEP: "Keep the names as they are.",
        },
        next_step="Repair them, unless the dataset that this one is used with has the same names.",
    )
    if answer != "repair":
        return names, []
    message = f"{_gene_names(mangled.repairs)} repaired: {_examples(mangled.repairs)}."
    return _apply(names, mangled.repairs), [
        Finding("F-GENE-NAMES-REPAIRED", message + _left(mangled))
    ]


def _repair_case(names: pd.Index, choices: Choices) -> tuple[pd.Index, list[Finding]]:
    repairs = {organism: restore_case(names, organism) for organism in ORGANISMS}
    answer = choices.ask(
        "W-GENE-NAMES-MANGLED",
        f"Gene names like {quoted(_changed(repairs))} are symbols in other capitals: "
        + ", ".join(f"{len(repairs[o]):,} of {len(names):,} are {o} genes then" for o in ORGANISMS)
        + ".",
        {
            **{o: f"Write them as {o} symbols: {_examples(repairs[o])}." for o in ORGANISMS},
            _KEEP: "Keep the names as they are, such as those of zebrafish.",
        },
        next_step="Choose the organism that the cells are from.",
    )
    if answer not in repairs:
        return names, []
    repaired = repairs[answer]
    message = f"{_gene_names(repaired)} given their capitals: {_examples(repaired)}."
    return _apply(names, repaired), [Finding("F-GENE-NAMES-REPAIRED", message)]


def _changed(repairs: dict[str, dict[str, str]]) -> str:
    return next(name for found in repairs.values() for name in found)


def _apply(names: pd.Index, repairs: dict[str, str]) -> pd.Index:
    return pd.Index([repairs.get(name, name) for name in names], dtype=object)


def _gene_names(repairs: dict[str, str]) -> str:
    return f"{counted(len(repairs), 'gene name')} {'was' if len(repairs) == 1 else 'were'}"


def _examples(repairs: dict[str, str]) -> str:
    return listed(f"{quoted(old)} for {new}" for old, new in repairs.items())


def _left(mangled: Mangled) -> str:
    if not mangled.unclear:
        return ""
    return (
        f" Left as they are, for they may have been more than one gene, or none: "
        f"{listed(map(quoted, mangled.unclear))}."
    )


def _only_named(mangled: Mangled) -> list[Finding]:
    if not mangled.unclear:
        return []
    return [
        Finding(
            "W-GENE-NAMES-MANGLED",
            f"{counted(len(mangled.unclear), 'name')} of genes became dates, which is what Excel "
            f"makes of names like MARCH1.{_left(mangled)}",
            "Write the table anew without Excel, or leave these genes out of your markers.",
        )
    ]


def _use_orthologs(
    names: pd.Index, found: Recognised, choices: Choices
) -> tuple[pd.Index, list[Finding]]:
    """Offer human names for mouse genes; ids stay ids."""
    if found.organism != "mouse" or found.style == "other" or found.lost_case:
        return names, []
    human = human_orthologs()
    if found.style == "ensembl":
        new = [human.get(name) for name in names]
    else:
        ids, symbols = ids_of("mouse"), symbols_of("human")
        new = [symbols.get(human.get(ids.get(name, ""), "")) for name in names]
    new = pd.Series(new, dtype=object)
    covered = f"{new.notna().sum():,} of {len(names):,} genes"
    answer = choices.ask(
        "W-MOUSE",
        f"These are mouse genes, such as {quoted(names[0])}, which match other mouse data. "
        f"{covered} have one human ortholog.",
        {
            "human-orthologs": f"Use the names of the human orthologs: {covered}.",
            _KEEP: "Keep the mouse names.",
        },
        next_step="Choose human orthologs if the other dataset is human.",
    )
    if answer != "human-orthologs" or not new.notna().any():
        return names, []
    return _rename(names, new, "Human orthologs", "have none and kept their name")
