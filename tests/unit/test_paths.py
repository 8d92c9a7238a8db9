"""Where files go, and what happens when they cannot go there."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

from core import paths
from core.errors import NeedleError, RunError


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "deep" / "home"
    monkeypatch.setenv("NEEDLE_HOME", str(folder))
    monkeypatch.delenv("NEEDLE_DATABASE_URL", raising=False)
    return folder


def test_needle_home_is_the_data_folder_and_is_made_when_missing(home):
    assert not home.exists()
    assert paths.data_folder() == home
    assert home.is_dir()


@pytest.mark.parametrize("name", ["datasets", "models", "runs", "uploads"])
def test_each_kind_of_file_has_its_folder_in_the_data_folder(home, name):
    folder = getattr(paths, f"{name}_folder")()
    assert folder == home / name
    assert folder.is_dir()


def test_without_needle_home_it_is_the_users_own_data_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("NEEDLE_HOME", raising=False)
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda name, **_: str(tmp_path / name))
    assert paths.data_folder() == tmp_path / "needle"


def test_a_relative_home_becomes_absolute_because_workers_run_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEEDLE_HOME", "here")
    assert paths.data_folder() == tmp_path / "here"


def test_a_tilde_means_the_home_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NEEDLE_HOME", "~/needle")
    assert paths.data_folder() == tmp_path / "needle"


def test_a_folder_that_cannot_be_made_is_refused_by_name(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("NEEDLE_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(RunError, match="file/home, but cannot: Not a directory") as refusal:
        paths.runs_folder()
    assert refusal.value.code == "E-FOLDER"
    assert "NEEDLE_HOME" in refusal.value.next_step


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)
def test_a_write_protected_folder_is_refused_by_name(tmp_path, monkeypatch):
    tmp_path.chmod(0o500)
    monkeypatch.setenv("NEEDLE_HOME", str(tmp_path))
    try:
        with pytest.raises(NeedleError, match=f"{tmp_path.name}, but cannot: it is write-prot"):
            paths.data_folder()
    finally:
        tmp_path.chmod(0o700)


def test_folders_that_can_be_written_are_made_checked_and_left_empty(home):
    paths.check_folders()
    folders = [home, *(home / name for name in ("datasets", "models", "runs", "uploads"))]
    assert sorted(home.rglob("*")) == sorted(folders[1:])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs a folder of the kernel's")
def test_a_folder_that_only_seems_writable_is_refused_even_to_the_superuser(monkeypatch):
    folder = Path("/proc/self/task")
    monkeypatch.setattr(paths.os, "access", lambda *_: True)
    monkeypatch.setenv("NEEDLE_HOME", str(folder))
    assert paths.data_folder() == folder
    with pytest.raises(RunError, match=f"write to the folder {folder}, but cannot: ") as refusal:
        paths.check_folders()
    assert refusal.value.code == "E-FOLDER"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the disk that is always full")
def test_a_full_disk_has_a_sentence_of_its_own(home, monkeypatch):
    monkeypatch.setattr(paths, "TemporaryFile", lambda dir: open("/dev/full", "wb"))  # noqa: SIM115
    with pytest.raises(RunError, match=f"folder {home}, but no space is left there") as refusal:
        paths.check_folders()
    assert refusal.value.code == "E-FOLDER"
    assert "Remove files" in refusal.value.next_step


def test_the_database_is_a_file_in_the_data_folder_unless_a_url_is_named(home, monkeypatch):
    url = paths.database_url()
    assert url.startswith("sqlite:///")
    assert Path(url.removeprefix("sqlite:///")).parent == home
    monkeypatch.setenv("NEEDLE_DATABASE_URL", "postgresql+psycopg://db/needle")
    assert paths.database_url() == "postgresql+psycopg://db/needle"
