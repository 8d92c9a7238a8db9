"""What a comma inside of a number means: 1,500 is one and a half, or one thousand five hundred."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

__all__ = ["COMMAS", "has_comma", "weigh_commas", "without_thousands"]

COMMAS = {
    "decimal-comma": "1,500 is one and a half.",
    "thousands-comma": "1,500 is one thousand five hundred.",
}
_WITH_COMMA = re.compile(rb"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*")
# Counts are mostly small: beside this many whole numbers below 1000 a number, commas are thousands.
_MANY = 1.0


def has_comma(text: bytes) -> bool:
    """Whether a text may be a number with one comma.

    Examples
    --------
    >>> has_comma(b"1,16"), has_comma(b"T cell, CD4")
    (True, False)
    """
    return bool(_WITH_COMMA.fullmatch(text))


def weigh_commas(
    blocks: Iterable[bytes], delimiter: bytes
) -> Literal["decimal-comma", "thousands-comma", "either"]:
    """Look through a whole table for what its commas mean.

    Decimals have other than three digits behind them, or nothing but 0 or more than three digits
    before them. Where a point stands in a number too, or many whole numbers are below 1000, as
    counts are, they are thousands.

    Parameters
    ----------
    blocks : iterable of bytes
        Text of whole lines.
    delimiter : bytes of length 1
        What separates its fields, not a comma.

    Returns
    -------
    str
    """
    before, behind = rb'(?<=[%s\n"])' % re.escape(delimiter), rb'(?=[%s\n"])' % re.escape(delimiter)
    point = re.compile(before + rb"[+-]?[\d,]*\.\d+([eE][+-]?\d+)?" + behind)
    groups = re.compile(before + rb"\d{1,3}(,\d{3}){2,}" + behind)
    decimal = re.compile(
        before + rb"[+-]?(\d*,(\d{1,2}|\d{4,})|0+,\d+|\d{4,},\d+)([eE][+-]?\d+)?" + behind
    )
    either = re.compile(before + rb"[+-]?\d{1,3},\d{3}" + behind)
    whole = re.compile(before + rb"[1-9]\d{0,2}" + behind)
    n_either = n_whole = 0
    is_decimal = False
    for block in blocks:
        if point.search(block) or groups.search(block):
            return "thousands-comma"
        is_decimal = is_decimal or bool(decimal.search(block))
        n_either += sum(1 for _ in either.finditer(block))
        n_whole += sum(1 for _ in whole.finditer(block))
    if is_decimal:
        return "decimal-comma"
    return "thousands-comma" if n_whole >= _MANY * n_either else "either"


def without_thousands(block: bytes, delimiter: bytes) -> bytes:
    r"""Take the commas out of the numbers of a text.

    Examples
    --------
    >>> without_thousands(b"a,b;1,500;2\n", b";")
    b'a,b;1500;2\n'
    """
    around = re.escape(delimiter)
    number = re.compile(rb'(?<=[%s\n"])[+-]?\d{1,3}(?:,\d{3})+(?=[%s\n".])' % (around, around))
    return number.sub(lambda found: found[0].replace(b",", b""), block)
