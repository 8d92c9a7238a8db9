"""Take README's screenshots of the real app: ``python assets/take_screenshots.py URL``.

Needs a running Needle, Playwright and Chromium (named in ``CHROMIUM``, else /usr/bin/chromium).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parent / "screenshots"


def save(page: Page, name: str, *, top: int = 0) -> None:
    """Write what is visible, after everything has been drawn."""
    page.mouse.move(5, 5)
    page.locator('[data-testid="stMain"]').evaluate("(box, y) => box.scrollTo(0, y)", top)
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / f"{name}.png")


def walk(page: Page, url: str) -> None:
    """Walk the demo's road."""
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    page.goto(url)
    page.get_by_role("button", name="Try the demo").click()
    page.get_by_role("link", name="Next: choose").wait_for()
    if not dark:
        save(page, "reference")
    page.get_by_role("link", name="Next: choose").click()
    page.get_by_role("button", name="Find markers").click()
    page.get_by_role("link", name="Next: train").wait_for()
    if not dark:
        save(page, "markers", top=180)
    page.get_by_role("link", name="Next: train").click()
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("link", name="Look at the synthetic cells").wait_for()
    if not dark:
        save(page, "train")
        show(page, "What it means for a query", "thresholds")
        explore(page)
        keep_and_compare(page)
    page.get_by_role("link", name="Look at the synthetic cells").click()
    page.get_by_role("button", name="Draw synthetic cells").click()
    page.get_by_role("link", name="Next: find").wait_for()
    if not dark:
        save(page, "synthetic", top=180)
    page.get_by_role("link", name="Next: find").click()
    page.get_by_role("button", name="Load demo query").click()
    page.get_by_role("button", name="Annotate query").click()
    page.get_by_text("called CD34+").first.wait_for()
    if dark:
        save(page, "annotate", top=460)


def show(page: Page, heading: str, name: str) -> None:
    """Save what stands below a heading."""
    box = page.get_by_role("heading", name=heading).bounding_box()
    save(page, name, top=int(box["y"]) - 120)


def explore(page: Page) -> None:
    """Search parameters, and come back."""
    page.get_by_role("link", name="Explore parameters").first.click()
    page.get_by_role("button", name="Start search").click()
    page.get_by_role("button", name="Use these settings").wait_for()
    save(page, "explore", top=330)
    page.get_by_role("link", name="Train").first.click()
    page.get_by_role("link", name="Look at the synthetic cells").wait_for()


def keep_and_compare(page: Page) -> None:
    """Keep the model, train once more with other settings, compare both, and come back."""
    page.get_by_role("button", name="Keep in library").click()
    page.get_by_text("Kept as").wait_for()
    page.get_by_role("spinbutton", name="Repeats").fill("2")
    page.get_by_role("spinbutton", name="Repeats").press("Enter")
    page.get_by_text("Settings changed").wait_for()
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("over 2 repeats").first.wait_for()
    page.get_by_role("link", name="Runs").click()
    for row in (0, 2):  # the search stands between both trainings
        tick(page, row)
    page.get_by_role("heading", name="Compared").wait_for()
    save(page, "runs", top=330)
    page.get_by_role("link", name="Models").click()
    tick(page, 0)
    page.get_by_role("button", name="Use it in Annotate").wait_for()
    save(page, "models")
    page.get_by_role("link", name="Train").click()


def tick(page: Page, row: int) -> None:
    """Click into the box before a row of the first table: its rows are painted, not elements."""
    page.wait_for_timeout(1500)
    box = page.get_by_test_id("stDataFrame").first.bounding_box()
    page.mouse.click(box["x"] + 17, box["y"] + 35 * (row + 1.5))


def main(url: str) -> None:
    """Light pages first, then the dark one."""
    FOLDER.mkdir(exist_ok=True)
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            size = {"width": 1440, "height": 900}
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.set_default_timeout(60_000)
            walk(page, url)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
