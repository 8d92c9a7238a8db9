"""A search in the browser: started, left and found again, its best settings taken to Train."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import psutil
import pytest
from playwright.sync_api import Page, expect

from core.jobs import RunDatabase, State
from core.jobs.schema import UNFINISHED
from tests.e2e.steps import LONG, button, choose, enter, go, heading, load_demo
from tests.suspending import suspend

# The map says how many settings it shows.
MAP = re.compile(r"^Best F1 by Number of markers and Method, [1-9]\d* of 6 settings tried")
NESTED = re.compile(
    r"The best of 6 settings scored F1 \d\.\d\d in the search that chose it; chosen anew inside "
    r"each training part it reaches \d\.\d\d \(\d\.\d\d to \d\.\d\d\), \d+ of 10 found"
)


@pytest.fixture(autouse=True)
def _nothing_left_under_way(app_runs: RunDatabase) -> Iterator[None]:
    """End what a test that failed has left: the next one's runs would wait behind it."""
    yield
    for run in app_runs.runs(state=UNFINISHED):
        app_runs.transition(run.id, State.CANCELLED, allowed_from=UNFINISHED)
        if run.pid and psutil.pid_exists(run.pid):
            psutil.Process(run.pid).kill()


def write(page: Page, label: str, text: str) -> None:
    field = page.get_by_role("textbox", name=label, exact=True)
    field.fill(text)
    field.press("Enter")


def stopped_after_a_setting(runs: RunDatabase) -> psutil.Process:
    """Stop the search's process once it has told of a setting, so that it cannot end unseen."""
    end = time.monotonic() + LONG / 1000
    while time.monotonic() < end:
        for run in runs.runs(kind="explore", state=State.RUNNING):
            if any(event.kind == "setting" for event in runs.events(run.id)):
                worker = psutil.Process(run.pid)
                suspend(worker, runs.engine.url.database)
                return worker
        time.sleep(0.01)
    raise AssertionError("no search with a setting has begun")


def test_a_search_survives_a_reload_and_its_best_settings_reach_train(
    page: Page, app_url: str, app_runs: RunDatabase
):
    load_demo(page, app_url)
    go(page, "Explore parameters")
    write(page, "Number of markers", "5-20 step 5, abc")
    expect(page.get_by_text("'abc' is no number")).to_be_visible()
    write(page, "Number of markers", "6 to 24 times 2")
    expect(page.get_by_text("'abc' is no number")).to_be_hidden()
    enter(page, "Settings to try", 6)
    enter(page, "Folds", 3)
    expect(page.get_by_text(re.compile(r"6 settings, 36 fits, about .+ GB"))).to_be_visible()
    button(page, "Start search").click()
    worker = stopped_after_a_setting(app_runs)
    expect(page.get_by_role("figure", name=MAP)).to_be_visible(timeout=LONG)
    page.reload()
    expect(page.get_by_role("figure", name=MAP)).to_be_visible(timeout=LONG)
    expect(page.get_by_text("These are the search's own scores")).to_be_visible()
    expect(button(page, "Start search")).to_be_disabled()
    expect(button(page, "Cancel")).to_be_enabled()
    expect(page.get_by_role("textbox", name="Number of markers")).to_have_value("6, 12, 24")
    choose(page, "Across", "Sampler")
    by_sampler = re.compile("Best F1 by Sampler and Method")
    expect(page.get_by_role("figure", name=by_sampler)).to_be_visible()
    worker.resume()
    expect(page.get_by_text(NESTED)).to_be_visible(timeout=LONG)
    expect(page.get_by_role("figure", name="by nested cross-validation")).to_be_visible()
    expect(button(page, "Cancel")).to_be_disabled()
    (run,) = app_runs.runs(kind="explore", state=State.DONE)
    button(page, "Use these settings").click()
    expect(heading(page, "Train")).to_be_visible(timeout=LONG)
    note = f"Taken over from the search: {run.summary['best']}. Folds, repeats, goal and seed stay"
    expect(page.get_by_text(note)).to_be_visible()
    n_markers = re.search(r"(\d+) markers", run.summary["best"])[1]
    summary = page.locator(".needle-summary")
    expect(summary).to_contain_text(f"{n_markers} markers")
    expect(button(page, "Start training")).to_be_enabled()
