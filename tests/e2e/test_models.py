"""The model library in a browser: keep, find, rename, take away, bring back, use, delete."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

import core
from core.jobs import RunDatabase
from tests.e2e.steps import (
    LONG,
    button,
    download,
    expect_result,
    go,
    heading,
    load_demo,
    select_box,
    start_training,
    upload,
)


def test_a_model_is_kept_renamed_taken_away_brought_back_used_and_deleted(
    page: Page, app_url: str, app_runs: RunDatabase, tmp_path: Path
):
    keep_a_model(page, app_url, app_runs)
    page.get_by_role("link", name="See Models").click()
    expect(heading(page, "Models")).to_be_visible()
    tick_the_first(page)
    rename(page, "Stem cells of the clinic")
    file = download(page, "Download model", tmp_path)
    assert file.name == "Stem_cells_of_the_clinic.skops"
    assert core.load_model(file).task.rare == "CD34+"
    bring_back(page, file)
    use(page)
    delete(page)


def keep_a_model(page: Page, app_url: str, runs: RunDatabase) -> None:
    load_demo(page, app_url)
    start_training(page, runs, repeats=1).resume()
    expect_result(page)
    expect(page.get_by_text("contains the expression of its marker genes")).to_be_visible()
    name = page.get_by_role("textbox", name="Name")
    expect(name).to_have_value(re.compile(r"^CD34\+ · .* · Demo reference"))
    name.fill("Stem cells")
    name.press("Enter")
    button(page, "Keep in library").click()
    expect(page.get_by_text("Kept as Stem cells — see Models.")).to_be_visible()


def tick_the_first(page: Page) -> None:
    table = page.get_by_test_id("stDataFrame")
    expect(table).to_be_visible()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 17, box["y"] + 53)  # its rows are painted, not elements
    expect(button(page, "Use it in Annotate")).to_be_visible()


def rename(page: Page, to: str) -> None:
    name = page.get_by_role("textbox", name="Name")
    expect(name).to_have_value("Stem cells")
    name.fill(to)
    name.press("Enter")
    button(page, "Rename").click()
    expect(page.get_by_role("heading", name=to)).to_be_visible()


def bring_back(page: Page, file: Path) -> None:
    """Upload what was downloaded: it is there already, and there is still one row."""
    page.get_by_text("Add a model file").click()
    upload(page, "Model file", file)
    expect(page.get_by_text("is in the library")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("region", name="Table of 1 model, newest first")).to_be_visible()
    expect(page.get_by_role("heading", name="Stem cells of the clinic")).to_be_visible()


def use(page: Page) -> None:
    button(page, "Use it in Annotate").click()
    expect(heading(page, "Annotate")).to_be_visible()
    model = select_box(page, "Model")
    expect(model).to_have_value("Stem cells of the clinic · in the library")
    button(page, "Load demo query").click()
    expect(page.get_by_text("175 cells × 765 genes")).to_be_visible(timeout=LONG)
    button(page, "Annotate query").click()
    called = page.get_by_role("heading", name=re.compile("of 175 cells.* called CD34"))
    expect(called).to_be_visible(timeout=LONG)


def delete(page: Page) -> None:
    go(page, "Models")  # where the model is still ticked
    button(page, "Delete").click()
    button(page, "Delete this model").click()
    expect(page.get_by_text("No model is kept yet")).to_be_visible()
    go(page, "Annotate")
    expect(select_box(page, "Model")).not_to_have_value("Stem cells of the clinic · in the library")
