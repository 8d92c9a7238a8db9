"""Read single values, names and columns from HDF5, whatever they turn out to be.

Only numbers, truth values and text are read. Everything else that HDF5 can hold (references,
nested tables, arrays of unequal length) has no business here, and crashes libraries when damaged.
"""

from __future__ import annotations

import h5py
import numpy as np
import numpy.typing as npt

from core.data.reading.hdf5_storage import broken, file_name, require_readable
from core.data.reading.limits import FREE_EXPANSION, memory_budget, require_fits

__all__ = [
    "attribute",
    "clean",
    "is_numeric",
    "is_text",
    "native",
    "numbers",
    "text_attribute",
    "texts",
    "vector",
]

LARGEST_ATTRIBUTE = 16 * 2**20
_BLOCK = 4096
_PLAIN = (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM, h5py.h5t.VLEN)


def is_numeric(dataset: h5py.Dataset) -> bool:
    """Whether the values are numbers or truth values."""
    return dataset.dtype.kind in "iufb" and dataset.shape is not None


def is_text(dataset: h5py.Dataset) -> bool:
    """Whether the values are text of any kind."""
    return h5py.check_string_dtype(dataset.dtype) is not None and dataset.shape is not None


def attribute(thing: h5py.HLObject, name: str, default: object = None) -> object:
    """Value of an attribute, if it is a plain one of an ordinary size.

    Raises
    ------
    DataError
        ``E-FILE-DAMAGED`` for anything else.
    """
    if name not in thing.attrs:
        return default
    raw = h5py.h5a.open(thing.id, name.encode())
    kind, size = raw.get_type(), int(np.prod(raw.shape or (1,), dtype=float))
    is_plain = kind.get_class() in _PLAIN and size * kind.get_size() <= LARGEST_ATTRIBUTE
    if kind.get_class() == h5py.h5t.VLEN and not h5py.check_string_dtype(raw.dtype):
        is_plain = False
    if not is_plain:
        raise broken(thing, f"{thing.name[:80]!r} says of itself what cannot be read ({name!r})")
    value = thing.attrs[name]
    return default if isinstance(value, h5py.Empty) else value


def text_attribute(thing: h5py.HLObject, name: str, default: str = "") -> str:
    """Value of an attribute as text; the first one, if there are several."""
    value = attribute(thing, name, default)
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else default
    return clean(value)


def numbers(dataset: h5py.Dataset, dtype: npt.DTypeLike = None) -> npt.NDArray:
    """All values of a dataset of numbers, in the byte order of this machine.

    Parameters
    ----------
    dataset : h5py.Dataset
        Of any shape.
    dtype : data-type, optional
        To convert to while reading, without a second copy. HDF5 sets what is out of its range to
        its largest or smallest number.

    Raises
    ------
    DataError
        ``E-FILE-DAMAGED`` when they are no numbers; ``E-TOO-LARGE``, ``E-EXPANDS``,
        ``E-HDF5-FILTER`` or ``E-FILE-LINKS`` before anything is read.
    """
    _require_dataset(dataset)
    if not is_numeric(dataset):
        raise broken(dataset, f"{dataset.name[:80]!r} should hold numbers, and does not")
    require_readable(dataset)
    wanted = np.dtype(dtype) if dtype is not None else native(dataset.dtype)
    n_bytes = int(np.prod(dataset.shape, dtype=float)) * wanted.itemsize
    require_fits(n_bytes, repr(dataset.name[:80]), file_name(dataset))
    if dataset.dtype == bool:
        # A damaged one may hold other bytes than 0 and 1, which NumPy takes for numbers.
        return dataset[()].view(np.uint8).astype(bool)
    if wanted == dataset.dtype:
        return dataset[()]
    return dataset.astype(wanted)[()]


def native(dtype: np.dtype) -> np.dtype:
    """Return the same kind of number as this machine computes with."""
    if dtype.kind == "f" and dtype.itemsize > 8:
        return np.dtype(np.float64)
    return dtype.newbyteorder("=")


def texts(dataset: h5py.Dataset) -> npt.NDArray[np.object_]:
    """All values of a one-dimensional dataset as text; numbers are written out.

    Text that is not UTF-8 is taken for Latin-1; characters NUL, which end a text for other
    programs, are left out.

    Returns
    -------
    array of shape (n,) of str

    Raises
    ------
    DataError
        As :func:`numbers`.
    """
    _require_dataset(dataset)
    if dataset.shape is None or len(dataset.shape) != 1:
        raise broken(dataset, f"{dataset.name[:80]!r} should be a list of names, and is not")
    if not is_text(dataset):
        return numbers(dataset).astype(str).astype(object)
    require_readable(dataset)
    out = np.empty(len(dataset), dtype=object)
    n_bytes = 0
    for start in range(0, len(out), _BLOCK):
        # Any number of names may point to one and the same long text in the file.
        block = [clean(value) for value in dataset[start : start + _BLOCK]]
        out[start : start + _BLOCK] = block
        n_bytes += sum(map(len, block))
        if n_bytes > FREE_EXPANSION and n_bytes > memory_budget() // 4:
            require_fits(4 * n_bytes, f"the text in {dataset.name[:80]!r}", file_name(dataset))
    return out


def vector(dataset: h5py.Dataset, n: int) -> npt.NDArray | None:
    """Return a column of numbers or text; ``None`` for what is neither, or not one-dimensional.

    Raises
    ------
    DataError
        ``E-FILE-DAMAGED`` when it has another length than `n`.
    """
    if dataset.shape is None or len(dataset.shape) != 1:
        return None
    if not is_numeric(dataset) and not is_text(dataset):
        return None
    if len(dataset) != n:
        raise broken(dataset, f"{dataset.name[:80]!r} has {len(dataset):,} values, not {n:,}")
    return texts(dataset) if is_text(dataset) else numbers(dataset)


def clean(value: object) -> str:
    """Any single value as text that files and screens can hold."""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            value = value.decode("latin-1")
    text = str(value).replace("\0", "")
    return text.encode("utf-8", "replace").decode()


def _require_dataset(thing: h5py.HLObject) -> None:
    if not isinstance(thing, h5py.Dataset):
        raise broken(thing, f"{thing.name[:80]!r} should hold values, and is a group")
