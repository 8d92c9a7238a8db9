"""Holdings: each person sees the datasets that they loaded, under their own names."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from core.jobs import State, get_database
from core.jobs.holdings import datasets, hold, holds, name_of

ANNA, BEA = "https://id.example.org 1", "https://id.example.org 2"

pytestmark = pytest.mark.usefixtures("fresh_home")


def test_only_who_loaded_a_dataset_holds_it():
    hold(ANNA, "ab12", "pancreas")
    assert holds(ANNA, "ab12")
    assert not holds(BEA, "ab12")
    assert not holds(ANNA, "cd34")


def test_the_same_content_has_the_name_that_each_gave_it():
    hold(ANNA, "ab12", "pancreas")
    hold(BEA, "ab12", "secret project")
    assert (name_of(ANNA, "ab12"), name_of(BEA, "ab12")) == ("pancreas", "secret project")
    assert name_of("local", "ab12") is None


def test_who_loads_it_again_under_another_name_sees_the_later_name():
    hold(ANNA, "ab12", "pancreas")
    (first,) = datasets(ANNA)
    hold(ANNA, "ab12", "pancreas (2)")
    (second,) = datasets(ANNA)
    assert (second.name, second.created) == ("pancreas (2)", first.created)


def test_datasets_are_listed_newest_first_and_only_ones_own():
    before = datetime.now(UTC)
    for digest, name in (("ab12", "first"), ("cd34", "second")):
        hold(ANNA, digest, name)
        time.sleep(0.002)
    hold(BEA, "ef56", "of somebody else")
    assert [(one.digest, one.name) for one in datasets(ANNA)] == [
        ("cd34", "second"),
        ("ab12", "first"),
    ]
    assert all(before <= one.created <= datetime.now(UTC) for one in datasets(ANNA))


def finished_reading(owner: str, digest: str, name: str) -> None:
    """Enter a run that has read a file while no page was open."""
    database = get_database()
    run_id = database.create("read", {"path": "/gone", "name": name}, owner=owner)
    summary = {"dataset": digest, "name": name}
    assert database.transition(run_id, State.DONE, allowed_from=State, summary=summary)


def test_a_file_that_was_read_after_its_page_was_closed_is_held():
    finished_reading(ANNA, "ab12", "overnight")
    assert name_of(ANNA, "ab12") == "overnight"
    assert [one.digest for one in datasets(ANNA)] == ["ab12"]
    assert not holds(BEA, "ab12")


def test_a_reading_that_failed_gives_nothing():
    database = get_database()
    run_id = database.create("read", {"path": "/gone", "name": "bad"}, owner=ANNA)
    database.transition(run_id, State.FAILED, allowed_from=State)
    assert not holds(ANNA, "ab12")


def test_two_tabs_that_load_one_file_at_once_do_not_disturb_each_other():
    get_database()  # opened once, before the threads
    problems: list[BaseException] = []

    def load(number: int) -> None:
        try:
            hold(ANNA, "ab12", f"tab {number}")
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(datasets(ANNA)) == 1
