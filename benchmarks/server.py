"""A server of the app with a data folder of its own, for measurements and tests of the whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["AppServer"]

ROOT = Path(__file__).resolve().parents[1]
SECONDS_TO_START = 120
SECONDS_TO_STOP = 15


class AppServer:
    """The app on a free port of this machine; the log is kept beside the data folder.

    Parameters
    ----------
    home : Path
        Data folder.
    **settings : str
        Further environment variables, such as ``NEEDLE_MAX_RUNS``.
    """

    def __init__(self, home: Path, **settings: str) -> None:
        port = _free_port()
        self.url = f"http://localhost:{port}"
        self.log = home.with_name(f"{home.name}-server.log")
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        command += ["--server.address", "localhost", "--server.port", str(port)]
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=_environment() | {"NEEDLE_HOME": str(home)} | settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def await_health(self) -> Self:
        """Return when the server answers.

        Raises
        ------
        RuntimeError
            When it ends, or stays silent for two minutes.
        """
        end = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < end and self.process.poll() is None:
            with suppress(urllib.error.URLError, TimeoutError, ConnectionError):
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2).close()
                return self
            time.sleep(0.1)
        raise RuntimeError(f"The app did not start:\n{self.log.read_text(errors='replace')}")

    def stop(self) -> None:
        """End it as Ctrl-C does, and by force when it does not end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash or the system would; its workers are left alone."""
        self.process.kill()
        self.process.wait()


def _environment() -> dict[str, str]:
    ours = ("NEEDLE_", "STREAMLIT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]
