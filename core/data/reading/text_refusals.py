"""What is said about tables of text that cannot be read."""

from __future__ import annotations

from core.data.reading.text_blocks import decode_all
from core.errors import DataError

__all__ = [
    "StrayText",
    "filled_column",
    "no_header",
    "only_matrix",
    "ragged",
    "shown",
    "too_many_columns",
    "too_many_rows",
]


def no_header(name: str, what: str) -> DataError:
    """Refusal of a table without a header, or without rows below it."""
    return DataError(
        f"{name} {what}.",
        code="E-TABLE-HEADER",
        next_step="The first line must name the genes (or the cells), and every line below it must "
        "begin with the name of a cell (or a gene).",
    )


def only_matrix(name: str) -> DataError:
    """Refusal of matrix.mtx without its lists of names."""
    return DataError(
        f"{name} is a sparse matrix without its names: barcodes.tsv and features.tsv (or "
        "genes.tsv) are missing.",
        code="E-10X-INCOMPLETE",
        next_step="Load the three files together: as a folder, as a zip archive, or by choosing "
        "all three.",
    )


def shown(text: bytes | str) -> str:
    """Quote a text from a file in a message, shortened."""
    if isinstance(text, bytes):
        text = decode_all([text])[0][0]
    return repr(text if len(text) <= 80 else text[:79] + "…")


class StrayText(DataError):
    """Refusal of a table with text where numbers belong (``E-TABLE-TEXT``).

    Parameters
    ----------
    name : str
        What messages call the table.
    row : str
        How to say in which row.
    column : int
        Which column of the records.
    title : bytes
        What the column is called.
    text : bytes
        What stands there.
    """

    def __init__(self, name: str, row: str, column: int, title: bytes, text: bytes) -> None:
        super().__init__(
            f"{name} has text among its numbers: {shown(text)} in {row}, column {shown(title)}.",
            code="E-TABLE-TEXT",
            next_step="Replace it by a number and load the table again. If it is a label, call its "
            "column cell_type, cluster, batch or the like.",
        )
        self.column, self.text = column, text


def ragged(name: str, line: int, n_fields: int, n_expected: int) -> DataError:
    """Refusal of a table whose rows are of different lengths."""
    return DataError(
        f"Line {line:,} of {name} has {n_fields:,} fields where the others have {n_expected:,}.",
        code="E-TABLE-RAGGED",
        next_step="Look at that line: a value may be missing or have a separator in it. Save the "
        "table anew and load it again.",
    )


def filled_column(name: str, line: int, column: int) -> DataError:
    """Refusal of a value in a column that seemed to be empty."""
    return DataError(
        f"Line {line:,} of {name} has a value in column {column + 1:,}, which has no name.",
        code="E-TABLE-RAGGED",
        next_step="Give that column a name, or remove it, and load the table again.",
    )


def too_many_rows(name: str, most: int) -> DataError:
    """Refusal of a table that is longer than any list of cells or genes."""
    return DataError(
        f"{name} has more than {most:,} rows.",
        code="E-TOO-LARGE",
        next_step="Check that it is a table of cells and genes, and not a list of values.",
    )


def too_many_columns(name: str, n_columns: int, most: int) -> DataError:
    """Refusal of a table that is wider than any list of cells or genes."""
    return DataError(
        f"{name} has {n_columns:,} columns or more; at most {most:,} are read.",
        code="E-TOO-LARGE",
        next_step="Save the counts as a sparse matrix (.h5ad or 10x) and load that.",
    )
