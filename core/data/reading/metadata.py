"""Labels of cells from a second table, matched by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import anndata as ad
import pandas as pd

from core.data.gene_tables import looks_like_genes
from core.data.reading.text_forms import like_cells
from core.data.reading.text_orientation import find_orientation
from core.data.reading.text_raw import RawTable
from core.data.reading.text_refusals import shown
from core.data.reading.text_words import free_name, plain_word
from core.errors import DataError, Finding

__all__ = ["add_metadata", "cell_names_in", "matches_cells", "texts_as_table"]

# Below this share of cells found by name, the two tables are about different cells.
_FEWEST = 0.1
# Above this share of gene names, a column holds genes.
_SOME = 0.2
# Above this one, they are genes: of antibodies (CD3, CD45RA) fewer are named so.
_GENES = 0.5
_MISSING = ("", "NA", "N/A", "#N/A", "nan", "NaN", "<NA>", "NULL", "null", "None")
_SUFFIX = re.compile(r"(?<=[A-Za-z])[-.](\d+)$")
# How names of the same cells differ between programs, from the least change to the most.
_WAYS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("", str),
    ("without spaces around them", str.strip),
    ("with . for -, as R writes them", lambda name: re.sub(r"[^A-Za-z0-9_]", ".", name)),
    ("without the -1 behind the barcode", lambda name: _SUFFIX.sub("", name)),
    ("by their barcodes alone", lambda name: _barcode(name)),
)


def texts_as_table(texts: Mapping[str, Sequence[str]], names: Sequence[str]) -> pd.DataFrame:
    """Make columns: numbers where all of a column are numbers, missing where a text is empty.

    Parameters
    ----------
    texts : mapping of str to sequence of str
        Columns.
    names : sequence of str
        Names of the rows.

    Returns
    -------
    pandas.DataFrame
    """
    columns = {name or "label": _typed(values) for name, values in texts.items()}
    return pd.DataFrame(columns, index=pd.Index(list(names), dtype=object))


def _typed(values: Sequence[str]) -> pd.Categorical | pd.Series:
    column = pd.Series(list(values), dtype=object)
    column = column.where(~column.isin(_MISSING), None)
    # 01 and 02 are names of donors, not numbers.
    if column.dropna().astype(str).str.fullmatch(r"0\d+").any():
        return pd.Categorical(column)
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().sum() == column.notna().sum() and column.notna().any():
        return numbers.to_numpy()
    return pd.Categorical(column)


def cell_names_in(table: RawTable) -> set[str]:
    """Everything in a table of labels that might be names of cells."""
    names = {*table.rows, table.corner}
    for texts in table.row_texts.values():
        if len(different := set(texts)) == len(texts):
            names |= different
    return names


def matches_cells(table: RawTable, other: RawTable) -> bool:
    """Whether a table of numbers describes the cells of `table` and not their genes.

    Parameters
    ----------
    table : RawTable
        A table of expression, either way round.
    other : RawTable
        Perhaps coordinates, clusters or quality measures of its cells.

    Returns
    -------
    bool
        Most rows of `other` are cells of `table`, and its own columns are neither its cells nor
        genes. Where it is not clear what the cells of `table` are, they may be its rows or its
        columns, and `other` has to have few columns.
    """
    names, columns = set(other.rows), set(other.columns)
    if columns & (set(table.rows) | set(table.columns)):
        return False
    if looks_like_genes(other.rows[:1000]) > _SOME or like_cells(other.columns) > _SOME:
        return False
    if looks_like_genes(other.columns[:1000]) > _GENES:
        return False
    evidence = find_orientation(table)
    if evidence.is_clear and evidence.is_told:
        cells = table.rows if evidence.towards_cells > 0 else table.columns
        return len(names & set(cells)) > len(names) / 2
    shared = max(len(names & set(table.rows)), len(names & set(table.columns)))
    return shared > len(names) / 2 and len(columns) < len(table.rows)


def add_metadata(adata: ad.AnnData, table: RawTable, name: str) -> list[Finding]:
    """Add the columns of a table of labels to ``obs``.

    Parameters
    ----------
    adata : anndata.AnnData
        Cells; its ``obs`` is added to.
    table : RawTable
        A row for each cell, in any order; cells may be missing, and there may be others.
    name : str
        What messages call the cells' file.

    Returns
    -------
    list of Finding
        ``W-CELLS-UNMATCHED`` when some cells were not found, ``F-CELL-NAMES`` when names had to be
        adapted to match, ``W-LABELS-TWICE`` when a cell stands there more than once.

    Raises
    ------
    DataError
        ``E-FILES-UNRELATED`` when fewer than a tenth of the cells were found.
    """
    cells = [str(cell) for cell in adata.obs_names]
    table = _with_first_line(table, set(cells))
    way, rows, corner, names = _best_match(cells, table)
    n_found = int((rows >= 0).sum())
    if n_found < max(1, _FEWEST * len(cells)):
        raise _unrelated(name, cells, table)
    columns = {table.corner: table.rows} | table.row_texts
    columns.pop(corner)
    for title, values in columns.items():
        if title in ("", table.corner) and corner != table.corner and _counts(values):
            continue
        typed = pd.Series(_typed(values))
        taken = typed.take(rows.clip(min=0)).reset_index(drop=True).where(rows >= 0)
        adata.obs[free_name(title or "label", adata.obs)] = (
            taken.to_numpy() if typed.dtype.kind in "iuf" else pd.Categorical(taken)
        )
    findings = _findings(name, table.name, len(cells), n_found, way, names)
    matched = [cell for cell, row in zip(cells, rows.tolist(), strict=True) if row >= 0]
    return findings + (_suffixes(name, matched, table.name, names) if way else [])


def _counts(values: Sequence[object]) -> bool:
    return len(set(values)) == len(values)


def _with_first_line(table: RawTable, cells: set[str]) -> RawTable:
    """Take the header for what it is where it already names a cell."""
    if table.corner not in cells:
        return table
    columns = table.row_texts.items()
    titles = ["label", *(f"label {n + 1}" for n in range(1, len(columns)))]
    texts = {title: [first, *rest] for title, (first, rest) in zip(titles, columns, strict=False)}
    return replace(table, corner="", rows=[table.corner, *table.rows], row_texts=texts)


def _best_match(cells: list[str], table: RawTable):
    """Find the column, and the way to write names, by which most cells are found."""
    best = ("", pd.Index([]).get_indexer([""] * len(cells)), table.corner, table.rows)
    candidates = {table.corner: table.rows} | {
        title: texts for title, texts in table.row_texts.items() if plain_word(title) != "celltype"
    }
    for way, change in _WAYS:
        wanted = [change(cell) for cell in cells]
        if way and len(set(wanted)) < len(set(cells)):
            continue
        for corner, names in candidates.items():
            changed = pd.Index([change(name) for name in names], dtype=object)
            first = changed[~changed.duplicated()]
            if way and len(first) < len(set(names)):
                continue
            found = first.get_indexer(wanted)
            if (found >= 0).sum() > (best[1] >= 0).sum():
                places = (~changed.duplicated()).nonzero()[0]
                rows = pd.Series(places).reindex(found).fillna(-1).to_numpy(dtype=int)
                best = (way, rows, corner, names)
        if (best[1] >= 0).sum() >= 0.9 * len(cells):
            break
    return best


def _barcode(name: str) -> str:
    found = re.search(r"[ACGT]{12,}", name)
    return found.group() if found else name


def _findings(
    name: str, other: str, n_cells: int, n_found: int, way: str, names: list[str]
) -> list[Finding]:
    findings = []
    if n_found < n_cells:
        findings.append(
            Finding(
                "W-CELLS-UNMATCHED",
                f"Of the {n_cells:,} cells of {name}, {n_found:,} are in {other}; the other "
                f"{n_cells - n_found:,} have no labels.",
                "Cells without a label take no part in training.",
            )
        )
    if way:
        findings.append(
            Finding(
                "F-CELL-NAMES",
                f"Cells of {name} are called differently in {other}; they were matched {way}.",
            )
        )
    if len(set(names)) < len(names):
        findings.append(
            Finding(
                "W-LABELS-TWICE",
                f"{len(names) - len(set(names)):,} cells stand in {other} more than once; the "
                "first of each was taken.",
                "Check which of them is right.",
            )
        )
    return findings


def _suffixes(name: str, cells: list[str], other: str, names: Sequence[str]) -> list[Finding]:
    """Warn of samples (-1, -2, … behind the barcodes) that the other table does not tell apart."""
    ours, theirs = ({m[1] for n in each if (m := _SUFFIX.search(n))} for each in (cells, names))
    if ours == theirs or (len(ours) < 2 and not (ours and theirs)):
        return []
    said = [
        ", ".join(f"-{n}" for n in sorted(each, key=int)[:5]) or "none" for each in (ours, theirs)
    ]
    return [
        Finding(
            "W-CELL-SUFFIXES",
            f"Behind the barcodes stand {said[0]} in {name} and {said[1]} in {other}: labels may "
            "have gone to cells of another sample with the same barcode.",
            "Check that both are about the same samples, or use a table with the whole cell names.",
        )
    ]


def _unrelated(name: str, cells: list[str], table: RawTable) -> DataError:
    return DataError(
        f"{name} and {table.name} do not belong together: cells are called {_some(cells)} in the "
        f"one and {_some(table.rows)} in the other.",
        code="E-FILES-UNRELATED",
        next_step="Choose the table of labels for these cells, with the same cell names.",
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:2])
