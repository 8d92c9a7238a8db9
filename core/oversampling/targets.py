"""How many rare cells there shall be: a share of the other cells, as imbalanced-learn asks it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["TargetRatio"]


@dataclass(frozen=True)
class TargetRatio:
    """A ``sampling_strategy`` that brings the smaller class to `ratio` of the larger one.

    Imbalanced-learn takes a plain number too, but raises a ``ValueError`` when less than one cell
    is missing (4 cells against 9 at a ratio of 0.5), and loses a cell to rounding where the
    product is not exact (0.29 · 100 is 28.999…). Here neither happens.

    Parameters
    ----------
    ratio : float
        Cells of the smaller class per cell of the larger one, above 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> {bool(label): n for label, n in TargetRatio(0.5)(np.arange(30) < 4).items()}
    {True: 13}
    """

    ratio: float

    def __call__(self, y: npt.NDArray) -> dict:
        """Return the smaller class with the cells it shall have, never fewer than it has."""
        labels, counts = np.unique(y, return_counts=True)
        smaller = counts.argmin()
        wanted = math.floor(self.ratio * int(counts.max()) + 1e-6)
        return {labels[smaller]: max(int(counts[smaller]), wanted)}
