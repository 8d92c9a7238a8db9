"""What is said about the scale of the chosen values, and what is done about it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy import sparse

from core.data.checking.matrices import gene_blocks
from core.data.choices import Choices
from core.data.scale import TARGET_SUM, undo_log
from core.data.scale_verdict import ScaleVerdict
from core.errors import Finding

__all__ = ["settle_scale"]

_MILLION = 1e6
_BASES = {"log1p": math.e, "log2": 2.0, "log10": 10.0}

_LOG_STAYS = (
    "Nothing needs to be done. If you have the counts, a file with counts lets Needle "
    "normalise all datasets in one way."
)


def settle_scale(
    matrix: sparse.csc_matrix, verdict: ScaleVerdict, choices: Choices
) -> tuple[str, list[Finding]]:
    """Bring values, in place, to one of the scales that Needle keeps.

    Parameters
    ----------
    matrix : sparse matrix of shape (n_cells, n_genes), float32
        Values of the file; changed where they were logged in another way.
    verdict : ScaleVerdict
        What they are.
    choices : Choices
        Asked ``C-SCALE``; offered ``W-LOGGED-TWICE`` and ``W-SCALE-UNSURE``.

    Returns
    -------
    scale : {"counts", "log1p", "linear"}
        What the matrix now holds; log1p values are those of a total of 10,000 wherever the total
        could be told.
    findings : list of Finding
        ``W-NOT-WHOLE``, ``W-NO-COUNTS``, ``F-COUNTS-RESTORED``, ``F-LOG-BASE``,
        ``F-LOG-UNDONE``, ``F-TOTAL``.
    """
    if verdict.kind == "counts":
        return "counts", []
    if verdict.is_open or (verdict.kind == "log1p" and not verdict.evidence):
        return _settle_by_answer(matrix, verdict, choices)
    if verdict.kind == "linear":
        return "linear", [_not_whole()]
    if verdict.evidence == "counts":
        return "counts", _restore_counts(matrix, verdict)
    if verdict.times_logged == 2 and not _may_undo(choices):
        return "log1p", []
    repairs = [*_to_natural_log(matrix, verdict), *_to_cp10k(matrix, verdict)]
    return "log1p", [*repairs, _no_counts(are_kept=not repairs)]


def _settle_by_answer(
    matrix: sparse.csc_matrix, verdict: ScaleVerdict, choices: Choices
) -> tuple[str, list[Finding]]:
    answer = _ask_scale(verdict, choices) if verdict.is_open else _offer_scale(verdict, choices)
    if not answer:
        return "log1p", []
    if answer not in _BASES:
        return "linear", []
    told = replace(verdict, kind="log1p", base=_BASES[answer])
    repairs = [*_to_natural_log(matrix, told), *_to_cp10k(matrix, told)]
    return "log1p", repairs if not _is_unanswered(choices) else []


def _not_whole() -> Finding:
    return Finding(
        "W-NOT-WHOLE",
        "The values are neither whole counts nor log-normalised; they were normalised like counts.",
        "If these are counts corrected for ambient RNA, nothing needs to be done.",
    )


def _no_counts(*, are_kept: bool) -> Finding:
    kept = "; they are used as they are" if are_kept else ""
    return Finding(
        "W-NO-COUNTS",
        f"The file holds log-normalised values and no counts{kept}.",
        _LOG_STAYS,
    )


def _is_unanswered(choices: Choices) -> bool:
    return any(question.code == "C-SCALE" for question in choices.open)


def _ask_scale(verdict: ScaleVerdict, choices: Choices) -> str:
    likely = "log2" if verdict.kind == "log1p" else "counts-like"
    return choices.ask(
        "C-SCALE",
        f"The values are not whole (up to {verdict.largest:.4g}), and it cannot be told whether "
        "they are logarithms.",
        {
            "counts-like": "They are not logged, such as counts corrected for ambient RNA: "
            "normalise them like counts.",
            "log1p": "They are natural logarithms of 1 + x, as Seurat and Scanpy write them.",
            "log2": "They are logarithms to base 2 of 1 + x, such as log2(TPM + 1).",
            "log10": "They are logarithms to base 10 of 1 + x.",
        },
        suggested=likely,
        next_step="Say which they are, or load a file with counts.",
    )


def _offer_scale(verdict: ScaleVerdict, choices: Choices) -> str:
    return choices.ask(
        "W-SCALE-UNSURE",
        f"The values are not whole and small (up to {verdict.largest:.4g}), and it cannot be told "
        "how they were made; they are used like log-normalised values.",
        {
            "log1p": "They are log-normalised: use them as they are.",
            "log2": "They are logarithms to base 2, such as log2(TPM + 1).",
            "linear": "They are not logged: normalise them like counts.",
        },
        next_step="Say which they are, or load a file with counts.",
    )


def _may_undo(choices: Choices) -> bool:
    answer = choices.ask(
        "W-LOGGED-TWICE",
        "The logarithm was taken twice: once more undone, the values are normalised counts.",
        {"undo": "Undo one logarithm."},
        next_step="Undo one logarithm; otherwise differences between cells look smaller than "
        "they are.",
    )
    return answer == "undo"


def _restore_counts(matrix: sparse.csc_matrix, verdict: ScaleVerdict) -> list[Finding]:
    _store_every_value(matrix, verdict)
    matrix.data = np.rint(undo_log(matrix.data, verdict)).astype(np.float32)
    matrix.eliminate_zeros()
    return [
        Finding(
            "F-COUNTS-RESTORED",
            "The values were logged counts that had not been normalised; the logarithm was undone, "
            "and they were normalised like counts.",
        )
    ]


def _to_natural_log(matrix: sparse.csc_matrix, verdict: ScaleVerdict) -> list[Finding]:
    if verdict.times_logged == 2:
        matrix.data = np.expm1(matrix.data)
        return [
            Finding(
                "F-LOG-UNDONE",
                "One of two logarithms was undone, as you chose; log1p values remain.",
            )
        ]
    if verdict.pseudocount != 1:
        return _to_pseudocount_1(matrix, verdict)
    if verdict.base == math.e:
        return []
    matrix.data *= np.float32(math.log(verdict.base))
    return [
        Finding(
            "F-LOG-BASE",
            f"The values were logarithms to base {verdict.base:g}; they were brought to natural "
            "ones, as all of Needle's are.",
        )
    ]


def _to_pseudocount_1(matrix: sparse.csc_matrix, verdict: ScaleVerdict) -> list[Finding]:
    _store_every_value(matrix, verdict)
    matrix.data = np.log1p(undo_log(matrix.data, verdict)).astype(np.float32)
    matrix.eliminate_zeros()
    base = (
        "natural logarithms" if verdict.base == math.e else f"logarithms to base {verdict.base:g}"
    )
    return [
        Finding(
            "F-LOG-BASE",
            f"The values were {base} of x + {verdict.pseudocount:.3g}; they were brought to "
            "natural ones of x + 1, as all of Needle's are.",
        )
    ]


def _store_every_value(matrix: sparse.csc_matrix, verdict: ScaleVerdict) -> None:
    """Store zeros too, in place, where zero is the logarithm of something."""
    n_cells, n_genes = matrix.shape
    if verdict.pseudocount == 1 or matrix.nnz == n_cells * n_genes:
        return
    matrix.data = matrix.toarray().ravel(order="F")
    index = np.int32 if matrix.data.size <= np.iinfo(np.int32).max else np.int64
    matrix.indices = np.tile(np.arange(n_cells, dtype=index), n_genes)
    matrix.indptr = np.arange(n_genes + 1, dtype=index) * index(n_cells)


def _total_by_size(matrix: sparse.csc_matrix) -> float | None:
    """Tell a million of log1p values, where a part of the genes was left out afterwards."""
    totals = np.zeros(matrix.shape[0])
    for block in gene_blocks(matrix):
        totals += np.bincount(block.cells, np.expm1(block.data), minlength=len(totals))
    largest, middle = totals.max(), np.median(totals)
    return _MILLION if _MILLION / 2 < middle <= largest < _MILLION * 1.001 else None


def _to_cp10k(matrix: sparse.csc_matrix, verdict: ScaleVerdict) -> list[Finding]:
    """Change log1p values of another common total, in place, to those of 10,000."""
    total = verdict.total or _total_by_size(matrix)
    if total is None or abs(total / TARGET_SUM - 1) < 0.01:
        return []
    values = matrix.data
    np.expm1(values, out=values)
    values *= np.float32(TARGET_SUM / total)
    np.log1p(values, out=values)
    return [
        Finding(
            "F-TOTAL",
            f"The values were log-normalised to {total:,.0f} per cell; they were brought to "
            f"{TARGET_SUM:,.0f}, as all of Needle's are.",
        )
    ]
