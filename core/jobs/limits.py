"""How much of the machine runs may take: how many at once, threads, and memory."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from core.errors import ParameterError
from core.jobs.machine import core_count, total_memory
from core.jobs.reading_limits import read_minutes

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

__all__ = [
    "SINGLE_THREAD",
    "be_nice",
    "check_settings",
    "limit_memory",
    "max_runs",
    "memory_limit",
    "memory_of_all",
    "peak_memory",
    "thread_count",
    "thread_settings",
]

SHARE_OF_MEMORY = 0.8
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# Numba's own queue is the one of its threading layers that a process may fork with.
SINGLE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1") | {"NUMBA_THREADING_LAYER": "workqueue"}


def check_settings() -> None:
    """Refuse amounts that are none before anything is started with them.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` for ``NEEDLE_MAX_RUNS``, ``NEEDLE_MEMORY_LIMIT_GB``,
        ``NEEDLE_MEMORY_TOTAL_GB`` and ``NEEDLE_READ_MINUTES``.
    """
    max_runs()
    memory_limit()
    memory_of_all()
    read_minutes()


def max_runs() -> int:
    """How many runs may work at once: ``NEEDLE_MAX_RUNS``, else the cores but one, at least 1.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when the variable is not a whole number above 0.
    """
    chosen = os.environ.get("NEEDLE_MAX_RUNS", "")
    if not chosen:
        return max(1, core_count() - 1)
    with suppress(ValueError):
        if int(chosen) > 0:
            return int(chosen)
    raise ParameterError(
        f"`NEEDLE_MAX_RUNS` must be a whole number above 0. Got {chosen!r}.",
        code="E-PARAMETER",
        next_step="Set it to the runs that may work at once, or unset it.",
    )


def thread_count() -> int:
    """Threads of one run: half of the cores.

    The other half keeps the web server answering and has room for a second run.
    """
    return max(1, core_count() // 2)


def thread_settings() -> dict[str, str]:
    """Environment that sets :func:`thread_count`, and leaves the user's own settings alone."""
    return {name: os.environ.get(name, str(thread_count())) for name in THREAD_VARIABLES}


def memory_limit() -> int:
    """Bytes that one run may use: ``NEEDLE_MEMORY_LIMIT_GB``, else 80 % of the memory there is.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when the variable is not a number above 0.
    """
    return _gigabytes_chosen("NEEDLE_MEMORY_LIMIT_GB", "one run")


def memory_of_all() -> int:
    """Bytes for all runs together: ``NEEDLE_MEMORY_TOTAL_GB``, else 80 % of the memory there is.

    Raises
    ------
    ParameterError
        ``E-PARAMETER`` when the variable is not a number above 0.
    """
    return _gigabytes_chosen("NEEDLE_MEMORY_TOTAL_GB", "all runs together")


def be_nice(step: int = 5) -> None:
    """Give way to the web server, and to workers that are less nice, when cores are scarce."""
    if hasattr(os, "nice"):
        os.nice(step)


def limit_memory() -> None:
    """Make this process get a ``MemoryError`` before the machine runs out of memory.

    On Linux the limit is on what the process allocates (RLIMIT_DATA) rather than on its addresses
    (RLIMIT_AS): a dataset that is mapped from disk may be larger than the memory.
    """
    if resource is None:
        return
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    limit, (_, ceiling) = memory_limit(), resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        limit = min(limit, ceiling)
    with suppress(ValueError, OSError):  # some systems know the limit but do not set it
        resource.setrlimit(kind, (limit, ceiling))


def peak_memory() -> int | None:
    """Largest memory this process has held so far, in bytes; ``None`` where nobody knows."""
    # `getrusage` on Linux starts at the memory of the process that started this one, here the
    # web server; the kernel's own high-water mark starts at nothing.
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _gigabytes_chosen(variable: str, whom: str) -> int:
    chosen = os.environ.get(variable, "")
    if not chosen:
        return int(SHARE_OF_MEMORY * total_memory())
    with suppress(ValueError):
        if 0 < float(chosen) < float("inf"):
            return int(float(chosen) * 2**30)
    raise ParameterError(
        f"`{variable}` must be a number above 0. Got {chosen!r}.",
        code="E-PARAMETER",
        next_step=f"Set it to the gigabytes that {whom} may use, or unset it.",
    )
