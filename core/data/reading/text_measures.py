"""Columns among genes that are none: quality measures, coordinates and numbered clusters.

A list of words cannot name them all (``nCount_SCT``, ``RNA_snn_res.0.8``, ``umapharmony_1``). They
are told by how such names are built, and only where the other columns are known genes and they are
not: what looks like a measure among names that say nothing stays what it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from core.data.column_names import label_rank, names_measure, names_sample
from core.data.gene_tables import ORGANISMS, looks_like_genes, symbols_in_any_case
from core.data.reading.text_forms import gene_forms, like_cells
from core.data.reading.text_raw import RawTable
from core.data.reading.text_refusals import shown
from core.data.reading.text_words import LABEL_WORDS, free_name, plain_word
from core.errors import Finding

__all__ = ["is_measure", "may_be_label", "set_aside_measures"]

# Above this share of known genes, the others are looked at.
_GENES = 0.3
_LOOKED_AT = 1000
# Genes of mitochondria (mt-Nd1, hg19_MT-ND1, MT.ND1): "mt" alone is a word for a measure.
_MITOCHONDRIAL = re.compile(r"(^|[^a-z])mt[-.:][a-z]", re.IGNORECASE)
_COORDINATE = re.compile(
    r"(umap|tsne|fitsne|phate|pacmap|draw_?graph|force_?atlas)[a-z._ -]*\d{1,3}"
    r"|(pc|pca|ic|ica|lsi|svd|dc|diffmap|mds|nmf|harmony|scvi|latent|dim)[a-z]*[._ ]\d{1,3}"
    r"|[a-z.]*(umap|tsne|pca|harmony|scvi)[._ ]\d{1,3}",
    re.IGNORECASE,
)
_QUALITY = re.compile(
    r"n(Count|Feature|Peak|Frag|Fragment|Read|Umi|UMI|Gene|Cell)s?([_. ].*)?"
    r"|log\d*p?[_. ]?(n[_A-Z]|gene|umi|count|total).*"
    r"|(mito|ribo|mt|hb|rb|hemo)[a-z]*[_. ]?(ratio|frac|fraction|percent|pct|prop)"
    r"|.*[_. ](res|resolution)[_. ]?\d+([._]\d+)?"
    r"|(barcode|cell|umi|count)s?[_. ]?rank|size_?factors?|latent_time|velocity_.*|cytotrace.*"
    r"|.*pseudotime.*|.*doublet.*",
    re.IGNORECASE,
)
_PARTED = re.compile(r"[_ .]|[a-z][A-Z]")
_SAMPLE = re.compile(r"(orig|batch|sample|donor|patient|librar|subject|individual)", re.IGNORECASE)
_LAST_SURE = 6


def is_measure(name: str) -> bool:
    """Whether a name is that of a measure or label of cells by how it is built.

    Examples
    --------
    >>> [is_measure(name) for name in ("RNA_snn_res.0.8", "G2M.Score", "PC_1", "MT-ND1", "Dpt")]
    [True, True, True, False, False]
    """
    if _MITOCHONDRIAL.search(name):
        return False
    if _COORDINATE.fullmatch(name) or _QUALITY.fullmatch(name):
        return True
    if not _PARTED.search(name):
        return False
    return (
        names_measure(name)
        or label_rank(name) <= _LAST_SURE
        or (bool(_SAMPLE.match(name)) and names_sample(name))
    )


def may_be_label(title: str, names: Sequence[str]) -> bool:
    """Whether a column with a text among its numbers may be one of labels.

    Parameters
    ----------
    title : str
        What it is called.
    names : sequence of str
        All columns of numbers.

    Returns
    -------
    bool
        It is neither a known gene nor a cell, but the others are genes; or its name says so.
    """
    if _is_gene(title) or like_cells([title]):
        return False
    return plain_word(title) in LABEL_WORDS or is_measure(title) or _are_genes(names)


def set_aside_measures(raw: RawTable, moved: Sequence[str] = ()) -> RawTable:
    """Put columns (or rows) of a table of genes that are none beside the cells.

    Parameters
    ----------
    raw : RawTable
        A table.
    moved : sequence of str
        Columns that were set aside already.

    Returns
    -------
    RawTable
        With the finding ``F-MEASURES`` if there are any.
    """
    columns, rows = _measures(raw.columns), _measures(raw.rows)
    if columns and rows:  # genes on both sides cannot be
        columns = rows = []
    matrix = raw.matrix
    row_texts, column_texts = dict(raw.row_texts), dict(raw.column_texts)
    if columns:
        chosen = matrix[:, columns].toarray().T
        _add(row_texts, [raw.columns[i] for i in columns], chosen)
        matrix = matrix[:, _others(columns, len(raw.columns))]
    if rows:
        _add(column_texts, [raw.rows[i] for i in rows], matrix[rows].toarray())
        matrix = matrix[_others(rows, len(raw.rows))]
        row_texts = {k: _without(texts, rows) for k, texts in row_texts.items()}
    names = [*moved, *(raw.columns[i] for i in columns), *(raw.rows[i] for i in rows)]
    if not names:
        return raw
    return replace(
        raw,
        rows=_without(raw.rows, rows),
        columns=_without(raw.columns, columns),
        matrix=sparse.csr_matrix(matrix),
        row_texts=row_texts,
        column_texts={k: _without(texts, columns) for k, texts in column_texts.items()},
        findings=(*raw.findings, _finding(raw.name, names)),
    )


def _finding(table: str, names: Sequence[str]) -> Finding:
    some = ", ".join(map(shown, names[:6])) + (f" and {len(names) - 6:,} more" * (len(names) > 6))
    what = (
        "is a measure or label, not a gene,"
        if len(names) == 1
        else "are measures or labels, not genes,"
    )
    return Finding("F-MEASURES", f"{some} in {table} {what} and kept beside the cells.")


def _measures(names: Sequence[str]) -> list[int]:
    """Which names are measures, if the others are genes."""
    if not _are_genes(names):
        return []
    known = [symbols_in_any_case(organism) for organism in ORGANISMS]
    unknown = (
        (i, name)
        for i, name in enumerate(names)
        if not any(name.casefold() in table for table in known) and not gene_forms([name])
    )
    return [i for i, name in unknown if is_measure(name)]


def _are_genes(names: Sequence[str]) -> bool:
    some = names[:: len(names) // _LOOKED_AT + 1]
    return len(some) > 1 and max(looks_like_genes(some), gene_forms(some)) > _GENES


def _is_gene(name: str) -> bool:
    return looks_like_genes([name]) > 0 or gene_forms([name]) > 0


def _add(texts: dict[str, list[str]], names: Sequence[str], values: np.ndarray) -> None:
    for name, row in zip(names, values, strict=True):
        free = free_name(name, texts)
        texts[free] = ["" if np.isnan(value) else f"{value:.9g}" for value in row.tolist()]


def _others(some: Sequence[int], n: int) -> np.ndarray:
    return np.setdiff1d(np.arange(n), some)


def _without(values: list[str], some: Sequence[int]) -> list[str]:
    left_out = set(some)
    return [value for i, value in enumerate(values) if i not in left_out] if some else values
