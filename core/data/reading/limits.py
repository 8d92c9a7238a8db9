"""How much a file may ask for before it is refused.

A file may claim anything: a few kilobytes can announce a matrix of terabytes, or unpack to one.
Readers ask here before they make room for what a file says it holds.
"""

from __future__ import annotations

import psutil

from core.errors import DataError

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

__all__ = [
    "FREE_EXPANSION",
    "MOST_EXPANSION",
    "memory_budget",
    "refuse_expansion",
    "require_expansion",
    "require_fits",
    "too_large",
]

# Real counts pack to a tenth or a fiftieth; only what was made to do harm shrinks further, and
# below FREE_EXPANSION (bytes, unpacked) it can do none.
MOST_EXPANSION = 200
FREE_EXPANSION = 100 * 2**20

_SHARE_OF_MEMORY = 0.8


def memory_budget() -> int:
    """Bytes that one file may take up in memory.

    Returns
    -------
    int
        The limit of this process (``RLIMIT_DATA`` or ``RLIMIT_AS``, whichever is lower) where one
        is set, and in any case no more than 80 % of the machine's memory.

    Examples
    --------
    >>> memory_budget() > 0
    True
    """
    budget = int(psutil.virtual_memory().total * _SHARE_OF_MEMORY)
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS) if resource else ():
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            budget = min(budget, soft)
    return budget


def require_fits(n_bytes: int, what: str, name: str) -> None:
    """Refuse what would not fit into memory, before room is made for it.

    Parameters
    ----------
    n_bytes : int
        Size in memory, as the file claims it.
    what : str
        What is that large, such as ``"its matrix"``.
    name : str
        The file's name.

    Raises
    ------
    DataError
        ``E-TOO-LARGE``.
    """
    budget = memory_budget()
    if n_bytes > budget:
        raise too_large(
            name, f"{what} would take {_gigabytes(n_bytes)}, and {_gigabytes(budget)} are there"
        )


def too_large(name: str, why: str = "it was used up while the file was read") -> DataError:
    """Make the refusal of a file that does not fit into memory: ``E-TOO-LARGE``."""
    return DataError(
        f"{name} does not fit into memory: {why}.",
        code="E-TOO-LARGE",
        next_step="Save the counts as a sparse matrix, or save fewer cells, and load that.",
    )


def require_expansion(n_unpacked: int, n_packed: int, name: str) -> None:
    """Refuse what unpacks to far more than real data do.

    Parameters
    ----------
    n_unpacked, n_packed : int
        Bytes so far, or as the file claims them.
    name : str
        The file's name.

    Raises
    ------
    DataError
        ``E-EXPANDS``.
    """
    if n_unpacked > max(FREE_EXPANSION, MOST_EXPANSION * n_packed):
        raise refuse_expansion(name)


def refuse_expansion(name: str) -> DataError:
    """Make the refusal of a file that unpacks to far more than real data do: ``E-EXPANDS``."""
    return DataError(
        f"{name} unpacks to more than {MOST_EXPANSION} times its size, which no real data do.",
        code="E-EXPANDS",
        next_step="Save the matrix anew, sparse or without compression, and load that.",
    )


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:,.1f} GB"
