"""Read 10x matrices: matrix.mtx with features.tsv (or genes.tsv) and barcodes.tsv."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from core.data.choices import Choices
from core.data.reading.cells import ReadCells
from core.data.reading.features import expression_only
from core.data.reading.metadata import add_metadata
from core.data.reading.parts import Part
from core.data.reading.tenx_lists import read_list, without_heading
from core.data.reading.tenx_sets import TenxSet, name_sets
from core.data.reading.tenx_together import together
from core.data.reading.text_matrix_market import read_header, read_matrix
from core.data.reading.text_table import read_table
from core.errors import DataError, Finding

__all__ = ["read_sets"]

_NO_GENES = {
    "antibody capture",
    "crispr guide capture",
    "multiplexing capture",
    "peaks",
    "custom",
    "antigen capture",
    "vdj",
}


def read_sets(
    sets: Sequence[TenxSet], choices: Choices, *, name: str, metadata: Sequence[Part] = ()
) -> ReadCells:
    """Read one matrix, or the chosen one or all of several.

    Parameters
    ----------
    sets : sequence of TenxSet
        Complete ones.
    choices : Choices
        Takes up ``C-SAMPLE``.
    name : str
        What messages call the source.
    metadata : sequence of Part
        Tables of labels.

    Returns
    -------
    ReadCells

    Raises
    ------
    DataError
        ``E-10X-MISMATCH``, ``E-NO-EXPRESSION``, and what :func:`read_matrix` raises.
    """
    named = name_sets(sets)
    chosen = _choose(named, choices, name) if len(named) > 1 else "all"
    samples = {title: each for title, each in named.items() if chosen in ("all", title)}
    findings: list[Finding] = []
    read = {title: _read_set(each, findings) for title, each in samples.items()}
    if len(read) > 1:
        adata, found = together(read)
        findings += found
    else:
        (adata,) = read.values()
    for part in metadata:
        findings += _labelled(adata, part, name, is_only=len(metadata) == 1)
    several = f", {len(read)} samples" if len(read) > 1 else ""
    return ReadCells(adata, f"10x Genomics folder{several}", tuple(_merged(findings)))


def _labelled(adata: ad.AnnData, part: Part, name: str, *, is_only: bool) -> list[Finding]:
    """Add a table of labels; one of several that names other cells is merely left out."""
    table = read_table(part, only_texts=True)
    try:
        return [*table.findings, *add_metadata(adata, table, name)]
    except DataError as error:
        if is_only:
            raise
        step = "Nothing needs to be done if it is a summary of the run."
        return [Finding("W-FILE-UNUSED", f"{part.name} was not used: {error.message}", step)]


def _choose(named: dict[str, TenxSet], choices: Choices, name: str) -> str:
    options = {}
    for title, each in named.items():
        n_cells = read_header(each.parts["matrix"]).n_columns
        options[title] = f"Only {title} ({n_cells:,} barcodes)."
    options["all"] = "All of them, with the sample of each cell in a column `sample`."
    filtered = [t for t, e in named.items() if "filtered" in e.parts["matrix"].name.lower()]
    raw = [t for t, e in named.items() if "raw" in e.parts["matrix"].name.lower()]
    suggested = (
        filtered[0] if filtered and len(filtered) + len(raw) == len(named) and raw else "all"
    )
    answer = choices.ask(
        "C-SAMPLE",
        f"{name} holds {len(named)} matrices: {', '.join(list(named)[:6])}"
        f"{', …' if len(named) > 6 else ''}.",
        options,
        suggested=suggested,
        next_step="Choose one sample, or all of them.",
    )
    # A sample may be called "all": then its own name cannot be chosen, and all are taken.
    return answer


def _read_set(found: TenxSet, findings: list[Finding]) -> ad.AnnData:
    part = found.parts["matrix"]
    header = read_header(part)
    features = read_list(found.parts["features"], findings)
    barcodes = read_list(found.parts["barcodes"], findings)
    size = (header.n_rows, header.n_columns)
    features = without_heading(features, size)
    barcodes = without_heading(barcodes, size)
    is_turned = size != (len(features), len(barcodes))
    if is_turned and size != (len(barcodes), len(features)):
        raise _mismatch(found, size, len(features), len(barcodes))
    matrix = read_matrix(part)
    if not is_turned:
        matrix = matrix.T
    else:
        findings.append(Finding("F-TRANSPOSED", f"{part.name} had cells in rows, and was read so."))
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused later
        matrix.data = matrix.data.astype(np.float32)
    counts = sparse.csr_matrix(matrix)  # values written twice are added up
    del matrix
    counts.sort_indices()
    var, names = _features(features)
    cells = pd.Index([fields[0] for fields in barcodes], dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names are made unique later
        adata = ad.AnnData(
            X=counts, obs=pd.DataFrame(index=cells), var=var.set_axis(pd.Index(names, dtype=object))
        )
        return _genes_only(adata, part.name, findings)


def _features(lines: list[list[str]]) -> tuple[pd.DataFrame, list[str]]:
    """Columns ``gene_ids`` and ``feature_types``, and the names of the genes."""
    width = max((len(fields) for fields in lines), default=0)
    ids = [fields[0] for fields in lines]
    symbols = [fields[1] if len(fields) > 1 and fields[1] else fields[0] for fields in lines]
    columns = {}
    if width > 1:
        columns["gene_ids"] = ids
    if width > 2:
        columns["feature_types"] = [fields[2] if len(fields) > 2 else "" for fields in lines]
    return pd.DataFrame(columns, index=pd.RangeIndex(len(lines))), symbols


def _genes_only(adata: ad.AnnData, name: str, findings: list[Finding]) -> ad.AnnData:
    """Leave out antibodies and the like, where the third column has 10x Genomics' own words."""
    kinds = adata.var.get("feature_types", pd.Series(dtype=object)).str.lower()
    if not kinds.isin(_NO_GENES).any():
        return adata
    adata, found = expression_only(adata, name)
    findings += found
    return adata


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """Each finding once."""
    return list(dict.fromkeys(findings))


def _mismatch(found: TenxSet, size: tuple[int, int], n_features: int, n_barcodes: int) -> DataError:
    return DataError(
        f"{found.parts['matrix'].name} has {size[0]:,} rows and {size[1]:,} columns, but there are "
        f"{n_features:,} genes in {found.parts['features'].name} and {n_barcodes:,} cells in "
        f"{found.parts['barcodes'].name}.",
        code="E-10X-MISMATCH",
        next_step="Make sure that the three files come from the same run, and load them again.",
    )
