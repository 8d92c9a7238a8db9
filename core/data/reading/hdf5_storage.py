"""How the values of an HDF5 dataset are stored, and whether they can be read without harm."""

from __future__ import annotations

import math
from pathlib import Path

import h5py

from core.data.reading.limits import FREE_EXPANSION, MOST_EXPANSION, require_expansion, require_fits
from core.errors import DataError

__all__ = [
    "borrows",
    "broken",
    "claimed_bytes",
    "file_name",
    "require_own_values",
    "require_readable",
    "require_written",
]

# Filters that the HDF Group has registered and that single-cell files are known to use.
_FILTERS = {
    1: "gzip",
    2: "shuffle",
    3: "fletcher32",
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    305: "lzo",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32017: "sz",
    32018: "fcidecomp",
    32019: "jpeg",
    32022: "bitgroom",
    32024: "sz3",
    32026: "blosc2",
}


def file_name(thing: h5py.HLObject) -> str:
    """Name of the file that an object lies in, without its folders."""
    return Path(thing.file.filename).name


def borrows(thing: h5py.HLObject) -> DataError:
    """Make the refusal of a file that refers to others: ``E-FILE-LINKS``."""
    return DataError(
        f"{file_name(thing)} refers to other files or places, which Needle never follows.",
        code="E-FILE-LINKS",
        next_step="Save it anew with `adata.write_h5ad('cells.h5ad')`, which puts everything "
        "into one file, and load that.",
    )


def broken(thing: h5py.HLObject, reason: str) -> DataError:
    """Make the refusal of a file whose parts do not fit together: ``E-FILE-DAMAGED``.

    Parameters
    ----------
    thing : h5py object
        Any part of the file.
    reason : str
        What was seen, as the end of a sentence.
    """
    return DataError(
        f"{file_name(thing)} is damaged: {reason}.",
        code="E-FILE-DAMAGED",
        next_step="Save it anew from the program that made it, and load that.",
    )


def claimed_bytes(dataset: h5py.Dataset) -> int:
    """Size that a dataset says it has, in bytes, before anything is unpacked."""
    return math.prod(dataset.shape or (0,)) * dataset.id.get_type().get_size()


def require_own_values(dataset: h5py.Dataset) -> None:
    """Refuse values that lie in another file.

    Raises
    ------
    DataError
        ``E-FILE-LINKS``.
    """
    if dataset.is_virtual or dataset.external:
        raise borrows(dataset)


def require_written(dataset: h5py.Dataset) -> None:
    """Refuse a large dataset that is hardly there: only its claim would fill the memory.

    Raises
    ------
    DataError
        ``E-TOO-LARGE``.
    """
    claimed, stored = claimed_bytes(dataset), _stored_bytes(dataset)
    is_packed = dataset.id.get_create_plist().get_nfilters() > 0 and stored > 0
    if claimed > FREE_EXPANSION and claimed > MOST_EXPANSION * stored and not is_packed:
        raise DataError(
            f"{file_name(dataset)} claims {claimed / 1e9:,.1f} GB in {dataset.name[:80]!r}, of "
            f"which {stored / 1e6:,.1f} MB are there.",
            code="E-TOO-LARGE",
            next_step="Save only the matrix, `obs` and `var` into a new file, and load that.",
        )


def require_readable(dataset: h5py.Dataset) -> None:
    """Refuse a dataset that cannot be read, or does harm when it is; called before it is.

    Raises
    ------
    DataError
        ``E-FILE-LINKS``, ``E-TOO-LARGE``, ``E-HDF5-FILTER`` with name and number of the filter
        that is missing, or ``E-EXPANDS``.
    """
    require_own_values(dataset)
    require_written(dataset)
    _require_filters(dataset)
    name = file_name(dataset)
    # A chunk is unpacked as a whole, also where it reaches beyond the dataset.
    chunk = math.prod(dataset.chunks or (0,)) * dataset.id.get_type().get_size()
    unpacked = max(claimed_bytes(dataset), chunk)
    if dataset.chunks:
        require_expansion(unpacked, _stored_bytes(dataset), name)
    require_fits(chunk, f"a part of {dataset.name[:80]!r}", name)


def _require_filters(dataset: h5py.Dataset) -> None:
    plan = dataset.id.get_create_plist()
    for number, _, _, title in map(plan.get_filter, range(plan.get_nfilters())):
        if not h5py.h5z.filter_avail(number):
            known = _FILTERS.get(number) or title.decode("ascii", "replace")[:40].strip()
            raise DataError(
                f"{file_name(dataset)} is compressed with {known or 'a filter'} ({number}) in "
                f"{dataset.name[:80]!r}, which cannot be unpacked here.",
                code="E-HDF5-FILTER",
                next_step="Save it anew with `adata.write_h5ad('cells.h5ad', compression='gzip')` "
                "and load that.",
            )


def _stored_bytes(dataset: h5py.Dataset) -> int:
    """Bytes on disk; a damaged file may claim more than it has."""
    return min(dataset.id.get_storage_size(), Path(dataset.file.filename).stat().st_size)
