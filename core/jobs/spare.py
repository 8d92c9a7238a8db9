"""Worker processes: a fresh one, and a spare one that is warm before it is needed.

Importing the science libraries takes seconds, and compiling UMAP some more. A spare worker has
that behind it: it waits on its standard input for the id of the one run it will work on.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from core.jobs.folders import log_file
from core.jobs.limits import thread_settings
from core.paths import data_folder, database_url, runs_folder

__all__ = ["Spare", "start_worker"]

ROOT = Path(__file__).resolve().parents[2]


def start_worker(run_id: str) -> subprocess.Popen[bytes]:
    """Start a process that works on one run and then ends."""
    with log_file(run_id).open("ab") as log:
        return _spawn(run_id, stdin=subprocess.DEVNULL, log=log)


class Spare:
    """Keeps one warm worker. Safe to use from many threads.

    The environment variable ``NEEDLE_SPARE=0`` turns it off.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: dict[str, str] = {}
        atexit.register(self.end)

    @property
    def pid(self) -> int | None:
        """Process number of the worker that waits; ``None`` without one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def renew(self) -> None:
        """See to it that a spare waits which fits the present settings."""
        with self._lock:
            if self._fits():
                return
            self._end()
            if os.environ.get("NEEDLE_SPARE") == "0":
                return
            self._settings = _settings()
            with (runs_folder() / "spare.log").open("wb") as log:
                self._process = _spawn("--spare", stdin=subprocess.PIPE, log=log)

    def take(self) -> subprocess.Popen[bytes] | None:
        """Hand out the spare, once; ``None`` when there is none that lives and fits.

        The caller writes the run's id to it with :func:`assign`.
        """
        with self._lock:
            if not self._fits():
                return None
            process, self._process = self._process, None
            return process

    def end(self) -> None:
        """End the spare. A worker that was taken is not a spare any more."""
        with self._lock:
            self._end()

    def _fits(self) -> bool:
        return self.pid is not None and self._settings == _settings()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.kill()
            process.wait()


def assign(process: subprocess.Popen[bytes], run_id: str) -> bool:
    """Tell a spare worker its run; False when it died meanwhile."""
    if process.stdin is None:
        return False
    try:
        with process.stdin as pipe:
            pipe.write(f"{run_id}\n".encode())
    except BrokenPipeError:
        return False
    return True


def _spawn(argument: str, *, stdin: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "core.jobs.worker", argument],
        stdin=stdin,
        stdout=log,
        stderr=subprocess.STDOUT,
        bufsize=0,
        cwd=ROOT,
        env=_environment(),
        start_new_session=True,
    )
    # Somebody has to wait for a process that ended, else it stays in the table as a zombie.
    threading.Thread(target=process.wait, name=f"wait for {process.pid}", daemon=True).start()
    return process


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    fixed = {"PYTHONPATH": path, "PYTHONFAULTHANDLER": "1"}
    return os.environ | thread_settings() | fixed | _settings()


def _settings() -> dict[str, str]:
    """Return what a worker must have been started with to fit the present settings."""
    named = {name: value for name, value in os.environ.items() if name.startswith("NEEDLE_")}
    return named | {"NEEDLE_HOME": str(data_folder()), "NEEDLE_DATABASE_URL": database_url()}
