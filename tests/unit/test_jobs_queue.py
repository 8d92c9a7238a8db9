"""The queue: whose turn it is, that slots hold, and what a run that waits is told."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from core import jobs
from core.jobs import launcher
from core.jobs.launcher import as_launcher
from core.jobs.queue import choose_next, in_order, queue_place
from core.jobs.schema import Run, State
from tests.workers import PATIENCE, ROOT, eventually, start_sleeper, wait_for_all

pytest_plugins = ["tests.postgres"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
GIGABYTE = 2**30


def queued(name, minute=0, *, kind="train", needs=None):
    """Return a run that waits; the first letter of its name is its owner."""
    values = dict.fromkeys(field.name for field in fields(Run))
    values |= {"id": name, "kind": kind, "owner": name[0], "state": State.QUEUED}
    values |= {"created": NOON + timedelta(minutes=minute), "predicted_memory": needs}
    return Run(**values)


def names(runs):
    return " ".join(run.id for run in runs)


class TestOrder:
    def test_one_person_is_served_in_the_order_of_asking(self):
        waiting = [queued("a2", 2), queued("a1", 1), queued("a3", 3)]
        assert names(in_order(waiting, [], {})) == "a1 a2 a3"

    def test_who_asks_for_much_does_not_keep_the_others_waiting(self):
        waiting = [queued(f"a{i}", i) for i in range(4)] + [queued("b0", 10), queued("c0", 11)]
        assert names(in_order(waiting, [], {})) == "a0 b0 c0 a1 a2 a3"

    def test_who_has_fewest_at_work_comes_first(self):
        waiting = [queued("a1", 1), queued("b1", 2), queued("c1", 3)]
        active = [queued("a8"), queued("a9"), queued("b9")]
        assert names(in_order(waiting, active, {})) == "c1 b1 a1"

    def test_with_equally_many_at_work_who_was_served_longest_ago_comes_first(self):
        waiting = [queued("a1", 1), queued("b1", 2), queued("c1", 3)]
        served = {"a": NOON, "c": NOON - timedelta(hours=1)}
        assert names(in_order(waiting, [], served)) == "b1 c1 a1"

    def test_what_is_short_goes_before_the_trainings_of_the_same_person_only(self):
        waiting = [queued("a1", 1), queued("a2", 2, kind="markers"), queued("b1", 3)]
        waiting += [queued("a4", 4, kind="read"), queued("b5", 5, kind="layout")]
        assert names(in_order(waiting, [], {})) == "a2 b5 a4 b1 a1"

    def test_the_same_moment_is_settled_by_the_id(self):
        assert names(in_order([queued("a2"), queued("a1")], [], {})) == "a1 a2"

    @pytest.mark.parametrize("seed", range(30))
    def test_nobody_is_passed_over_while_runs_come_and_end_at_random(self, seed):
        chance, slots = random.Random(seed), 1 + seed % 3
        waiting, active, served = [], [], {}
        for step in range(150):
            if chance.random() < 0.5:
                kind = chance.choice(["train", "read"])
                waiting.append(queued(f"{chance.choice('aaabc')}{step}", step, kind=kind))
            if active and chance.random() < 0.4:
                active.remove(chance.choice(active))
            run = choose_next(waiting, active, slots=slots, free_memory=0, served=served)
            assert (run is None) == (not waiting or len(active) >= slots)
            if run is not None:
                assert_fair(run, waiting, active, served)
                waiting.remove(run)
                active.append(run)
                served[run.owner] = NOON + timedelta(minutes=step)


def assert_fair(chosen, waiting, active, served):
    """Compare the chosen run with each that it was chosen before, rule by rule."""
    for other in waiting:
        if other.owner == chosen.owner:
            assert (chosen.kind != "train") >= (other.kind != "train")
            if other.kind == chosen.kind:
                assert chosen.created <= other.created
            continue
        mine = sum(run.owner == chosen.owner for run in active)
        theirs = sum(run.owner == other.owner for run in active)
        assert mine <= theirs
        if mine == theirs and other.owner in served:
            assert chosen.owner not in served or served[chosen.owner] < served[other.owner]


class TestMemory:
    def test_a_run_that_does_not_fit_lets_another_pass(self):
        waiting = [queued("a1", 1, needs=8), queued("b1", 2, needs=3), queued("c1", 3)]
        active = [queued("d1")]
        assert choose_next(waiting, active, slots=2, free_memory=7).id == "b1"
        assert choose_next(waiting, active, slots=2, free_memory=8).id == "a1"

    def test_a_run_that_is_alone_starts_with_half_of_what_was_predicted(self):
        waiting = [queued("a1", needs=8)]
        assert choose_next(waiting, [], slots=2, free_memory=3) is None
        assert choose_next(waiting, [], slots=2, free_memory=4).id == "a1"
        assert choose_next(waiting, [queued("b1")], slots=2, free_memory=4) is None

    def test_a_run_larger_than_the_machine_starts_when_it_is_alone(self, monkeypatch):
        monkeypatch.setattr("core.jobs.queue.total_memory", lambda: 100)
        small, large = queued("a1", needs=100), queued("b1", needs=101)
        assert choose_next([small, large], [], slots=2, free_memory=0) is large
        assert choose_next([large], [queued("c1")], slots=2, free_memory=50) is None

    def test_a_run_of_unknown_need_is_not_kept_waiting_for_memory(self):
        assert choose_next([queued("a1")], [], slots=1, free_memory=0).id == "a1"

    def test_none_is_chosen_when_none_fits_or_no_slot_is_free(self):
        waiting = [queued("a1", needs=8)]
        assert choose_next(waiting, [queued("b1")], slots=2, free_memory=7) is None
        assert choose_next(waiting, [queued("b1")], slots=1, free_memory=8) is None

    def test_a_large_run_is_not_overtaken_for_ever_by_small_ones(self):
        large, early, late = queued("a1", 0, needs=8), queued("b1", 10), queued("b2", 11)
        active = [queued("c1", needs=5)]
        assert choose_next([large, late], active, slots=2, free_memory=3) is None
        assert choose_next([large, early, late], active, slots=2, free_memory=3) is early

    def test_a_run_too_large_even_for_an_empty_machine_holds_up_nobody(self):
        large, late = queued("a1", 0, needs=17), queued("b2", 60)
        active = [queued("c1", needs=5)]
        assert choose_next([large, late], active, slots=2, free_memory=3) is late
        assert choose_next([large, late], [], slots=2, free_memory=3) is late


@pytest.mark.usefixtures("worker_home")
class TestPlace:
    @pytest.fixture
    def waiting(self, worker_home, monkeypatch):
        """One run at work and three that wait for the only slot, one of them somebody else's."""
        monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
        start_sleeper()
        owners = ["local", "local", "ada"]
        return [jobs.start("where", {}, owner=owner) for owner in owners]

    def test_says_how_many_come_first(self, waiting):
        told = [jobs.queue_place(run_id) for run_id in waiting]
        assert [(place.position, place.n_waiting) for place in told] == [(2, 3), (3, 3), (1, 3)]
        assert told[0].reason == "Waits for its turn: 2nd of 3 in the queue."

    def test_of_a_run_that_does_not_wait_is_none(self, waiting):
        jobs.cancel(waiting[0])
        assert jobs.queue_place(waiting[0]) == jobs.Place(0, 2, "")
        assert jobs.queue_place("unknown") == jobs.Place(0, 2, "")

    @pytest.mark.parametrize(
        ("ahead", "ordinal"), [(0, "1st"), (2, "3rd"), (3, "4th"), (10, "11th"), (20, "21st")]
    )
    def test_is_counted_as_people_do(self, monkeypatch, ahead, ordinal):
        monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
        database = jobs.get_database()
        database.create("sleep", {}, claimed=datetime.now(UTC))
        run_ids = [database.create("sleep", {}) for _ in range(ahead + 1)]
        words = f"Waits for its turn: {ordinal} of {ahead + 1} in the queue."
        assert queue_place(run_ids[-1]).reason == words

    def test_says_when_it_waits_for_memory(self, monkeypatch):
        monkeypatch.setattr("core.jobs.queue.free_memory", lambda active: int(2.3 * GIGABYTE))
        needs = int(6.1 * GIGABYTE)
        run_id = jobs.get_database().create("sleep", {}, predicted_memory=needs)
        words = "Waits for memory: it needs about 6.1 GB and 2.3 GB are free."
        assert jobs.queue_place(run_id) == jobs.Place(1, 1, words)


