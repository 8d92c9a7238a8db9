"""Read `obs` and `var` of .h5ad files, in every layout that anndata has written.

Since anndata 0.8 a table is a group of columns, each with its encoding; in 0.7 the categories of a
column stood in `__categories` and were referred to; before, a table was one compound dataset, and
categories were kept in `uns`.
"""

from __future__ import annotations

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.data.reading.h5ad_columns import (
    Column,
    categorical,
    read_column,
    read_field,
    require_known,
)
from core.data.reading.hdf5_storage import broken, require_readable
from core.data.reading.hdf5_values import attribute, clean, text_attribute, texts

__all__ = ["read_records", "read_table"]


def read_table(thing: h5py.HLObject, left_out: list[str]) -> pd.DataFrame:
    """Read `obs` or `var`.

    Parameters
    ----------
    thing : h5py.Group or h5py.Dataset
        The table.
    left_out : list of str
        Takes up the names of columns that are neither numbers nor text nor categories.

    Returns
    -------
    pandas.DataFrame
        Names in the index, as text.

    Raises
    ------
    DataError
        ``E-LAYOUT-NEWER`` or ``E-FILE-DAMAGED``.
    """
    if isinstance(thing, h5py.Dataset):
        return read_records(thing, left_out)
    require_known(thing)
    index_name = text_attribute(thing, "_index") or "_index"
    if index_name not in thing:
        raise broken(thing, f"{thing.name[:80]!r} does not say what its rows are called")
    index = _read_names(thing[index_name])
    names = attribute(thing, "column-order")
    if names is None:
        names = [name for name in thing if name not in (index_name, "__categories")]
    columns: dict[str, Column] = {}
    for name in dict.fromkeys(map(clean, np.atleast_1d(np.asarray(names, dtype=object)))):
        if name not in thing:
            raise broken(thing, f"{thing.name[:80]!r} lacks its column {name[:80]!r}")
        column = read_column(thing[name], len(index))
        if column is None:
            left_out.append(name)
        else:
            columns[name] = column
    return pd.DataFrame(columns, index=pd.Index(index, dtype=object))


def _read_names(thing: h5py.HLObject) -> npt.NDArray[np.object_]:
    if isinstance(thing, h5py.Group) and require_known(thing) == "nullable-string-array":
        return texts(thing["values"])
    require_known(thing)
    return texts(thing)


def read_records(
    dataset: h5py.Dataset, left_out: list[str], *, has_names: bool = True
) -> pd.DataFrame:
    """Read a table that is one dataset, with a record for each row.

    Parameters
    ----------
    dataset : h5py.Dataset
        The table, as anndata wrote it before version 0.7.
    left_out : list of str
        Takes up the names of fields that are neither numbers nor text.
    has_names : bool
        Whether the first field holds the names of the rows.

    Returns
    -------
    pandas.DataFrame
        With categories where `uns` has some for a field of whole numbers.
    """
    if not dataset.dtype.names or len(dataset.shape) != 1:
        raise broken(dataset, f"{dataset.name[:80]!r} is no table")
    require_readable(dataset)
    columns: dict[str, Column] = {}
    for name in dataset.dtype.names:
        values = read_field(dataset, name)
        categories = dataset.file.get(f"uns/{name}_categories")
        if values is None:
            left_out.append(name)
        elif values.dtype.kind in "iu" and isinstance(categories, h5py.Dataset):
            columns[name] = categorical(dataset, values, categories)
        else:
            columns[name] = values
    if not has_names:
        return pd.DataFrame(columns)
    first = dataset.dtype.names[0]
    if first not in columns:
        raise broken(dataset, f"{dataset.name[:80]!r} does not say what its rows are called")
    index = pd.Index(np.asarray(columns.pop(first)).astype(str), dtype=object)
    return pd.DataFrame(columns, index=index)
