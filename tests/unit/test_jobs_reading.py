"""A reader that dies is a refusal of its file; it may not compute for ever nor fill the disk."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from core import jobs
from core.errors import ParameterError
from core.jobs import reading_limits
from core.jobs.causes import killed
from core.jobs.database import get_database
from core.jobs.folders import log_file
from core.jobs.limits import check_settings
from core.jobs.reading_limits import read_minutes
from core.jobs.schema import State
from tests.workers import PATIENCE, uploaded

pytestmark = [
    pytest.mark.usefixtures("worker_home"),
    pytest.mark.skipif(sys.platform == "win32", reason="limits are a thing of POSIX"),
]


def read(**config):
    path = uploaded()
    run_id = jobs.start("read", {"path": str(path), "is_upload": True} | config)
    run = jobs.wait(run_id, PATIENCE)
    assert not path.exists(), "nobody is going to read it again"
    return run


def test_a_reader_that_crashes_refuses_the_file():
    run = read(signal=int(signal.SIGSEGV))
    assert (run.state, run.error["code"]) == (State.FAILED, "E-READER-DIED")
    assert run.error["message"] == (
        "The file could not be read: the process that reads it was stopped (it crashed on what is "
        "in the file)."
    )
    assert "save it anew" in run.error["next_step"]
    assert not jobs.can_resume(run)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT], ids=["killed", "aborted"])
def test_a_reader_that_is_ended_refuses_the_file(number):
    run = read(signal=int(number))
    assert (run.state, run.error["code"]) == (State.FAILED, "E-READER-DIED")
    reason = "probably out of memory" if number == signal.SIGKILL else "it crashed"
    assert reason in run.error["message"]
    assert "Resume" not in str(run.error)


def test_a_reader_that_computes_for_too_long_refuses_the_file(monkeypatch):
    monkeypatch.setenv("NEEDLE_READ_MINUTES", "0.02")
    run = read()
    assert (run.state, run.error["code"]) == (State.FAILED, "E-READ-TIME")
    assert "more than the 0.02 minutes" in run.error["message"]
    assert "NEEDLE_READ_MINUTES" in run.error["next_step"]


def test_a_reader_that_was_ended_after_its_time_says_so(monkeypatch):
    run_id = get_database().create("read", {})
    run = get_database().get(run_id)
    assert killed(run)["code"] == "E-READER-DIED"
    monkeypatch.setattr(reading_limits, "MINUTES", 0.0)
    assert killed(run)["code"] == "E-READ-TIME"
    get_database().transition(run_id, State.CANCELLED, allowed_from=[State.QUEUED])


def test_a_crash_is_told_from_the_last_words_in_the_log():
    run = get_database().get(get_database().create("import_model", {}))
    log_file(run.id).write_text("busy\n")
    assert "out of memory" in killed(run)["message"]
    log_file(run.id).write_text("busy\nFatal Python error: Segmentation fault\n")
    assert "crashed" in killed(run)["message"]
    get_database().transition(run.id, State.CANCELLED, allowed_from=[State.QUEUED])


def test_a_reader_cannot_write_files_without_end():
    run = read(bytes=2**40)
    assert run.state is State.FAILED
    assert "File too large" in log_file(run.id).read_text()


def test_the_time_to_read_is_half_an_hour_unless_set(monkeypatch):
    monkeypatch.delenv("NEEDLE_READ_MINUTES", raising=False)
    assert read_minutes() == 30
    monkeypatch.setenv("NEEDLE_READ_MINUTES", "5")
    assert read_minutes() == 5


@pytest.mark.parametrize("chosen", ["0", "-1", "inf", "nan", "soon"])
def test_a_time_that_is_none_is_refused_before_anything_starts(chosen, monkeypatch):
    monkeypatch.setenv("NEEDLE_READ_MINUTES", chosen)
    with pytest.raises(ParameterError, match="NEEDLE_READ_MINUTES") as caught:
        check_settings()
    assert caught.value.code == "E-PARAMETER"


def test_no_limit_of_a_reader_is_put_on_other_runs(monkeypatch):
    monkeypatch.setenv("NEEDLE_READ_MINUTES", "0.0001")
    run = jobs.wait(jobs.start("succeed", {"steps": 2}), PATIENCE)
    assert run.state is State.DONE, run.error
    assert os.getpid() != run.pid
