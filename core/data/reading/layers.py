"""Which layers of a file are read beside its main matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import h5py

from core.data.reading.hdf5_storage import claimed_bytes
from core.data.reading.limits import memory_budget
from core.errors import Finding

__all__ = ["chosen_layers", "layers_left_out"]

# Names under which counts are kept; these are read first, and in any case.
COUNTS = ("counts", "raw_counts", "raw", "count", "umi", "umis", "umi_counts", "spliced")
_SHARE = 3


def chosen_layers(
    layers: Mapping[str, h5py.HLObject], n_bytes: int, *, needs_all: bool
) -> list[str]:
    """Name the layers to read: those that may be counts, and the others while there is room.

    Parameters
    ----------
    layers : mapping of str to h5py object
        Every layer of the file: datasets, or groups of datasets.
    n_bytes : int
        What the matrices that were read before take up.
    needs_all : bool
        Whether there is no main matrix, so that the user has to choose among all of them.

    Returns
    -------
    list of str
        In the order in which to read them. Whatever is no candidate for counts is left out as soon
        as all matrices together would take up more than a third of the memory for one file.
    """

    def rank(name: str) -> int:
        return COUNTS.index(name.lower()) if name.lower() in COUNTS else len(COUNTS)

    chosen, room = [], memory_budget() // _SHARE
    for name in sorted(layers, key=rank):
        n_bytes += _size(layers[name])
        if needs_all or rank(name) < len(COUNTS) or n_bytes <= room:
            chosen.append(name)
    return chosen


def layers_left_out(names: Iterable[str]) -> tuple[Finding, ...]:
    """``W-LAYERS-LEFT-OUT``, if there were any."""
    names = sorted(names)
    if not names:
        return ()
    some = ", ".join(repr(name[:80]) for name in names[:5])
    return (
        Finding(
            "W-LAYERS-LEFT-OUT",
            f"{len(names):,} layer(s) were not read, for want of memory: {some}.",
            "If one of them holds the counts, save it as `X` and load the file again.",
        ),
    )


def _size(thing: h5py.HLObject) -> int:
    parts = thing.values() if isinstance(thing, h5py.Group) else [thing]
    return sum(claimed_bytes(part) for part in parts if isinstance(part, h5py.Dataset))
