"""Choose the expression values of a file and collect what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from core.data.genes import make_names_unique
from core.data.labels import LabelColumn, clean_labels, find_label_columns
from core.data.scale import TARGET_SUM, ScaleVerdict, common_total, is_log1p_cp10k, recognise_scale
from core.errors import DataError, Finding

__all__ = ["CheckedExpression", "check_expression"]

_COUNT_LAYERS = ("counts", "raw_counts", "raw", "count")


@dataclass(frozen=True)
class CheckedExpression:
    """Expression values that passed the checks.

    Parameters
    ----------
    matrix : sparse matrix of shape (n_cells, n_genes), float32
        Counts, other linear values, or log1p values: see `kind`.
    genes, cells : pandas.Index of str
        Unique names.
    kind : {"counts", "linear", "log1p"}
        Scale of `matrix`.
    findings : tuple of Finding
        What was fixed or is odd.
    """

    matrix: sparse.csc_matrix
    genes: pd.Index
    cells: pd.Index
    kind: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Candidate:
    place: str
    matrix: object
    genes: pd.Index
    verdict: ScaleVerdict


def check_expression(adata: ad.AnnData) -> CheckedExpression:
    """Pick counts if a file has them, else log-normalised values, and check them.

    Parameters
    ----------
    adata : anndata.AnnData
        As read from a file.

    Returns
    -------
    CheckedExpression

    Raises
    ------
    DataError
        ``E-NO-CELLS``, ``E-NO-EXPRESSION``, ``E-NOT-NUMBERS``, ``E-NOT-FINITE``, ``E-ALL-ZERO`` or
        ``E-SCALED``.
    """
    if adata.n_obs == 0 or adata.n_vars == 0:
        raise DataError(
            f"The file has {adata.n_obs:,} cells and {adata.n_vars:,} genes.",
            code="E-NO-CELLS",
            next_step="Both must be at least 1; check how the file was filtered.",
        )
    candidates = list(_candidates(adata))
    chosen = _choose(candidates)
    findings = []
    if chosen.place != "X":
        findings.append(_taken_from(chosen))
    if chosen.verdict.kind == "linear":
        findings.append(
            Finding(
                "W-NOT-WHOLE",
                "The values are neither whole counts nor log-normalised; "
                "they were normalised like counts.",
                "If these are counts corrected for ambient RNA, nothing needs to be done.",
            )
        )
    genes, changed_genes = make_names_unique(chosen.genes)
    cells, changed_cells = make_names_unique(adata.obs_names)
    findings += _renamed("F-DUPLICATE-GENES", "gene", chosen.genes[changed_genes])
    findings += _renamed("F-DUPLICATE-CELLS", "cell", adata.obs_names[changed_cells])
    matrix = sparse.csc_matrix(chosen.matrix, dtype=np.float32, copy=True)  # the input stays as is
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if chosen.verdict.kind == "log1p":
        findings += _bring_to_cp10k(matrix)
    findings += _empty_cells(matrix)
    findings += _labels(adata.obs)
    return CheckedExpression(matrix, genes, cells, chosen.verdict.kind, tuple(findings))


def _candidates(adata: ad.AnnData) -> Iterator[_Candidate]:
    """Every matrix of a file that might hold expression, X first."""
    if adata.X is not None:
        yield _Candidate("X", adata.X, adata.var_names, recognise_scale(adata.X))
    for name in _COUNT_LAYERS:
        if name in adata.layers:
            layer = adata.layers[name]
            yield _Candidate(f"layer {name!r}", layer, adata.var_names, recognise_scale(layer))
    if adata.raw is not None:
        yield _Candidate("raw", adata.raw.X, adata.raw.var_names, recognise_scale(adata.raw.X))


def _choose(candidates: list[_Candidate]) -> _Candidate:
    if not candidates:
        raise DataError(
            "The file has no expression values: X is empty, and so are the count layers and `raw`.",
            code="E-NO-EXPRESSION",
            next_step="Save counts into `adata.X` and load the file again.",
        )
    widest: dict[str, _Candidate] = {}
    for candidate in candidates:
        # `raw` is often wider than an X cut down to variable genes.
        best = widest.setdefault(candidate.verdict.kind, candidate)
        if len(candidate.genes) > len(best.genes):
            widest[candidate.verdict.kind] = candidate
    counts, logged = widest.get("counts"), widest.get("log1p")
    if counts and logged and len(logged.genes) > len(counts.genes):
        # Counts of variable genes alone cannot give counts per 10,000 over all genes.
        return logged if is_log1p_cp10k(logged.matrix) else counts
    for kind in ("counts", "log1p", "linear"):
        if kind in widest:
            return widest[kind]
    raise _refusal(set(widest))


def _refusal(kinds: set[str]) -> DataError:
    if "invalid" in kinds:
        return DataError(
            "The expression values contain NaN or infinite numbers.",
            code="E-NOT-FINITE",
            next_step="Load the file as it was before the step that produced them.",
        )
    if "scaled" in kinds:
        return DataError(
            "The expression values are scaled (some are negative) and no counts are in the file.",
            code="E-SCALED",
            next_step="Keep counts in `layers['counts']` or log-normalised values in `raw`, "
            "and save the file again.",
        )
    if "text" in kinds:
        return DataError(
            "The expression values are not numbers.",
            code="E-NOT-NUMBERS",
            next_step="Save counts as numbers into `adata.X` and load the file again.",
        )
    return DataError(
        "Every expression value is zero.",
        code="E-ALL-ZERO",
        next_step="Check which matrix was saved into the file.",
    )


def _taken_from(chosen: _Candidate) -> Finding:
    what = {"counts": "Counts", "log1p": "Log-normalised values"}.get(chosen.verdict.kind, "Values")
    return Finding("F-EXPRESSION-FROM", f"{what} were taken from {chosen.place}, not from X.")


def _bring_to_cp10k(matrix: sparse.csc_matrix) -> list[Finding]:
    """Change log1p values of another common total, in place, to those of 10,000."""
    total = common_total(matrix)
    if total is None or abs(total / TARGET_SUM - 1) < 0.01:
        return []
    matrix.data = np.log1p(np.expm1(matrix.data) * np.float32(TARGET_SUM / total))
    return [
        Finding(
            "F-TOTAL",
            f"The values were log-normalised to {total:,.0f} per cell; they were brought to "
            f"{TARGET_SUM:,.0f}, as all of Needle's are.",
        )
    ]


def _renamed(code: str, what: str, names: pd.Index) -> list[Finding]:
    if not len(names):
        return []
    some = ", ".join(dict.fromkeys(names.astype(str)[:3]))
    return [
        Finding(
            code,
            f"{len(names):,} {what} name(s) came twice and were given a suffix -1, -2, … ({some}).",
        )
    ]


def _empty_cells(matrix: sparse.csc_matrix) -> list[Finding]:
    n_empty = int((np.bincount(matrix.indices, minlength=matrix.shape[0]) == 0).sum())
    if not n_empty:
        return []
    return [
        Finding(
            "W-EMPTY-CELLS",
            f"{n_empty:,} cell(s) have no expression at all.",
            "They stay in the dataset; remove them beforehand if they are empty droplets.",
        )
    ]


def _labels(obs: pd.DataFrame) -> list[Finding]:
    columns = find_label_columns(obs)
    if not columns:
        return [
            Finding(
                "W-NO-LABELS",
                "No column of this file can serve as cell types.",
                "It can be used as a query, not as a reference.",
            )
        ]
    missing = [text for column in columns if (text := _unlabelled(obs, column))]
    if not missing:
        return []
    more = f" and {len(missing) - 3:,} more columns" if len(missing) > 3 else ""
    return [
        Finding(
            "W-LABELS-MISSING",
            f"Of {len(obs):,} cells, some have no label: {', '.join(missing[:3])}{more}.",
            "Cells without a label take no part in training.",
        )
    ]


def _unlabelled(obs: pd.DataFrame, column: LabelColumn) -> str:
    n = int(clean_labels(obs[column.name]).isna().sum())
    return f"{n:,} in {column.name!r}" if n else ""
