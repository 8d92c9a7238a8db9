"""What a process that reads somebody's file may use beside memory: time, and room on the disk.

A file may be built to keep its reader busy for ever, or to fill the disk.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

from core.errors import DataError, ParameterError

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

__all__ = ["limit_reading", "out_of_time", "read_minutes"]

MINUTES = 30.0
# Python can act on the first limit only between two of its own steps; at the second, the system
# ends a process that is stuck inside a library.
SECONDS_OF_GRACE = 60
MOST_BYTES_WRITTEN = 64 * 2**30


def read_minutes() -> float:
    """Minutes of computing that reading one file may take: ``NEEDLE_READ_MINUTES``, else 30.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when the variable is not a number above 0.

    Examples
    --------
    >>> read_minutes()
    30.0
    """
    chosen = os.environ.get("NEEDLE_READ_MINUTES", "")
    if not chosen:
        return MINUTES
    with suppress(ValueError):
        if 0 < float(chosen) < float("inf"):
            return float(chosen)
    raise ParameterError(
        f"`NEEDLE_READ_MINUTES` must be a number above 0. Got {chosen!r}.",
        code="E-PARAMETER",
        next_step="Set it to the minutes that reading one file may take, or unset it.",
    )


def limit_reading() -> None:
    """Limit the computing time of this process and the size of the files that it writes.

    When its time is up it gets a :class:`DataError` (``E-READ-TIME``), and is ended a minute later
    if it goes on. It leaves no image of its memory behind when it crashes.
    """
    if resource is None:
        return
    seconds = max(1, int(read_minutes() * 60))
    signal.signal(signal.SIGXCPU, _stop)
    _limit(resource.RLIMIT_CPU, seconds, seconds + SECONDS_OF_GRACE)
    _limit(resource.RLIMIT_FSIZE, MOST_BYTES_WRITTEN, MOST_BYTES_WRITTEN)
    _limit(resource.RLIMIT_CORE, 0, 0)


def out_of_time() -> DataError:
    """Refusal of a file that takes too long to read."""
    return DataError(
        f"Reading this file took more than the {read_minutes():g} minutes of computing that it "
        "may take.",
        code="E-READ-TIME",
        next_step="Save it as .h5ad with a sparse matrix, which is read fastest, or allow more "
        "with NEEDLE_READ_MINUTES.",
    )


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)  # it comes every second, also to who clears up
    raise out_of_time()


def _limit(kind: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    with suppress(ValueError, OSError):  # some systems know a limit but do not set it
        resource.setrlimit(kind, (soft, hard))
