"""Read single columns of the tables of .h5ad files, in every layout that anndata has written."""

from __future__ import annotations

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from core.data.reading.hdf5_storage import broken, file_name
from core.data.reading.hdf5_values import (
    attribute,
    clean,
    is_numeric,
    is_text,
    native,
    numbers,
    text_attribute,
    texts,
    vector,
)
from core.errors import DataError

__all__ = ["Column", "categorical", "read_column", "read_field", "require_known"]

# What anndata has written so far; a part without an encoding is older than encodings.
KNOWN = {
    "": {""},
    "anndata": {"0.1.0"},
    "raw": {"0.1.0"},
    "dict": {"0.1.0"},
    "null": {"0.1.0"},
    "array": {"0.2.0"},
    "string-array": {"0.2.0"},
    "csr_matrix": {"0.1.0"},
    "csc_matrix": {"0.1.0"},
    "dataframe": {"0.1.0", "0.2.0"},
    "categorical": {"0.2.0"},
    "nullable-integer": {"0.1.0"},
    "nullable-boolean": {"0.1.0"},
    "nullable-string-array": {"0.1.0"},
}

Column = npt.NDArray | pd.Categorical


def require_known(thing: h5py.HLObject) -> str:
    """Encoding of a part of the file; empty in files older than encodings.

    Raises
    ------
    DataError
        ``E-LAYOUT-NEWER`` for a type or version of it that is not known.
    """
    kind = text_attribute(thing, "encoding-type")
    version = text_attribute(thing, "encoding-version")
    if kind in KNOWN and (version in KNOWN[kind] or not kind):
        return kind
    raise DataError(
        f"{file_name(thing)} holds {thing.name[:80]!r} as {kind[:80]!r}, version {version[:80]!r}, "
        "which is not a layout that Needle knows.",
        code="E-LAYOUT-NEWER",
        next_step="It may be newer than Needle: save the file with anndata 0.12 or older, or look "
        "for a newer version of Needle.",
    )


def read_column(thing: h5py.HLObject, n: int) -> Column | None:
    """Read a column of `n` values; ``None`` when it is in no layout that is known."""
    try:
        kind = require_known(thing)
    except DataError as error:
        if error.code == "E-LAYOUT-NEWER":
            return None
        raise
    if isinstance(thing, h5py.Group):
        if kind == "categorical":
            codes = _column_of(thing, "codes", n)
            is_ordered = bool(np.any(attribute(thing, "ordered", False)))
            return categorical(thing, codes, thing["categories"], ordered=is_ordered)
        return _read_nullable(thing, n) if kind.startswith("nullable-") else None
    column = vector(thing, n)
    if column is None or column.dtype.kind not in "iu":
        return column
    target = _categories_referred_to(thing)
    if target is None:
        # SeuratDisk writes the categories without referring to them.
        target = thing.parent.get(f"__categories/{thing.name.rsplit('/', 1)[-1]}")
        if not isinstance(target, h5py.Dataset) or column.max(initial=0) >= len(target):
            return column
    is_ordered = bool(np.any(attribute(target, "ordered", False)))
    return categorical(thing, column, target, ordered=is_ordered)


def _read_nullable(group: h5py.Group, n: int) -> npt.NDArray:
    """Numbers with NaN, text and truth values with None where there is none."""
    values, mask = _column_of(group, "values", n), _column_of(group, "mask", n).astype(bool)
    if not mask.any():
        return values
    values = values.astype(np.float64 if values.dtype.kind in "iuf" else object)
    values[mask] = np.nan if values.dtype.kind == "f" else None
    return values


def _column_of(group: h5py.Group, name: str, n: int) -> npt.NDArray:
    part = group.get(name)
    column = vector(part, n) if isinstance(part, h5py.Dataset) else None
    if column is None:
        raise broken(group, f"{group.name[:80]!r} lacks its {name!r}")
    return column


def categorical(
    thing: h5py.HLObject, codes: npt.NDArray, categories: h5py.Dataset, *, ordered: bool = False
) -> pd.Categorical:
    """Put codes and categories together, once they are found to fit."""
    names = pd.Index(_values_of(categories))
    if codes.dtype.kind not in "iu" or not names.is_unique:
        raise broken(thing, f"the categories of {thing.name[:80]!r} are not what they must be")
    if len(codes) and (codes.min() < -1 or int(codes.max()) >= len(names)):
        raise broken(thing, f"{thing.name[:80]!r} refers to categories that are not there")
    return pd.Categorical.from_codes(codes.astype(np.int64), names, ordered=ordered)


def _values_of(thing: h5py.HLObject) -> npt.NDArray:
    if isinstance(thing, h5py.Group) and "values" in thing:
        thing = thing["values"]
    if isinstance(thing, h5py.Dataset) and is_numeric(thing):
        return np.atleast_1d(numbers(thing))
    if isinstance(thing, h5py.Dataset) and thing.shape == () and is_text(thing):
        return np.array([clean(thing[()])], dtype=object)
    return texts(thing)


def _categories_referred_to(dataset: h5py.Dataset) -> h5py.Dataset | None:
    """Categories in the layout of anndata 0.7, which no link need lead to."""
    if "categories" not in dataset.attrs:
        return None
    raw = h5py.h5a.open(dataset.id, b"categories")
    if raw.shape != () or h5py.check_ref_dtype(raw.dtype) is not h5py.Reference:
        return None
    target = dataset.file[dataset.attrs["categories"]]
    if not isinstance(target, h5py.Dataset):
        raise broken(dataset, f"the categories of {dataset.name[:80]!r} are no list")
    return target


def read_field(dataset: h5py.Dataset, name: str) -> npt.NDArray | None:
    """Read a field of a table of records; ``None`` when it is neither numbers nor text."""
    kind = dataset.dtype[name]
    if kind.kind in "iufb":
        return dataset.fields(name)[()].astype(native(kind))
    if kind.kind == "S" or h5py.check_string_dtype(kind):
        return np.array([clean(value) for value in dataset.fields(name)[()]], dtype=object)
    return None
