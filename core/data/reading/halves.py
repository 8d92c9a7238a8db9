"""The two-file form: rare cells in one table, reference cells in the other.

The scripts of sc-SynO take their data so. Both tables are brought to cells × genes, put on their
common genes, and every cell gets its file's name as its type. The smaller file holds the rare
cells. A cell that is in both files stays rare and is left out of the reference.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from core.data.choices import Choices
from core.data.gene_tables import looks_like_genes
from core.data.reading.cells import ReadCells
from core.data.reading.parts import stem_of
from core.data.reading.text import as_cells, require_expression, transposed
from core.data.reading.text_forms import like_cells
from core.data.reading.text_orientation import find_orientation, genes_are_in_rows
from core.data.reading.text_raw import RawTable
from core.data.reading.text_refusals import shown
from core.errors import DataError, Finding

__all__ = ["read_halves"]

# Below this share of the shorter gene list in common, the files are about different genes.
_FEWEST_COMMON = 0.1
# Above this share of names that look like cells, they are none of genes.
_CELLS = 0.5
# Cells with fewer genes than this may well be the same by chance.
_ENOUGH_GENES = 5


def read_halves(tables: Sequence[RawTable], choices: Choices) -> ReadCells:
    """Put two tables together.

    Parameters
    ----------
    tables : sequence of two RawTable
        Each with cells, or with genes, in rows.
    choices : Choices
        Takes up ``C-ORIENTATION`` where neither names nor the other table tell.

    Returns
    -------
    ReadCells
        ``obs["cell_type"]`` has the names of the files.

    Raises
    ------
    DataError
        ``E-FILES-UNRELATED`` when they share next to no gene, ``E-TABLE-NAMES`` or
        ``E-NO-EXPRESSION``.
    """
    for table in tables:
        require_expression(table)
    turned = _orientations(tables, choices)
    halves = [as_cells(t, genes_in_rows=turn) for t, turn in zip(tables, turned, strict=True)]
    names = _type_names(tables)
    if halves[0].n_obs > halves[1].n_obs:
        halves, names, tables = halves[::-1], names[::-1], tables[::-1]
    findings = [finding for table in tables for finding in table.findings]
    asked = any(finding.code == "C-ORIENTATION" for finding in choices.findings)
    if any(turned) and not asked:
        findings.append(transposed([t.name for t in tables if turned[0] or turned[1]]))
    rare, reference = _common(halves, tables, findings)
    kept = _not_in_both(rare, reference, names, findings)
    adata = _stacked(rare, reference[kept], names)
    about = (
        f"two text tables: {rare.n_obs:,} rare cells ({names[0]}) and "
        f"{int(kept.sum()):,} reference cells ({names[1]})"
    )
    return ReadCells(adata, about, tuple(findings))


def _orientations(tables: Sequence[RawTable], choices: Choices) -> list[bool]:
    """Whether to turn each of the two: by its names, where they tell, else by the shared ones."""
    evidence = [find_orientation(table) for table in tables]
    possible = [
        (each.towards_cells < 0,) if each.is_clear and each.is_told else (False, True)
        for each in evidence
    ]
    shared = {turned: _n_shared(tables, turned) for turned in itertools.product(*possible)}
    best = max(shared, key=shared.get)
    others = [n for turned, n in shared.items() if turned != best]
    if not others or shared[best] > 2 * max(others):
        return list(best)
    return [
        turns[0] if len(turns) == 1 else genes_are_in_rows(table, choices)
        for table, turns in zip(tables, possible, strict=True)
    ]


def _n_shared(tables: Sequence[RawTable], turned: Sequence[bool]) -> int:
    one, two = (set(t.rows if turn else t.columns) for t, turn in zip(tables, turned, strict=True))
    return len(one & two)


def _type_names(tables: Sequence[RawTable]) -> list[str]:
    names = [stem_of(table.name) for table in tables]
    return names if names[0] != names[1] else [table.name for table in tables]


def _common(
    halves: Sequence[ad.AnnData], tables: Sequence[RawTable], findings: list[Finding]
) -> list[ad.AnnData]:
    """Both halves on their common genes, in the order of the larger one."""
    keys = [_keys(half.var_names) for half in halves]
    common = keys[1][keys[1].isin(keys[0])]
    fewest = min(len(key) for key in keys)
    if len(common) < max(1, _FEWEST_COMMON * fewest):
        raise unrelated(halves, tables)
    genes = [str(name) for name in common[:1000]]
    if like_cells(genes) > _CELLS and looks_like_genes(genes) < _FEWEST_COMMON:
        raise _same_cells(tables, common)
    lost = [len(key) - len(common) for key in keys]
    if any(lost):
        findings.append(
            Finding(
                "F-COMMON-GENES",
                f"{len(common):,} genes are in both files and were kept; {lost[0]:,} that are only "
                f"in {tables[0].name} and {lost[1]:,} that are only in {tables[1].name} were left "
                "out.",
            )
        )
    return [half[:, key.get_indexer(common)].copy() for half, key in zip(halves, keys, strict=True)]


def _same_cells(tables: Sequence[RawTable], cells: pd.Index) -> DataError:
    """Refusal of two tables with one list of cells."""
    return DataError(
        f"{tables[0].name} and {tables[1].name} hold the same cells ({_few(cells)}): they are not "
        "rare cells and reference cells.",
        code="E-FILES-UNRELATED",
        next_step="Load the table of RNA by itself, or with a table of labels.",
    )


def _keys(names: pd.Index) -> pd.Index:
    """Names that tell the second gene of a name from the first."""
    names = pd.Series(np.asarray(names, dtype=object))
    number = names.groupby(names).cumcount()
    return pd.Index(names.where(number == 0, names + "\n" + number.astype(str)), dtype=object)


def unrelated(halves: Sequence[ad.AnnData], tables: Sequence[RawTable]) -> DataError:
    """Refusal of two tables that are about different genes, perhaps of the same cells."""
    shared = halves[0].obs_names.intersection(halves[1].obs_names)
    if len(shared) > min(half.n_obs for half in halves) / 2:
        return _same_cells(tables, shared)
    said = [f"{t.name} ({_few(h.var_names)})" for t, h in zip(tables, halves, strict=True)]
    return DataError(
        f"{said[0]} and {said[1]} share next to no gene: they do not belong together.",
        code="E-FILES-UNRELATED",
        next_step="Choose one matrix and its table of labels, or two matrices with the same gene "
        "names: the rare cells and the reference cells.",
    )


def _few(names: pd.Index) -> str:
    return ", ".join(shown(str(name)) for name in names[:2])


def _not_in_both(
    rare: ad.AnnData, reference: ad.AnnData, names: Sequence[str], findings: list[Finding]
) -> npt.NDArray[np.bool_]:
    """Which reference cells are not among the rare ones.

    The same content is the same cell. The same barcode is too, even if its values are not, for
    they may be normalised differently; the same number or ``cell12`` is not.
    """
    same_content = np.array([c is not None and c in _contents(rare) for c in _list(reference)])
    shared = set(rare.obs_names)
    same_name = np.array([cell in shared for cell in reference.obs_names], dtype=bool)
    same_name &= np.array([_is_telling(cell) for cell in reference.obs_names], dtype=bool)
    in_both = same_content | same_name
    if in_both.any():
        which = ", ".join(shown(str(cell)) for cell in reference.obs_names[in_both][:3])
        findings.append(
            Finding(
                "W-IN-BOTH",
                f"{int(in_both.sum()):,} cells are in both files, by name or with the same values "
                f"({which}); they were kept as {names[0]} and left out of {names[1]}.",
                "Remove the rare cells from the reference file if that is not what you mean.",
            )
        )
    if in_both.all():
        raise DataError(
            f"All cells of {names[1]} are also in {names[0]}: nothing is left to compare with.",
            code="E-FILES-UNRELATED",
            next_step="Choose a file of rare cells and a file of other cells.",
        )
    return ~in_both


def _is_telling(name: str) -> bool:
    """Whether a name is hardly given twice: a barcode, not a number."""
    return len(name) >= 12 and like_cells([name]) > 0 and not name.isdigit()


def _contents(adata: ad.AnnData) -> set[bytes | None]:
    return set(_list(adata))


def _list(adata: ad.AnnData) -> list[bytes | None]:
    """Bytes of every cell's values; ``None`` where there are too few to tell."""
    matrix = sparse.csr_matrix(adata.X)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    pairs = itertools.pairwise(matrix.indptr.tolist())
    return [
        matrix.indices[i:j].tobytes() + matrix.data[i:j].tobytes()
        if j - i >= _ENOUGH_GENES
        else None
        for i, j in pairs
    ]


def _stacked(rare: ad.AnnData, reference: ad.AnnData, names: Sequence[str]) -> ad.AnnData:
    sizes = (rare.n_obs, reference.n_obs)
    obs = pd.concat([rare.obs, reference.obs])
    kinds = pd.Categorical.from_codes(np.repeat([0, 1], sizes), categories=list(names))
    obs["file" if "cell_type" in obs else "cell_type"] = kinds
    matrix = sparse.vstack([rare.X, reference.X], format="csr", dtype=np.float32)
    matrix.sort_indices()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names are made unique later
        return ad.AnnData(X=matrix, obs=obs, var=reference.var)
