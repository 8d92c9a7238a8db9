"""Data folders in which tests start real worker processes on small tasks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import jobs
from core.jobs import launcher, watcher
from tests.workers import ROOT, eventually, nursery_if_warm


@pytest.fixture
def worker_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give one test a data folder, the small tasks, three slots, and no watcher."""
    monkeypatch.setenv("NEEDLE_HOME", str(tmp_path))
    monkeypatch.delenv("NEEDLE_DATABASE_URL", raising=False)
    monkeypatch.setenv("NEEDLE_TASKS", "jobs_tasks_for_tests")
    path = [str(ROOT / "tests" / "unit"), str(ROOT)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setenv("NEEDLE_NURSERY", "0")
    monkeypatch.setenv("NEEDLE_WATCH", "0")
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "3")
    yield tmp_path
    watcher.stop()
    launcher._nursery.end()
    launcher._adopting.clear()
    database = jobs.get_database()
    # First those that wait, else each that is cancelled would make room for one of them.
    for run in sorted(database.runs(state=["queued", "running"]), key=lambda run: run.pid or 0):
        jobs.cancel(run.id)
    database.close()


@pytest.fixture
def warm_nursery(worker_home: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the process number of a nursery that is ready to fork."""
    monkeypatch.setenv("NEEDLE_NURSERY", "1")
    jobs.warm_up()
    return eventually(nursery_if_warm)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process, leader of its group, that has nothing to do with Needle."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()
