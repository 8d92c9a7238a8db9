"""Open an HDF5 file only after its structure was found harmless.

HDF5 lets a file borrow from others: by links into them, by datasets whose values lie in them, and
by views made of them. The library opens those files by itself, with the rights of the server, so
that an upload could name any file of the machine and have it read. A file can also be nested
without end, or claim datasets that no memory holds. All this is looked at first, object by object,
without following anything that leads out and without reading a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from core.data.formats import damaged
from core.data.reading.hdf5_heaps import has_endless_heap
from core.data.reading.hdf5_storage import borrows, file_name, require_own_values, require_written
from core.data.reading.limits import too_large
from core.errors import DataError

__all__ = ["opened", "require_harmless"]

# Far more than real cells need, and few enough to be walked through in seconds.
MOST_OBJECTS = 50_000
DEEPEST = 64

# What h5py, NumPy, pandas and anndata raise on files that are cut short, damaged or foreign.
DAMAGE = (
    OSError,
    AttributeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    AssertionError,
)


@contextmanager
def opened(path: Path, what: str) -> Iterator[h5py.File]:
    """Open a file for reading, once its structure was found harmless.

    Parameters
    ----------
    path : Path
        HDF5 file.
    what : str
        What it was recognised as, for the message on damage, such as ``"a loom file"``.

    Yields
    ------
    h5py.File

    Raises
    ------
    DataError
        See :func:`require_harmless`; ``E-FILE-DAMAGED`` when it, or the code that reads from it,
        meets damage; ``E-TOO-LARGE`` when that runs out of memory.
    """
    try:
        if has_endless_heap(path):
            raise ValueError("a heap leads nowhere")
        with h5py.File(path, "r") as file:
            require_harmless(file)
            yield file
    except DAMAGE as error:
        if isinstance(error, OSError) and "alloc" in str(error):
            raise too_large(path.name) from error  # HDF5's own words for want of memory
        raise damaged(path, what) from error
    except MemoryError as error:
        raise too_large(path.name) from error


def require_harmless(file: h5py.File) -> None:
    """Refuse a file whose structure is dangerous; only its structure is looked at.

    Parameters
    ----------
    file : h5py.File
        Open for reading.

    Raises
    ------
    DataError
        ``E-FILE-LINKS`` with an external or soft link, an external storage or a virtual dataset;
        ``E-TOO-DEEP`` with more objects, or deeper ones, than any real file has; ``E-TOO-LARGE``
        with a dataset that claims far more than there is.
    """
    waiting: list[tuple[h5py.HLObject, int]] = [(file, 0)]
    known: set[int] = set()
    n_links = 0
    while waiting:
        thing, depth = waiting.pop()
        if isinstance(thing, h5py.Dataset):
            require_own_values(thing)
            require_written(thing)
        if not isinstance(thing, h5py.Group):
            continue
        n_links += len(thing)  # asked before the names are listed
        if n_links > MOST_OBJECTS or depth > DEEPEST:
            raise _too_deep(file)
        for name, address in _hard_links(thing):
            # Hard links may lead round in circles.
            if address not in known:
                known.add(address)
                waiting.append((thing[name], depth + 1))


def _too_deep(file: h5py.File) -> DataError:
    return DataError(
        f"{file_name(file)} holds more than {MOST_OBJECTS:,} parts, or parts nested more than "
        f"{DEEPEST} deep, which no file of cells does.",
        code="E-TOO-DEEP",
        next_step="Save only the matrix, `obs` and `var` into a new file, and load that.",
    )


def _hard_links(group: h5py.Group) -> list[tuple[str, int]]:
    """Names in a group, and where in the file they lead.

    Objects are not asked for their address: HDF5 (2.0 and before) then measures their index of
    chunks too, and crashes where that is damaged.
    """
    found = []
    for name in group:
        link = group.id.links.get_info(name.encode("utf-8", "surrogateescape"))
        if link.type != h5py.h5l.TYPE_HARD:
            raise borrows(group)
        found.append((name, link.u))
    return found
