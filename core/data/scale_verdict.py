"""What a matrix of expression values was found to be, and the sentence that says by what."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["ScaleVerdict"]

Kind = Literal["counts", "log1p", "linear", "scaled", "invalid", "zero", "text"]


@dataclass(frozen=True)
class ScaleVerdict:
    """What a matrix holds.

    Parameters
    ----------
    kind : str
        ``"counts"`` (whole numbers), ``"log1p"`` (non-negative, small, not whole), ``"linear"``
        (non-negative, large, not whole: normalised or corrected but not logged), ``"scaled"``
        (negative values), ``"invalid"`` (NaN, infinite or beyond float32), ``"zero"`` or ``"text"``
        (no real numbers at all).
    largest : float
        Largest finite value.
    evidence : {"whole", "total", "counts", "multiples", "floor", ""}
        How it was told: whole numbers; a common total of all cells; whole numbers once the
        logarithm is undone; whole multiples within each cell; for negative values, that all cells
        have the same smallest one, so that they are hardly scaled; empty when by the size and
        spread of the values alone.
    total : float or None
        Common total of the cells, on a linear scale.
    base : float
        Of the logarithm.
    times_logged : int
        1, or 2 when the logarithm was taken twice.
    pseudocount : float
        What was added before the logarithm was taken.
    is_open : bool
        Whether what the values are changes them so much that the user has to say it.
    """

    kind: Kind
    largest: float
    evidence: str = ""
    total: float | None = None
    base: float = math.e
    times_logged: int = 1
    pseudocount: float = 1.0
    is_open: bool = False

    @property
    def reason(self) -> str:
        """One sentence on how the scale was told and how sure that is; empty for the unusable."""
        if self.kind == "counts":
            largest = f"{self.largest:,.0f}"
            return f"Sure: every value is a whole number, the largest {largest}."
        if self.kind not in ("log1p", "linear"):
            return ""
        undone = "" if self.kind == "linear" else f"{self._logarithm} undone, "
        if self.evidence == "total":
            total = f"{self.total:,.0f}" if self.total >= 100 else f"{self.total:.3g}"
            return f"Sure: {undone}the values of every cell add up to {total}."
        if self.evidence == "counts":
            return f"Sure: {undone}every value is a whole number."
        if self.evidence == "multiples":
            return (
                f"Sure: {undone}the values of each cell are whole multiples of one unit, as "
                "normalised counts are."
            )
        if self.is_open:
            return f"Not sure: values are not whole, and may be logged or not ({self._largest})."
        if self.kind == "linear":
            return f"Likely: values are not whole, and too large for logged ones ({self._largest})."
        return (
            f"Not sure: values are not whole and small ({self._largest}), but do not come from "
            "counts by any usual logarithm."
        )

    @property
    def _largest(self) -> str:
        return f"up to {self.largest:,.4g}"

    @property
    def _logarithm(self) -> str:
        if self.times_logged == 2:
            return "with the logarithm taken twice and"
        base = "" if self.base == math.e else f" to base {self.base:g}"
        added = "" if self.pseudocount == 1 else f" of x + {self.pseudocount:.3g}"
        return f"with the logarithm{base}{added}"
