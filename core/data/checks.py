"""The doctor: what is judged once a file was read, in one pass that finds everything."""

from __future__ import annotations

from dataclasses import dataclass, replace

import anndata as ad
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from core.data.checking.cells import judge_cells
from core.data.checking.expression import (
    Candidate,
    choose_expression,
    find_candidates,
    short_place,
)
from core.data.checking.labels import check_labels, likely_labels
from core.data.checking.leaks import judge_leaks
from core.data.checking.matrices import native, to_canonical
from core.data.checking.names import judge_names, unique_names
from core.data.checking.profile import profile_cells
from core.data.checking.scaling import settle_scale
from core.data.checking.text import quoted
from core.data.choices import Choices
from core.data.gene_names import GeneNames, name_genes
from core.data.labels import find_label_columns, find_sample_columns
from core.data.reading.cells import ReadCells
from core.data.report import FileReport
from core.errors import DataError, Finding

__all__ = ["CheckedCells", "check_cells"]


@dataclass(frozen=True, eq=False)
class CheckedCells:
    """Cells that are ready to be kept, with the report on how they came to be.

    Parameters
    ----------
    matrix : sparse matrix of shape (n_cells, n_genes), float32
        Counts, other linear values, or log1p values: see ``report.scale``. Empty when the report
        has a refusal.
    genes, cells : pandas.Index of str
        Unique names.
    obs : pandas.DataFrame
        One row per cell.
    umap : array of shape (n_cells, 2) or None
        Map that the file brought along.
    report : FileReport
        With all findings: of the reader, of these checks, and open questions.
    """

    matrix: sparse.csc_matrix
    genes: pd.Index
    cells: pd.Index
    obs: pd.DataFrame
    umap: npt.NDArray[np.float32] | None
    report: FileReport


# A report is for people; the dataset itself has all columns.
_MOST_NAMED = 200


@dataclass(frozen=True, eq=False)
class _Expression:
    """Values that were taken, brought to a scale that Needle keeps."""

    place: str
    matrix: sparse.csc_matrix
    names: GeneNames
    scale: str
    reason: str
    findings: list[Finding]


def check_cells(
    read: ReadCells, choices: Choices, *, name: str = "", n_bytes: int = 0
) -> CheckedCells:
    """Pick the expression values of a file, repair what can be, and report on everything seen.

    Parameters
    ----------
    read : ReadCells
        As a reader returned it; left unchanged.
    choices : Choices
        Answers so far; takes up further questions.
    name : str
        The file's name, for the report.
    n_bytes : int
        Its size.

    Returns
    -------
    CheckedCells
        With refusals (``E-NO-CELLS``, ``E-NO-EXPRESSION``, ``E-NOT-NUMBERS``, ``E-NOT-FINITE``,
        ``E-ALL-ZERO``, ``E-SCALED``) in its report: they are found together with all the rest.
    """
    adata = read.adata
    cells, repeated = unique_names(adata.obs_names, "cell", "F-DUPLICATE-CELLS")
    obs, about_labels = check_labels(adata.obs, choices)
    found = _express(adata, choices)
    genes, repeated_genes = unique_names(found.names.names, "gene", "F-DUPLICATE-GENES")
    report = FileReport(
        name=name,
        format=read.format,
        n_bytes=n_bytes,
        n_cells=adata.n_obs,
        n_genes=len(genes) or adata.n_vars,
        organism=found.names.organism,
        gene_ids=found.names.style,
        expression=found.place,
        scale=found.scale,
        scale_reason=found.reason,
        layers=_places(adata),
        label_columns=tuple(column.name for column in find_label_columns(obs))[:_MOST_NAMED],
        sample_columns=tuple(find_sample_columns(obs))[:_MOST_NAMED],
    )
    findings = (
        *read.findings,
        *found.findings,
        *found.names.findings,
        *repeated_genes,
        *repeated,
        *_about_values(found, genes, cells, obs),
        *about_labels,
        *choices.findings,  # last: whatever was asked above is among them
    )
    report = replace(report, findings=findings, answers=dict(choices.answers))
    return CheckedCells(found.matrix, genes, cells, obs, _umap_of(adata), report)


def _express(adata: ad.AnnData, choices: Choices) -> _Expression:
    """Take the expression, or say why it cannot be; names of genes are looked at in any case."""
    try:
        candidates = _require_candidates(adata)
        chosen = choose_expression(candidates, choices)
    except DataError as error:
        names = name_genes(adata.var, adata.var_names, choices)
        empty = sparse.csc_matrix((0, adata.n_vars), dtype=np.float32)
        refusal = Finding(error.code, error.message, error.next_step)
        return _Expression("", empty, names, "", "", [refusal])
    names = name_genes(chosen.var, chosen.var.index, choices)
    matrix = to_canonical(native(chosen.matrix))
    scale, findings = settle_scale(matrix, chosen.verdict, choices)
    if any(each.verdict.kind == "counts" for each in candidates):
        findings = [each for each in findings if each.code != "W-NO-COUNTS"]
    reason = _reason(chosen, choices)
    return _Expression(short_place(chosen.place), matrix, names, scale, reason, findings)


def _require_candidates(adata: ad.AnnData) -> list[Candidate]:
    if adata.n_obs == 0 or adata.n_vars == 0:
        raise DataError(
            f"The file has {adata.n_obs:,} cells and {adata.n_vars:,} genes.",
            code="E-NO-CELLS",
            next_step="Both must be at least 1; check how the file was filtered.",
        )
    return find_candidates(adata)


def _reason(chosen: Candidate, choices: Choices) -> str:
    if {"W-SCALE-UNSURE", "C-SCALE"} & set(choices.answers):
        return "You said so; the values alone do not tell."
    return chosen.verdict.reason


def _about_values(
    found: _Expression, genes: pd.Index, cells: pd.Index, obs: pd.DataFrame
) -> list[Finding]:
    names = judge_names(cells, genes)
    if not found.scale:
        return names
    profile = profile_cells(found.matrix)
    odd = judge_cells(found.matrix, profile, scale=found.scale, genes=genes, cells=cells)
    leaks = judge_leaks(found.matrix, profile, genes=genes, labels=likely_labels(obs))
    return [*odd, *leaks, *names]


def _places(adata: ad.AnnData) -> tuple[str, ...]:
    x = [] if adata.X is None else ["X"]
    raw = [] if adata.raw is None else ["raw"]
    return (*x, *(f"layer {quoted(name)}" for name in adata.layers), *raw)


def _umap_of(adata: ad.AnnData) -> npt.NDArray[np.float32] | None:
    umap = adata.obsm.get("X_umap")
    if not isinstance(umap, np.ndarray) or umap.dtype.kind not in "iuf" or umap.shape[1] < 2:
        return None
    umap = umap[:, :2].astype(np.float32)
    return umap if np.isfinite(umap).all() else None
