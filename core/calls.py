"""From scores to the three calls: the rare type, unsure, other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.errors import ParameterError
from core.text import call_words

__all__ = ["call_scores", "withdrawn_calls"]

# Score from which on a cell is unsure, and not other, where no group of cells is the rare type.
_DOUBTFUL = 0.25


def call_scores(
    scores: npt.NDArray[np.float64], threshold: float, unsure_width: float, rare: str
) -> npt.NDArray[np.object_]:
    """Call cells by their scores.

    Parameters
    ----------
    scores : array of shape (n_cells,)
        0–1.
    threshold : float
        Score from which on a cell is called, 0–1.
    unsure_width : float
        Cells less than this below it, and above half of it, are ``"unsure"``; 0–1.
    rare : str
        The rare type's name.

    Returns
    -------
    object array of shape (n_cells,)
        Its name, or one of :func:`core.text.call_words`.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for a number outside 0–1.
    """
    for name, value in (("threshold", threshold), ("unsure_width", unsure_width)):
        if not 0 <= value <= 1:
            raise ParameterError(
                f"`{name}` must be from 0 to 1. Got {value:g}.",
                code="E-PARAMETER",
                next_step="Choose a value from 0 to 1.",
            )
    other, unsure = call_words(rare)
    calls = np.full(len(scores), other, dtype=object)
    # Where the threshold is low, as for a plain classifier of a rare type, most cells lie less than
    # any fixed width below it, and are as clearly other cells as anywhere else.
    calls[(scores > threshold - unsure_width) & (scores > threshold / 2)] = unsure
    calls[scores >= threshold] = rare
    return calls


def withdrawn_calls(
    scores: npt.NDArray[np.float64], threshold: float, rare: str
) -> npt.NDArray[np.object_]:
    """Call cells where those that would be called are not the rare type.

    Those of them with a high score, of 0.25 or more, are ``"unsure"``, all others are other cells.
    Parameters as in :func:`call_scores`.
    """
    other, unsure = call_words(rare)
    return np.where(scores >= max(threshold, _DOUBTFUL), unsure, other).astype(object)
