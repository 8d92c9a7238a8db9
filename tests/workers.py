"""Real worker processes on small tasks, servers that can be killed, and patience with both."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil

from core import jobs
from core.jobs import launcher
from core.paths import runs_folder, uploads_folder

__all__ = [
    "PATIENCE",
    "as_server",
    "eventually",
    "files_of",
    "in_other_process",
    "is_working",
    "start_sleeper",
    "uploaded",
    "wait_for_all",
]

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60.0
Value = TypeVar("Value")


def nursery_if_warm() -> int | None:
    """Return the number of the nursery once it is ready to fork."""
    with launcher._nursery._lock:
        return launcher._nursery.pid if launcher._nursery._is_ready() else None


def is_working(pid: int) -> bool:
    """Whether there is such a process, and it is not only waiting to be buried."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(condition: Callable[[], Value]) -> Value:
    """Poll until `condition()` is true, and return it; the test fails when it never is."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert value
    return value


def start_sleeper(**config: Any) -> tuple[str, int, int]:
    """Start a run that sleeps, and return its id, its process and its child process."""
    run_id = jobs.start("sleep", config)
    pid, child = processes_of(run_id)
    assert is_working(pid)
    assert is_working(child)
    return run_id, pid, child


def processes_of(run_id: str) -> tuple[int, int]:
    """Return the process of a run that sleeps and that of its child, once it has begun."""
    (ready,) = eventually(lambda: jobs.get_database().events(run_id))
    return jobs.get_database().get(run_id).pid, ready.payload["child"]


def wait_for_all(run_ids: list[str]) -> list[jobs.Run]:
    """Wait for runs in an order that is none of the queue's business."""
    return [jobs.wait(run_id, PATIENCE) for run_id in run_ids]


def files_of(run_id: str) -> list[str]:
    """Return the names of what lies in the runs folder of a run."""
    return sorted(path.name for path in runs_folder().iterdir() if run_id in path.name)


def uploaded(name: str = "one") -> Path:
    """Put an upload in a folder of its own."""
    path = uploads_folder() / name / "cells.h5ad"
    path.parent.mkdir()
    path.write_text("cells")
    return path


def in_other_process(program: str, *arguments: str) -> str:
    """Return what a program printed that has run to its end."""
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def as_server(program: str, *arguments: str) -> tuple[subprocess.Popen[str], list[str]]:
    """Start a program that says something in one line and stays; return it and its words.

    It must be ended with :func:`kill`.
    """
    stay = program + "\nimport sys, time; sys.stdout.flush(); time.sleep(600)"
    command = [sys.executable, "-c", stay, *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    return process, process.stdout.readline().split()


def kill(process: subprocess.Popen[str]) -> None:
    """End a program as a power cut would."""
    process.kill()
    process.wait()
    process.stdout.close()
