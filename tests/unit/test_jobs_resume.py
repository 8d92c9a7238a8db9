"""Runs that go on after they were stopped, and runs that are done again."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from core import jobs
from core.errors import RunError
from core.jobs import reporter
from core.jobs.folders import unfinished_folder
from core.jobs.schema import State
from core.paths import datasets_folder
from tests.workers import (
    PATIENCE,
    as_server,
    eventually,
    files_of,
    in_other_process,
    is_working,
    kill,
    uploaded,
)

pytestmark = [
    pytest.mark.usefixtures("worker_home"),
    pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX"),
]

STEPS = {"steps": 4, "stuck_at": 1}


def start_and_kill(**config):
    """Start a training that gets stuck, kill its worker there, and return it as it is then."""
    run_id = jobs.start("train", STEPS | config, title="Alpha cells")
    eventually(lambda: len(jobs.get_database().events(run_id)) == 2)
    eventually(lambda: jobs.get_database().get(run_id).peak_memory)
    os.kill(jobs.refresh(run_id).pid, signal.SIGKILL)
    return jobs.wait(run_id, PATIENCE)


def steps_of(run_id):
    return [event.payload["step"] for event in jobs.get_database().events(run_id)]


def test_a_killed_training_keeps_what_is_finished_and_computes_only_what_is_missing():
    killed = start_and_kill()
    assert (killed.state, killed.error["code"]) == (State.FAILED, "E-WORKER-KILLED")
    assert "`Resume`" in killed.error["next_step"]
    assert files_of(killed.id) == [f"{killed.id}.folds", f"{killed.id}.log"]
    assert jobs.can_resume(killed)
    resumed = jobs.resume(killed.id)
    assert (resumed.id, resumed.created, resumed.error) == (killed.id, killed.created, None)
    assert resumed.finished is None
    done = jobs.wait(killed.id, PATIENCE)
    assert (done.state, done.summary) == (State.DONE, {"steps": [0, 1, 2, 3]})
    assert steps_of(killed.id) == [0, 1, 2, 3]
    pids = [event.payload["pid"] for event in jobs.get_database().events(killed.id)]
    assert pids == [killed.pid, killed.pid, done.pid, done.pid]
    # The worker clears up behind itself when the row is closed already.
    eventually(lambda: files_of(killed.id) == sorted([killed.id, f"{killed.id}.log"]))


def test_a_training_interrupted_with_its_server_can_be_resumed_by_another_process():
    program = f"from core import jobs; print(jobs.start('train', {STEPS}))"
    server, (run_id,) = as_server(program)
    eventually(lambda: len(jobs.get_database().events(run_id)) == 2)
    kill(server)
    eventually(lambda: jobs.get_database().get(run_id).state is State.INTERRUPTED)
    assert "`Resume`" in jobs.refresh(run_id).error["next_step"]
    jobs.resume(run_id)
    run = jobs.wait(run_id, PATIENCE)
    assert (run.state, run.launcher_pid) == (State.DONE, os.getpid())
    assert steps_of(run_id) == [0, 1, 2, 3]


LOCKED = """
import sys
from sqlalchemy.exc import OperationalError
from core.jobs import reporter, worker
from core.jobs.database import RunDatabase

add_event = RunDatabase.add_event
def answer_once(self, run_id, kind, payload, **more):
    if payload["step"] == 1:
        raise OperationalError("INSERT", {}, Exception("database is locked"))
    return add_event(self, run_id, kind, payload, **more)

reporter.LONGEST_SILENCE = 0.1
RunDatabase.add_event = answer_once
worker.work(sys.argv[1])
"""


def test_a_training_whose_database_went_away_says_so_and_can_be_resumed():
    database = jobs.get_database()
    run_id = database.create("train", {"steps": 3, "stuck_at": 9}, claimed=datetime.now(UTC))
    in_other_process(LOCKED, run_id)
    run = database.get(run_id)
    assert (run.state, run.error["code"]) == (State.FAILED, "E-DATABASE")
    assert "`Resume`" in run.error["next_step"]
    assert files_of(run_id) == [f"{run_id}.folds", f"{run_id}.log"]
    jobs.resume(run_id)
    assert jobs.wait(run_id, PATIENCE).summary == {"steps": [0, 1, 2]}
    assert steps_of(run_id) == [0, 1, 2]


class Moody:
    """A database that raises some errors before it obeys."""

    def __init__(self, *errors):
        self.errors, self.said = list(errors), []

    def add_event(self, run_id, kind, payload, **_):
        if self.errors:
            raise self.errors.pop()
        self.said.append(payload)

    def heartbeat(self, run_id, **fields):
        self.add_event(run_id, "", fields["message"])


def test_a_report_is_made_again_while_the_database_does_not_answer(monkeypatch):
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_TRIES", 0.0)
    for report in ("event", "progress"):
        gone = OperationalError("", {}, Exception("server closed the connection"))
        database = Moody(gone, gone)
        getattr(reporter.Reporter(database, "a1"), report)(0.5, "half")
        assert database.said == ["half"]


def test_a_report_that_the_database_refuses_is_not_made_again():
    wrong = IntegrityError("", {}, Exception("FOREIGN KEY"))
    database = Moody(wrong)
    with pytest.raises(IntegrityError, match="FOREIGN KEY"):
        reporter.Reporter(database, "a1").event("fold", {})
    assert database.said == []


def test_a_worker_whose_run_another_one_has_resumed_ends_itself_and_nothing_else():
    run_id = jobs.start("train", {"steps": 40, "stuck_at": 1})
    eventually(lambda: len(steps_of(run_id)) == 2)
    database = jobs.get_database()
    old = database.get(run_id).pid
    error = {"code": "E-WORKER-KILLED", "message": "", "next_step": ""}
    assert database.transition(run_id, "failed", allowed_from=["running"], error=error)
    jobs.resume(run_id)
    done = jobs.wait(run_id, PATIENCE)
    eventually(lambda: not is_working(old))
    assert (done.state, done.pid == old) == (State.DONE, False)
    assert jobs.refresh(run_id) == done
    assert jobs.run_folder(run_id).is_dir()


TAKEN = """
import sys
from contextlib import nullcontext
from core.jobs import worker
from core.jobs.database import get_database

