"""Worker processes: fresh ones, and on Linux the children of one that is warm already.

Importing the science libraries takes seconds, and UMAP compiles itself for some more. The nursery
is a process that has this behind it. It stays idle and single-threaded; for every run it forks a
child that works on just that run, in a session of its own, and so begins at once. Elsewhere, and
while the nursery is still warming up, a run gets a fresh process.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NoReturn

from threadpoolctl import threadpool_limits

from core.jobs.folders import log_file
from core.jobs.limits import SINGLE_THREAD, be_nice, thread_count, thread_settings
from core.paths import data_folder, database_url, runs_folder

__all__ = ["Nursery", "serve", "start_worker"]

ROOT = Path(__file__).resolve().parents[2]
READY = b"ready\n"
SECONDS_TO_FORK = 5.0


def start_worker(run_id: str) -> int:
    """Start a fresh process that works on one run and then ends; return its number."""
    with log_file(run_id).open("ab") as log:
        return _spawn(run_id, log, thread_settings()).pid


class Nursery:
    """The parent of warm workers. Safe to use from many threads.

    The environment variable ``NEEDLE_NURSERY=0`` turns it off.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: dict[str, str] = {}
        self._ready = False
        atexit.register(self.end)

    @property
    def pid(self) -> int | None:
        """Process number of the nursery; ``None`` without one."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def open(self) -> None:
        """See to it that there is a nursery which fits the present settings; do not wait for it."""
        with self._lock:
            if self._fits() or not _is_wanted():
                return
            self._end()
            self._settings, self._ready = _settings(), False
            with (runs_folder() / "nursery.log").open("wb") as log:
                # Threads do not survive a fork, so there must be none: the children start them.
                self._process = _spawn("--nursery", log, SINGLE_THREAD, stdin=subprocess.PIPE)

    def start(self, run_id: str) -> int | None:
        """Have a child work on a run; its process number, or ``None`` when the nursery cannot."""
        with self._lock:
            if not self._fits() or not self._is_ready():
                return None
            number = self._ask(run_id)
            if number is None:
                self._end()  # it died or hangs; the next one is opened with the next run
            return number

    def end(self) -> None:
        """End the nursery. Its children go on."""
        with self._lock:
            self._end()

    def _fits(self) -> bool:
        return self.pid is not None and self._settings == _settings()

    def _is_ready(self) -> bool:
        self._ready = self._ready or self._answer(seconds=0) == READY
        return self._ready

    def _ask(self, run_id: str) -> int | None:
        try:
            self._process.stdin.write(f"{run_id}\n".encode())
        except BrokenPipeError:
            return None
        answer = self._answer(seconds=SECONDS_TO_FORK)
        return int(answer) if answer.strip().isdigit() else None

    def _answer(self, *, seconds: float) -> bytes:
        replies = self._process.stdout
        readable, _, _ = select.select([replies], [], [], seconds)
        return replies.readline() if readable else b""

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.stdin.close()
            process.stdout.close()
            process.wait()


def serve(warm_up: Callable[[], None], work: Callable[[str], int]) -> int:
    """Be the nursery: warm up, then fork a child for every run id on the standard input.

    Parameters
    ----------
    warm_up : callable
        Imports and compiles what is slow.
    work : callable
        Does one run, given its id, and returns the exit status of the child.

    Returns
    -------
    int
        Exit status 0, when the standard input was closed because the server is gone.
    """
    replies = os.dup(1)
    os.dup2(2, 1)  # nothing that a library prints may look like a reply
    be_nice()  # a run that cannot wait for the nursery goes before
    warm_up()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system itself buries the children
    os.write(replies, READY)
    while line := sys.stdin.buffer.readline():
        if os.fork() == 0:
            _be_born(replies)
            _live(work, line.decode().strip())
    return 0


def _be_born(replies: int) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.write(replies, f"{os.getpid()}\n".encode())
    os.close(replies)
    threadpool_limits(thread_count())


def _live(work: Callable[[str], int], run_id: str) -> NoReturn:
    status = 1
    try:
        status = work(run_id)
    finally:
        # Without this the child would go on in the nursery's own loop, or run its exit handlers.
        os._exit(status)


def _is_wanted() -> bool:
    return sys.platform == "linux" and os.environ.get("NEEDLE_NURSERY") != "0"


def _spawn(
    argument: str, log: IO[bytes], threads: dict[str, str], *, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "core.jobs.worker", argument],
        stdin=stdin,
        stdout=log if stdin == subprocess.DEVNULL else subprocess.PIPE,
        stderr=log,
        bufsize=0,
        cwd=ROOT,
        env=_environment(threads),
        start_new_session=True,
    )
    # Somebody has to wait for a process that ended, else it stays in the table as a zombie.
    threading.Thread(target=process.wait, name=f"wait for {process.pid}", daemon=True).start()
    return process


def _environment(threads: dict[str, str]) -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    fixed = {"PYTHONPATH": path, "PYTHONFAULTHANDLER": "1"}
    return os.environ | threads | fixed | _settings()


def _settings() -> dict[str, str]:
    """Return what a worker must have been started with to fit the present settings."""
    named = {name: value for name, value in os.environ.items() if name.startswith("NEEDLE_")}
    return named | {"NEEDLE_HOME": str(data_folder()), "NEEDLE_DATABASE_URL": database_url()}
