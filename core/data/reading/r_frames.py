"""Tables of R: ``data.frame`` with its kin, and Bioconductor's ``DataFrame``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from rdata.parser import RObject, RObjectType

from core.data.reading.r_objects import (
    attributes,
    class_name,
    column,
    integers,
    named_values,
    texts,
)

__all__ = ["aligned", "is_frame", "read_frame", "text_columns"]

_BIOCONDUCTOR = ("DFrame", "DataFrame")


def is_frame(value: RObject) -> bool:
    """Whether an R object is a table."""
    if class_name(value) in _BIOCONDUCTOR:
        return "listData" in attributes(value)
    is_list = value.info.type is RObjectType.VEC
    return is_list and "data.frame" in texts(attributes(value).get("class"))


def read_frame(value: RObject) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    value : rdata.parser.RObject
        Something that :func:`is_frame`.

    Returns
    -------
    pandas.DataFrame
        Factors as categories. The index holds names, or numbers from 0 where the rows have none.
        Columns that are tables or lists themselves are left out.
    """
    own = attributes(value)
    values = named_values(value)
    if class_name(value) in _BIOCONDUCTOR:
        names = texts(own.get("rownames"))
        n_rows = int(integers(own["nrows"])[0])
    else:
        names = texts(own.get("row.names"))
        n_rows = len(names) or _n_unnamed_rows(own.get("row.names"))
    columns = {
        name: found for name in values if (found := column(values[name], n_rows)) is not None
    }
    if names and len(names) != n_rows:
        raise ValueError("a table has more or fewer names than rows")
    table = pd.DataFrame(columns, index=pd.RangeIndex(n_rows))
    if names:
        table.index = pd.Index([name or "" for name in names], dtype=object)
    return table


def aligned(table: pd.DataFrame, cells: Sequence[str]) -> pd.DataFrame | None:
    """Bring the rows of a table into the order of the cells.

    Returns
    -------
    pandas.DataFrame or None
        One row per cell; ``None`` when the table is not about these cells: neither its rows nor a
        column of it have their names.
    """
    if not isinstance(table.index, pd.RangeIndex):
        return _in_order(table, table.index, cells)
    for name in table.select_dtypes(object):
        if (found := _in_order(table, pd.Index(table[name]), cells)) is not None:
            return found
    return None


def text_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a table that hold text."""
    is_text = [not pd.api.types.is_numeric_dtype(table[name]) for name in table.columns]
    return table.loc[:, is_text]


def _in_order(table: pd.DataFrame, names: pd.Index, cells: Sequence[str]) -> pd.DataFrame | None:
    if len(names) == len(cells) and bool(np.all(names == pd.Index(cells, dtype=object))):
        return table.set_axis(pd.Index(cells, dtype=object), axis=0)
    if not names.is_unique:
        return None
    places = names.get_indexer(pd.Index(cells, dtype=object))
    if not len(places) or (places < 0).any():
        return None
    return table.iloc[places].set_axis(pd.Index(cells, dtype=object), axis=0)


def _n_unnamed_rows(value: RObject | None) -> int:
    """Count rows that R numbers: it keeps the number behind a missing value, at times negative."""
    numbers = integers(value)
    return abs(int(numbers[1])) if len(numbers) == 2 and numbers[0] < 0 else len(numbers)
