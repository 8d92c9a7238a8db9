"""Files of many kinds through the browser: several at once, folders, questions, hostile names."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect
from scipy import sparse
from scipy.io import mmwrite

from tests.e2e.conftest import free_port, new_browser, running_app
from tests.e2e.steps import LONG, button, choose, go, heading, select_box, upload

N_CELLS, N_GENES = 90, 40
GENES = [f"GENE{i}" for i in range(N_GENES)]
CELLS = [
    "".join("ACGT"[number // 4**place % 4] for place in range(4)) + "CATTGCAACGTA-1"
    for number in range(N_CELLS)
]
COUNTS = np.random.default_rng(0).poisson(2, size=(N_CELLS, N_GENES)).astype(np.float32)
SIZE = f"{N_CELLS} cells × {N_GENES} genes"
HOSTILE = "<img src=x onerror=\"document.title='XSS'\">"


def tenx(folder: Path) -> list[Path]:
    """Write a 10x folder of version 3."""
    folder.mkdir(parents=True)
    matrix = io.BytesIO()
    mmwrite(matrix, sparse.coo_matrix(COUNTS.T.astype(int)))
    features = "".join(f"ENSG{i:011d}\t{gene}\tGene Expression\n" for i, gene in enumerate(GENES))
    contents = {
        "matrix.mtx.gz": matrix.getvalue(),
        "features.tsv.gz": features.encode(),
        "barcodes.tsv.gz": "".join(f"{cell}\n" for cell in CELLS).encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(gzip.compress(content))
    return sorted(folder.iterdir())


def h5ad(path: Path, **columns: list) -> Path:
    """Write the cells with some columns."""
    obs = pd.DataFrame(columns, index=pd.Index(CELLS, dtype=object))
    var = pd.DataFrame(index=pd.Index(GENES, dtype=object))
    ad.AnnData(X=sparse.csr_matrix(COUNTS), obs=obs, var=var).write_h5ad(path)
    return path


def test_three_files_of_a_10x_folder_are_one_query(page: Page, app_url: str, tmp_path: Path):
    files = tenx(tmp_path / "donor")
    page.goto(f"{app_url}/annotate")
    upload(page, "Query file", files)
    expect(page.get_by_text(SIZE)).to_be_visible(timeout=LONG)


def test_a_folder_is_uploaded_as_a_whole(page: Page, app_url: str, tmp_path: Path):
    tenx(tmp_path / "donor 7")
    page.goto(f"{app_url}/annotate")
    page.get_by_text("More ways to load").click()
    upload(page, "Query folder", tmp_path / "donor 7")
    expect(page.get_by_text(SIZE)).to_be_visible(timeout=LONG)
    expect(page.get_by_role("heading", name="donor 7")).to_be_visible()


def test_a_matrix_and_the_table_of_its_cells_are_one_reference(
    page: Page, app_url: str, tmp_path: Path
):
    pd.DataFrame(COUNTS.astype(int), CELLS, GENES).to_csv(tmp_path / "matrix.csv")
    kinds = ["rare"] * 12 + ["many"] * (N_CELLS - 12)
    pd.DataFrame({"kind": kinds}, CELLS).to_csv(tmp_path / "metadata.csv")
    page.goto(f"{app_url}/reference")
    upload(page, "Reference file", [tmp_path / "matrix.csv", tmp_path / "metadata.csv"])
    expect(page.get_by_text(SIZE)).to_be_visible(timeout=LONG)
    expect(select_box(page, "Label column")).to_have_value("kind (2 types)")


def test_questions_outlive_a_reload_and_their_answers_load_the_file(
    page: Page, app_url: str, tmp_path: Path
):
    numbers = [i % 3 for i in range(N_CELLS)]
    path = h5ad(tmp_path / "numbers.h5ad", cluster=numbers)
    page.goto(f"{app_url}/reference")
    upload(page, "Reference file", path)
    expect(button(page, "Use these answers")).to_be_visible(timeout=LONG)
    page.reload()
    expect(page.get_by_text("numbers.h5ad needs one answer")).to_be_visible()
    button(page, "Use these answers").click()
    expect(select_box(page, "Label column")).to_have_value("cluster (3 types)", timeout=LONG)
    expect(button(page, "Use these answers")).to_have_count(0)


def test_names_that_are_code_stay_text(page: Page, app_url: str, tmp_path: Path):
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    kinds = [HOSTILE] * 12 + ["![p](http://127.0.0.1:9/p.png)"] * 30 + ["=1+1"] * (N_CELLS - 42)
    path = h5ad(tmp_path / "names.h5ad", **{"<b>kind": kinds})
    page.goto(f"{app_url}/reference")
    upload(page, "Reference file", path)
    expect(page.get_by_text(SIZE)).to_be_visible(timeout=LONG)
    go(page, "Markers")
    expect(heading(page, "Markers")).to_be_visible()
    assert page.title() != "XSS"
    assert page.locator("img[src='x'], img[src*='127.0.0.1']").count() == 0
    assert not dialogs


@pytest.fixture(scope="module")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the server with a file two levels down."""
    lab = tmp_path_factory.mktemp("lab")
    (lab / "2024").mkdir()
    h5ad(lab / "2024" / "big.h5ad", kind=["rare"] * 12 + ["many"] * (N_CELLS - 12))
    return lab


@pytest.fixture
def lab_url(chromium: str, lab_folder: Path, tmp_path: Path) -> Iterator[str]:
    """Run the app on a server whose administrator has opened a folder."""
    (tmp_path / "home").mkdir()
    settings = {"NEEDLE_DATA_ROOTS": str(lab_folder), "NEEDLE_NURSERY": "0"}
    with running_app(tmp_path / "home", free_port(), **settings) as url:
        yield url


def test_a_file_of_the_server_is_found_by_browsing_and_stays(
    browser: Browser, lab_url: str, lab_folder: Path
):
    with new_browser(browser, lab_url) as page:
        page.goto(f"{lab_url}/reference")
        expect(page.get_by_text("No reference yet")).to_be_visible(timeout=LONG)
        page.get_by_text("More ways to load").click()
        page.wait_for_timeout(1_000)  # a list closes by itself while the expander around it opens
        choose(page, "Folder on this server", "↳ 2024")
        folder = select_box(page, "Folder on this server")
        expect(folder).to_have_value(f"{lab_folder.name}/2024")
        choose(page, "File on this server", re.compile("^big"))
        button(page, "Load from this server").click()
        expect(page.get_by_text(SIZE)).to_be_visible(timeout=LONG)
    assert (lab_folder / "2024" / "big.h5ad").exists()
