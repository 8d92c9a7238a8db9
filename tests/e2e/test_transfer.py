"""Calls that are carried over to another lab's data, looked at in the browser."""

from __future__ import annotations

import math
import re
from pathlib import Path

import anndata as ad
import pandas as pd
from playwright.sync_api import Locator, Page, expect

import core
from tests.e2e.steps import (
    LONG,
    button,
    choose,
    download,
    enter,
    expect_result,
    go,
    heading,
    load_demo,
    upload,
)

OWN_MAP = re.compile(r"^Map of [\d,]+ cells: ")
REFERENCE_MAP = re.compile(r"^Map of the reference's ")
SELECTED = re.compile(r"^[\d,]+ cells?: .* cluster")


def train(page: Page) -> None:
    go(page, "Train")
    enter(page, "Repeats", 1)
    button(page, "Start training").click()
    expect_result(page)
    go(page, "Annotate")


def annotate(page: Page, file: Path, n_cells: str) -> None:
    upload(page, "Query file", file)
    expect(page.get_by_text(f"{n_cells} cells × ")).to_be_visible(timeout=LONG)
    button(page, "Annotate query").click()
    expect(page.get_by_role("figure", name=OWN_MAP)).to_be_visible(timeout=LONG)


def loop(page: Page, figure: Locator, at: tuple[float, float], radius: float = 0.2) -> None:
    """Draw a loop with the mouse, around a place in parts of the map's width and height."""
    figure.scroll_into_view_if_needed()
    area = figure.locator(".nsewdrag").first.bounding_box()
    x, y = area["x"] + at[0] * area["width"], area["y"] + at[1] * area["height"]
    size = radius * area["height"]
    page.mouse.move(x + size, y)
    page.mouse.down()
    for step in range(1, 25):
        angle = step * math.pi / 12
        page.mouse.move(x + size * math.cos(angle), y + size * math.sin(angle))
    page.mouse.up()


def test_platelets_of_another_study_are_found_mapped_and_explained(
    page: Page, app_url: str, shared_data: Path, tmp_path: Path
):
    page.goto(app_url)
    button(page, "Use my data").click()
    expect(heading(page, "Reference")).to_be_visible()
    upload(page, "Reference file", shared_data / "pbmc3k.h5ad")
    expect(page.get_by_text("2,638 cells × 13,713 genes")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("figure", name=re.compile("^Map of 2,638"))).to_be_visible(timeout=LONG)
    go(page, "Markers")
    choose(page, "Rare cell type", re.compile("^Platelet"))
    train(page)
    annotate(page, shared_data / "pbmc_kang_ifnb2800.h5ad", "2,800")
    expect(page.get_by_text("pbmc_kang_ifnb2800 has Platelet")).to_be_visible()
    look_at_scores(page)
    look_at_selections(page, tmp_path)
    look_at_a_call(page)


def look_at_scores(page: Page) -> None:
    """Choose other steps than the last: the map says how many of its scores reach the threshold."""
    figure = page.get_by_role("figure", name=re.compile("by score from 0 to 1"))
    final = figure.get_attribute("aria-label")
    for stage in ("With the graph", "First scores"):
        page.get_by_role("radio", name=stage, exact=True).click()
        expect(page.get_by_role("radio", name=stage, exact=True)).to_be_checked()
    expect(figure).not_to_have_attribute("aria-label", final)
    page.get_by_role("radio", name="Final", exact=True).click()
    expect(figure).to_have_attribute("aria-label", final)


def look_at_selections(page: Page, folder: Path) -> None:
    expect(page.get_by_text("Draw a loop around cells")).to_be_visible()
    for name in (OWN_MAP, REFERENCE_MAP):
        # The middle of a map with room around it: some place has cells in each of the two.
        loop(page, page.get_by_role("figure", name=name), (0.3, 0.5), radius=0.3)
        expect(page.get_by_text(SELECTED)).to_be_visible(timeout=LONG)
        page.wait_for_timeout(500)  # the figure of the selection before may still stand there
    n_cells = int(page.get_by_text(SELECTED).inner_text().split()[0].replace(",", ""))
    table = pd.read_csv(download(page, "Selected cells (CSV)", folder))
    assert len(table) == n_cells
    assert list(table.columns) == ["cell", "score", "score_before", "call", "rank", "cluster"]


def look_at_a_call(page: Page) -> None:
    """Rows of the table, and names that are typed, lead to what a call rests on."""
    table = page.locator("[class*='st-key-cells-']").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 35 + 18)  # the tick of the first row
    expect(page.get_by_text("is called Platelet, at rank 1 of 2,800")).to_be_visible(timeout=LONG)
    bars = page.get_by_role("figure", name=re.compile("^Genes that speak for Platelet"))
    expect(bars).to_have_attribute("aria-label", re.compile("PF4|PPBP|GP9|GNG11"))
    cell = page.get_by_role("combobox", name="Cell to look at", exact=True)
    cell.fill("nobody")
    cell.press("Enter")
    expect(page.get_by_text("No cell of the query is called nobody")).to_be_visible(timeout=LONG)


def test_a_query_that_lacks_the_type_is_said_to_and_is_called_on_demand(
    page: Page, app_url: str, tmp_path: Path
):
    query = core.demo_query().to_anndata()
    file = tmp_path / "nothing here.h5ad"
    ad.AnnData.write_h5ad(query[query.obs["bulk_labels"] != "CD34+"].copy(), file)
    load_demo(page, app_url)
    train(page)
    annotate(page, file, "172")
    expect(page.get_by_text("nothing here probably has no CD34+")).to_be_visible()
    none = page.get_by_role("heading", name=re.compile(r"^0 of 172 cells called CD34\+"))
    expect(none).to_be_visible()
    page.get_by_text("Call them anyway").click()
    some = page.get_by_role("heading", name=re.compile(r"^[1-9]\d* of 172 cells"))
    expect(some).to_be_visible(timeout=LONG)
    expect(page.get_by_text("probably has no CD34+")).to_be_visible()
