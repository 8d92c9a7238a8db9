"""What happens off the road: wrong files, reloads, double clicks, the back button."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from core.jobs import RunDatabase, State
from tests.e2e.conftest import new_browser
from tests.e2e.steps import (
    DEMO,
    LONG,
    PAGES,
    button,
    expect_live_view,
    expect_result,
    go,
    heading,
    load_demo,
    select_box,
    start_training,
    upload,
)

PDF = {"name": "cells.h5ad", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 no cells"}
SECONDS_TO_CANCEL = 2


@pytest.mark.parametrize("path", ["markers", "train", "synthetic"])
def test_a_page_opened_directly_leads_to_the_reference(page: Page, app_url: str, path: str):
    page.goto(f"{app_url}/{path}")
    expect(page.get_by_text("Load a reference first")).to_be_visible()
    page.get_by_role("link", name="Go to Reference").click()
    expect(heading(page, "Reference")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "guidance"),
    [("reference", "No reference yet"), ("annotate", "Query file"), ("runs", "Runs")],
)
def test_a_page_that_needs_nothing_opens_directly(
    page: Page, app_url: str, path: str, guidance: str
):
    page.goto(f"{app_url}/{path}")
    expect(page.get_by_text(guidance).first).to_be_visible()


def test_a_file_that_is_no_dataset_is_refused_and_the_reference_stays(page: Page, app_url: str):
    load_demo(page, app_url)
    upload(page, "Reference file", PDF)
    refusal = page.get_by_role("alert").filter(has_text="E-FILE-FORMAT")
    expect(refusal).to_be_visible(timeout=LONG)
    expect(refusal).to_contain_text("cells.h5ad")
    expect(page.get_by_text("525 cells × 765 genes")).to_be_visible()


def test_a_reload_in_mid_run_finds_the_live_view_and_the_result(
    page: Page, app_url: str, app_runs: RunDatabase
):
    load_demo(page, app_url)
    worker = start_training(page, app_runs, repeats=5)
    expect_live_view(page)
    page.reload()
    expect_live_view(page)
    worker.resume()
    expect_result(page)
    expect(page.get_by_role("spinbutton", name="Repeats")).to_have_value("5")
    expect(page.get_by_text("Settings changed")).to_have_count(0)
    page.reload()
    expect_result(page)


def test_a_closed_tab_is_taken_up_again_by_its_link_in_another_browser(
    page: Page, browser: Browser, app_url: str, app_runs: RunDatabase
):
    load_demo(page, app_url)
    worker = start_training(page, app_runs, repeats=5)
    expect_live_view(page)
    run, link = app_runs.runs(kind="train")[0], page.url
    page.close()
    worker.resume()
    with new_browser(browser, app_url) as elsewhere:
        elsewhere.goto(link)
        expect_result(elsewhere)
        expect(elsewhere.get_by_role("spinbutton", name="Repeats")).to_have_value("5")
    ended = app_runs.get(run.id)
    assert ended.state is State.DONE
    assert ended.pid == run.pid


def test_two_tabs_of_one_link_follow_one_run(
    page: Page, browser: Browser, app_url: str, app_runs: RunDatabase
):
    load_demo(page, app_url)
    worker = start_training(page, app_runs, repeats=5)
    expect_live_view(page)
    with new_browser(browser, app_url) as other:
        other.goto(page.url)
        expect_live_view(other)
        worker.resume()
        expect_result(other)
        expect_result(page)


def test_cancel_in_mid_run_ends_the_process(page: Page, app_url: str, app_runs: RunDatabase):
    load_demo(page, app_url)
    worker = start_training(page, app_runs, repeats=20)
    expect_live_view(page)
    run = app_runs.runs(kind="train")[0]
    worker.resume()
    button(page, "Cancel").click()
    _, alive = psutil.wait_procs([worker], timeout=SECONDS_TO_CANCEL)
    assert not alive
    expect(page.get_by_text("Cancelled. Nothing was kept of it.")).to_be_visible()
    expect(button(page, "Start training")).to_be_enabled()
    assert app_runs.get(run.id).state is State.CANCELLED


def test_a_double_click_starts_one_run(page: Page, app_url: str, app_runs: RunDatabase):
    load_demo(page, app_url)
    go(page, "Train")
    before = len(app_runs.runs(kind="train"))
    button(page, "Start training").dblclick()
    expect_result(page)
    assert len(app_runs.runs(kind="train")) == before + 1


def test_the_back_button_returns_to_the_page_before(page: Page, app_url: str):
    load_demo(page, app_url)
    go(page, "Markers")
    go(page, "Train")
    go_back_to(page, "Markers")
    expect(select_box(page, "Rare cell type")).to_have_value(f"CD34+: {DEMO}")
    go_back_to(page, "Reference")
    expect(page.get_by_text("525 cells × 765 genes")).to_be_visible()


def go_back_to(page: Page, name: str) -> None:
    """Press the back button; a page may stand in the history with and without its choices."""
    for _ in range(2):
        page.go_back()
        try:
            expect(heading(page, name)).to_be_visible(timeout=3_000)
        except AssertionError:
            continue
        return
    raise AssertionError(f"two steps back do not lead to {name}: {page.url}")


@pytest.mark.parametrize(("theme", "darkest", "lightest"), [("light", 230, 255), ("dark", 0, 60)])
def test_every_page_is_drawn_in_both_themes_without_an_error_in_the_console(
    browser: Browser, app_url: str, theme: str, darkest: int, lightest: int
):
    context = browser.new_context(color_scheme=theme, viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        problems: list[str] = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        load_demo(page, app_url)
        colour = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
        channels = [int(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        assert darkest <= min(channels) <= max(channels) <= lightest, colour
        for name in PAGES:
            go(page, name)
        assert not problems
    finally:
        context.close()


def test_an_uploaded_file_stays_the_reference_after_a_reload(
    page: Page, app_url: str, own_file: Path
):
    page.goto(f"{app_url}/reference")
    upload(page, "Reference file", own_file)
    expect(page.get_by_text("175 cells × 765 genes")).to_be_visible(timeout=LONG)
    page.reload()
    expect(page.get_by_text("175 cells × 765 genes")).to_be_visible()
    expect(select_box(page, "Label column")).to_have_value("kind (2 types)")


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    """Return a small .h5ad file with labels."""
    import core

    cells = core.demo_query().to_anndata()
    cells.uns.clear()
    cells.obs = cells.obs[[]].assign(kind=["rare"] * 20 + ["many"] * 155)
    cells.write_h5ad(path := tmp_path / "own.h5ad")
    return path
