"""Who this process is, whether another one lives, and how a worker and its offspring are ended."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import NoReturn

import psutil

__all__ = [
    "end_group",
    "end_own_group",
    "is_alive",
    "is_running",
    "process_of",
    "time_started",
]

# Start times are computed from the boot time, which moves a little when the clock is set.
# A process number that comes again within this many seconds is not a thing to fear.
CLOCK_SLACK = 5.0
PATIENCE = 0.8
POLL = 0.02


def time_started(pid: int) -> float | None:
    """Seconds since 1970 at which a process was created; ``None`` when it is gone."""
    with suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return None


def is_alive(pid: int | None, started: float | None) -> bool:
    """Whether process `pid` still is the one that was created at `started`, and works."""
    process = process_of(pid, started)
    return process is not None and is_running(process)


def process_of(pid: int | None, started: float | None) -> psutil.Process | None:
    """Return process `pid` if it still is the one that was created at `started`."""
    if pid is None or started is None:
        return None
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return process if abs(process.create_time() - started) < CLOCK_SLACK else None
    return None


def is_running(process: psutil.Process) -> bool:
    """Whether a process works; however the clock was set since it was looked up."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def end_group(pid: int | None, started: float | None) -> None:
    """End a worker with its process group: politely, and within a second by force.

    Does nothing when the group is gone or when its number belongs to somebody else by now.

    Parameters
    ----------
    pid, started : int or None, float or None
        Number and creation time of the worker, who leads its group.
    """
    if pid is None or started is None:
        return
    for force in (False, True):
        members = _living_group(pid, started)
        if not members:
            return
        _signal_group(pid, members, force=force)
        _await_end(pid, started)


def end_own_group() -> NoReturn:
    """End this process, a worker, by force, with all that it started."""
    own = os.getpid()
    for candidate in _candidates(own):
        if candidate != own:
            with suppress(psutil.Error):
                psutil.Process(candidate).kill()
    os._exit(1)


def _await_end(pid: int, started: float) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and _living_group(pid, started):
        time.sleep(POLL)


def _living_group(pid: int, started: float) -> list[psutil.Process]:
    owner = time_started(pid)
    if owner is not None and abs(owner - started) >= CLOCK_SLACK:
        return []
    # A leader that crashed may leave children behind; they keep its number reserved.
    members = []
    for candidate in _candidates(pid):
        with suppress(psutil.Error):
            process = psutil.Process(candidate)
            young = process.create_time() > started - CLOCK_SLACK
            if young and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def _candidates(pid: int) -> list[int]:
    if not hasattr(os, "getpgid"):  # Windows has no process groups: the worker and its offspring
        with suppress(psutil.Error):
            leader = psutil.Process(pid)
            return [pid, *(child.pid for child in leader.children(recursive=True))]
        return []
    return [candidate for candidate in psutil.pids() if _group_of(candidate) == pid]


def _group_of(pid: int) -> int | None:
    with suppress(OSError):
        return os.getpgid(pid)
    return None


def _signal_group(pid: int, members: list[psutil.Process], *, force: bool) -> None:
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL if force else signal.SIGTERM)
        return
    for process in members:
        with suppress(psutil.Error):
            process.kill()
