"""Real files of other people, through the browser: platelets of one study sought in another."""

from __future__ import annotations

import re
from pathlib import Path

import anndata as ad
import pandas as pd
from playwright.sync_api import Page, expect

from tests.e2e.steps import (
    LONG,
    button,
    choose,
    download,
    enter,
    expect_result,
    go,
    heading,
    upload,
)


def test_platelets_learned_from_pbmc3k_are_found_in_another_donor(
    page: Page, app_url: str, shared_data: Path, tmp_path: Path
):
    page.goto(app_url)
    button(page, "Use my data").click()
    expect(heading(page, "Reference")).to_be_visible()
    upload(page, "Reference file", shared_data / "pbmc3k.h5ad")
    expect(page.get_by_text("2,638 cells × 13,713 genes")).to_be_visible(timeout=LONG)
    go(page, "Markers")
    choose(page, "Rare cell type", re.compile("^Platelet"))
    chosen = page.get_by_role("status").filter(has_text="14 of 2,638 cells, 1 in 188")
    expect(chosen).to_be_visible()
    go(page, "Train")
    enter(page, "Repeats", 1)
    button(page, "Start training").click()
    expect_result(page)
    go(page, "Annotate")
    upload(page, "Query file", shared_data / "query_pbmc_donorA_unlabelled.h5ad")
    expect(page.get_by_text("2,896 cells × 13,939 genes")).to_be_visible(timeout=LONG)
    button(page, "Annotate query").click()
    called = page.get_by_role("heading", name=re.compile(r"^\d+ of 2,896 cells"))
    expect(called).to_be_visible(timeout=LONG)
    check_files(page, int(called.inner_text().split()[0]), tmp_path)


def check_files(page: Page, n_called: int, folder: Path) -> None:
    table = pd.read_csv(download(page, "Predictions (CSV)", folder))
    ids = download(page, "Cell IDs (TXT)", folder).read_text().split()
    saved = ad.read_h5ad(download(page, "Annotated data (H5AD)", folder))
    assert len(table) == saved.n_obs == 2896
    assert 1 <= n_called <= 60  # platelets are about one cell in a hundred of such samples
    assert (table["call"] == "Platelet").sum() == len(ids) == n_called
    assert set(saved.obs_names[saved.obs["needle_call"] == "Platelet"]) == set(ids)
    # The marker that a textbook names for platelets is higher in those that were called.
    pf4 = pd.Series(saved[:, "PF4"].X.toarray().ravel(), index=saved.obs_names)
    assert pf4[ids].mean() > 10 * pf4.drop(ids).mean()
