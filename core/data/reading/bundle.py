"""Read tables of text, zip archives, folders and sets of files.

What is there decides what it is:

- ``matrix.mtx`` with its features and barcodes is a 10x matrix; several of them are samples;
- one table is expression;
- a table of expression and a table of labels belong together by the names of the cells;
- two tables of expression are the rare cells and the reference cells;
- anything else is refused with what was seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.data.choices import Choices
from core.data.formats import FORMATS, sniff
from core.data.reading.cells import ReadCells
from core.data.reading.halves import read_halves
from core.data.reading.metadata import matches_cells
from core.data.reading.parts import Part, is_table_name, parts_of
from core.data.reading.tenx_folder import read_sets
from core.data.reading.tenx_sets import find_sets, role_of
from core.data.reading.text import read_text
from core.data.reading.text_table import peek_layout, read_table
from core.data.source import Source
from core.errors import DataError

__all__ = ["read"]

# A table with at least this share of columns of text is about labels.
_LABELS = 0.3
_WHAT_IS_READ = (
    "Load one matrix (with a table of labels, if you like), a 10x folder, or two tables of "
    "expression: the rare cells and the reference cells."
)


def read(source: Source, choices: Choices) -> ReadCells:
    """Read a table of text, an archive, a folder or several files.

    Parameters
    ----------
    source : Source
        What was loaded.
    choices : Choices
        Takes up ``C-ORIENTATION``, ``C-DECIMALS`` and ``C-SAMPLE``.

    Returns
    -------
    ReadCells

    Raises
    ------
    DataError
        ``E-FILES-UNRELATED``, ``E-ARCHIVE-NO-MATRIX``, ``E-10X-INCOMPLETE``, and whatever is wrong
        with one of the files.
    """
    is_one = len(source.files) == 1
    is_archive = is_one and sniff(source.files[0]) == "zip"
    parts = parts_of(source, "zip" if is_archive else "files")
    if is_one and not is_archive:
        return read_text(parts[0], choices)
    matrices = [part for part in parts if role_of(part.name)]
    sets = find_sets(matrices, source.name) if matrices else []
    used = {id(part) for each in sets for part in each.parts.values()}
    others = [part for part in parts if id(part) not in used]
    if sets:
        tables = [part for part in others if is_table_name(part.name) and not _is_list(part)]
        labels = [part for part in tables if _is_about_labels(part)]
        return read_sets(sets, choices, name=source.name, metadata=labels)
    tables = [part for part in others if _is_table(part, is_archive)]
    if not tables:
        raise _nothing(source.name, parts, is_archive)
    if len(tables) == 1:
        _require_table(tables[0], source.name)
        return read_text(tables[0], choices)
    if len(tables) == 2:
        return _read_two(tables, choices)
    raise _too_many(tables)


def _is_table(part: Part, is_archive: bool) -> bool:
    if is_table_name(part.name):
        return True
    if is_archive or part.path is None:
        return False
    kind = sniff(part.path)
    if kind != "text":
        raise DataError(
            f"{part.name} is one of several files and {FORMATS[kind].name} by its content, which "
            "holds a whole dataset.",
            code="E-FILES-UNRELATED",
            next_step="Load it by itself.",
        )
    return True


def _is_list(part: Part) -> bool:
    """Whether it is a mere list of genes or cells, by its name and its content."""
    if role_of(part.name) is None:
        return False
    try:
        return len(peek_layout(part).number_columns) == 0
    except DataError:
        return True


def _require_table(part: Part, name: str) -> None:
    if _is_list(part):
        raise DataError(
            f"{name} has {part.name}, but no matrix.mtx.",
            code="E-10X-INCOMPLETE",
            next_step="Load the matrix together with its genes and barcodes.",
        )


def _read_two(tables: Sequence[Part], choices: Choices) -> ReadCells:
    for part in tables:
        _require_table(part, "The selection")
    are_labels = [_is_about_labels(part) for part in tables]
    if all(are_labels):
        raise DataError(
            f"{tables[0].name} and {tables[1].name} both look like tables of labels: neither has "
            "expression values.",
            code="E-FILES-UNRELATED",
            next_step=_WHAT_IS_READ,
        )
    if any(are_labels):
        labels, matrix = tables if are_labels[0] else tables[::-1]
        return read_text(matrix, choices, [labels])
    one, two = (read_table(part, choices) for part in tables)
    if matches_cells(one, two):
        return read_text(tables[0], choices, [tables[1]], table=one)
    if matches_cells(two, one):
        return read_text(tables[1], choices, [tables[0]], table=two)
    return read_halves([one, two], choices)


def _is_about_labels(part: Part) -> bool:
    layout = peek_layout(part)
    n_text, n_numbers = len(layout.text_columns), len(layout.number_columns)
    return n_numbers == 0 or n_text / (n_text + n_numbers) >= _LABELS


def _nothing(name: str, parts: Sequence[Part], is_archive: bool) -> DataError:
    seen = ", ".join(part.name[-60:] for part in parts[:4]) + (", …" if len(parts) > 4 else "")
    if is_archive:
        whole = [
            p.name for p in parts if p.name.lower().endswith((".h5ad", ".h5", ".loom", ".rds"))
        ]
        step = f"Unpack it and load {whole[0]}." if whole else (
            "It should hold matrix.mtx, features.tsv (or genes.tsv) and barcodes.tsv, or a .csv."
        )  # fmt: skip
        return DataError(
            f"{name} holds no matrix of cells that Needle reads"
            + (f" (it has {seen})." if parts else "."),
            code="E-ARCHIVE-NO-MATRIX",
            next_step=step,
        )
    return DataError(
        f"{name} holds no matrix of cells that Needle reads" + (f": {seen}." if parts else "."),
        code="E-FILES-UNRELATED" if parts else "E-FOLDER-EMPTY",
        next_step=_WHAT_IS_READ,
    )


def _too_many(tables: Sequence[Part]) -> DataError:
    seen = ", ".join(part.name[-60:] for part in tables[:4]) + (", …" if len(tables) > 4 else "")
    return DataError(
        f"There are {len(tables):,} tables ({seen}), and it is not clear how they belong together.",
        code="E-FILES-UNRELATED",
        next_step=_WHAT_IS_READ,
    )