PROGRAM = """
import time
from core import jobs
unfinished = ["queued", "running"]
while jobs.get_database().count(state=unfinished):
    jobs.dispatch()
    time.sleep(0.01)
"""


@pytest.mark.usefixtures("worker_home")
@pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX")
class TestDispatch:
    def test_one_slot_serves_one_run_after_the_other_with_no_page_open(self, monkeypatch):
        monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
        run_ids = [jobs.start("where", {"seconds": 0.3}) for _ in range(2)]
        second, first = wait_for_all(run_ids[::-1])
        assert (first.state, second.state) == (State.DONE, State.DONE)
        assert first.finished <= second.claimed

    def test_four_processes_that_start_runs_at_once_never_exceed_the_slots(
        self, monkeypatch, either_url
    ):
        monkeypatch.setenv("NEEDLE_MAX_RUNS", "2")
        monkeypatch.setenv("NEEDLE_DATABASE_URL", either_url)
        database = jobs.get_database()
        owners = ["ada", "bob"] * 4
        config = {"seconds": 0.1}
        run_ids = [database.create("where", config, owner=owner) for owner in owners]
        command = [sys.executable, "-c", PROGRAM]
        servers = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
        assert [server.wait(2 * PATIENCE) for server in servers] == [0, 0, 0, 0]
        runs = [database.get(run_id) for run_id in run_ids]
        assert {run.state for run in runs} == {State.DONE}
        assert [run.summary["pid"] for run in runs] == [run.pid for run in runs]
        for run in runs:
            at_work = [r for r in runs if r.claimed <= run.claimed < r.finished]
            assert len(at_work) <= 2

    def test_a_run_cancelled_in_the_queue_never_starts_and_lets_the_next_one_in(self, monkeypatch):
        monkeypatch.setenv("NEEDLE_MAX_RUNS", "1")
        sleeper, _, _ = start_sleeper()
        gone, stays = jobs.start("where", {}), jobs.start("where", {})
        assert jobs.cancel(gone).state is State.CANCELLED
        assert jobs.refresh(stays).is_waiting
        jobs.cancel(sleeper)
        assert jobs.wait(stays, PATIENCE).state is State.DONE
        run = jobs.refresh(gone)
        assert (run.state, run.claimed, run.pid, run.started) == ("cancelled", None, None, None)
        assert not jobs.log_file(gone).exists()

    def test_a_run_waits_until_there_is_memory_and_then_runs(self, monkeypatch):
        free = [0]
        monkeypatch.setattr(launcher, "free_memory", lambda active: free[0])
        run_id = jobs.get_database().create("where", {}, predicted_memory=GIGABYTE)
        assert jobs.refresh(run_id).is_waiting
        free[0] = GIGABYTE
        assert jobs.wait(run_id, PATIENCE).state is State.DONE

    def test_what_a_living_process_has_put_into_the_queue_is_left_to_it(self, bystander):
        from core.jobs.processes import time_started

        started = time_started(bystander.pid)
        theirs = {"launcher_pid": bystander.pid, "launcher_started": started}
        run_id = jobs.get_database().create("where", {}, **theirs)
        jobs.watch()
        assert jobs.refresh(run_id).is_waiting

    def test_what_a_dead_process_has_left_in_the_queue_is_started_by_a_server_only(self):
        gone = {"launcher_pid": 1, "launcher_started": 0.0}
        run_id = jobs.get_database().create("where", {}, **gone)
        assert jobs.refresh(run_id).is_waiting
        jobs.watch()
        run = jobs.wait(run_id, PATIENCE)
        assert (run.state, run.launcher_pid) == (State.DONE, os.getpid())

    def test_a_run_resumed_or_started_here_is_ours(self):
        run_id = jobs.get_database().create("where", {}, **as_launcher())
        jobs.dispatch()
        eventually(lambda: jobs.refresh(run_id).state is State.DONE)
