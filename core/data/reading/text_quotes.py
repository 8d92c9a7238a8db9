"""Which parts of a text stand in double quotes.

A quotation mark opens only at the beginning of a field, and two of them inside of quotes are one
that belongs to the text. The inch sign of ``12" well`` therefore opens nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["inside_quotes", "quote_flips"]

_QUOTE, _NEWLINE = b'"\n'

Bytes = npt.NDArray[np.uint8]


def quote_flips(
    letters: Bytes, delimiter: bytes, *, quoted: int = 0, before: int = _NEWLINE
) -> tuple[npt.NDArray[np.intp], int]:
    """Find where quotes open and close.

    Neighbouring marks are looked at as one run. A run of an even number changes nothing: it is an
    empty field, or marks that belong to the text. An odd one at the beginning of a field opens
    quotes, or closes them if they are open; an odd one elsewhere closes them if they are open. So
    quotes are open behind a run if the number of odd runs at beginnings of fields since the last
    odd run elsewhere is odd.

    Parameters
    ----------
    letters : array of uint8
        A text; no run may go on behind its end.
    delimiter : bytes of length 1
        What separates fields.
    quoted : {0, 1}
        Whether quotes are open at its beginning.
    before : int
        The letter before it.

    Returns
    -------
    flips : int array
        Places in order; with `quoted` 0 the first opens, the second closes, and so on.
    quoted : {0, 1}
        Whether quotes are open at its end.
    """
    marks = np.flatnonzero(letters == _QUOTE)
    if not len(marks):
        return marks, quoted
    firsts = np.flatnonzero(np.diff(marks, prepend=-2) > 1)
    is_odd = np.diff(firsts, append=len(marks)) & 1 == 1
    runs = marks[firsts[is_odd]]
    if not len(runs):
        return runs, quoted
    previous = letters[runs - 1]
    if runs[0] == 0:
        previous[0] = before
    begins = (previous == ord(delimiter)) | (previous == _NEWLINE)
    n_begun = np.cumsum(begins)
    last_elsewhere = np.maximum.accumulate(np.where(begins, -1, n_begun))
    since = np.where(last_elsewhere < 0, n_begun + quoted, n_begun - last_elsewhere)
    state = since & 1
    flips = runs[np.diff(state, prepend=quoted) != 0]
    return flips, int(state[-1])


def inside_quotes(
    n_letters: int, flips: npt.NDArray[np.intp], *, quoted: int = 0
) -> npt.NDArray[np.bool_]:
    """Mark what stands in quotes.

    Parameters
    ----------
    n_letters : int
        Length of the text.
    flips, quoted
        As :func:`quote_flips` takes and returns them.

    Returns
    -------
    bool array of shape (n_letters,)
    """
    changes = np.zeros(n_letters, dtype=np.uint8)
    changes[flips] = 1
    # Wraps around at 256, which leaves odd and even as they are.
    return ((np.cumsum(changes, dtype=np.uint8) + np.uint8(quoted)) & 1).astype(bool)
