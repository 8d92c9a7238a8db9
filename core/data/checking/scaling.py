"""What is said about the scale of the chosen values, and what is done about it."""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

from core.data.choices import Choices
from core.data.scale import TARGET_SUM, ScaleVerdict, undo_log
from core.errors import Finding

__all__ = ["settle_scale"]

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
        Offered ``W-LOGGED-TWICE`` and ``W-SCALE-UNSURE``.

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
    if verdict.kind == "linear":
        return "linear", [_not_whole()]
    if verdict.evidence == "counts":
        return "counts", _restore_counts(matrix, verdict)
    if not verdict.evidence:
        return _ask_scale(verdict, choices), []
    if verdict.times_logged == 2 and not _may_undo(choices):
        return "log1p", []
    repairs = [*_to_natural_log(matrix, verdict), *_to_cp10k(matrix, verdict)]
    return "log1p", [*repairs, _no_counts(are_kept=not repairs)]


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


def _ask_scale(verdict: ScaleVerdict, choices: Choices) -> str:
    answer = choices.ask(
        "W-SCALE-UNSURE",
        f"The values are not whole and small (up to {verdict.largest:.4g}), and it cannot be told "
        "how they were made; they are used like log-normalised values.",
        {
            "log1p": "They are log-normalised: use them as they are.",
            "linear": "They are not logged: normalise them like counts.",
        },
        next_step="Say which they are, or load a file with counts.",
    )
    return answer or "log1p"


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
    matrix.data = np.rint(undo_log(matrix.data, verdict)).astype(np.float32)
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


def _to_cp10k(matrix: sparse.csc_matrix, verdict: ScaleVerdict) -> list[Finding]:
    """Change log1p values of another common total, in place, to those of 10,000."""
    total = verdict.total
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
