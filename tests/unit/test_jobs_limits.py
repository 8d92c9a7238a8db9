"""How much of the machine runs may take."""

from __future__ import annotations

import os

import pytest

from core.jobs.limits import max_runs, memory_limit, memory_of_all, thread_settings

pytestmark = [
    pytest.mark.usefixtures("worker_home"),
    pytest.mark.skipif(os.name != "posix", reason="process groups are a thing of POSIX"),
]


@pytest.mark.parametrize(
    ("variable", "read"),
    [("NEEDLE_MEMORY_LIMIT_GB", memory_limit), ("NEEDLE_MEMORY_TOTAL_GB", memory_of_all)],
)
@pytest.mark.parametrize("limit", ["much", "-1", "0", "nan", "inf"])
def test_a_memory_limit_that_is_no_amount_is_refused(monkeypatch, variable, read, limit):
    monkeypatch.setenv(variable, limit)
    with pytest.raises(ValueError, match=f"{variable}.* above 0. Got '{limit}'"):
        read()


def test_the_memory_of_one_run_and_of_all_are_two_limits(monkeypatch):
    monkeypatch.setenv("NEEDLE_MEMORY_LIMIT_GB", "1.5")
    monkeypatch.setenv("NEEDLE_MEMORY_TOTAL_GB", "4")
    assert (memory_limit(), memory_of_all()) == (3 * 2**29, 2**32)


def test_a_run_has_at_most_half_of_the_cores_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert thread_settings()["OMP_NUM_THREADS"] == "4"
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert thread_settings()["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert thread_settings()["OMP_NUM_THREADS"] == "7"


@pytest.mark.parametrize(("cores", "slots"), [(8, 7), (2, 1), (1, 1)])
def test_all_cores_but_one_have_a_run_unless_the_user_says_otherwise(monkeypatch, cores, slots):
    monkeypatch.delenv("NEEDLE_MAX_RUNS")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert max_runs() == slots
    monkeypatch.setenv("NEEDLE_MAX_RUNS", "12")
    assert max_runs() == 12
