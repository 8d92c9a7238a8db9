"""What the machine has, or the container that Needle runs in: cores and memory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["available_memory", "core_count", "total_memory"]

# Of both versions of Linux's control groups: folder, and names of limit, use and file cache in it.
CONTAINERS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    (
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)


def core_count() -> int:
    """Cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def total_memory() -> int:
    """Bytes of memory of this machine, or of the container in it."""
    total = psutil.virtual_memory().total
    for folder, limit, _, _ in CONTAINERS:
        with suppress(OSError, ValueError):  # absent, or "max"
            total = min(total, int((folder / limit).read_text()))
    return total


def available_memory() -> int:
    """Bytes that a new process could have now without pushing anything out of memory."""
    available = psutil.virtual_memory().available
    for folder, limit, used, reclaimable in CONTAINERS:
        with suppress(OSError, ValueError):  # absent, or "max"
            total = int((folder / limit).read_text())
            held = int((folder / used).read_text()) - _reclaimable(folder, reclaimable)
            available = min(available, total - held)
    return max(available, 0)


def _reclaimable(folder: Path, name: str) -> int:
    """Bytes that a container holds only because it read files, and gives back when asked."""
    for line in (folder / "memory.stat").read_text().splitlines():
        if line.startswith(f"{name} "):
            return int(line.split()[1])
    return 0
