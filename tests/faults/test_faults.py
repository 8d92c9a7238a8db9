"""Workers and servers are killed at random moments, and nothing of their runs is lost or wrong."""

import os
import signal
import time
from collections import Counter
from urllib.parse import urlencode

import pytest

from benchmarks.server import AppServer
from benchmarks.websession import WebSession
from core import jobs
from core.data import DEMO_TASK
from core.jobs import State, launcher
from core.jobs.folders import checkpoint_folder
from core.jobs.processes import is_alive
from tests.conftest import clear_caches
from tests.faults.runs import (
    PATIENCE,
    Outcome,
    all_keys,
    await_folds,
    demo,
    half_written,
    n_fold_events,
    random_moments,
    run_config,
    stuck,
    told_once,
    unreadable_checkpoints,
)

N_WORKERS, N_SERVERS = 20, 10


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A data folder with warm workers, which the servers of this module share."""
    folder = tmp_path_factory.mktemp("faults") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEEDLE_HOME", str(folder))
        patch.setenv("NEEDLE_NURSERY", "1")
        clear_caches()
        yield folder
        launcher._nursery.end()
    clear_caches()


@pytest.fixture(scope="module")
def reference(home):
    return demo()


@pytest.fixture(scope="module")
def uninterrupted(reference):
    """Outcome of a run that nobody disturbs, and the seconds it takes per fold and method."""
    for _ in range(2):  # the first one has to wait for the warm worker
        run = jobs.wait(jobs.start("train", run_config(reference), title="uninterrupted"))
        assert run.state is State.DONE
    seconds = (run.finished - run.started).total_seconds()
    return Outcome.of(run.id, reference), seconds / len(all_keys(reference))


class Tally:
    """Figures of one test."""

    def __init__(self, home, reference, expected):
        self.home, self.reference, self.expected = home, reference, expected
        self.stuck, self.half_written, self.unreadable = [], [], []
        self.interrupted, self.identical, self.told_once = 0, 0, 0
        self.phases = Counter()

    def after_kill(self, run_id):
        """Look at what the kill has left."""
        self.stuck += stuck(jobs.get_database())
        self.look_for_halves()
        self.unreadable += unreadable_checkpoints(run_id, self.reference)
        n_folds = n_fold_events(jobs.get_database(), run_id)
        n_all = len(all_keys(self.reference))
        self.phases["before" if n_folds == 0 else "after" if n_folds == n_all else "between"] += 1

    def after_resume(self, run_id):
        """Look at how the run ended."""
        self.identical += Outcome.of(run_id, self.reference).is_identical(self.expected)
        self.told_once += told_once(jobs.get_database(), run_id, self.reference)
        self.stuck += stuck(jobs.get_database())
        self.look_for_halves()
        # The worker removes its checkpoints when the row is closed already.
        end = time.monotonic() + PATIENCE
        while checkpoint_folder(run_id).exists() and time.monotonic() < end:
            time.sleep(0.02)
        if checkpoint_folder(run_id).exists():
            self.half_written.append(checkpoint_folder(run_id).name)

    def look_for_halves(self):
        self.half_written += half_written(self.home)

    def __str__(self):
        phases = ", ".join(f"{n} {name} the folds" for name, n in self.phases.items())
        return (
            f"{self.phases.total()} kills ({phases}): {len(self.stuck)} rows stuck, "
            f"{len(self.half_written)} half-written files, {len(self.unreadable)} unreadable "
            f"checkpoints; {self.interrupted} resumed, the others done before it was noticed; "
            f"{self.identical} identical to an uninterrupted run, {self.told_once} with every fold "
            "told once"
        )

    def check(self, n):
        assert (self.stuck, self.half_written, self.unreadable) == ([], [], [])
        assert (self.phases.total(), self.identical, self.told_once) == (n, n, n)
        assert len(self.phases) >= 2  # the moments are spread over the run
        assert self.interrupted >= n // 2


def test_workers_killed_at_20_random_moments_lose_nothing(home, reference, uninterrupted, capsys):
    expected, pace = uninterrupted
    tally = Tally(home, reference, expected)
    n_results = len(all_keys(reference))
    for n_folds, delay in random_moments(1, N_WORKERS, n_results, pace):
        run = killed_worker(reference, n_folds, delay)
        assert run.error["code"] == "E-WORKER-KILLED"
        tally.interrupted += 1
        tally.after_kill(run.id)
        jobs.resume(run.id)
        run = jobs.wait(run.id, PATIENCE)
        assert run.state is State.DONE, run
        tally.after_resume(run.id)
    with capsys.disabled():
        print(f"\nworkers: {tally}")
    tally.check(N_WORKERS)


def killed_worker(reference, n_folds, delay):
    """A run whose worker was killed; when it was done before that, the next one is, sooner."""
    while True:
        run_id = jobs.start("train", run_config(reference), title="victim")
        await_folds(jobs.get_database(), run_id, n_folds)
        time.sleep(delay)
        run = jobs.get_database().get(run_id)
        if not run.is_over:
            os.kill(run.pid, signal.SIGKILL)
        run = jobs.wait(run_id, PATIENCE)
        if run.state is State.FAILED:
            return run
        delay /= 2


def test_servers_killed_at_10_random_moments_lose_nothing(home, reference, uninterrupted, capsys):
    expected, pace = uninterrupted
    tally, longest = Tally(home, reference, expected), 0.0
    n_results = len(all_keys(reference))
    server = AppServer(home).await_health()
    try:
        open_session(server).close()
        moments = random_moments(2, N_SERVERS, n_results, pace)
        for number, (n_folds, delay) in enumerate(moments):
            run, seconds = run_of_killed_server(server, reference, n_folds, delay)
            longest = max(longest, seconds)
            # Every third one forks its workers from a warm one, whose warm-up takes a while.
            nursery = "1" if number % 3 == 2 else "0"
            server = AppServer(home, NEEDLE_NURSERY=nursery).await_health()
            with open_session(server, run.id) as session:
                tally.after_kill(run.id)
                # A worker that was about to be done may be before it notices.
                if (run := jobs.get_database().get(run.id)).state is State.INTERRUPTED:
                    tally.interrupted += 1
                    session.click("Resume")
                    run = await_end(run.id)
                assert run.state is State.DONE, run
                tally.after_resume(run.id)
    finally:
        server.stop()
    with capsys.disabled():
        print(f"\nservers: {tally}; workers gone within {longest:.1f} s")
    tally.check(N_SERVERS)
    assert "Traceback" not in server.log.read_text(errors="replace")


def open_session(server, training=None):
    """A new browser session on the page Train."""
    session = WebSession(server.url)
    address = {"reference": demo().digest, "label": DEMO_TASK.label, "rare": DEMO_TASK.rare}
    if training:
        address["training"] = training
    session.open("train", urlencode(address))
    return session


def run_of_killed_server(server, reference, n_folds, delay):
    """A run that was under way when the server was killed, and how long its worker lived on."""
    database = jobs.get_database()
    while True:
        run_id = database.create("train", run_config(reference), title="victim")
        await_worker(run_id)
        await_folds(database, run_id, n_folds)
        time.sleep(delay)
        run = database.get(run_id)
        if not run.is_over:
            break
        delay /= 2
    server.kill()
    started = time.monotonic()
    while is_alive(run.pid, run.pid_started):
        assert time.monotonic() < started + PATIENCE, "the worker lives on without a server"
        time.sleep(0.02)
    return run, time.monotonic() - started


def await_worker(run_id):
    end = time.monotonic() + PATIENCE
    while jobs.get_database().get(run_id).pid is None:
        assert time.monotonic() < end, "the server did not start the run"
        time.sleep(0.005)


def await_end(run_id):
    """Look at the row alone: it is the server that has to see to the run."""
    end = time.monotonic() + PATIENCE
    while not (run := jobs.get_database().get(run_id)).is_over and time.monotonic() < end:
        time.sleep(0.02)
    return run
