"""The whole road on the demo, from the first page to the three files."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import core
from core.data import DEMO_TASK
from core.jobs import RunDatabase
from tests.e2e.steps import (
    LONG,
    button,
    choose,
    download,
    expect_live_view,
    expect_result,
    go,
    load_demo,
    select_box,
    start_training,
)


def test_a_visitor_walks_the_whole_road_on_the_demo(
    page: Page, app_url: str, app_runs: RunDatabase, tmp_path: Path
):
    load_demo(page, app_url)
    expect(select_box(page, "Label column")).to_have_value("bulk_labels (10 types)")
    find_markers(page)
    worker = start_training(page, app_runs, repeats=5)
    expect_live_view(page)
    worker.resume()
    expect_result(page)
    expect(page.get_by_text("LoRAS + knn finds 1 more of 10 cells than knn")).to_be_visible()
    check_model(download(page, "Save model", tmp_path))
    draw_synthetic_cells(page)
    annotate(page)
    csv = download(page, "Predictions (CSV)", tmp_path)
    table = check_csv(csv)
    check_ids(download(page, "Cell IDs (TXT)", tmp_path), table)
    check_h5ad(download(page, "Annotated data (H5AD)", tmp_path), table)


def test_all_samplers_that_are_chosen_can_be_seen_at_once(page: Page, app_url: str):
    load_demo(page, app_url)
    find_markers(page)
    go(page, "Train")
    box = page.get_by_test_id("stMultiSelect").filter(has_text="Samplers")
    box.get_by_role("combobox").click()
    page.get_by_role("option", name="Select all").click()
    expect(box.locator("[data-tag]")).to_have_count(12)
    names = box.get_by_test_id("stMultiSelectTagsContainer")
    height, shown = names.evaluate("one => [one.scrollHeight, one.clientHeight]")
    assert height <= shown + 1


def find_markers(page: Page) -> None:
    go(page, "Markers")
    expect(select_box(page, "Rare cell type")).to_have_value("CD34+: 10 of 525 cells, 1 in 52")
    button(page, "Find markers").click()
    expect(page.get_by_role("heading", name="20 markers of CD34+")).to_be_visible(timeout=LONG)
    expect(button(page, "Markers (CSV)")).to_be_visible()


def draw_synthetic_cells(page: Page) -> None:
    go(page, "Synthetic cells")
    choose(page, "Synthetic cells to show", "1,000")
    button(page, "Draw synthetic cells").click()
    expect(page.get_by_text("1,000 synthetic cells from 10 real")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("Variance kept")).to_be_visible()
    expect(page.get_by_role("figure", name=re.compile("1,000 synthetic"))).to_have_count(2)


def annotate(page: Page) -> None:
    go(page, "Annotate")
    button(page, "Load demo query").click()
    expect(page.get_by_text("175 cells × 765 genes")).to_be_visible(timeout=LONG)
    button(page, "Annotate query").click()
    called = page.get_by_role("heading", name=re.compile("^3 of 175 cells"))
    expect(called).to_be_visible(timeout=LONG)


def check_model(path: Path) -> None:
    assert path.suffix == ".skops"
    assert zipfile.is_zipfile(path)
    model = core.load_model(path)
    # Plain logistic regression is as good as any other here, once its threshold is chosen.
    assert (model.task, model.method) == (DEMO_TASK, "none+lr")
    assert 0 < model.threshold < 0.5
    assert len(model.genes) == 20


def check_csv(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    query = core.demo_query()
    assert list(table.columns) == ["cell", "score", "call", "rank", "score_before"]
    assert table["cell"].tolist() == list(query.cells)
    assert len(table) == 175
    assert table["score"].between(0, 1).all()
    assert sorted(table["rank"]) == list(range(1, 176))
    assert table.sort_values("rank")["score"].is_monotonic_decreasing
    labels = query.labels("bulk_labels").to_numpy()
    assert set(table["cell"][table["call"] == "CD34+"]) == set(query.cells[labels == "CD34+"])
    return table


def check_ids(path: Path, table: pd.DataFrame) -> None:
    called = table[table["call"] == "CD34+"].sort_values("rank")["cell"].tolist()
    assert path.read_bytes().decode().split("\n") == [*called, ""]
    # As R's read.table reads it: fields between blanks, # begins a comment, no header.
    as_r = pd.read_csv(path, sep=r"\s+", comment="#", header=None)
    assert as_r.shape == (3, 1)
    assert as_r[0].tolist() == called


def check_h5ad(path: Path, table: pd.DataFrame) -> None:
    saved, query = ad.read_h5ad(path), core.demo_query()
    assert list(saved.obs_names) == list(query.cells)
    assert list(saved.var_names) == list(query.genes)
    assert np.array_equal(saved.X.toarray(), query.stored_matrix().toarray())
    assert saved.obs["needle_call"].tolist() == table["call"].tolist()
    assert saved.obs["needle_score"].to_numpy() == pytest.approx(table["score"].to_numpy())
    assert saved.obs["bulk_labels"].tolist() == query.obs["bulk_labels"].tolist()
    about = json.loads(saved.uns["needle"])
    assert about["rare"] == "CD34+"
    assert about["n_called"] == 3
    assert about["model"]["method"] == "none+lr"
    assert about["model"]["config"]["markers"] == 20
    assert about["model"]["task"] == {"label": "bulk_labels", "rare": "CD34+"}
    assert len(about["model"]["genes"]) == 20
