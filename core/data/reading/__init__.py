"""Readers: one module per kind of file, each ``read(source, choices) -> ReadCells``.

A reader says what is in a file and nothing more: which matrix is expression, what its numbers mean
and which names are right is decided behind it, in :mod:`core.data.checks`.
"""

from __future__ import annotations

import importlib

from core.data.choices import Choices
from core.data.formats import FORMATS, recognise
from core.data.reading.cells import ReadCells
from core.data.source import Source

__all__ = ["ReadCells", "read_cells"]


def read_cells(source: Source, choices: Choices) -> ReadCells:
    """Recognise a source by its content and read it.

    Parameters
    ----------
    source : Source
        File, folder or files.
    choices : Choices
        Answers so far; takes up the questions that the reader has.

    Returns
    -------
    ReadCells

    Raises
    ------
    DataError
        When it is nothing that Needle reads, is damaged, or is built to do harm.
    """
    kind = recognise(source, choices)
    # Only what is needed: readers bring libraries that take a second to import.
    reader = importlib.import_module(f"core.data.reading.{FORMATS[kind].reader}")
    return reader.read(source, choices)