def task(config, reporter, folder):
    other = {"pid": 7, "pid_started": 1.0}
    get_database().transition(sys.argv[1], "running", allowed_from=["running"], **other)
    (folder / "theirs").touch()
    reporter.progress(0.5, "of the old worker")
    if config["fails"]:
        raise ValueError
    return {}

worker._task = lambda kind: task
worker.beating = lambda database, run: nullcontext()
worker.work(sys.argv[1])
"""


@pytest.mark.parametrize("fails", [False, True])
def test_a_worker_neither_closes_a_run_that_another_one_has_nor_removes_its_files(fails):
    database = jobs.get_database()
    run_id = database.create("train", {"fails": fails}, claimed=datetime.now(UTC))
    in_other_process(TAKEN, run_id)
    run = database.get(run_id)
    assert (run.state, run.pid, run.message, run.error) == ("running", 7, "", None)
    assert (unfinished_folder(run_id) / "theirs").exists()
    assert not jobs.run_folder(run_id).exists()


def test_a_worker_that_comes_too_late_leaves_a_run_in_the_queue_alone():
    run_id = jobs.get_database().create("where", {})
    in_other_process("import sys; from core.jobs.worker import work; work(sys.argv[1])", run_id)
    assert jobs.get_database().get(run_id).is_waiting


def test_of_two_that_resume_at_once_one_is_obeyed():
    run = start_and_kill(stuck_at=1, steps=2)

    def code(_):
        try:
            jobs.resume(run.id)
        except RunError as error:
            return error.code
        return "resumed"

    with ThreadPoolExecutor(4) as threads:
        answers = sorted(threads.map(code, range(4)))
    assert answers == ["E-RUN-RESUME"] * 3 + ["resumed"]
    assert jobs.wait(run.id, PATIENCE).state is State.DONE


def ended(kind, state, error=None, **config):
    database = jobs.get_database()
    run_id = database.create(kind, config)
    error = error and {"code": error, "message": "", "next_step": ""}
    database.transition(run_id, state, allowed_from=["queued"], error=error)
    return database.get(run_id)


@pytest.mark.parametrize(
    ("kind", "state", "code", "can"),
    [
        ("train", "interrupted", "E-RUN-INTERRUPTED", True),
        ("train", "failed", "E-WORKER-KILLED", True),
        ("train", "failed", "E-MEMORY", True),
        ("train", "failed", "E-DATABASE", True),
        ("train", "failed", "E-DISK-FULL", True),
        ("train", "failed", "E-BUG", False),
        ("train", "cancelled", None, False),
        ("train", "done", None, False),
        ("train", "running", None, False),
        ("markers", "interrupted", "E-RUN-INTERRUPTED", False),
    ],
)
def test_only_trainings_that_were_stopped_can_go_on(kind, state, code, can):
    run = ended(kind, state, code)
    assert jobs.can_resume(run) == can
    if not can:
        with pytest.raises(RunError, match=f"Run {run.id} is {state}") as refusal:
            jobs.resume(run.id)
        assert refusal.value.code == "E-RUN-RESUME"
        assert jobs.get_database().get(run.id) == run


def test_a_run_whose_dataset_is_gone_can_neither_go_on_nor_be_done_again():
    from core.data.dataset import dataset_path

    run = ended("train", "interrupted", "E-RUN-INTERRUPTED", dataset="abc")
    assert not jobs.can_resume(run)
    assert not jobs.can_run_again(run)
    dataset_path("abc").touch()
    assert dataset_path("abc").parent == datasets_folder()
    assert jobs.can_resume(run)
    assert jobs.can_run_again(run)


def test_a_run_is_done_again_with_the_same_settings_under_a_new_id():
    first = jobs.wait(jobs.start("where", {"seconds": 0}, title="Place", owner="ada"), PATIENCE)
    again = jobs.wait(jobs.run_again(first.id, owner="ada"), PATIENCE)
    assert again.id != first.id
    assert (again.kind, again.config, again.title) == (first.kind, first.config, first.title)
    assert (again.owner, again.state) == ("ada", State.DONE)
    assert jobs.refresh(first.id) == first


def test_an_upload_that_is_gone_cannot_be_read_again():
    path = uploaded()
    run = ended("read", "done", path=str(path), is_upload=True)
    assert jobs.can_run_again(run)
    path.unlink()
    assert not jobs.can_run_again(run)
    with pytest.raises(RunError, match="its input is gone") as refusal:
        jobs.run_again(run.id)
    assert refusal.value.code == "E-RUN-AGAIN"
    assert len(jobs.get_database().runs()) == 1


def test_a_run_that_is_not_over_is_not_started_a_second_time():
    run = ended("markers", "running")
    with pytest.raises(RunError, match=rf"Run {run.id} is running\.") as refusal:
        jobs.run_again(run.id)
    assert refusal.value.code == "E-RUN-AGAIN"
