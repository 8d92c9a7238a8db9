"""A PostgreSQL server of the tests' own, from the system's packages, and databases in it.

A test module that wants them says ``pytest_plugins = ["tests.postgres"]``.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import miss

__all__ = ["either_url", "postgres_server", "postgres_url"]

PROGRAMS = ("initdb", "postgres")
LOCALE = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
# A private server that is thrown away need not survive a power cut.
SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
)


class Server:
    """One running server; its files lie in a temporary folder and go with it."""

    def __init__(self, programs: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="needle-pg-", dir="/tmp"))
        self._account = _account()
        if self._account:
            shutil.chown(self.folder, *self._account)
        self.port = _free_port()
        self._numbers = itertools.count(1)
        data = self.folder / "data"
        self._call(
            programs / "initdb", "--pgdata", data, "--username=needle", "--auth=trust",
            "--encoding=UTF8", f"--locale={LOCALE}", "--no-sync",
        )  # fmt: skip
        settings = [
            part for setting in (*SETTINGS, f"port={self.port}") for part in ("-c", setting)
        ]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [programs / "postgres", "-D", data, *settings],
                stdout=log, stderr=subprocess.STDOUT, **self._as_account,
            )  # fmt: skip
        self._wait()

    def new_url(self) -> str:
        """Make an empty place for tables and return its SQLAlchemy URL."""
        # A schema of its own, because a database of its own takes a hundred times as long.
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        where = f"127.0.0.1:{self.port}/postgres"
        return f"postgresql+psycopg://needle:secret@{where}?options=-csearch_path%3D{name}"

    def stop(self) -> None:
        """End the server at once, whoever is still connected, and remove its files."""
        self._process.send_signal(signal.SIGQUIT)  # without writing down what is thrown away
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _address(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=needle dbname=postgres connect_timeout=5"

    @property
    def _as_account(self) -> dict[str, object]:
        if self._account is None:
            return {"cwd": self.folder}
        user, group = self._account  # PostgreSQL refuses to run as the superuser
        return {"cwd": self.folder, "user": user, "group": group, "extra_groups": []}

    def _call(self, *command: object) -> None:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, **self._as_account
        )
        assert done.returncode == 0, done.stderr

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self._address).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Give the tests one server for all; without PostgreSQL, skip, but fail in CI."""
    programs = find_programs()
    if programs is None:
        miss("No PostgreSQL server (programs initdb and postgres) is installed.")
    if os.geteuid() == 0 and _account() is None:
        miss("PostgreSQL refuses to run as the superuser, and there is no user `postgres`.")
    server = Server(programs)
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: Server) -> str:
    """Give one test an empty database."""
    return postgres_server.new_url()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Run a test twice, with a new database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'runs.db'}"
    return request.getfixturevalue("postgres_url")


def find_programs() -> Path | None:
    """Return the folder with the programs of the newest PostgreSQL server."""
    packaged = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    on_path = shutil.which("postgres")
    folders = [*reversed(packaged), *([Path(on_path).resolve().parent] if on_path else [])]
    complete = (path for path in folders if all((path / name).exists() for name in PROGRAMS))
    return next(complete, None)


def _account() -> tuple[int, int] | None:
    """User and group that the server runs as; ``None`` for those of the tests."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
