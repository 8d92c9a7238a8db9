"""Uploaded files go when nobody is going to read them, and no others do."""

from __future__ import annotations

import errno
import io
import os
import sys
import time
from pathlib import Path

import pytest

from core import jobs
from core.errors import RunError
from core.jobs.schema import State
from core.jobs.uploads import has_upload, keep_upload, remove_upload
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


def test_one_file_is_kept_under_its_own_name():
    config = keep_upload([("my cells.h5ad", io.BytesIO(b"cells"))])
    path = Path(config["path"])
    assert config == {"path": str(path), "is_upload": True}
    assert (path.name, path.read_bytes()) == ("my cells.h5ad", b"cells")
    assert path.parent.parent == uploads_folder()


def test_several_files_are_kept_side_by_side_also_under_one_name():
    config = keep_upload([(name, io.BytesIO(name.encode())) for name in ("a?b", "a*b", "c")])
    kept = [Path(path) for path in config["paths"]]
    assert [path.read_text() for path in kept] == ["a?b", "a*b", "c"]
    assert len(set(kept)) == 3
    assert {path.parent for path in kept} == {Path(config["path"])}


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (("a", "a/b", "a/c"), ("a", "1-a/b", "1-a/c")),
        (("a", "a/b/c"), ("a", "1-a/b/c")),
        (("a/b", "a"), ("a/b", "1-a")),
        (("run/a", "run/a/b", "run/a/b/c"), ("run/a", "run/1-a/b", "run/1-a/1-b/c")),
    ],
    ids=str,
)
def test_a_file_may_be_called_like_a_folder(names, kept):
    keep_upload([(name, io.BytesIO(name.encode())) for name in names])
    (folder,) = uploads_folder().iterdir()
    for name, path in zip(names, kept, strict=True):
        assert (folder / path).read_text() == name


def test_a_long_name_in_letters_of_several_bytes_is_kept():
    path = Path(keep_upload([("細胞" * 60 + ".csv", io.BytesIO(b"x"))])["path"])
    assert path.read_bytes() == b"x"
    assert path.suffix == ".csv"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("run/outs/matrix.mtx", "run/outs/matrix.mtx"),
        ("run\\matrix.mtx", "run/matrix.mtx"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..", "upload"),
        ("", "upload"),
        (".hidden", "hidden"),
        ("a\0b\nc<d>", "a_b_c_d_"),
        ("x" * 300, "x" * 100),
    ],
    ids=str,
)
def test_no_name_leads_out_of_the_folder_of_its_upload(name, kept):
    path = Path(keep_upload([(name, io.BytesIO(b""))])["path"])
    (folder,) = uploads_folder().iterdir()
    (file,) = (p for p in folder.rglob("*") if p.is_file())
    assert str(file.relative_to(folder)) == kept
    assert path == (file if "/" not in kept else folder / kept.partition("/")[0])


def test_a_folder_is_one_path_and_goes_as_a_whole():
    files = [(f"run/{name}", io.BytesIO(b"x")) for name in ("a", "b", "deep/c")]
    config = keep_upload(files)
    folder = Path(config["path"])
    assert "paths" not in config
    assert (folder.name, len(list(folder.rglob("*")))) == ("run", 4)
    assert has_upload(config)
    remove_upload(folder)
    assert not has_upload(config)
    assert list(uploads_folder().iterdir()) == []


def test_several_files_go_together():
    config = keep_upload([("a", io.BytesIO(b"x")), ("b", io.BytesIO(b"x"))])
    remove_upload(Path(config["path"]))
    assert list(uploads_folder().iterdir()) == []


def test_the_folder_of_all_uploads_and_what_is_outside_are_never_removed(worker_home):
    other, outside = uploaded("other"), worker_home / "mine"
    outside.mkdir()
    (uploads_folder() / "door").symlink_to(outside)
    for path in (
        uploads_folder(),
        uploads_folder() / "other" / "..",
        uploads_folder() / "..",
        uploads_folder() / "other" / ".." / "..",
        uploads_folder() / "door" / "..",
        outside,
    ):
        remove_upload(path)
    assert other.exists()
    assert outside.is_dir()


def test_without_room_on_the_disk_nothing_of_an_upload_stays():
    class Endless(io.BytesIO):
        def read(self, size=-1):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunError, match="no room left") as caught:
        keep_upload([("a", io.BytesIO(b"x")), ("b", Endless())])
    assert caught.value.code == "E-DISK-FULL"
    assert list(uploads_folder().iterdir()) == []
