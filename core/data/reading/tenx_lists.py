"""Read features.tsv and barcodes.tsv, with what R and pandas put above and before the names."""

from __future__ import annotations

from collections.abc import Sequence

from core.data.reading.parts import Part
from core.data.reading.text_blocks import decode_all
from core.errors import DataError, Finding

__all__ = ["read_list", "without_heading"]

_LONGEST_LIST = 256 << 20
_TITLES = {"x", "v1", "barcode", "barcodes", "cell", "cells", "gene", "genes", "gene_id"}
_TITLES |= {"gene_ids", "gene_name", "gene_symbol", "symbol", "feature", "features", "index"}


def read_list(part: Part, findings: list[Finding]) -> list[list[str]]:
    """Read the fields of each line.

    Parameters
    ----------
    part : Part
        A list with tabs or commas between its columns.
    findings : list of Finding
        Takes up ``W-ENCODING``.

    Returns
    -------
    list of list of str
        Without quotation marks, and without a column that only counts the lines.

    Raises
    ------
    DataError
        ``E-TOO-LARGE`` or ``E-TABLE-NUL``.
    """
    with part.open() as stream:
        text = stream.read(_LONGEST_LIST + 1)
    if len(text) > _LONGEST_LIST:
        raise DataError(
            f"{part.name} is a list of more than {_LONGEST_LIST >> 20} MB.",
            code="E-TOO-LARGE",
            next_step="Check that it is the list of genes or cells, with one name a line.",
        )
    if b"\0" in text:
        raise DataError(
            f"{part.name} has NUL bytes, which no list of names has.",
            code="E-TABLE-NUL",
            next_step="It may be damaged; copy or save it anew and load that.",
        )
    (decoded,), is_utf8 = decode_all([text.removeprefix(b"\xef\xbb\xbf")])
    if not is_utf8:
        findings.append(
            Finding(
                "W-ENCODING",
                f"{part.name} is not written in UTF-8; its names were read as Latin-1.",
                "Check names with accents.",
            )
        )
    lines = decoded.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    if lines == [""]:
        return []
    mark = _mark(lines)
    return _without_numbers([[field.strip().strip('"') for field in x.split(mark)] for x in lines])


def _mark(lines: Sequence[str]) -> str:
    """What stands between columns: a name may well have a comma, but not most names."""
    n_tabs, n_commas = (sum(mark in line for line in lines) for mark in "\t,")
    return "," if n_commas > n_tabs and 2 * n_commas >= len(lines) else "\t"


def _without_numbers(lines: list[list[str]]) -> list[list[str]]:
    """Leave out a first column that counts the lines and has names behind it, as R writes it."""
    if all(len(fields) > 1 for fields in lines):
        counted = [fields[0] for fields in lines]
        are_names = not all(fields[1].isdigit() for fields in lines)
        if are_names and any(
            counted == [str(first + i) for i in range(len(lines))] for first in (0, 1)
        ):
            return [fields[1:] for fields in lines]
    return lines


def without_heading(lines: list[list[str]], size: tuple[int, int]) -> list[list[str]]:
    """Leave out the heading that R and pandas put above a list, and the numbers below it.

    Parameters
    ----------
    lines : list of list of str
        Fields of each line.
    size : tuple of two int
        Shape of the matrix: only a list that is one line too long has a heading.

    Examples
    --------
    >>> without_heading([["x"], ["AAAC-1"], ["AAAG-1"]], (900, 2))
    [['AAAC-1'], ['AAAG-1']]
    """
    if len(lines) < 2 or len(lines) - 1 not in size or len(lines) in size:
        return lines
    first, second = lines[:2]
    # What stands in the same column of the next line too is a kind of gene, not its heading.
    words = set(first) - (set(second) if len(first) == len(second) else set())
    if first[0] and not any(word.lower() in _TITLES for word in words):
        return lines
    lines = lines[1:]
    if all(fields[0].isdigit() and len(fields) > 1 for fields in lines):
        return [fields[1:] for fields in lines]
    return lines
