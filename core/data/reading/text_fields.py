"""Find the fields of a block of text, and the numbers in them, many at a time.

Tables of expression are wide and mostly zeros. Ordinary readers of csv make a column object for
every gene; here the bytes of a block are looked at as one array, zeros cost next to nothing, and
what is not zero goes straight into a sparse matrix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.data.reading.text_quotes import inside_quotes, quote_flips

__all__ = ["Fields", "find_fields", "parse_numbers"]

_MISSING = {b"", b"NA", b"N/A", b"#N/A", b"nan", b"NaN", b"NAN", b"null", b"NULL", b"None", b"<NA>"}
# Up to here all digits of a number fit a float64 exactly; longer ones are left to Python.
_MOST_DIGITS = 9
_ZERO, _NINE, _POINT, _COMMA, _QUOTE, _NEWLINE = b'09.,"\n'
_POWERS = 10.0 ** np.arange(_MOST_DIGITS + 1)

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Fields:
    """Fields of a block, without the quotes around them.

    Parameters
    ----------
    block : bytes
        The text.
    letters : array of uint8
        The same, a little longer, so that one may look beyond a field.
    starts, ends : int arrays of shape (n_fields,)
        Where each field begins and ends.
    lengths : int array of shape (n_records,)
        Number of fields in each record; blank lines are left out.
    """

    block: bytes
    letters: Bytes
    starts: Places
    ends: Places
    lengths: npt.NDArray[np.intp]

    def texts(self, places: npt.NDArray[np.intp] | slice) -> list[bytes]:
        """Bytes of some fields."""
        starts, ends = self.starts[places].tolist(), self.ends[places].tolist()
        found = [self.block[start:end] for start, end in zip(starts, ends, strict=True)]
        if b'""' in self.block:
            found = [
                text.replace(b'""', b'"') if self.block[max(0, start - 1)] == _QUOTE else text
                for text, start in zip(found, starts, strict=True)
            ]
        return found

    def line_of(self, record: int) -> int:
        """How many line feeds stand before a record."""
        first = int(self.lengths[:record].sum())
        return self.block.count(b"\n", 0, int(self.starts[first]))


def find_fields(block: bytes, delimiter: bytes) -> Fields:
    """Find the fields of whole records.

    Parameters
    ----------
    block : bytes
        Records, each closed by a line feed.
    delimiter : bytes of length 1
        What separates fields; inside of double quotes it does not. Quotes open only at the
        beginning of a field.

    Returns
    -------
    Fields
    """
    letters = np.frombuffer(block + bytes(4), np.uint8)
    is_end = (letters == ord(delimiter)) | (letters == _NEWLINE)
    has_quotes = b'"' in block
    if has_quotes:
        flips, _ = quote_flips(letters, delimiter)
        is_end &= ~inside_quotes(len(letters), flips)
    ends = np.flatnonzero(is_end).astype(np.int32)
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1] + 1
    last = np.flatnonzero(letters[ends] == _NEWLINE)
    lengths = np.diff(last, prepend=-1)
    blank = (lengths == 1) & (starts[last] == ends[last])
    if blank.any():
        kept = np.ones(len(ends), dtype=bool)
        kept[last[blank]] = False
        starts, ends, lengths = starts[kept], ends[kept], lengths[~blank]
    if has_quotes:
        around = (ends - starts >= 2) & (letters[starts] == _QUOTE) & (letters[ends - 1] == _QUOTE)
        starts, ends = starts + around, ends - around
    return Fields(block, letters, starts.astype(np.int32), ends.astype(np.int32), lengths)


def parse_numbers(
    letters: Bytes, starts: Places, ends: Places, *, decimal_comma: bool = False
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Read numbers.

    Parameters
    ----------
    letters : array of uint8
        The text, with at least two bytes behind its last field.
    starts, ends : int arrays of shape (n,)
        Fields.
    decimal_comma : bool
        Whether 1,5 is one and a half.

    Returns
    -------
    values : array of shape (n,)
        NaN where there is nothing (empty, NA) or text.
    wrong : int array
        Which fields are text.
    """
    point = _COMMA if decimal_comma else _POINT
    lengths, first = ends - starts, letters[starts]
    values = np.zeros(len(starts))
    is_zero = (first == _ZERO) & (lengths == 1)
    long_zero = np.flatnonzero((first == _ZERO) & (lengths == 3))
    begin = starts[long_zero]
    is_zero[long_zero] = (letters[begin + 1] == point) & (letters[begin + 2] == _ZERO)
    rest = np.flatnonzero(~is_zero)
    lengths = lengths[rest]
    wrong = []
    for length in np.flatnonzero(np.bincount(lengths)).tolist() if len(rest) else []:
        some = rest[lengths == length]
        if length == 0:
            values[some] = np.nan
            continue
        written = letters[starts[some][:, None] + np.arange(length, dtype=np.int32)]
        values[some], is_text = _numbers(written, point)
        wrong.append(some[is_text])
    return values, np.sort(np.concatenate(wrong)) if wrong else np.empty(0, np.intp)


def _numbers(written: Bytes, point: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Numbers of one length, one a row; which of them are text."""
    if written.shape[1] > _MOST_DIGITS:
        return _odd_numbers(written, point)
    value = np.zeros(len(written), dtype=np.int64)
    n_after, n_points = np.zeros((2, len(written)), dtype=np.int8)
    is_plain = np.ones(len(written), dtype=bool)
    for letter in written.T:
        is_digit = (letter >= _ZERO) & (letter <= _NINE)
        is_point = letter == point
        is_plain &= is_digit | is_point
        value = np.where(is_digit, value * 10 + (letter.astype(np.int64) - _ZERO), value)
        n_after += is_digit & (n_points > 0)
        n_points += is_point
    # A whole number over a power of ten below 10**22 is rounded once, as Python does it.
    values = value / _POWERS[n_after]
    is_plain &= (n_points <= 1) & (n_points < written.shape[1])
    is_text = np.zeros(len(written), dtype=bool)
    odd = np.flatnonzero(~is_plain)
    if len(odd):
        values[odd], is_text[odd] = _odd_numbers(written[odd], point)
    return values, is_text


def _odd_numbers(
    written: Bytes, point: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Whatever else Python takes for a number: 1e-5, -3, 3.14159265358979, inf."""
    written = np.ascontiguousarray(written)
    if point == _COMMA:
        written = np.where(written == _COMMA, np.uint8(_POINT), written)
    texts = written.view(f"S{written.shape[1]}").ravel()
    if not (written == ord("_")).any():
        try:
            return texts.astype(np.float64), np.zeros(len(texts), dtype=bool)
        except ValueError:
            pass
    different, which = np.unique(texts, return_inverse=True)
    values = np.array([_number(text) for text in different.tolist()])
    no_number = np.isinf(values) & np.array([not _is_infinite(t) for t in different.tolist()])
    values[no_number] = np.nan
    return values[which], no_number[which]


def _number(text: bytes) -> float:
    """A number, NaN for what is missing, infinity for text."""
    text = text.strip()
    if text in _MISSING:
        return float("nan")
    try:
        return float("inf") if b"_" in text else float(text)
    except ValueError:
        return float("inf")


def _is_infinite(text: bytes) -> bool:
    """Whether a number is truly infinite, also because it is too large for a float64."""
    text = text.strip()
    try:
        return b"_" not in text and float(text) in (float("inf"), float("-inf"))
    except ValueError:
        return False
