"""Whether an HDF5 file is whole in itself, found out without following anything that leads out.

HDF5 lets a file borrow from others: by links into them, by datasets whose values lie in them, and
by views made of them. The library opens those files by itself, with the rights of the server, so
that an upload could name any file of the machine and have it read.
"""

from __future__ import annotations

from collections.abc import Iterator

import h5py

__all__ = ["refers_elsewhere"]

# Far more than real cells need, and few enough to be walked through in seconds.
MOST_OBJECTS = 50_000
DEEPEST = 64

_Found = tuple[h5py.HLObject, int]


def refers_elsewhere(file: h5py.File) -> bool:
    """Whether a file has anything but links to its own objects and values of its own.

    Parameters
    ----------
    file : h5py.File
        Open for reading. Only its structure is looked at, never a dataset's values.

    Returns
    -------
    bool
        True with an external or soft link, an external storage or a virtual dataset.

    Raises
    ------
    ValueError
        When there are more objects, or deeper ones, than any real file has.
    """
    waiting: list[_Found] = [(file, 0)]
    known, n_links = {_address(file)}, 0
    while waiting:
        thing, depth = waiting.pop()
        if isinstance(thing, h5py.Dataset) and (thing.is_virtual or thing.external):
            return True
        if isinstance(thing, h5py.Group):
            n_links += len(thing)  # asked before the names are listed
            if n_links > MOST_OBJECTS or depth > DEEPEST:
                raise ValueError("there are too many objects, or they are nested too deeply")
            if not all(_is_hard(thing, name) for name in thing):
                return True
        for found in _objects_of(thing):
            # Hard links may lead round in circles.
            if (address := _address(found)) not in known:
                known.add(address)
                waiting.append((found, depth + 1))
    return False


def _is_hard(group: h5py.Group, name: str) -> bool:
    return isinstance(group.get(name, getlink=True), h5py.HardLink)


def _objects_of(thing: h5py.HLObject) -> Iterator[h5py.HLObject]:
    if isinstance(thing, h5py.Group):
        yield from (thing[name] for name in thing)
    elif "categories" in thing.attrs:
        # Old files refer to the categories of a column so, and no link need lead there.
        reference = thing.attrs["categories"]
        if isinstance(reference, h5py.Reference):
            yield thing.file[reference]


def _address(thing: h5py.HLObject) -> int:
    return h5py.h5o.get_info(thing.id).addr
