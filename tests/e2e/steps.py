"""What a user does in the browser, by the names that are on the screen."""

from __future__ import annotations

import re
import time
from pathlib import Path

import psutil
from playwright.sync_api import Locator, Page, expect

from core.jobs import RunDatabase
from tests.suspending import suspend

PAGES = (
    "Reference", "Markers", "Train", "Explore parameters", "Synthetic cells", "Annotate", "Runs",
    "Models",
)  # fmt: skip
LONG = 90_000  # ms: for runs
DEMO = "10 of 525 cells, 1 in 52"
# The figure of the scores says how many folds it shows.
LIVE = re.compile(r"over [1-9]\d* folds?")


def go(page: Page, name: str) -> None:
    """Open a page by the links at the top."""
    page.get_by_role("link", name=name, exact=True).click()
    expect(heading(page, name)).to_be_visible()


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name, exact=True, level=1)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def select_box(page: Page, label: str) -> Locator:
    """Return a select box, once what a rerun leaves behind of its predecessor is gone."""
    box = page.get_by_role("combobox", name=label, exact=True)
    expect(box).to_have_count(1, timeout=LONG)
    return box


def choose(page: Page, label: str, option: str | re.Pattern[str]) -> None:
    """Choose an option of a select box."""
    select_box(page, label).click()
    page.get_by_role("option", name=option).click()


def enter(page: Page, label: str, number: int) -> None:
    field = page.get_by_role("spinbutton", name=label, exact=True)
    expect(field).to_have_count(1)  # what a rerun leaves behind goes when it ends
    field.fill(str(number))
    field.press("Enter")
    expect(field).to_have_value(str(number))


def upload(page: Page, label: str, file: Path | dict) -> None:
    page.get_by_role("region", name=label).locator("input[type=file]").set_input_files(file)


def download(page: Page, name: str, folder: Path) -> Path:
    """Press a download button and return the file that the browser was given."""
    with page.expect_download(timeout=LONG) as started:
        button(page, name).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def load_demo(page: Page, app_url: str) -> None:
    """Begin a session with the demo's reference."""
    page.goto(app_url)
    button(page, "Try the demo").click()
    expect(page.get_by_role("status").filter(has_text=DEMO)).to_be_visible(timeout=LONG)
    expect(heading(page, "Reference")).to_be_visible()


def start_training(page: Page, runs: RunDatabase, *, repeats: int) -> psutil.Process:
    """Start a training on the demo and stop its process after the first fold.

    So the training cannot end behind the back of a test that looks at the live view; it goes on
    when the process that is returned is told to ``resume()``.
    """
    go(page, "Train")
    enter(page, "Repeats", repeats)
    before = {run.id for run in runs.runs(kind="train")}
    button(page, "Start training").click()
    end = time.monotonic() + LONG / 1000
    while time.monotonic() < end:
        new = [run for run in runs.runs(kind="train") if run.id not in before]
        if new and any(event.kind == "fold" for event in runs.events(new[0].id)):
            worker = psutil.Process(new[0].pid)
            suspend(worker, runs.engine.url.database)
            return worker
        time.sleep(0.01)
    raise AssertionError("no training with a fold has begun")


def expect_live_view(page: Page) -> None:
    expect(page.get_by_role("figure", name=LIVE)).to_be_visible(timeout=LONG)
    expect(button(page, "Cancel")).to_be_enabled()
    expect(button(page, "Start training")).to_be_disabled()


def expect_result(page: Page) -> None:
    expect(button(page, "Save model")).to_be_visible(timeout=LONG)
    expect(button(page, "Cancel")).to_be_disabled()
