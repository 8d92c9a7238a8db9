"""The page Runs in the browser: ticks, filters, rename, compare, run again, cancel, delete."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

import core
from core.config import config_to_dict
from core.data import DEMO_TASK
from core.jobs import RunDatabase, State
from core.jobs.schema import UNFINISHED
from tests.e2e.steps import (
    LONG,
    button,
    expect_live_view,
    expect_result,
    go,
    heading,
    load_demo,
    start_training,
)

ROW, HEAD, TICK = 35, 36, 16  # pixels in the table


@pytest.fixture
def entered(app_runs: RunDatabase) -> Iterator[list[str]]:
    """Enter three runs that were cancelled, and return their ids, newest first."""
    config = {
        "dataset": core.demo_reference().digest,
        "task": config_to_dict(DEMO_TASK),
        "training": config_to_dict(core.TrainingConfig()),
    }
    ids = [app_runs.create("train", config, title=f"Entered {number}") for number in range(3)]
    for run_id in ids:
        app_runs.transition(run_id, State.CANCELLED, allowed_from=[State.QUEUED])
    yield ids[::-1]
    left = {run.id for run in app_runs.runs(limit=None)}
    for run_id in left & set(ids):
        app_runs.delete(run_id)


@pytest.fixture(autouse=True)
def _nothing_left_under_way(app_runs: RunDatabase) -> Iterator[None]:
    """End what a test that failed has left: the next one's runs would wait behind it."""
    yield
    for run in app_runs.runs(state=UNFINISHED):
        app_runs.transition(run.id, State.CANCELLED, allowed_from=UNFINISHED)
        if run.pid and psutil.pid_exists(run.pid):
            psutil.Process(run.pid).kill()


def table(page: Page) -> Locator:
    return page.get_by_test_id("stDataFrame").first


def tick(page: Page, row: int) -> None:
    """Click into the box before a row, counted from 0."""
    expect(table(page)).to_be_visible()
    page.wait_for_timeout(500)  # the table takes clicks a moment after it is drawn
    box = table(page).bounding_box()
    page.mouse.click(box["x"] + TICK, box["y"] + HEAD + ROW * row + ROW / 2)


def filter_titles(page: Page, text: str, n_runs: int) -> None:
    field = page.get_by_role("textbox", name="Title contains")
    field.fill(text)
    field.press("Enter")
    runs = page.get_by_role("figure", name=f"Table of {n_runs} runs").or_(
        page.get_by_label(f"Table of {n_runs} runs")
    )
    expect(runs.first).to_be_visible()


def action(page: Page, name: str) -> Locator:
    return page.locator(".st-key-runs-actions").get_by_role("button", name=name)


def chosen(page: Page, title: str) -> Locator:
    return page.get_by_role("heading", name=title, exact=True, level=3)


def test_a_run_is_found_renamed_and_deleted(
    page: Page, app_url: str, app_runs: RunDatabase, entered: list[str]
):
    load_demo(page, app_url)
    go(page, "Runs")
    filter_titles(page, "entered", 3)
    tick(page, 1)
    expect(chosen(page, "Entered 1")).to_be_visible()
    page.get_by_role("textbox", name="Title", exact=True).fill("Entered *anew*")
    button(page, "Rename").click()
    expect(chosen(page, "Entered *anew*")).to_be_visible()
    assert app_runs.get(entered[1]).title == "Entered *anew*"
    action(page, "Delete").click()
    button(page, "Delete this run").click()
    expect(page.get_by_label("Table of 2 runs").first).to_be_visible()
    expect(action(page, "Delete")).to_be_disabled()
    left = {run.id for run in app_runs.runs(text="entered")}
    assert left == {entered[0], entered[2]}


def test_a_tick_stays_with_its_run_when_a_newer_one_comes(
    page: Page, app_url: str, app_runs: RunDatabase, entered: list[str]
):
    load_demo(page, app_url)
    worker = start_training(page, app_runs, repeats=20)
    training = app_runs.runs(kind="train")[0]
    go(page, "Runs")
    tick(page, 1)
    expect(chosen(page, "Entered 2")).to_be_visible()
    newer = app_runs.create("train", training.config, title="Newer")
    app_runs.transition(newer, State.CANCELLED, allowed_from=[State.QUEUED])
    expect(page.get_by_label(re.compile("Table of")).first).to_be_visible()
    page.wait_for_timeout(2500)  # two looks of the table that keeps up by itself
    expect(chosen(page, "Entered 2")).to_be_visible()
    tick(page, 2)
    expect(action(page, "Delete")).to_be_disabled()  # unticked: it had moved to the third row
    worker.resume()
    tick(page, 1)
    expect(chosen(page, training.title)).to_be_visible()
    expect(action(page, "Delete")).to_be_disabled()
    action(page, "Cancel").click()
    expect(page.get_by_text("Cancelled. Nothing was kept of it.")).to_be_visible()
    assert app_runs.get(training.id).state is State.CANCELLED
    expect(action(page, "Delete")).to_be_enabled()
    app_runs.delete(newer)


def test_a_run_under_way_is_opened_in_its_live_view_and_ends_in_the_list_by_itself(
    page: Page, app_url: str, app_runs: RunDatabase
):
    load_demo(page, app_url)
    worker = start_training(page, app_runs, repeats=2)
    go(page, "Runs")
    tick(page, 0)
    action(page, "Open").click()
    expect_live_view(page)
    go(page, "Runs")
    expect(action(page, "Cancel")).to_be_enabled()  # it is ticked still
    worker.resume()
    # Nobody clicks: the list sees the end, and the page below follows.
    expect(action(page, "Run again")).to_be_enabled(timeout=LONG)
    expect(action(page, "Cancel")).to_be_disabled()


def test_run_again_follows_the_new_run_and_both_can_be_compared(
    page: Page, app_url: str, app_runs: RunDatabase
):
    load_demo(page, app_url)
    start_training(page, app_runs, repeats=1).resume()
    expect_result(page)
    first = app_runs.runs(kind="train")[0]
    go(page, "Runs")
    tick(page, 0)
    action(page, "Run again").dblclick()
    expect(heading(page, "Train")).to_be_visible()
    expect_result(page)
    newest, older = app_runs.runs(kind="train")[:2]
    assert (newest.config, older.id) == (first.config, first.id)
    go(page, "Runs")
    tick(page, 0)  # the first one, now in the second row, is ticked still
    expect(page.get_by_role("heading", name="Compared", exact=True)).to_be_visible()
    expect(page.get_by_text("All settings are the same.")).to_be_visible()
    figure = page.get_by_role("figure", name=re.compile("curves of 2 runs, 10 rare cells"))
    expect(figure).to_be_visible()
