"""How much of the machine one run may take: threads and memory."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from core.errors import ParameterError

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

__all__ = [
    "SINGLE_THREAD",
    "be_nice",
    "limit_memory",
    "memory_limit",
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
CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


# Numba's own queue is the one of its threading layers that a process may fork with.
SINGLE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1") | {"NUMBA_THREADING_LAYER": "workqueue"}


def thread_count() -> int:
    """Threads of one run: half of the cores.

    The other half keeps the web server answering and has room for a second run.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, cores // 2)


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
    chosen = os.environ.get("NEEDLE_MEMORY_LIMIT_GB", "")
    if not chosen:
        return int(SHARE_OF_MEMORY * _memory_of_machine())
    with suppress(ValueError):
        if 0 < float(chosen) < float("inf"):
            return int(float(chosen) * 2**30)
    raise ParameterError(
        f"`NEEDLE_MEMORY_LIMIT_GB` must be a number above 0. Got {chosen!r}.",
        code="E-PARAMETER",
        next_step="Set it to the gigabytes that one run may use, or unset it.",
    )


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


def _memory_of_machine() -> int:
    total = psutil.virtual_memory().total
    for file in CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # absent, or "max"
            total = min(total, int(file.read_text()))
    return total
