"""Uploaded files go when nobody is going to read them, and no others do."""

from __future__ import annotations

import os
import sys
import time

import pytest

from core import jobs
from core.errors import RunError
from core.jobs.schema import State
from core.paths import uploads_folder
from tests.workers import (
    PATIENCE,
    start_sleeper,
    uploaded,
)

pytestmark = [
    pytest.mark.usefixtures("worker_home"),
    pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX"),
]


def test_cancel_removes_the_upload_of_the_run_with_its_folder_and_no_other():
    mine, other = uploaded(), uploaded("two")
    run_id, _, _ = start_sleeper(path=str(mine), is_upload=True)
    assert mine.exists()
    jobs.cancel(run_id)
    assert not mine.parent.exists()
    assert other.exists()


def test_cancelling_a_finished_run_removes_no_file_of_its():
    path = uploaded()
    run_id = jobs.start("succeed", {"steps": 1, "path": str(path), "is_upload": True})
    jobs.wait(run_id, PATIENCE)
    jobs.cancel(run_id)
    assert path.exists()


@pytest.mark.parametrize("kind", ["vanish", "be_killed", "juggle"])
def test_the_upload_of_a_run_that_dies_or_never_begins_is_removed(kind):
    path = uploaded()
    run_id = jobs.start(kind, {"path": str(path), "is_upload": True})
    assert jobs.wait(run_id, PATIENCE).state is State.FAILED
    assert not path.parent.exists()


def test_the_upload_of_a_run_that_gets_no_process_is_removed(monkeypatch):
    path = uploaded()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RunError, match="refused to start a worker"):
        jobs.start("sleep", {"path": str(path), "is_upload": True})
    assert not path.parent.exists()


def test_a_file_that_is_no_upload_survives_the_end_of_its_run(worker_home):
    mine, outside = uploaded(), worker_home / "mine" / "cells.h5ad"
    outside.parent.mkdir()
    outside.write_text("cells")
    detour = uploads_folder() / "one" / ".." / ".." / "mine" / "cells.h5ad"
    (uploads_folder() / "door").symlink_to(outside.parent)
    through = uploads_folder() / "door" / "cells.h5ad"
    configs = [{"path": str(mine)}]
    configs += [{"path": str(p), "is_upload": True} for p in (outside, detour, through)]
    for config in configs:
        jobs.cancel(jobs.get_database().create("sleep", config))
    assert mine.exists()
    assert outside.exists()


def test_sweep_removes_uploads_older_than_a_day_that_no_run_is_going_to_read(worker_home):
    waiting, forgotten, young = uploaded("waiting"), uploaded("forgotten"), uploaded("young")
    loose, outside = uploads_folder() / "loose", worker_home / "outside"
    loose.touch()
    outside.mkdir()
    (uploads_folder() / "door").symlink_to(outside)
    day_ago = time.time() - 25 * 3600
    for path in (waiting, forgotten, loose, outside):
        for old in (path, path.parent):
            if old != worker_home:
                os.utime(old, (day_ago, day_ago))
    os.utime(uploads_folder() / "door", (day_ago, day_ago), follow_symlinks=False)
    jobs.get_database().create("sleep", {"path": str(waiting), "is_upload": True})
    jobs.sweep()
    assert sorted(path.name for path in uploads_folder().iterdir()) == ["waiting", "young"]
    assert waiting.exists()
    assert young.exists()
    assert outside.is_dir()
